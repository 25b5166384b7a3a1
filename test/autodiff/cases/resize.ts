/** @file Rows of the rule table: Resize. */
import type { RuleCase } from './ruleCase.ts';

const resize = (
  variant: string,
  shape: number[],
  to: { scales?: number[]; sizes?: number[]; axes?: number[] },
  attributes: Record<string, number | string | number[]>,
  opset?: number,
): RuleCase => ({
  op: 'Resize',
  variant,
  shapes: [shape],
  dtype: 'float32',
  ...(opset === undefined ? {} : { opset }),
  build: (g, [x]) => {
    const scales =
      to.scales === undefined
        ? null
        : g.constant({ dtype: 'float32', dims: [to.scales.length], data: Float32Array.from(to.scales) });
    const roi = opset === 11 ? g.constant({ dtype: 'float32', dims: [0], data: new Float32Array(0) }) : null;
    const none = opset === 11 && scales === null ? roi : scales;
    const sizes = to.sizes === undefined ? null : g.ints(to.sizes);
    const inputs = sizes === null ? [x!, roi, none] : [x!, roi, none, sizes];
    return g.op('Resize', inputs, { ...attributes, ...(to.axes === undefined ? {} : { axes: to.axes }) });
  },
});

const coordinates = [
  'half_pixel',
  'pytorch_half_pixel',
  'align_corners',
  'asymmetric',
  'half_pixel_symmetric',
];

export const resizeCases: readonly RuleCase[] = [
  resize('nearest, doubled', [2, 2, 3, 4], { scales: [1, 1, 2, 2] }, { mode: 'nearest' }),
  resize(
    'nearest, doubled as PyTorch exports it',
    [2, 2, 3, 4],
    { scales: [1, 1, 2, 2] },
    { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' },
  ),
  resize('nearest, tripled along one axis', [1, 2, 3, 4], { scales: [1, 1, 1, 3] }, { mode: 'nearest' }),
  ...coordinates.flatMap((mode) => [
    resize(
      `linear, grown, ${mode}`,
      [1, 2, 3, 4],
      { sizes: [1, 2, 7, 6] },
      { mode: 'linear', coordinate_transformation_mode: mode },
    ),
    resize(
      `linear, shrunk, ${mode}`,
      [1, 2, 7, 6],
      { scales: [1, 1, 0.6, 0.45] },
      { mode: 'linear', coordinate_transformation_mode: mode },
    ),
    resize(
      `linear, to one element, ${mode}`,
      [1, 2, 4, 5],
      { sizes: [1, 2, 1, 3] },
      { mode: 'linear', coordinate_transformation_mode: mode },
    ),
  ]),
  ...coordinates.flatMap((mode) =>
    ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'].flatMap((rounding) => [
      resize(
        `nearest, grown, ${mode}, ${rounding}`,
        [1, 1, 3, 4],
        { scales: [1, 1, 2.5, 1.5] },
        { mode: 'nearest', coordinate_transformation_mode: mode, nearest_mode: rounding },
      ),
      resize(
        `nearest, shrunk, ${mode}, ${rounding}`,
        [1, 1, 9, 8],
        { sizes: [1, 1, 4, 4] },
        { mode: 'nearest', coordinate_transformation_mode: mode, nearest_mode: rounding },
      ),
    ]),
  ),
  resize('linear, 1-D', [2, 3, 5], { scales: [1, 1, 2] }, { mode: 'linear' }),
  resize('linear, some axes', [1, 2, 4, 5], { sizes: [6, 7], axes: [2, 3] }, { mode: 'linear' }),
  resize(
    'linear, not larger',
    [1, 2, 4, 6],
    { sizes: [7, 8], axes: [2, 3] },
    { mode: 'linear', keep_aspect_ratio_policy: 'not_larger' },
  ),
  resize(
    'nearest, not smaller',
    [1, 2, 4, 6],
    { sizes: [7, 8], axes: [2, 3] },
    { mode: 'nearest', keep_aspect_ratio_policy: 'not_smaller' },
  ),
  resize('cubic, grown', [1, 2, 4, 5], { scales: [1, 1, 2, 1.5] }, { mode: 'cubic' }),
  resize(
    'cubic, shrunk, outside excluded',
    [1, 1, 8, 9],
    { scales: [1, 1, 0.5, 0.7] },
    { mode: 'cubic', exclude_outside: 1, cubic_coeff_a: -0.5 },
  ),
  resize('opset 11, sizes', [1, 2, 3, 4], { sizes: [1, 2, 6, 6] }, { mode: 'linear' }, 11),
  resize(
    'opset 11, scales, half_pixel for nearest',
    [1, 2, 3, 4],
    { scales: [1, 1, 2, 3] },
    { mode: 'nearest', coordinate_transformation_mode: 'tf_half_pixel_for_nn' },
    11,
  ),
  // Large enough for the gradient to scatter in place of multiplying by a matrix.
  resize('linear, long axis', [1, 1, 2100], { scales: [1, 1, 2] }, { mode: 'linear' }),
];
