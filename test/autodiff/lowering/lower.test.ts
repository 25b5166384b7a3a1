/**
 * The lowered graph computes what the graph it came from computes: losses, gradients by every parameter and by the
 * input, over the layers that lowering rewrites. The other side is the plain pass, which is compared with central
 * differences and with PyTorch elsewhere.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  alignChannels,
  gradients,
  lower,
  packedKernels,
  packTensor,
  unpackTensor,
} from '../../../src/autodiff/index.ts';
import { float32, Random, sizeOf, type Tensor } from '../../../src/core/index.ts';
import { batchNormalizationTraining, GraphBuilder, type Value } from '../../../src/onnx/index.ts';
import { Engine } from '../../../src/runtime/index.ts';

type Parameter = (name: string, shape: readonly number[]) => Value;
type Build = (g: GraphBuilder, x: Value, p: Parameter) => Value;

interface Layer {
  readonly x: readonly number[];
  readonly build: Build;
}

const conv =
  (
    filters: number,
    kernel: readonly [number, number],
    attributes: Record<string, number | readonly number[] | string> = {},
  ): Build =>
  (g, x, p) => {
    const group = (attributes['group'] as number | undefined) ?? 1;
    const w = p(`w${filters}_${kernel}`, [filters, (x.shape[1] as number) / group, ...kernel]);
    return g.op('Conv', [x, w], { kernel_shape: kernel, ...attributes });
  };

const norm =
  (training: boolean): Build =>
  (g, x, p) => {
    const channels = [x.shape[1] as number];
    const [scale, bias] = [p('scale', channels), p('bias', channels)];
    if (training) return batchNormalizationTraining(g, x, scale, bias, 1e-5).output;
    const [mean, deviation] = [p('mean', channels), p('deviation', channels)];
    const variance = g.op('Mul', [deviation, deviation]);
    return g.op('BatchNormalization', [x, scale, bias, mean, variance], { epsilon: 1e-3 });
  };

const chain =
  (...parts: readonly Build[]): Build =>
  (g, x, p) =>
    parts.reduce((y, part, i) => part(g, y, (name, shape) => p(`${i}.${name}`, shape)), x);

const op =
  (type: string, attributes: Record<string, number | readonly number[]> = {}): Build =>
  (g, x) =>
    g.op(type, [x], attributes);

const clip: Build = (g, x) => g.op('Clip', [x, g.scalar(-0.4), g.scalar(0.5)]);

const residual =
  (inner: Build, shortcut: Build = (_g, x) => x): Build =>
  (g, x, p) =>
    g.op('Relu', [
      g.op('Add', [
        inner(g, x, (name, shape) => p(`inner.${name}`, shape)),
        shortcut(g, x, (name, shape) => p(`shortcut.${name}`, shape)),
      ]),
    ]);

const same = { pads: [1, 1, 1, 1] };
const half = { pads: [1, 1, 1, 1], strides: [2, 2] };
/** A layer before the one that is tested, so that what comes in is blocked already. */
const before = conv(32, [1, 1]);

const layers: Readonly<Record<string, Layer>> = {
  'a 3×3 convolution': { x: [2, 32, 7, 9], build: conv(16, [3, 3], same) },
  'a 3×3 convolution without padding': { x: [3, 16, 8, 6], build: conv(32, [3, 3]) },
  'a convolution over a blocked picture': { x: [2, 16, 6, 7], build: chain(before, conv(48, [3, 3], same)) },
  'uneven padding and an oblong kernel': {
    x: [2, 16, 9, 8],
    build: conv(32, [5, 2], { pads: [0, 1, 3, 0] }),
  },
  'a dilated convolution': {
    x: [2, 16, 11, 9],
    build: conv(16, [3, 3], { pads: [2, 2, 2, 2], dilations: [2, 2] }),
  },
  'a convolution of stride 2, even sizes': { x: [2, 16, 8, 12], build: conv(32, [3, 3], half) },
  'a convolution of stride 2, odd sizes': { x: [2, 16, 9, 7], build: conv(32, [3, 3], half) },
  'a convolution of stride 2 that leaves a rest': {
    x: [2, 16, 8, 8],
    build: conv(32, [3, 3], { strides: [2, 2] }),
  },
  'a convolution of stride 3': {
    x: [2, 16, 9, 12],
    build: conv(16, [5, 5], { strides: [3, 3], pads: [1, 1, 1, 1] }),
  },
  'a 1×1 convolution of stride 2': {
    x: [2, 32, 8, 6],
    build: chain(before, conv(16, [1, 1], { strides: [2, 2] })),
  },
  'a 1×1 convolution of stride 2, odd sizes': {
    x: [2, 32, 7, 5],
    build: conv(16, [1, 1], { strides: [2, 2] }),
  },
  'the first layer, one channel': {
    x: [2, 1, 13, 10],
    build: conv(16, [5, 5], { ...half, pads: [2, 2, 2, 2] }),
  },
  'the first layer, three channels': { x: [2, 3, 12, 9], build: conv(32, [3, 3], half) },
  'channels that fill no blocks': {
    x: [2, 24, 6, 5],
    build: chain(conv(40, [3, 3], same), conv(12, [1, 1])),
  },
  'few channels into blocks and out again': {
    x: [2, 20, 6, 5],
    build: chain(conv(32, [3, 3], same), conv(20, [3, 3], same)),
  },
  'grouped convolution': { x: [2, 32, 6, 5], build: conv(32, [3, 3], { ...same, group: 2 }) },
  'depthwise convolution': {
    x: [2, 32, 7, 9],
    build: chain(before, conv(32, [3, 3], { ...same, group: 32 })),
  },
  'depthwise convolution of stride 2': {
    x: [2, 16, 8, 12],
    build: chain(before, conv(32, [3, 3], { ...half, group: 32 })),
  },
  'depthwise convolution of stride 2, odd sizes': {
    x: [3, 32, 9, 7],
    build: conv(32, [3, 3], { ...half, group: 32 }),
  },
  'depthwise convolution as YAMNet pads it': {
    x: [2, 32, 8, 10],
    build: conv(32, [3, 3], { strides: [2, 2], pads: [0, 0, 1, 1], group: 32 }),
  },
  'a batch of one': { x: [1, 16, 6, 5], build: conv(16, [3, 3], same) },
  'a batch in three parts': { x: [19, 16, 5, 4], build: conv(16, [3, 3], same) },
  '1-D convolution': {
    x: [2, 16, 9],
    build: (g, x, p) => g.op('Conv', [x, p('w', [16, 16, 3])], { pads: [1, 1] }),
  },
  'batch normalisation': { x: [3, 16, 5, 4], build: chain(before, norm(true), op('Relu')) },
  'batch normalisation, few channels': {
    x: [3, 12, 5, 4],
    build: chain(conv(12, [3, 3], same), norm(true), op('Relu')),
  },
  'batch normalisation with fixed statistics': {
    x: [3, 16, 5, 4],
    build: chain(before, norm(false), op('Relu')),
  },
  'a clipped activation': {
    x: [3, 16, 5, 4],
    build: chain(before, norm(true), clip, conv(16, [3, 3], same)),
  },
  'a smooth activation': {
    x: [2, 16, 5, 4],
    build: chain(before, op('Tanh'), conv(16, [3, 3], same), op('Sigmoid')),
  },
  'a residual block': {
    x: [3, 32, 6, 6],
    build: chain(
      before,
      residual(chain(conv(32, [3, 3], same), norm(true), op('Relu'), conv(32, [3, 3], same), norm(true))),
    ),
  },
  'a residual block that halves': {
    x: [3, 32, 6, 8],
    build: chain(
      before,
      residual(
        chain(conv(16, [1, 1]), norm(true), op('Relu'), conv(64, [3, 3], half), norm(true)),
        chain(conv(64, [1, 1], { strides: [2, 2] }), norm(true)),
      ),
      norm(true),
    ),
  },
  'overlapping maxima': {
    x: [2, 16, 8, 10],
    build: chain(
      before,
      op('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
      conv(16, [3, 3], same),
    ),
  },
  'maxima of tiles': {
    x: [2, 16, 8, 10],
    build: chain(before, op('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }), conv(16, [3, 3], same)),
  },
  'maxima of oblong windows, unevenly padded': {
    x: [2, 16, 9, 8],
    build: chain(
      before,
      op('MaxPool', { kernel_shape: [2, 3], strides: [3, 2], pads: [1, 0, 0, 1] }),
      conv(16, [3, 3], same),
    ),
  },
  'maxima of windows that lie apart, of dilated ones and of each place': {
    x: [2, 16, 12, 9],
    build: chain(
      before,
      op('MaxPool', { kernel_shape: [2, 1], strides: [3, 1] }),
      op('MaxPool', { kernel_shape: [2, 3], dilations: [1, 2], pads: [0, 2, 1, 2] }),
      op('MaxPool', { kernel_shape: [1, 1], strides: [2, 3] }),
    ),
  },
  'maxima of tiles that leave a rest': {
    x: [2, 16, 7, 9],
    build: chain(before, op('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }), conv(16, [3, 3], same)),
  },
  'ReLU before pooling': {
    x: [2, 16, 8, 8],
    build: chain(before, norm(true), op('Relu'), op('MaxPool', { kernel_shape: [3, 3], ...half })),
  },
  'channels that fill no block': {
    x: [3, 1, 12, 8],
    build: chain(
      conv(28, [5, 5], { pads: [2, 2, 2, 2] }),
      norm(true),
      op('Relu'),
      op('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }),
      residual(
        chain(conv(28, [3, 3], { ...same, group: 28 }), norm(false), clip, conv(28, [1, 1]), norm(true)),
      ),
      (g, x, p) => g.op('Conv', [x, p('w', [12, 28, 3, 3]), p('b', [12])], same),
      op('Sigmoid'),
      (g, x) => g.op('Mul', [x, g.scalar(0.7)]),
      conv(32, [3, 3], half),
    ),
  },
  'channels that fill no block, read by what needs them exactly': {
    x: [3, 1, 6, 8],
    build: chain(
      conv(28, [3, 3], same),
      (g, x) => g.op('Concat', [x, g.op('Softmax', [x], { axis: 1 })], { axis: 1 }),
      (g, x) => g.op('Mul', [x, g.op('ReduceMean', [x, g.ints([1, 2, 3])])]),
      conv(12, [3, 3], same),
      (g, x, p) => g.op('Mul', [x, p('m', [1, 12, 1, 1])]),
    ),
  },
  'maxima of tiles, few channels': {
    x: [2, 6, 8, 10],
    build: chain(op('Tanh'), op('MaxPool', { kernel_shape: [2, 2], strides: [2, 2] }), conv(7, [3, 3], same)),
  },
  'a mean over all': { x: [2, 16, 5, 4], build: chain(before, op('GlobalAveragePool'), conv(16, [1, 1])) },
  'other layouts in between': {
    x: [2, 16, 4, 4],
    build: chain(
      before,
      (g, x) => g.op('Concat', [x, g.op('Softmax', [x], { axis: 1 })], { axis: 1 }),
      conv(16, [3, 3], same),
      (g, x) => g.op('Where', [g.op('Greater', [x, g.scalar(0.1)]), x, g.op('Mul', [x, g.scalar(0.3)])]),
      (g, x) => g.op('Mul', [x, g.op('ReduceMean', [x, g.ints([2, 3])])]),
      (g, x) => g.op('Transpose', [x], { perm: [0, 2, 3, 1] }),
    ),
  },
  'one value read in three places': {
    x: [2, 16, 5, 4],
    build: chain(before, (g, x) => g.op('Mul', [g.op('Add', [x, x]), g.op('Sub', [g.op('Relu', [x]), x])])),
  },
};

/** The graph of one layer, its loss a weighted sum of squares, with the gradients by everything that goes in. */
function graphOf({ x: shape, build }: Layer, deferred: boolean, alignedTo: number | null = null) {
  const forward = new GraphBuilder();
  const x = forward.input('x', 'float32', shape);
  const inputs = [x];
  const built = build(forward, x, (name, dims) => {
    const value = forward.input(name, 'float32', dims);
    inputs.push(value);
    return value;
  });
  const { g, of } = alignChannels(forward, alignedTo);
  const wrt = inputs.map(of);
  const y = of(built);
  const weights = g.input('weights', 'float32', y.shape);
  const loss = g.op('ReduceSum', [g.op('Mul', [g.op('Mul', [y, y]), weights])], { keepdims: 0 });
  const derived = gradients(g, loss, wrt, { deferred });
  g.output(loss, 'loss');
  derived.forEach((value, i) => {
    g.output(value, `${wrt[i].name}_grad`);
  });
  return { g, inputs: [...wrt, weights] };
}

describe('lowering', () => {
  let engine: Engine;
  let blockSize: number | null;
  beforeAll(async () => {
    engine = new Engine({ threads: 1 });
    blockSize = await engine.blockSize();
  });
  afterAll(() => engine.close());

  async function run(g: GraphBuilder, feeds: Record<string, Tensor>) {
    const model = await engine.load(g.model());
    try {
      return await engine.run(model, { feeds, fetch: g.graph.outputs.map((o) => o.name) });
    } finally {
      await engine.unload(model);
    }
  }

  for (const [name, layer] of Object.entries(layers)) {
    it(`keeps what it computes: ${name}`, async () => {
      const random = new Random(name);
      const plain = graphOf(layer, false);
      const feeds = Object.fromEntries(
        plain.inputs.map((v) => {
          const shape = v.shape as readonly number[];
          // The loss's weights are positive, so that its terms do not cancel.
          const draw = () => (v.name === 'weights' ? random.uniform(0.5, 1.5) : random.normal(0, 0.5));
          const data = Float32Array.from({ length: sizeOf(shape) }, draw);
          return [v.name, float32(shape, data)];
        }),
      );
      const expected = await run(plain.g, feeds);
      const forms = [
        { size: null, packs: false, aligns: false },
        { size: blockSize, packs: false, aligns: false },
        { size: blockSize, packs: blockSize !== null, aligns: false },
        { size: blockSize, packs: blockSize !== null, aligns: true },
      ];
      for (const { size, packs, aligns } of forms) {
        const { g } = graphOf(layer, true, aligns ? size : null);
        const kernels = packs ? packedKernels(g, size!) : new Set<string>();
        const packed = new Set([...kernels, ...[...kernels].map((kernel) => `${kernel}_grad`)]);
        const reordered = (tensors: Record<string, Tensor>, move: typeof packTensor) =>
          Object.fromEntries(
            Object.entries(tensors).map(([key, tensor]) => [
              key,
              packed.has(key) ? move(tensor as Tensor<'float32'>, size!) : tensor,
            ]),
          );
        const lowered = lower(g, { blockSize: size, packed });
        expect(lowered.graph.nodes.filter((node) => node.domain === 'earshot')).toEqual([]);
        const actual = reordered(await run(lowered, reordered(feeds, packTensor)), unpackTensor);
        for (const [output, tensor] of Object.entries(expected)) {
          const wanted = tensor.data as Float32Array;
          const got = actual[output].data as Float32Array;
          expect(actual[output].dims).toEqual(tensor.dims);
          const scale = wanted.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-3);
          const worst = wanted.reduce((most, v, i) => Math.max(most, Math.abs(v - got[i])), 0);
          expect(
            worst / scale,
            `${output}, block size ${size}${packs ? ', packed' : ''}${aligns ? ', aligned' : ''}`,
          ).toBeLessThan(2e-5);
        }
      }
    });
  }

  it('moves a residual block to the blocked layout whole', () => {
    const lowered = lower(graphOf(layers['a residual block'], true).g, { blockSize: 16 }).model().graph;
    const count = (type: string) => lowered.nodes.filter((node) => node.opType === type).length;
    // Of ONNX's own layout there is what comes in and, for the kernels' gradients of 1×1 and the input's, what goes out.
    expect(lowered.nodes.filter((node) => node.opType === 'Conv' && node.domain === '')).toEqual([]);
    expect(count('BatchNormalization')).toBe(0);
    expect(count('Relu')).toBe(0);
    expect(count('FusedMatMul')).toBe(1);
  });

  it('moves channels that fill no block to the blocked layout once they are made up to whole ones', () => {
    const plainConvolutions = (alignedTo: number | null) =>
      lower(graphOf(layers['channels that fill no block'], true, alignedTo).g, { blockSize: 16 })
        .model()
        .graph.nodes.filter(({ opType, domain }) => opType === 'Conv' && domain === '').length;
    expect(plainConvolutions(null)).toBeGreaterThan(3);
    // The gradient by the picture that comes in, of one channel.
    expect(plainConvolutions(16)).toBe(1);
  });

  it('gives a gradient to the first of tied maxima, in rows from left to right', async () => {
    const shape = [2, 16, 12, 10];
    const build = op('MaxPool', { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
    const random = new Random('ties');
    const data = Float32Array.from({ length: sizeOf(shape) }, () => random.integer(3));
    const weights = float32(
      [2, 16, 6, 5],
      Float32Array.from({ length: 2 * 16 * 30 }, () => 1 + random.integer(4)),
    );
    const feeds = { x: float32(shape, data), weights };
    const expected = await run(graphOf({ x: shape, build }, false).g, feeds);
    const lowered = lower(graphOf({ x: shape, build }, true).g, { blockSize });
    if (blockSize !== null) expect(lowered.graph.nodes.filter((node) => node.outputs.length > 1)).toEqual([]);
    const actual = await run(lowered, feeds);
    expect(actual['x_grad'].data).toEqual(expected['x_grad'].data);
  });

  it('leaves no copy of a value that only becomes an output', () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [4]);
    g.output(g.op('Mul', [w, g.scalar(0.5)]), 'next');
    const lowered = lower(g, { blockSize: null }).model().graph;
    expect(lowered.nodes.map((node) => node.opType)).toEqual(['Mul']);
    expect(lowered.outputs.map((o) => o.name)).toEqual(['next']);
  });

  it('gives a scalar the rank of a kernel of 1×1, which the runtime needs to be fast', () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [32, 16, 1, 1]);
    g.output(g.op('Mul', [w, g.scalar(0.5)]), 'next');
    const lowered = lower(g, { blockSize: null });
    const mul = lowered.graph.nodes.find((node) => node.opType === 'Mul')!;
    expect(lowered.find(mul.inputs[1])!.shape).toEqual([1, 1, 1, 1]);
  });
});
