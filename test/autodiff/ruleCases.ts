/** @file One row per operator form: how to build it, at which inputs to check it. Keys of a row: operator, variant. */
import { Random } from '../../src/core/index.ts';
import { batchNormalizationTraining, type GraphBuilder, type Value } from '../../src/onnx/index.ts';

export interface RuleCase {
  readonly op: string;
  readonly variant: string;
  /** Shapes of the inputs x0, x1, …. */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (g: GraphBuilder, x: readonly Value[]) => Value | readonly Value[];
  /** Where inputs are drawn from; default [-2, 2]. `apart` keeps every value that far from all others and from 0. */
  readonly range?: readonly [number, number];
  readonly apart?: number;
  /** float32 where the runtime has no float64 kernel. */
  readonly dtype?: 'float32';
}

/** Seeded inputs of a case. */
export function inputsOf(c: RuleCase): Float64Array[] {
  const random = new Random(`${c.op}/${c.variant}`);
  const [low, high] = c.range ?? [-2, 2];
  const gap = c.apart ?? 0;
  return c.shapes.map((shape) => {
    const n = shape.reduce((a, b) => a * b, 1);
    if (gap === 0) return Float64Array.from({ length: n }, () => random.uniform(low, high));
    // Distinct levels, shuffled: no ties and no kinks within reach of the difference step.
    const levels = Array.from({ length: n }, (_, i) => (i - n / 2 + 0.5) * gap * 2);
    return Float64Array.from(random.shuffle(levels));
  });
}

const unary = (
  op: string,
  extra: Partial<RuleCase> = {},
  attributes = {},
  variant = 'default',
): RuleCase => ({
  op,
  variant,
  shapes: [[3, 4]],
  build: (g, [x]) => g.op(op, [x!], attributes),
  ...extra,
});

/** Every broadcasting form of a binary operator. */
const binary = (op: string, extra: Partial<RuleCase> = {}): RuleCase[] =>
  (
    [
      ['same shapes', [3, 4], [3, 4]],
      ['scalar right', [3, 4], []],
      ['scalar left', [], [3, 4]],
      ['row', [3, 4], [4]],
      ['column', [3, 4], [3, 1]],
      ['both stretch', [3, 1, 2], [4, 1]],
      ['size-one axes', [2, 1, 3], [1, 1, 3]],
    ] as const
  ).map(([variant, a, b]) => ({
    op,
    variant,
    shapes: [a, b],
    build: (g, [x, y]) => g.op(op, [x!, y!]),
    ...extra,
  }));

const reduce = (op: string, extra: Partial<RuleCase> = {}): RuleCase[] => [
  { op, variant: 'all axes', shapes: [[2, 3, 4]], build: (g, [x]) => g.op(op, [x!]), ...extra },
  {
    op,
    variant: 'middle axis, kept',
    shapes: [[2, 3, 4]],
    build: (g, [x]) => g.op(op, [x!, g.ints([1])], { keepdims: 1 }),
    ...extra,
  },
  {
    op,
    variant: 'two axes, dropped',
    shapes: [[2, 3, 4]],
    build: (g, [x]) => g.op(op, [x!, g.ints([-1, 0])], { keepdims: 0 }),
    ...extra,
  },
];

const conv = (
  variant: string,
  x: number[],
  w: number[],
  attributes: Record<string, number | number[] | string>,
  bias = false,
): RuleCase => ({
  op: 'Conv',
  variant,
  shapes: bias ? [x, w, [w[0]!]] : [x, w],
  dtype: 'float32',
  range: [-1, 1],
  build: (g, v) => g.op('Conv', v, attributes),
});

const pool = (
  op: string,
  variant: string,
  x: number[],
  attributes: Record<string, number | number[] | string>,
): RuleCase => ({
  op,
  variant,
  shapes: [x],
  dtype: 'float32',
  ...(op === 'MaxPool' ? { apart: 0.05 } : {}),
  build: (g, [v]) => g.op(op, [v!], attributes),
});

const positive: Partial<RuleCase> = { range: [0.3, 3] };
const kinked: Partial<RuleCase> = { apart: 0.1 };

export const ruleCases: readonly RuleCase[] = [
  ...binary('Add'),
  ...binary('Sub'),
  ...binary('Mul'),
  ...binary('Div', positive),
  ...binary('Pow', positive),
  ...binary('Max', kinked),
  ...binary('Min', kinked),
  ...binary('Sum'),
  ...binary('Mean', { dtype: 'float32' }),
  {
    op: 'Where',
    variant: 'broadcast',
    shapes: [[3, 4], [4]],
    build: (g, [x, y]) =>
      g.op('Where', [
        g.op('Greater', [g.op('Mul', [x!, g.scalar(0, 'float64')]), g.scalar(-1, 'float64')]),
        x!,
        y!,
      ]),
  },
  {
    op: 'Where',
    variant: 'mixed condition',
    shapes: [
      [2, 3],
      [2, 3],
    ],
    build: (g, [x, y]) =>
      g.op('Where', [g.constant({ dtype: 'bool', dims: [3], data: Uint8Array.of(1, 0, 1) }), x!, y!]),
  },
  {
    op: 'Clip',
    variant: 'both bounds',
    shapes: [[4, 5]],
    apart: 0.1,
    build: (g, [x]) => g.op('Clip', [x!, g.scalar(-0.95, 'float64'), g.scalar(0.75, 'float64')]),
  },
  {
    op: 'Clip',
    variant: 'lower bound only',
    shapes: [[4, 5]],
    apart: 0.1,
    build: (g, [x]) => g.op('Clip', [x!, g.scalar(0, 'float64')]),
  },
  {
    op: 'PRelu',
    variant: 'per channel',
    dtype: 'float32',
    shapes: [
      [2, 3, 4],
      [3, 1],
    ],
    apart: 0.1,
    build: (g, [x, s]) => g.op('PRelu', [x!, s!]),
  },
  {
    op: 'Dropout',
    variant: 'inference',
    shapes: [[3, 4]],
    dtype: 'float32',
    build: (g, [x]) => g.op('Dropout', [x!]),
  },
  unary('Identity'),
  {
    op: 'Cast',
    variant: 'float64 to float32',
    shapes: [[3, 4]],
    dtype: 'float32',
    build: (g, [x]) =>
      g.op('Cast', [g.op('Mul', [g.op('Cast', [x!], { to: 11 }), g.scalar(2, 'float64')])], { to: 1 }),
  },
  unary('Neg'),
  unary('Abs', kinked),
  unary('Exp'),
  unary('Log', positive),
  unary('Sqrt', positive),
  unary('Reciprocal', positive),
  unary('Sin'),
  unary('Cos'),
  unary('Relu', kinked),
  unary('LeakyRelu', { ...kinked, dtype: 'float32' }, { alpha: 0.2 }),
  unary('Elu', { ...kinked, dtype: 'float32' }, { alpha: 1.5 }),
  unary('Sigmoid'),
  unary('Tanh'),
  unary('Softplus', { dtype: 'float32' }),
  unary('Erf', { dtype: 'float32' }),
  unary('Gelu', { dtype: 'float32' }, { approximate: 'none' }, 'exact'),
  unary('Gelu', { dtype: 'float32' }, { approximate: 'tanh' }, 'tanh'),
  unary('HardSigmoid', { ...kinked, dtype: 'float32' }, { alpha: 0.2, beta: 0.53 }),
  unary('HardSwish', { ...kinked, dtype: 'float32', range: [-5, 5] }),
  ...reduce('ReduceSum'),
  ...reduce('ReduceMean'),
  ...reduce('ReduceSumSquare'),
  ...reduce('ReduceL1', { ...kinked, dtype: 'float32' }),
  ...reduce('ReduceL2', { dtype: 'float32', ...positive }),
  ...reduce('ReduceLogSum', { dtype: 'float32', ...positive }),
  ...reduce('ReduceLogSumExp', { dtype: 'float32' }),
  ...reduce('ReduceMax', kinked),
  ...reduce('ReduceMin', kinked),
  unary('Softmax', {}, { axis: -1 }, 'last axis'),
  unary('Softmax', {}, { axis: 0 }, 'first axis'),
  unary('LogSoftmax', {}, { axis: 1 }),
  {
    op: 'Reshape',
    variant: 'with -1',
    shapes: [[2, 6]],
    build: (g, [x]) => g.op('Reshape', [x!, g.ints([3, -1])]),
  },
  {
    op: 'Squeeze',
    variant: 'axis',
    shapes: [[2, 1, 3]],
    build: (g, [x]) => g.op('Squeeze', [x!, g.ints([1])]),
  },
  {
    op: 'Unsqueeze',
    variant: 'two axes',
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('Unsqueeze', [x!, g.ints([0, 3])]),
  },
  { op: 'Flatten', variant: 'axis 1', shapes: [[2, 3, 2]], build: (g, [x]) => g.op('Flatten', [x!]) },
  {
    op: 'Transpose',
    variant: 'perm',
    shapes: [[2, 3, 4]],
    build: (g, [x]) => g.op('Transpose', [x!], { perm: [2, 0, 1] }),
  },
  { op: 'Transpose', variant: 'default', shapes: [[2, 3, 4]], build: (g, [x]) => g.op('Transpose', [x!]) },
  {
    op: 'Concat',
    variant: 'axis 1',
    shapes: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    build: (g, x) => g.op('Concat', x, { axis: 1 }),
  },
  {
    op: 'Split',
    variant: 'both used',
    shapes: [[5, 2]],
    build: (g, [x]) => g.ops('Split', [x!, g.ints([2, 3])], { axis: 0 }, { outputs: 2 }),
  },
  {
    op: 'Split',
    variant: 'one unused',
    shapes: [[5, 2]],
    build: (g, [x]) => g.ops('Split', [x!, g.ints([2, 3])], { axis: 0 }, { outputs: 2 })[1]!,
  },
  {
    op: 'Slice',
    variant: 'unit steps, negative start',
    shapes: [[5, 4]],
    build: (g, [x]) => g.op('Slice', [x!, g.ints([-4, 1]), g.ints([-1, 3]), g.ints([0, 1])]),
  },
  {
    op: 'Slice',
    variant: 'step 2',
    shapes: [[6, 4]],
    build: (g, [x]) => g.op('Slice', [x!, g.ints([1, 0]), g.ints([6, 4]), g.ints([0, 1]), g.ints([2, 3])]),
  },
  {
    op: 'Slice',
    variant: 'backwards',
    shapes: [[5, 2]],
    build: (g, [x]) => g.op('Slice', [x!, g.ints([-1]), g.ints([-100]), g.ints([0]), g.ints([-2])]),
  },
  {
    op: 'Pad',
    variant: 'zeros',
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('Pad', [x!, g.ints([1, 0, 0, 2])]),
  },
  {
    op: 'Pad',
    variant: 'negative pads crop',
    shapes: [[4, 5]],
    build: (g, [x]) => g.op('Pad', [x!, g.ints([-1, 2, 0, -2])]),
  },
  {
    op: 'Pad',
    variant: 'some axes',
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('Pad', [x!, g.ints([1, 1]), null, g.ints([1])]),
  },
  {
    op: 'Expand',
    variant: 'new and stretched axes',
    shapes: [[3, 1]],
    build: (g, [x]) => g.op('Expand', [x!, g.ints([2, 3, 4])]),
  },
  {
    op: 'Tile',
    variant: 'two axes',
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('Tile', [x!, g.ints([3, 2])]),
  },
  {
    op: 'Gather',
    variant: 'repeated rows',
    shapes: [[4, 3]],
    build: (g, [x]) =>
      g.op(
        'Gather',
        [x!, g.constant({ dtype: 'int64', dims: [2, 2], data: BigInt64Array.of(1n, 3n, 1n, 0n) })],
        { axis: 0 },
      ),
  },
  {
    op: 'Gather',
    variant: 'negative axis and index',
    shapes: [[2, 4, 3]],
    build: (g, [x]) => g.op('Gather', [x!, g.ints([-1, 0, 0])], { axis: -2 }),
  },
  {
    op: 'GatherElements',
    variant: 'axis 1',
    shapes: [[2, 3]],
    build: (g, [x]) =>
      g.op(
        'GatherElements',
        [x!, g.constant({ dtype: 'int64', dims: [2, 2], data: BigInt64Array.of(0n, 0n, 2n, 1n) })],
        { axis: 1 },
      ),
  },
  {
    op: 'MatMul',
    variant: 'matrices',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'matrices, float32',
    shapes: [
      [3, 4],
      [4, 2],
    ],
    dtype: 'float32',
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'batch times matrix',
    shapes: [
      [2, 3, 4],
      [4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'batch times matrix, float32',
    shapes: [
      [2, 3, 4],
      [4, 2],
    ],
    dtype: 'float32',
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'matrix times batch',
    shapes: [
      [3, 4],
      [2, 4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  {
    op: 'MatMul',
    variant: 'batches stretch',
    shapes: [
      [2, 1, 3, 4],
      [5, 4, 2],
    ],
    build: (g, x) => g.op('MatMul', x),
  },
  { op: 'MatMul', variant: 'vector left', shapes: [[4], [2, 4, 3]], build: (g, x) => g.op('MatMul', x) },
  { op: 'MatMul', variant: 'vector right', shapes: [[2, 3, 4], [4]], build: (g, x) => g.op('MatMul', x) },
  { op: 'MatMul', variant: 'two vectors', shapes: [[4], [4]], build: (g, x) => g.op('MatMul', x) },
  ...[
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].map(
    ([transA, transB]): RuleCase => ({
      op: 'Gemm',
      variant: `transA ${transA}, transB ${transB}`,
      shapes: [transA ? [4, 3] : [3, 4], transB ? [2, 4] : [4, 2], [2]],
      dtype: 'float32',
      build: (g, x) => g.op('Gemm', x, { transA: transA!, transB: transB!, alpha: 0.5, beta: 2 }),
    }),
  ),
  conv('3×3 same, bias', [2, 3, 5, 6], [4, 3, 3, 3], { pads: [1, 1, 1, 1] }, true),
  conv('1×1', [2, 3, 4, 4], [5, 3, 1, 1], {}),
  conv('1×1 stride 2', [2, 3, 5, 4], [5, 3, 1, 1], { strides: [2, 2] }),
  conv('3×3 stride 2, odd and even sizes', [1, 2, 7, 8], [3, 2, 3, 3], {
    pads: [1, 1, 1, 1],
    strides: [2, 2],
  }),
  conv('many channels, small picture', [3, 24, 2, 2], [20, 24, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('many channels, 1×1 side by side', [3, 40, 2, 2], [40, 40, 1, 1], {}),
  conv('many channels per image', [2, 32, 6, 6], [8, 32, 3, 3], { pads: [1, 1, 1, 1] }),
  conv('dilated', [1, 2, 7, 7], [2, 2, 3, 3], { dilations: [2, 2], pads: [2, 2, 2, 2] }),
  conv('uneven pads', [1, 2, 5, 5], [2, 2, 2, 3], { pads: [0, 1, 1, 2] }),
  conv('pads beyond the kernel', [1, 1, 4, 4], [2, 1, 2, 2], { pads: [2, 2, 2, 2] }),
  conv('groups', [2, 4, 4, 4], [6, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv('groups, stride 2', [1, 4, 5, 5], [4, 2, 3, 3], { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv('depthwise', [2, 3, 5, 5], [3, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1] }),
  conv('depthwise, stride 2', [2, 3, 5, 5], [3, 1, 3, 3], { group: 3, pads: [1, 1, 1, 1], strides: [2, 2] }),
  conv('depthwise with multiplier', [1, 2, 4, 4], [6, 1, 3, 3], { group: 2, pads: [1, 1, 1, 1] }),
  conv('1-D, stride 3', [2, 3, 11], [4, 3, 5], { strides: [3], pads: [2, 2] }),
  conv('auto_pad SAME_UPPER', [1, 2, 6, 6], [2, 2, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  pool('MaxPool', '2×2', [1, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }),
  pool('MaxPool', '3×3 stride 2 padded', [1, 2, 5, 6], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  }),
  pool('MaxPool', '1-D', [1, 2, 7], { kernel_shape: [2], strides: [1] }),
  pool('AveragePool', '2×2', [2, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2] }),
  pool('AveragePool', 'overlapping, padded', [1, 2, 5, 6], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
  }),
  pool('AveragePool', 'padding counts', [1, 2, 5, 5], {
    kernel_shape: [3, 3],
    strides: [1, 1],
    pads: [1, 1, 1, 1],
    count_include_pad: 1,
  }),
  pool('AveragePool', 'ceil mode', [1, 1, 6, 6], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  pool('AveragePool', 'leftover', [1, 1, 7, 7], { kernel_shape: [2, 2], strides: [3, 3] }),
  pool('GlobalAveragePool', '2-D', [2, 3, 4, 5], {}),
  { ...pool('GlobalMaxPool', '2-D', [2, 2, 2, 3], {}), apart: 0.05 },
  {
    op: 'BatchNormalization',
    variant: 'training',
    shapes: [[3, 2, 2, 3], [2], [2]],
    build: (g, [x, s, b]) => batchNormalizationTraining(g, x!, s!, b!, 1e-3).output,
  },
  {
    op: 'BatchNormalization',
    variant: 'training, momentum 0.9',
    shapes: [[3, 2, 4], [2], [2]],
    build: (g, [x, s, b]) => {
      const rest = [0, 1].map((v) =>
        g.constant({ dtype: 'float64', dims: [2], data: Float64Array.of(v, v) }),
      );
      return g.ops(
        'BatchNormalization',
        [x!, s!, b!, ...rest],
        { training_mode: 1, momentum: 0.9 },
        { outputs: 3 },
      )[0]!;
    },
  },
  {
    op: 'BatchNormalization',
    variant: 'inference, all five inputs',
    shapes: [[3, 2, 4], [2], [2], [2], [2]],
    range: [0.4, 2],
    build: (g, x) => g.op('BatchNormalization', x, { epsilon: 1e-3 }),
  },
  {
    op: 'LayerNormalization',
    variant: 'last axis',
    shapes: [[2, 3, 5], [5], [5]],
    dtype: 'float32',
    build: (g, x) => g.op('LayerNormalization', x, { axis: -1 }),
  },
  {
    op: 'LayerNormalization',
    variant: 'two axes, no bias',
    shapes: [
      [2, 3, 5],
      [3, 5],
    ],
    dtype: 'float32',
    build: (g, x) => g.op('LayerNormalization', x, { axis: 1 }),
  },
];
