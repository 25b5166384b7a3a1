import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32, GraphError, Random, type Tensor } from '../../src/core/index.ts';
import { decodeModel, encodeModel, type Model, reducePrecision } from '../../src/onnx/index.ts';
import { toFloat16Bits } from '../../src/onnx/precision/float16.ts';
import { toFloat32 } from '../../src/weights/toFloat32.ts';
import { runModel } from '../support/runModel.ts';
import { float, int, ints, madeModel, node } from './madeModel.ts';

const widened = (bits: Uint16Array) =>
  toFloat32({ dtype: 'float16', dims: [bits.length], data: bits }).data as Float32Array;

describe('half precision', () => {
  it('gives back every number it has', () => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const numbers = widened(all);
    const again = toFloat16Bits(numbers);
    all.forEach((bits, i) => {
      if (Number.isNaN(numbers[i])) expect(again[i] & 0x7e00).toBe(0x7e00);
      else expect(again[i]).toBe(bits);
    });
  });

  it('rounds to the nearest, of two equally near to the even one', () => {
    const finite = Float64Array.from(widened(Uint16Array.from({ length: 0x7c00 }, (_, i) => i)));
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: Math.fround(-65504), max: Math.fround(65504) }), (value) => {
        const [bits] = toFloat16Bits(Float32Array.of(value));
        const magnitude = bits! & 0x7fff;
        const distance = Math.abs(finite[magnitude] - Math.abs(value));
        for (const other of [magnitude - 1, magnitude + 1]) {
          if (other < 0 || other >= 0x7c00) continue;
          const away = Math.abs(finite[other] - Math.abs(value));
          expect(away).toBeGreaterThanOrEqual(distance);
          if (away === distance) expect(magnitude % 2).toBe(0);
        }
        if (magnitude !== 0) expect(bits! >> 15).toBe(value < 0 ? 1 : 0);
      }),
      { numRuns: 2000 },
    );
    // Ties, which random numbers seldom hit: halfway between 1 and its neighbours, and among the smallest.
    const ties = [1 + 2 ** -11, 1 + 3 * 2 ** -11, 2 ** -25, 3 * 2 ** -25, 65519.996, 65520];
    expect(Array.from(widened(toFloat16Bits(Float32Array.from(ties))))).toEqual([
      ...[1, 1 + 2 ** -9, 0, 2 ** -23, 65504, Number.POSITIVE_INFINITY],
    ]);
  });
});

function noise(seed: number, scale: number, ...dims: number[]): Tensor<'float32'> {
  const random = new Random(seed);
  return float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => scale * random.normal()),
  );
}

/** A "front end" with a matrix and a logarithm, then a convolution, two products with large matrices, and a small one. */
function model(changes: Record<string, Tensor> = {}): Model {
  return madeModel({
    inputs: { x: ['float32', ['N', 64]] },
    outputs: { y: 'float32', late: 'float32' },
    initializers: {
      bands: noise(1, 1, 64, 96),
      one: float32([], [1]),
      shape: { dtype: 'int64', dims: [3], data: BigInt64Array.of(-1n, 1n, 96n) },
      kernel: noise(2, 0.2, 64, 1, 5),
      flat: { dtype: 'int64', dims: [2], data: BigInt64Array.of(-1n, 96n) },
      first: noise(3, 0.1, 96, 128),
      second: noise(4, 0.1, 80, 128),
      bias: noise(5, 0.1, 80),
      head: noise(6, 0.1, 10, 80),
      ...changes,
    },
    nodes: [
      node('MatMul', ['x', 'bands'], ['power']),
      node('Mul', ['power', 'power'], ['squared']),
      node('Add', ['squared', 'one'], ['positive']),
      node('Log', ['positive'], ['decibels']),
      node('Reshape', ['decibels', 'shape'], ['picture']),
      node('Conv', ['picture', 'kernel'], ['maps'], { pads: ints(2, 2) }),
      node('Relu', ['maps'], ['active']),
      node('Reshape', ['active', 'flat'], ['rows']),
      node('MatMul', ['rows', 'first'], ['hidden']),
      node('Gemm', ['hidden', 'second', 'bias'], ['embedding'], { transB: int(1), alpha: float(1) }),
      node('Gemm', ['embedding', 'head'], ['y'], { transB: int(1) }),
      // A logarithm of the network's own: what is before it is no front end.
      node('Softmax', ['y'], ['shares'], { axis: int(-1) }),
      node('Log', ['shares'], ['late']),
    ],
  });
}

const x = noise(9, 1, 3, 64);
const run = async (m: Model) => (await runModel(encodeModel(m), { x }))['y'].data as Float32Array;
const constants = (m: Model) => decodeModel(encodeModel(m)).graph.initializers;

describe('weights in fewer bits', () => {
  it('fp16: the model computes what it would with its weights rounded, and the front end is untouched', async () => {
    const { model: reduced, weights, integerProducts } = reducePrecision(model(), 'fp16');
    expect([weights, integerProducts]).toEqual([4, 0]);
    const held = constants(reduced);
    expect(held.get('bands')!.data).toEqual(noise(1, 1, 64, 96).data);
    const names = ['kernel', 'first', 'second', 'head'];
    for (const name of names) expect(held.get(`${name}.fp16`)!.dtype, name).toBe('float16');
    const rounded = Object.fromEntries(
      names.map((name) => {
        const { dims, data } = model().graph.initializers.get(name)!;
        return [name, float32(dims, widened(toFloat16Bits(data as Float32Array)))];
      }),
    );
    expect(await run(reduced)).toEqual(await run(model(rounded)));
    expect(await run(reduced)).not.toEqual(await run(model()));
    expect(encodeModel(reduced).length).toBeLessThan(0.7 * encodeModel(model()).length);
  });

  it('int8: whole numbers with the largest of every output channel at the end of the range', async () => {
    const { model: reduced, integerProducts } = reducePrecision(model(), 'int8');
    expect(integerProducts).toBe(2);
    const held = constants(reduced);
    const check = (name: string, range: number, channels: number, channelOf: (i: number) => number) => {
      const original = model().graph.initializers.get(name)!.data as Float32Array;
      const whole = held.get(`${name}.int8`)!.data as Int8Array;
      const scales = held.get(`${name}.scale`)!.data as Float32Array;
      expect(scales).toHaveLength(channels);
      const largest = new Array<number>(channels).fill(0);
      // Matrices of products are stored with a column for each output.
      const turned = name === 'second';
      original.forEach((value, i) => {
        const at = turned ? (i % 128) * 80 + Math.floor(i / 128) : i;
        const channel = channelOf(i);
        largest[channel] = Math.max(largest[channel], Math.abs(whole[at]));
        expect(Math.abs(value - whole[at] * scales[channel])).toBeLessThanOrEqual(0.501 * scales[channel]);
      });
      expect(largest, name).toEqual(new Array(channels).fill(range));
    };
    check('kernel', 127, 64, (i) => Math.floor(i / 5));
    check('first', 64, 128, (i) => i % 128);
    check('second', 64, 80, (i) => Math.floor(i / 128));
    check('head', 127, 10, (i) => Math.floor(i / 80));
  });

  it('int8: computes what its formula says, on inputs rounded to 8 bits', async () => {
    const { model: reduced } = reducePrecision(model(), 'int8');
    const held = constants(reduced);
    const value = (name: string) => Array.from(held.get(name)!.data as Float32Array, Number);
    const plain = (name: string) => {
      const inner = name === 'kernel' ? 5 : 80;
      return value(`${name}.int8`).map((v, i) => v * value(`${name}.scale`)[Math.floor(i / inner)]);
    };
    const stored = model({
      kernel: float32([64, 1, 5], plain('kernel')),
      head: float32([10, 80], plain('head')),
    });
    // The rows before the first product, from the model with those two weights as they are stored.
    stored.graph.outputs.push({ name: 'rows', dtype: 'float32', shape: null });
    const { rows } = await runModel(encodeModel(stored), { x });
    const quantized = (data: readonly number[]) => {
      const low = Math.min(0, ...data);
      const step = Math.fround((Math.max(0, ...data) - low) / 255);
      const zero = Math.round(-low / step);
      return { step, whole: data.map((v) => Math.max(0, Math.min(255, roundEven(v / step) + zero)) - zero) };
    };
    const product = (data: readonly number[], inner: number, name: string, columns: number) => {
      const { step, whole } = quantized(data);
      const [matrix, scales] = [value(`${name}.int8`), value(`${name}.scale`)];
      return Array.from({ length: (data.length / inner) * columns }, (_, at) => {
        const [r, c] = [Math.floor(at / columns), at % columns];
        let sum = 0;
        for (let k = 0; k < inner; k++) sum += whole[r * inner + k] * matrix[k * columns + c];
        return sum * step * scales[c];
      });
    };
    const hidden = product(Array.from(rows!.data as Float32Array), 96, 'first', 128);
    const bias = Array.from(model().graph.initializers.get('bias')!.data as Float32Array);
    const embedding = product(hidden, 128, 'second', 80).map((v, i) => v + bias[i % 80]);
    const head = plain('head');
    const expected = Array.from({ length: (embedding.length / 80) * 10 }, (_, at) => {
      const [r, c] = [Math.floor(at / 10), at % 10];
      let sum = 0;
      for (let k = 0; k < 80; k++) sum += embedding[r * 80 + k] * head[c * 80 + k];
      return sum;
    });
    const got = await run(reduced);
    const largest = Math.max(...expected.map(Math.abs));
    // A value on the border between two whole numbers may fall to either side.
    got.forEach((v, i) => {
      expect(Math.abs(v - expected[i]) / largest).toBeLessThan(0.01);
    });
    const exact = await run(model());
    const error = Math.max(...got.map((v, i) => Math.abs(v - exact[i])));
    expect(error).toBeGreaterThan(0);
    expect(error / largest).toBeLessThan(0.05);
  });

  it('refuses what it cannot do', () => {
    const { model: reduced } = reducePrecision(model(), 'int8');
    expect(() => reducePrecision(reduced, 'int8')).toThrow(GraphError);
    const large = noise(3, 0.1, 96, 128);
    large.data[7] = 70_000;
    expect(() => reducePrecision(model({ first: large }), 'fp16')).toThrow(/'first'.*65504/);
    expect(() => reducePrecision(model({ first: large }), 'int8')).not.toThrow();
    expect(() => reducePrecision({ ...model(), opsets: new Map([['', 9]]) }, 'fp16')).toThrow(
      /operator set 9/,
    );
  });
});

function roundEven(v: number): number {
  const rounded = Math.round(v);
  return Math.abs(v % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
