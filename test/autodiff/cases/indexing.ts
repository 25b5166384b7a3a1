import { integers, type RuleCase } from './ruleCase.ts';

export const indexingCases: readonly RuleCase[] = [
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
    op: 'Gather',
    variant: 'a single index drops the axis',
    shapes: [[2, 4, 3]],
    build: (g, [x]) => g.op('Gather', [x!, integers(g, [], [2])], { axis: 1 }),
  },
  {
    op: 'GatherElements',
    variant: 'negative axis, negative index',
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('GatherElements', [x!, integers(g, [2, 2], [-1, 0, -1, 1])], { axis: -1 }),
  },
  {
    op: 'GatherND',
    variant: 'elements',
    shapes: [[2, 3]],
    build: (g, [x]) => g.op('GatherND', [x!, integers(g, [3, 2], [0, 1, 1, -1, 0, 1])]),
  },
  {
    op: 'GatherND',
    variant: 'slices, repeated',
    shapes: [[3, 2, 2]],
    build: (g, [x]) => g.op('GatherND', [x!, integers(g, [2, 2, 1], [2, 0, 2, 1])]),
  },
  {
    op: 'GatherND',
    variant: 'one batch axis',
    shapes: [[2, 3, 4]],
    build: (g, [x]) => g.op('GatherND', [x!, integers(g, [2, 2, 1], [2, 0, 1, 1])], { batch_dims: 1 }),
  },
  {
    op: 'GatherND',
    variant: 'two batch axes',
    shapes: [[2, 3, 4, 2]],
    build: (g, [x]) => g.op('GatherND', [x!, integers(g, [2, 3, 1], [2, 0, 1, 1, 3, 3])], { batch_dims: 2 }),
  },
  ...['none', 'add', 'max', 'min'].flatMap((reduction): RuleCase[] => [
    {
      op: 'ScatterElements',
      variant: `axis 1, ${reduction}`,
      shapes: [
        [2, 4],
        [2, 3],
      ],
      apart: 0.1,
      build: (g, [x, u]) =>
        g.op(
          'ScatterElements',
          [x!, integers(g, [2, 3], reduction === 'none' ? [3, 0, 1, -1, 2, 0] : [3, 0, 3, -1, 3, 0]), u!],
          { axis: 1, reduction },
        ),
    },
    {
      op: 'ScatterND',
      variant: `rows, ${reduction}`,
      shapes: [
        [4, 3],
        [2, 3],
      ],
      apart: 0.1,
      build: (g, [x, u]) =>
        g.op('ScatterND', [x!, integers(g, [2, 1], reduction === 'none' ? [2, 0] : [2, 2]), u!], {
          reduction,
        }),
    },
  ]),
  {
    op: 'ScatterND',
    variant: 'elements',
    shapes: [[4, 3], [2]],
    build: (g, [x, u]) => g.op('ScatterND', [x!, integers(g, [2, 2], [2, 1, 0, -1]), u!]),
  },
  {
    op: 'ScatterElements',
    variant: 'opset 11',
    opset: 11,
    shapes: [
      [4, 2],
      [2, 2],
    ],
    build: (g, [x, u]) => g.op('ScatterElements', [x!, integers(g, [2, 2], [3, 0, 1, 2]), u!], { axis: 0 }),
  },
  {
    op: 'TopK',
    variant: 'both outputs',
    shapes: [[3, 5]],
    apart: 0.1,
    build: (g, [x]) => g.ops('TopK', [x!, integers(g, [1], [2])], { axis: 1 }, { outputs: 2 })[0],
  },
  {
    op: 'TopK',
    variant: 'smallest, first axis',
    shapes: [[5, 3]],
    apart: 0.1,
    build: (g, [x]) => g.ops('TopK', [x!, integers(g, [1], [3])], { axis: 0, largest: 0 }, { outputs: 2 })[0],
  },
  {
    op: 'Gather',
    variant: 'one row, from the end',
    shapes: [[2, 4, 3]],
    build: (g, [x]) => g.op('Gather', [x!, integers(g, [1], [-1])], { axis: 1 }),
  },
  {
    op: 'Gather',
    variant: 'opset 11, one row',
    opset: 11,
    shapes: [[2, 4, 3]],
    build: (g, [x]) => g.op('Gather', [x!, integers(g, [], [0])], { axis: 1 }),
  },
  {
    op: 'Gather',
    variant: 'an index computed when run',
    shapes: [[4, 3]],
    build: (g, [x]) => {
      const sum = g.op('ReduceSum', [x!], { keepdims: 0 });
      const index = g.op('Cast', [g.op('Less', [sum, g.scalar(1e6, 'float64')])], { to: 7 });
      return g.op('Gather', [x!, index], { axis: 0 });
    },
  },
  ...[0, 1].map(
    (time): RuleCase => ({
      op: 'ReverseSequence',
      variant: `time axis ${time}`,
      shapes: [[4, 4, 2]],
      dtype: 'float32',
      build: (g, [x]) =>
        g.op('ReverseSequence', [x!, g.ints([2, 4, 1, 3])], { time_axis: time, batch_axis: 1 - time }),
    }),
  ),
];
