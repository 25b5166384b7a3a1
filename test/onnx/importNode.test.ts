/** @file Every change of meaning between opsets: the runtime's own run of the old file is the truth. */
import { describe, expect, it } from 'vitest';
import { float32, int64, Random, type Tensor, tensor } from '../../src/core/index.ts';
import { encodeModel, importGraph, type Node } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { float, int, ints, type MadeModel, madeModel, node } from './madeModel.ts';

const random = new Random(3);
const x = float32(
  [2, 6, 4],
  Float32Array.from({ length: 48 }, () => random.normal()),
);
const axes = int64([2], [0, 2]);
const channel = (n: number) =>
  float32(
    [n],
    Float32Array.from({ length: n }, () => random.uniform(0.5, 1.5)),
  );

interface Case extends Omit<MadeModel, 'inputs' | 'outputs'> {
  readonly title: string;
  readonly opset: number;
  /** The operator that must be left after the import; none where the file's is gone. */
  readonly becomes?: string;
  readonly results?: readonly string[];
}

const one = (title: string, opset: number, made: Node, extra: Partial<Case> = {}): Case => ({
  title,
  opset,
  nodes: [made],
  ...extra,
});

const reductions = ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'SumSquare', 'L1', 'L2', 'LogSumExp'];

const cases: Case[] = [
  ...reductions.map((r) =>
    one(
      `Reduce${r} with axes as attribute`,
      11,
      node(`Reduce${r}`, ['x'], ['y'], { axes: ints(0, -1), keepdims: int(0) }),
    ),
  ),
  one('ReduceSum with axes as input', 13, node('ReduceSum', ['x', 'axes'], ['y']), {
    initializers: { axes },
  }),
  one('ReduceMean over all', 13, node('ReduceMean', ['x'], ['y'], { keepdims: int(0) })),
  ...[-3, -2, -1, 0, 1, 2].map((axis) =>
    one(`Softmax before 13, axis ${axis}`, 11, node('Softmax', ['x'], ['y'], { axis: int(axis) })),
  ),
  one('Softmax before 13, axis left out', 12, node('Softmax', ['x'], ['y'])),
  one('LogSoftmax before 13, axis left out', 11, node('LogSoftmax', ['x'], ['y'])),
  one('LogSoftmax since 13, axis left out', 13, node('LogSoftmax', ['x'], ['y'])),
  one(
    'Split with sizes as attribute',
    11,
    node('Split', ['x'], ['y', 'z'], { axis: int(1), split: ints(4, 2) }),
    {
      results: ['y', 'z'],
    },
  ),
  one('Split into equal parts', 13, node('Split', ['x'], ['y', 'z', 'w'], { axis: int(1) }), {
    results: ['y', 'z', 'w'],
  }),
  {
    title: 'Split into uneven parts',
    opset: 18,
    initializers: { from: int64([1], [0]), to: int64([1], [5]), along: int64([1], [1]) },
    nodes: [
      node('Slice', ['x', 'from', 'to', 'along'], ['five']),
      node('Split', ['five'], ['y', 'z', 'w'], { axis: int(1), num_outputs: int(3) }),
    ],
    results: ['y', 'z', 'w'],
  },
  {
    title: 'Squeeze and Unsqueeze with axes as attribute',
    opset: 11,
    nodes: [
      node('Unsqueeze', ['x'], ['u'], { axes: ints(-1, 1) }),
      node('Squeeze', ['u'], ['s'], { axes: ints(1) }),
      node('Squeeze', ['s'], ['y']),
    ],
  },
  one('Dropout with ratio as attribute', 11, node('Dropout', ['x'], ['y'], { ratio: float(0.3) })),
  one('Dropout with an unused ratio', 13, node('Dropout', ['x', 'r'], ['y']), {
    initializers: { r: tensor('float32', [], Float32Array.of(0.4)) },
  }),
  {
    title: 'the mask of Dropout outside training',
    opset: 13,
    nodes: [node('Dropout', ['x'], ['d', 'm']), node('Cast', ['m'], ['y'], { to: int(1) })],
  },
  {
    title: 'Identity, Cast to the same type, and Constant in all its forms',
    opset: 12,
    nodes: [
      node('Identity', ['x'], ['i']),
      node('Cast', ['i'], ['c'], { to: int(1) }),
      node('Constant', [], ['a'], { value_float: float(1.5) }),
      node('Constant', [], ['b'], { value_floats: { kind: 'floats', value: [1, 2, 3, 4] } }),
      node('Constant', [], ['n'], { value_ints: ints(4, 12) }),
      node('Mul', ['c', 'a'], ['p']),
      node('Add', ['p', 'b'], ['q']),
      node('Reshape', ['q', 'n'], ['y']),
    ],
  },
  ...[9, 13, 15].map((opset) =>
    one(
      `BatchNormalization, opset ${opset}`,
      Math.max(opset, 11),
      node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y'], {
        epsilon: float(1e-3),
        momentum: float(0.8),
      }),
      { initializers: { s: channel(6), b: channel(6), m: channel(6), v: channel(6) } },
    ),
  ),
  one(
    'BatchNormalization in training, with its running statistics',
    15,
    node('BatchNormalization', ['x', 's', 'b', 'm', 'v'], ['y', 'mean', 'var'], {
      momentum: float(0.7),
      training_mode: int(1),
    }),
    {
      initializers: { s: channel(6), b: channel(6), m: channel(6), v: channel(6) },
      results: ['y', 'mean', 'var'],
    },
  ),
  one('Resize with empty region and scales', 11, node('Resize', ['x', 'none', 'none', 'sizes'], ['y']), {
    initializers: { none: float32([0], []), sizes: int64([3], [2, 6, 8]) },
  }),
  one('Resize by scales', 13, node('Resize', ['x', '', 'scales'], ['y']), {
    initializers: { scales: float32([3], [1, 1, 2]) },
  }),
  one(
    'GroupNormalization with a scale per group',
    18,
    node('GroupNormalization', ['x', 's', 'b'], ['y'], { num_groups: int(3) }),
    {
      initializers: { s: channel(3), b: channel(3) },
    },
  ),
  one(
    'GroupNormalization with a scale per channel',
    21,
    node('GroupNormalization', ['x', 's', 'b'], ['y'], { num_groups: int(3) }),
    {
      initializers: { s: channel(6), b: channel(6) },
    },
  ),
  one('Celu', 12, node('Celu', ['x'], ['y'], { alpha: float(0.7) })),
  one('Selu', 11, node('Selu', ['x'], ['y'])),
  one('Softsign', 11, node('Softsign', ['x'], ['y'])),
  one('ThresholdedRelu', 11, node('ThresholdedRelu', ['x'], ['y'], { alpha: float(0.3) })),
  one('Mish', 18, node('Mish', ['x'], ['y'])),
  one('RMSNormalization', 23, node('RMSNormalization', ['x', 's'], ['y'], { axis: int(-1) }), {
    initializers: { s: channel(4) },
  }),
  one('Swish', 24, node('Swish', ['x'], ['y'], { alpha: float(1.3) })),
  {
    title: 'CastLike',
    opset: 15,
    initializers: { d: tensor('float64', [1], Float64Array.of(0)) },
    nodes: [node('CastLike', ['x', 'd'], ['w']), node('CastLike', ['w', 'x'], ['y'])],
  },
  one('Relu of opset 24', 24, node('Relu', ['x'], ['y'])),
];

describe('import brings every opset to 20 without changing what the model computes', () => {
  for (const c of cases) {
    it(c.title, async () => {
      const results = c.results ?? ['y'];
      const model = madeModel({
        ...c,
        inputs: { x: ['float32', [2, 6, 4]] },
        outputs: Object.fromEntries(results.map((name) => [name, 'float32'])),
      });
      const feeds = { x };
      const expected = await runModel(encodeModel(model), feeds);
      const imported = importGraph(model);
      expect(imported.opset).toBe(20);
      const found = await runModel(imported.model(), feeds);
      for (const name of results) {
        same(found[name], expected[name]);
        expect(imported.find(name)!.shape).toEqual(expected[name].dims);
      }
    });
  }
});

function same(found: Tensor, expected: Tensor): void {
  expect(found.dims).toEqual(expected.dims);
  for (let i = 0; i < expected.data.length; i++)
    expect(Number(found.data[i])).toBeCloseTo(Number(expected.data[i]), 4);
}
