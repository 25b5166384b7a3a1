import { integers, type RuleCase } from './ruleCase.ts';

const pool = (
  op: string,
  variant: string,
  x: number[],
  attributes: Record<string, number | number[] | string>,
  apart = op === 'MaxPool' ? 0.05 : 0,
): RuleCase => ({
  op,
  variant,
  shapes: [x],
  dtype: 'float32',
  ...(apart > 0 ? { apart } : {}),
  build: (g, [v]) => g.op(op, [v!], attributes),
});

export const poolingCases: readonly RuleCase[] = [
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
  pool('MaxPool', '3-D', [1, 2, 4, 4, 3], { kernel_shape: [2, 2, 2], strides: [2, 2, 1] }),
  pool('MaxPool', 'dilated', [1, 2, 7, 6], { kernel_shape: [2, 3], dilations: [2, 2], strides: [1, 1] }),
  pool('MaxPool', 'auto_pad SAME_UPPER', [1, 2, 5, 6], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    auto_pad: 'SAME_UPPER',
  }),
  pool('MaxPool', 'auto_pad SAME_LOWER', [1, 2, 5, 6], {
    kernel_shape: [2, 2],
    strides: [2, 2],
    auto_pad: 'SAME_LOWER',
  }),
  pool('MaxPool', 'ceil mode', [1, 1, 6, 7], { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1 }),
  {
    ...pool('MaxPool', 'own indices', [2, 2, 4, 5], {}),
    build: (g, [x]) => g.ops('MaxPool', [x!], { kernel_shape: [2, 2] }, { outputs: 2 })[0],
  },
  {
    ...pool('MaxPool', 'own indices, columns first', [2, 2, 4, 5], {}),
    build: (g, [x]) => g.ops('MaxPool', [x!], { kernel_shape: [2, 2], storage_order: 1 }, { outputs: 2 })[0],
  },
  {
    ...pool('MaxPool', 'opset 11, windows apart', [2, 2, 4, 5], { kernel_shape: [2, 2], strides: [2, 2] }),
    opset: 11,
  },
  pool('AveragePool', '1-D', [2, 2, 7], { kernel_shape: [3], strides: [2] }),
  pool('AveragePool', '3-D', [1, 2, 4, 3, 4], { kernel_shape: [2, 2, 2], strides: [2, 1, 2] }),
  pool('AveragePool', 'dilated', [1, 2, 7, 6], { kernel_shape: [2, 2], dilations: [2, 3] }),
  pool('AveragePool', 'auto_pad SAME_UPPER', [1, 2, 5, 6], {
    kernel_shape: [3, 2],
    strides: [2, 2],
    auto_pad: 'SAME_UPPER',
  }),
  pool('AveragePool', 'auto_pad SAME_LOWER', [1, 2, 5, 6], {
    kernel_shape: [3, 2],
    strides: [2, 1],
    auto_pad: 'SAME_LOWER',
  }),
  pool('AveragePool', 'ceil mode, padding counts', [1, 1, 6, 6], {
    kernel_shape: [3, 3],
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    ceil_mode: 1,
    count_include_pad: 1,
  }),
  pool('GlobalAveragePool', '1-D', [2, 3, 5], {}),
  { ...pool('GlobalMaxPool', '1-D', [2, 2, 5], {}), apart: 0.05 },
  ...[1, 2, 3].flatMap((p) => [
    pool('LpPool', `p ${p}`, [1, 2, 4, 6], { kernel_shape: [2, 2], strides: [2, 2], p }, 0.05),
    pool(
      'LpPool',
      `p ${p}, 3×2, padded, overlapping`,
      [1, 2, 5, 6],
      {
        kernel_shape: [3, 2],
        strides: [2, 1],
        pads: [1, 0, 1, 1],
        p,
      },
      0.05,
    ),
    pool('GlobalLpPool', `p ${p}`, [2, 3, 3, 2], { p }, 0.05),
  ]),
  pool(
    'LpPool',
    '1-D, dilated, ceil',
    [1, 2, 9],
    { kernel_shape: [2], strides: [3], dilations: [2], ceil_mode: 1 },
    0.05,
  ),
  ...[false, true].map(
    (sized): RuleCase => ({
      op: 'MaxUnpool',
      variant: sized ? 'with an output shape' : 'undoing 2×2',
      shapes: [[1, 2, 2, 2]],
      dtype: 'float32',
      build: (g, [x]) => {
        const places = integers(g, [1, 2, 2, 2], [5, 2, 8, 14, 17, 22, 25, 27]);
        return g.op('MaxUnpool', sized ? [x!, places, g.ints([1, 2, 4, 5])] : [x!, places], {
          kernel_shape: [2, 2],
          strides: [2, 2],
        });
      },
    }),
  ),
];
