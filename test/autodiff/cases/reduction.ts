import { integers, kinked, positive, type RuleCase, unary } from './ruleCase.ts';

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

export const reductionCases: readonly RuleCase[] = [
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
  ...reduce('ReduceProd'),
  {
    op: 'ReduceProd',
    variant: 'one and two zeros',
    shapes: [[3, 4]],
    build: (g, [x]) => {
      const mask = Float64Array.of(1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 1, 1);
      const held = g.op('Mul', [x!, g.constant({ dtype: 'float64', dims: [3, 4], data: mask })]);
      return g.op('ReduceProd', [held, g.ints([1])], { keepdims: 0 });
    },
  },
  ...['ReduceSum', 'ReduceMean', 'ReduceMax', 'ReduceL2', 'ReduceProd'].flatMap((op): RuleCase[] => [
    {
      op,
      variant: 'opset 11: axes as an attribute',
      opset: 11,
      shapes: [[2, 3, 4]],
      apart: 0.1,
      ...(op === 'ReduceL2' ? { dtype: 'float32' as const } : {}),
      build: (g, [x]) => g.op(op, [x!], { axes: [0, -1], keepdims: 0 }),
    },
  ]),
  {
    op: 'ReduceSum',
    variant: 'no axes, left as it is',
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('ReduceSum', [x!], { noop_with_empty_axes: 1 }),
  },
  {
    op: 'ReduceMean',
    variant: 'a scalar',
    shapes: [[]],
    build: (g, [x]) => g.op('ReduceMean', [x!]),
  },
  unary('Softmax', { shapes: [[2, 3, 2]] }, { axis: 1 }, 'middle axis'),
  unary('Softmax', { shapes: [[2, 3, 2]], opset: 11 }, { axis: 1 }, 'opset 11: all axes from the first on'),
  unary('Softmax', { shapes: [[2, 3, 2]], opset: 12 }, {}, 'opset 12: default axis'),
  unary('LogSoftmax', { shapes: [[2, 3, 2]], opset: 11 }, { axis: 0 }, 'opset 11: all axes'),
  unary('LogSoftmax', { shapes: [[2, 3, 2]] }, {}, 'default axis'),
  ...[
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ].map(
    ([exclusive, reverse]): RuleCase => ({
      op: 'CumSum',
      variant: `exclusive ${exclusive}, reverse ${reverse}`,
      shapes: [[3, 4]],
      build: (g, [x]) =>
        g.op('CumSum', [x!, integers(g, [], [-1])], { exclusive: exclusive!, reverse: reverse! }),
    }),
  ),
];
