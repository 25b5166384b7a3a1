import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DType, float32, int64, type Tensor, tensor } from '../../src/core/index.ts';
import {
  type Attribute,
  type Dim,
  decodeModel,
  encodeModel,
  intAttribute,
  intsAttribute,
  type Model,
  type Node,
  type ValueInfo,
} from '../../src/onnx/index.ts';
import { IntegerList, ProtobufReader, ProtobufWriter } from '../../src/onnx/protobuf.ts';
import { runModel } from '../support/runModel.ts';
import { exportedModel, exportedNames } from './exportedModels.ts';
import { madeModel, node } from './madeModel.ts';

/** A writer's bytes, read by `read` with the reader at the first field. */
function through<T>(write: (w: ProtobufWriter) => void, read: (r: ProtobufReader) => T): T {
  const w = new ProtobufWriter();
  write(w);
  const r = new ProtobufReader(w.finish());
  expect(r.next()).toBe(true);
  const value = read(r);
  expect(r.next()).toBe(false);
  return value;
}

const any64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe('the wire format', () => {
  it('keeps every 64-bit integer', () => {
    fc.assert(
      fc.property(any64, fc.integer({ min: 1, max: 2 ** 29 - 1 }), (value, field) => {
        const [f, v] = through(
          (w) => w.int(field, value),
          (r) => [r.field, r.bigint()],
        );
        expect(f).toBe(field);
        expect(v).toBe(value);
      }),
    );
  });

  it('writes varints as the format says', () => {
    const bytes = (value: number | bigint) => {
      const w = new ProtobufWriter();
      w.int(1, value);
      return [...w.finish()].slice(1);
    };
    // From the encoding guide: 150 is 96 01, negative numbers take ten bytes.
    expect(bytes(150)).toEqual([0x96, 0x01]);
    expect(bytes(0)).toEqual([0]);
    expect(bytes(-2)).toEqual([0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    expect(bytes(2 ** 35)).toEqual([0x80, 0x80, 0x80, 0x80, 0x80, 0x01]);
  });

  it('reads packed and unpacked lists alike', () => {
    fc.assert(
      fc.property(fc.array(any64), fc.array(fc.float({ noNaN: true })), (integers, floats) => {
        const packed = new ProtobufWriter();
        packed.packedInts(7, integers);
        packed.packedFloats(8, floats);
        const single = new ProtobufWriter();
        for (const v of integers) single.int(7, v);
        for (const v of floats) single.float(8, v);
        for (const bytes of [packed.finish(), single.finish()]) {
          const found = new IntegerList();
          const numbers: number[] = [];
          const r = new ProtobufReader(bytes);
          while (r.next()) {
            if (r.field === 7) r.bigints(found);
            else r.floats(numbers);
          }
          expect([...found.values()]).toEqual(integers);
          expect(numbers).toEqual(floats);
        }
      }),
    );
  });

  it('steps over fields it does not know, of every kind', () => {
    const w = new ProtobufWriter();
    w.int(100, 5n);
    w.float(101, 1.5);
    w.string(102, 'a new field');
    w.message(103, (m) => m.int(1, 1));
    const fixed64 = Uint8Array.from([
      ((104 * 8 + 1) % 128) | 0x80,
      Math.floor((104 * 8 + 1) / 128),
      1,
      2,
      3,
      4,
      5,
      6,
      7,
      8,
    ]);
    const known = encodeModel(
      madeModel({ inputs: { x: ['float32', [1]] }, nodes: [node('Relu', ['x'], ['y'])] }),
    );
    const whole = Uint8Array.from([...w.finish(), ...fixed64, ...known]);
    expect(decodeModel(whole)).toEqual(decodeModel(known));
  });

  it('keeps text of any script', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(
          through(
            (w) => w.string(3, text),
            (r) => r.string(),
          ),
        ).toBe(text);
      }),
    );
  });
});

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const dtypes: DType[] = [
  ...(['float32', 'float64', 'float16', 'int8', 'int16', 'int32', 'int64'] as const),
  ...(['uint8', 'uint16', 'uint32', 'uint64', 'bool'] as const),
];
const shape = fc.array(fc.oneof(fc.nat({ max: 9 }), name), { maxLength: 4 });
const info = (n: string): fc.Arbitrary<ValueInfo> =>
  fc.record({
    name: fc.constant(n),
    dtype: fc.constantFrom(...dtypes),
    shape: fc.option(shape as fc.Arbitrary<Dim[]>),
  });

const anyTensor: fc.Arbitrary<Tensor> = fc
  .tuple(
    fc.constantFrom(...dtypes),
    fc.array(fc.nat({ max: 3 }), { maxLength: 3 }),
    fc.array(fc.nat({ max: 255 }), { minLength: 27, maxLength: 27 }),
  )
  .map(([dtype, dims, numbers]) => {
    const count = dims.reduce((a, b) => a * b, 1);
    const values = numbers.slice(0, count);
    const limited =
      dtype === 'bool' ? values.map((v) => v % 2) : dtype === 'int8' ? values.map((v) => v - 128) : values;
    const arrays = {
      float32: Float32Array,
      float64: Float64Array,
      float16: Uint16Array,
      int8: Int8Array,
      int16: Int16Array,
      int32: Int32Array,
      uint8: Uint8Array,
      uint16: Uint16Array,
      uint32: Uint32Array,
      bool: Uint8Array,
    };
    if (dtype === 'int64')
      return { dtype, dims, data: BigInt64Array.from(limited.map((v) => BigInt(v) - 99n)) };
    if (dtype === 'uint64') return { dtype, dims, data: BigUint64Array.from(limited.map(BigInt)) };
    return tensor(dtype, dims, arrays[dtype].from(limited) as Float32Array);
  });

const attribute: fc.Arbitrary<Attribute> = fc.oneof(
  fc.record({ kind: fc.constant('int' as const), value: fc.maxSafeInteger() }),
  fc.record({ kind: fc.constant('float' as const), value: fc.float({ noNaN: true }) }),
  fc.record({ kind: fc.constant('string' as const), value: fc.string({ unit: 'grapheme' }) }),
  fc.record({ kind: fc.constant('ints' as const), value: fc.array(fc.maxSafeInteger()) }),
  fc.record({ kind: fc.constant('floats' as const), value: fc.array(fc.float({ noNaN: true })) }),
  fc.record({ kind: fc.constant('strings' as const), value: fc.array(fc.string({ unit: 'grapheme' })) }),
  fc.record({ kind: fc.constant('tensor' as const), value: anyTensor }),
);

const anyNode: fc.Arbitrary<Node> = fc.record({
  opType: name,
  domain: fc.constantFrom('', 'com.microsoft', 'my.own'),
  name: fc.oneof(fc.constant(''), name),
  inputs: fc.array(fc.oneof(fc.constant(''), name), { maxLength: 4 }),
  outputs: fc.array(fc.oneof(fc.constant(''), name), { maxLength: 3 }),
  attributes: fc.dictionary(name, attribute, { maxKeys: 3, noNullPrototype: true }),
});

const anyModel: fc.Arbitrary<Model> = fc
  .record({
    irVersion: fc.integer({ min: 4, max: 11 }),
    producerName: fc.string(),
    producerVersion: fc.string(),
    opsets: fc.dictionary(fc.constantFrom('', 'com.microsoft', 'my.own'), fc.nat({ max: 30 }), {
      noNullPrototype: true,
    }),
    names: fc.uniqueArray(name, { minLength: 4, maxLength: 8 }),
    tensors: fc.array(anyTensor, { maxLength: 2 }),
    nodes: fc.array(anyNode, { maxLength: 4 }),
    metadata: fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
    title: fc.string(),
  })
  .chain((m) =>
    fc.tuple(info(m.names[0]), info(m.names[1]), info(m.names[2])).map(
      ([a, b, c]): Model => ({
        irVersion: m.irVersion,
        producerName: m.producerName,
        producerVersion: m.producerVersion,
        opsets: new Map(Object.entries(m.opsets)),
        graph: {
          name: m.title,
          inputs: [a],
          outputs: [b],
          valueInfo: new Map([[c.name, c]]),
          initializers: new Map(m.tensors.map((t, i) => [m.names[3 + i] ?? `w${i}`, t])),
          nodes: m.nodes,
        },
        metadata: new Map(Object.entries(m.metadata)),
      }),
    ),
  );

describe('a model as a file', () => {
  it('comes back as it was', () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        const bytes = encodeModel(model);
        expect(decodeModel(bytes)).toEqual(model);
        expect(encodeModel(decodeModel(bytes))).toEqual(bytes);
      }),
      { numRuns: 300, seed: 11 },
    );
  });

  it('reads numbers stored as lists, as some exporters write them', () => {
    const listed = (dtype: number, dims: number[], field: number, values: (number | bigint)[]) => {
      const w = new ProtobufWriter();
      w.int(1, 8);
      w.message(7, (g) =>
        g.message(5, (t) => {
          for (const d of dims) t.int(1, d);
          t.int(2, dtype);
          t.string(8, 'w');
          if (field === 4) t.packedFloats(4, values.map(Number));
          else if (field === 10) t.bytes(10, new Uint8Array(Float64Array.from(values.map(Number)).buffer));
          else t.packedInts(field, values);
        }),
      );
      return decodeModel(w.finish()).graph.initializers.get('w')!;
    };
    expect(listed(1, [2], 4, [1.5, -2])).toEqual(float32([2], [1.5, -2]));
    expect(listed(11, [1], 10, [0.1]).data).toEqual(Float64Array.of(0.1));
    expect(listed(7, [2], 7, [-1, 5])).toEqual(int64([2], [-1, 5]));
    expect(listed(6, [2], 5, [-1, 5]).data).toEqual(Int32Array.of(-1, 5));
    expect(listed(3, [2], 5, [-1, 5]).data).toEqual(Int8Array.of(-1, 5));
    expect(listed(9, [3], 5, [1, 0, 1]).data).toEqual(Uint8Array.of(1, 0, 1));
    expect(listed(10, [1], 5, [0x3c00]).data).toEqual(Uint16Array.of(0x3c00));
    expect(listed(13, [1], 11, [2n ** 64n - 1n]).data).toEqual(BigUint64Array.of(2n ** 63n - 1n));
    expect(() => listed(1, [2], 5, [1, 2])).toThrow(/needs 2 values, the file has 0/);
    expect(() => listed(1, [3], 4, [1, 2])).toThrow(/needs 3 values, the file has 2/);
  });

  it('keeps "to the end" (2⁶³ − 1) through numbers', () => {
    const w = new ProtobufWriter();
    w.message(7, (g) =>
      g.message(1, (n) => {
        n.string(2, 'y');
        n.string(4, 'Slice');
        for (const [key, value] of [
          ['one', 2n ** 63n - 1n],
          ['low', -(2n ** 63n)],
        ] as const) {
          n.message(5, (a) => {
            a.string(1, key);
            a.int(3, value);
            a.int(20, 2);
          });
        }
        n.message(5, (a) => {
          a.string(1, 'ends');
          a.packedInts(8, [2n ** 63n - 1n]);
          a.int(20, 7);
        });
      }),
    );
    const again = decodeModel(encodeModel(decodeModel(w.finish())));
    const [slice] = again.graph.nodes;
    expect(intAttribute(slice!, 'one', 0)).toBe(2 ** 63);
    expect(intAttribute(slice!, 'low', 0)).toBe(-(2 ** 63));
    expect(intsAttribute(slice!, 'ends')).toEqual([2 ** 63]);
  });

  it('leaves out inputs that only repeat an initializer, and is then of a version that allows it', async () => {
    const old = madeModel({
      opset: 11,
      inputs: { x: ['float32', [2]], w: ['float32', [2]] },
      outputs: { y: 'float32' },
      initializers: { w: float32([2], [10, 20]) },
      nodes: [node('Add', ['x', 'w'], ['y'])],
    });
    const read = decodeModel(encodeModel({ ...old, irVersion: 3 }));
    expect(read.graph.inputs.map((v) => v.name)).toEqual(['x']);
    const { y } = await runModel(encodeModel(read), { x: float32([2], [1, 2]) });
    expect([...(y!.data as Float32Array)]).toEqual([11, 22]);
  });

  it.each(exportedNames())(
    '%s by PyTorch is decoded, encoded again, and runs with equal results',
    async (file) => {
      const { bytes, feeds } = exportedModel(file);
      const again = encodeModel(decodeModel(bytes));
      expect((await runModel(again, feeds))['loss'].data).toEqual(
        (await runModel(bytes, feeds))['loss'].data,
      );
    },
  );
});
