import { integers, type RuleCase } from './ruleCase.ts';

export const movementCases: readonly RuleCase[] = [
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
    build: (g, [x]) => g.ops('Split', [x!, g.ints([2, 3])], { axis: 0 }, { outputs: 2 })[1],
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
    op: 'Reshape',
    variant: 'zero keeps an axis',
    shapes: [[2, 6]],
    build: (g, [x]) => g.op('Reshape', [x!, g.ints([0, 2, -1])]),
  },
  {
    op: 'Squeeze',
    variant: 'all axes of size one',
    shapes: [[2, 1, 3, 1]],
    build: (g, [x]) => g.op('Squeeze', [x!]),
  },
  {
    op: 'Squeeze',
    variant: 'opset 11: axes as an attribute',
    opset: 11,
    shapes: [[2, 1, 3, 1]],
    build: (g, [x]) => g.op('Squeeze', [x!], { axes: [1] }),
  },
  {
    op: 'Unsqueeze',
    variant: 'opset 11: axes as an attribute',
    opset: 11,
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('Unsqueeze', [x!], { axes: [0, -1] }),
  },
  {
    op: 'Flatten',
    variant: 'axis 0',
    shapes: [[2, 3, 2]],
    build: (g, [x]) => g.op('Flatten', [x!], { axis: 0 }),
  },
  {
    op: 'Flatten',
    variant: 'negative axis',
    shapes: [[2, 3, 2]],
    build: (g, [x]) => g.op('Flatten', [x!], { axis: -1 }),
  },
  {
    op: 'Concat',
    variant: 'negative axis, one operand twice',
    shapes: [
      [2, 3],
      [2, 2],
    ],
    build: (g, [x, y]) => g.op('Concat', [x!, y!, x!], { axis: -1 }),
  },
  {
    op: 'Split',
    variant: 'equal parts by num_outputs',
    shapes: [[2, 6]],
    build: (g, [x]) => g.ops('Split', [x!], { axis: 1, num_outputs: 3 }, { outputs: 3 }),
  },
  {
    op: 'Split',
    variant: 'last part smaller',
    shapes: [[2, 7]],
    build: (g, [x]) => g.ops('Split', [x!], { axis: -1, num_outputs: 3 }, { outputs: 3 }).slice(1),
  },
  {
    op: 'Split',
    variant: 'opset 11: parts as an attribute',
    opset: 11,
    shapes: [[5, 2]],
    build: (g, [x]) => g.ops('Split', [x!], { axis: 0, split: [2, 3] }, { outputs: 2 }),
  },
  {
    op: 'Slice',
    variant: 'no axes given, end beyond the size',
    shapes: [[5, 4]],
    build: (g, [x]) => g.op('Slice', [x!, g.ints([1, 0]), g.ints([2 ** 31, 3])]),
  },
  ...(
    [
      ['reflect', [1, 2, 3, 1]],
      ['edge', [1, 2, 4, 1]],
      ['wrap', [1, 2, 3, 1]],
    ] as const
  ).flatMap(([mode, pads]): RuleCase[] => [
    {
      op: 'Pad',
      variant: mode,
      shapes: [[4, 5]],
      build: (g, [x]) => g.op('Pad', [x!, g.ints(pads)], { mode }),
    },
    {
      op: 'Pad',
      variant: `${mode}, one axis of three`,
      shapes: [[2, 4, 3]],
      build: (g, [x]) => g.op('Pad', [x!, g.ints([2, 0]), null, g.ints([-2])], { mode }),
    },
  ]),
  {
    op: 'Pad',
    variant: 'reflect to the limit',
    shapes: [[2, 4]],
    build: (g, [x]) => g.op('Pad', [x!, g.ints([0, 3, 0, 3])], { mode: 'reflect' }),
  },
  {
    op: 'Pad',
    variant: 'opset 11, reflect',
    opset: 11,
    shapes: [[2, 4]],
    build: (g, [x]) => g.op('Pad', [x!, g.ints([1, 2, 0, 1])], { mode: 'reflect' }),
  },
  {
    op: 'Pad',
    variant: 'opset 11, edge',
    opset: 11,
    shapes: [[2, 4]],
    build: (g, [x]) => g.op('Pad', [x!, g.ints([1, 2, 0, 1])], { mode: 'edge' }),
  },
  {
    op: 'Expand',
    variant: 'target smaller than the input',
    shapes: [[3, 2]],
    build: (g, [x]) => g.op('Expand', [x!, g.ints([1])]),
  },
  {
    op: 'Expand',
    variant: 'a scalar',
    shapes: [[]],
    build: (g, [x]) => g.op('Expand', [x!, g.ints([2, 3])]),
  },
  ...[0, 1].map(
    (upper): RuleCase => ({
      op: 'Trilu',
      variant: upper ? 'upper' : 'lower, shifted',
      shapes: [[2, 3, 4]],
      build: (g, [x]) => g.op('Trilu', upper ? [x!] : [x!, integers(g, [], [-1])], { upper }),
    }),
  ),
  ...['DCR', 'CRD'].map(
    (mode): RuleCase => ({
      op: 'DepthToSpace',
      variant: mode,
      shapes: [[2, 8, 2, 3]],
      build: (g, [x]) => g.op('DepthToSpace', [x!], { blocksize: 2, mode }),
    }),
  ),
  {
    op: 'SpaceToDepth',
    variant: 'blocks of 2',
    shapes: [[2, 3, 4, 6]],
    build: (g, [x]) => g.op('SpaceToDepth', [x!], { blocksize: 2 }),
  },
  {
    op: 'Pad',
    variant: 'value that is learnt, one pad negative',
    shapes: [[3, 4], []],
    build: (g, [x, value]) => g.op('Pad', [x!, g.ints([1, -1, 0, 2]), value!]),
  },
  {
    op: 'Slice',
    variant: 'every other row and column, odd sizes, from one',
    shapes: [[2, 7, 5]],
    build: (g, [x]) =>
      g.op('Slice', [x!, g.ints([1, 1]), g.ints([100, 100]), g.ints([-2, -1]), g.ints([2, 2])]),
  },
  {
    op: 'Slice',
    variant: 'backwards on one axis, steps on another',
    shapes: [[6, 7]],
    build: (g, [x]) =>
      g.op('Slice', [x!, g.ints([4, 2]), g.ints([-100, 7]), g.ints([0, 1]), g.ints([-3, 3])]),
  },
  {
    op: 'Slice',
    variant: 'a step that takes one element',
    shapes: [[6, 3]],
    build: (g, [x]) => g.op('Slice', [x!, g.ints([4]), g.ints([6]), g.ints([0]), g.ints([5])]),
  },
  {
    op: 'Slice',
    variant: 'nothing',
    shapes: [[4, 3]],
    build: (g, [x]) =>
      g.op('Concat', [g.op('Slice', [x!, g.ints([3]), g.ints([2]), g.ints([0])]), x!], { axis: 0 }),
  },
];
