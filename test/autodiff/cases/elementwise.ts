import { integers, kinked, positive, type RuleCase, unary } from './ruleCase.ts';

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

export const elementwiseCases: readonly RuleCase[] = [
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
  unary('Erf', { dtype: 'float32' }),
  { op: 'Sum', variant: 'three operands', shapes: [[3, 4], [4], []], build: (g, x) => g.op('Sum', x) },
  { op: 'Sum', variant: 'one operand', shapes: [[3, 4]], build: (g, x) => g.op('Sum', x) },
  {
    op: 'Max',
    variant: 'three operands',
    shapes: [[3, 4], [4], [3, 1]],
    apart: 0.1,
    build: (g, x) => g.op('Max', x),
  },
  {
    op: 'Mean',
    variant: 'three operands, broadcast',
    shapes: [[3, 4], [4], []],
    dtype: 'float32',
    build: (g, x) => g.op('Mean', x),
  },
  {
    op: 'Clip',
    variant: 'upper bound only',
    shapes: [[4, 5]],
    apart: 0.1,
    build: (g, [x]) => g.op('Clip', [x!, null, g.scalar(0, 'float64')]),
  },
  { op: 'Clip', variant: 'no bounds', shapes: [[4, 5]], build: (g, [x]) => g.op('Clip', [x!]) },
  {
    op: 'Pow',
    variant: 'whole exponent of negative numbers',
    shapes: [[3, 4]],
    build: (g, [x]) => g.op('Pow', [x!, g.scalar(3, 'float64')]),
  },
  {
    op: 'Pow',
    variant: 'integer exponent',
    shapes: [[3, 4]],
    build: (g, [x]) => g.op('Pow', [x!, integers(g, [4], [0, 1, 2, 3])]),
  },
  {
    op: 'Mod',
    variant: 'fmod',
    shapes: [[3, 4], [4]],
    range: [1.05, 1.9],
    build: (g, [x, y]) => g.op('Mod', [g.op('Mul', [x!, g.scalar(-3, 'float64')]), y!], { fmod: 1 }),
  },
  ...[true, false].map(
    (training): RuleCase => ({
      op: 'Dropout',
      variant: training ? 'training, seeded' : 'training mode off, mask used',
      shapes: [[6, 8]],
      build: (g, [x]) => {
        const mode = g.constant({ dtype: 'bool', dims: [], data: Uint8Array.of(training ? 1 : 0) });
        return g.ops('Dropout', [x!, g.scalar(0.3, 'float64'), mode], { seed: 7 }, { outputs: 2 })[0];
      },
    }),
  ),
  {
    op: 'Dropout',
    variant: 'training mode decided when run',
    shapes: [[6, 8]],
    build: (g, [x]) => {
      const sum = g.op('ReduceSum', [x!], { keepdims: 0 });
      const mode = g.op('Less', [sum, g.scalar(1e6, 'float64')]);
      const inputs = [x!, g.scalar(0.3, 'float64'), mode];
      const [y, mask] = g.ops('Dropout', inputs, { seed: 8 }, { outputs: 2 });
      // Used, because ONNX Runtime 1.30 cannot load a Dropout with an open mode and a mask that nothing reads.
      return [y!, g.op('Cast', [mask!], { to: 11 })];
    },
  },
  {
    op: 'Dropout',
    variant: 'opset 11: attribute ratio, never in training',
    opset: 11,
    shapes: [[3, 4]],
    build: (g, [x]) => g.ops('Dropout', [x!], { ratio: 0.4 }, { outputs: 2 })[0],
  },
  unary('Tan', { range: [-1, 1], dtype: 'float32' }),
  unary('Asin', { range: [-0.7, 0.7], dtype: 'float32' }),
  unary('Acos', { range: [-0.7, 0.7], dtype: 'float32' }),
  unary('Atan', { dtype: 'float32' }),
  unary('Sinh', { dtype: 'float32' }),
  unary('Cosh', { dtype: 'float32' }),
  unary('Asinh', { dtype: 'float32' }),
  unary('Acosh', { range: [1.5, 3], dtype: 'float32' }),
  unary('Atanh', { range: [-0.7, 0.7], dtype: 'float32' }),
  {
    op: 'CastLike',
    variant: 'to float64 and back',
    shapes: [[3, 4]],
    dtype: 'float32',
    build: (g, [x]) => {
      const wide = g.op('CastLike', [x!, g.scalar(1, 'float64')]);
      return g.op('CastLike', [g.op('Mul', [wide, wide]), g.scalar(1)]);
    },
  },
  {
    op: 'Clip',
    variant: 'bounds that are learnt',
    shapes: [[4, 5]],
    apart: 0.1,
    build: (g, [x]) => {
      const bound = g.op('Slice', [g.op('Reshape', [x!, g.ints([-1])]), g.ints([0]), g.ints([2])]);
      const [one, two] = g
        .ops('Split', [bound, g.ints([1, 1])], {}, { outputs: 2 })
        .map((v) => g.op('Squeeze', [v]));
      const low = g.op('Sub', [g.op('Min', [one!, two!]), g.scalar(0.07, 'float64')]);
      const high = g.op('Add', [g.op('Max', [one!, two!]), g.scalar(0.07, 'float64')]);
      return g.op('Clip', [g.op('Mul', [x!, g.scalar(2, 'float64')]), low, high]);
    },
  },
  ...[0, 1, 2, -1.5].map(
    (exponent): RuleCase => ({
      op: 'Pow',
      variant: `exponent ${exponent}`,
      shapes: [[3, 4]],
      range: [0.4, 2],
      build: (g, [x]) => g.op('Pow', [x!, g.scalar(exponent, 'float64')]),
    }),
  ),
  {
    op: 'Pow',
    variant: 'constant base',
    shapes: [[3, 4]],
    build: (g, [x]) => g.op('Pow', [g.scalar(1.7, 'float64'), x!]),
  },
];
