import type { RuleCase } from './ruleCase.ts';

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

const transposed = (
  variant: string,
  x: number[],
  w: number[],
  attributes: Record<string, number | number[] | string>,
  bias = false,
): RuleCase => ({
  op: 'ConvTranspose',
  variant,
  shapes: bias ? [x, w, [w[1]! * Number(attributes['group'] ?? 1)]] : [x, w],
  dtype: 'float32',
  range: [-1, 1],
  build: (g, v) => g.op('ConvTranspose', v, attributes),
});

export const convolutionCases: readonly RuleCase[] = [
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
  conv('3-D', [1, 2, 4, 3, 4], [3, 2, 2, 2, 2], { pads: [1, 0, 0, 0, 1, 0] }, true),
  conv('auto_pad SAME_LOWER', [1, 2, 6, 5], [2, 2, 2, 3], { auto_pad: 'SAME_LOWER', strides: [2, 2] }),
  conv('auto_pad VALID', [1, 2, 5, 5], [2, 2, 3, 3], { auto_pad: 'VALID' }),
  conv('1-D, dilated, groups', [2, 4, 12], [4, 2, 3], { dilations: [3], group: 2, pads: [3, 3] }),
  transposed('2×2 stride 2, bias', [2, 3, 3, 4], [3, 4, 2, 2], { strides: [2, 2] }, true),
  transposed('3×3 padded', [1, 2, 4, 4], [2, 3, 3, 3], { pads: [1, 1, 1, 1] }),
  transposed('output padding', [1, 2, 4, 3], [2, 3, 3, 3], {
    strides: [2, 2],
    pads: [1, 1, 1, 1],
    output_padding: [1, 1],
  }),
  transposed('dilated', [1, 2, 4, 4], [2, 2, 3, 3], {
    dilations: [2, 2],
    strides: [2, 2],
    pads: [1, 2, 0, 1],
  }),
  transposed('groups', [2, 4, 3, 3], [4, 3, 2, 3], { group: 2, strides: [1, 2] }),
  transposed('depthwise', [2, 3, 4, 4], [3, 1, 4, 4], { group: 3, strides: [2, 2], pads: [1, 1, 1, 1] }),
  transposed('1-D stride 4', [2, 3, 5], [3, 2, 8], { strides: [4], pads: [2, 2] }, true),
  transposed('auto_pad SAME_UPPER', [1, 2, 3, 3], [2, 2, 3, 3], { auto_pad: 'SAME_UPPER', strides: [2, 2] }),
  transposed('auto_pad SAME_LOWER', [1, 2, 3, 3], [2, 2, 4, 3], { auto_pad: 'SAME_LOWER', strides: [1, 2] }),
  transposed('output_shape', [1, 2, 3, 3], [2, 2, 3, 3], { output_shape: [6, 5], strides: [2, 2] }),
];
