/**
 * @file A 3×3 convolution by Winograd's minimal filtering F(4×4, 3×3) (Lavin and Gray, "Fast Algorithms for
 * Convolutional Neural Networks", 2016), for inference: 36 multiplications give 16 outputs that take 144 directly. The
 * transforms cost little where channels are many. ONNX Runtime computes what depends on the kernel alone once, when the
 * model is loaded.
 */
import { float32 } from '../core/tensor.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';

type Matrix = readonly (readonly number[])[];

/** Of the paper, for the points 0, ±1, ±2, ∞: input tile, kernel, output tile. */
const inputTransform: Matrix = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
const kernelTransform: Matrix = [
  [1 / 4, 0, 0],
  [-1 / 6, -1 / 6, -1 / 6],
  [-1 / 6, 1 / 6, -1 / 6],
  [1 / 24, 1 / 12, 1 / 6],
  [1 / 24, -1 / 12, 1 / 6],
  [0, 0, 1],
];
const outputTransform: Matrix = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];

export interface WinogradOptions {
  /** Whether ReLU follows; default false. */
  readonly relu?: boolean;
  /** Whether 2×2 max pooling of stride 2 (a last odd row or column is dropped) follows; default false. */
  readonly pool?: boolean;
}

/**
 * Appends a 3×3 convolution of stride 1 that keeps the size (a border of zeros), equal to Conv up to rounding, and what
 * usually follows it. Until their last step results lie as planes, one per place in the tile: there a maximum over
 * neighbours is one over planes, without strides.
 * @param x [N, C, H, W]; only N may be open
 * @param kernel [O, C, 3, 3]
 * @param bias [O]
 * @returns [N, O, H, W], or [N, O, ⌊H/2⌋, ⌊W/2⌋] if pooled
 */
export function winogradConvolution(
  g: GraphBuilder,
  x: Value,
  kernel: Value,
  bias: Value,
  { relu = false, pool = false }: WinogradOptions = {},
): Value {
  const [batch, channels, height, width] = x.shape as [number | string, number, number, number];
  const filters = kernel.shape[0] as number;
  const rows = Math.ceil(height / 4);
  const columns = Math.ceil(width / 4);
  const tiles = rows * columns;
  const times = (n: number) => (typeof batch === 'number' ? batch * n : -1);

  const flat = g.op('Reshape', [kernel, g.ints([filters, channels, 9])]);
  const kernels = g.op('MatMul', [flat, matrix(g, transposed(squared(kernelTransform)))]);
  const left = g.op('Transpose', [kernels], { perm: [2, 0, 1] });

  // The transform of each channel's tiles is a convolution of one channel with 36 fixed kernels.
  const single = g.op('Reshape', [x, g.ints([times(channels), 1, height, width])]);
  const fixed = g.constant(float32([36, 1, 6, 6], squared(inputTransform).flat()), 'winograd');
  const transformed = g.op('Conv', [single, fixed], {
    kernel_shape: [6, 6],
    strides: [4, 4],
    pads: [1, 1, 4 * rows + 1 - height, 4 * columns + 1 - width],
  });
  const byTile = g.op('Reshape', [transformed, g.ints([times(1), channels, 36, tiles])]);
  const moved = g.op('Transpose', [byTile], { perm: [2, 1, 0, 3] });
  const right = g.op('Reshape', [moved, g.ints([36, channels, times(tiles)])]);

  const products = g.op('Reshape', [g.op('MatMul', [left, right]), g.ints([36, times(filters * tiles)])]);
  let planes = g.op('MatMul', [matrix(g, squared(outputTransform)), products]);
  const side = pool ? 2 : 4;
  if (pool)
    planes = largerHalf(
      g,
      largerHalf(g, planes, [2, 2, times(4 * filters * tiles)], 1),
      [4, 2, times(filters * tiles)],
      1,
    );
  const shifted = g.op('Add', [
    g.op('Reshape', [planes, g.ints([side * side, filters, times(tiles)])]),
    g.op('Reshape', [bias, g.ints([1, filters, 1])]),
  ]);
  const active = relu ? g.op('Relu', [shifted]) : shifted;

  // Each value to its place in the picture.
  const deep = g.op('Reshape', [active, g.ints([1, side * side * filters, times(rows), columns])]);
  const placed = g.op('Reshape', [
    g.op('DepthToSpace', [deep], { blocksize: side }),
    g.ints([filters, times(1), side * rows, side * columns]),
  ]);
  const size = pool ? [height >> 1, width >> 1] : [height, width];
  const whole = size[0] === side * rows && size[1] === side * columns;
  const cut = whole ? placed : g.op('Slice', [placed, g.ints([0, 0]), g.ints(size), g.ints([2, 3])]);
  return g.op('Transpose', [cut], { perm: [1, 0, 2, 3] });
}

/** The larger of the two halves along an axis of size 2, of x seen in that shape. */
function largerHalf(g: GraphBuilder, x: Value, shape: readonly number[], axis: number): Value {
  const halves = g.ops(
    'Split',
    [g.op('Reshape', [x, g.ints(shape)])],
    { axis, num_outputs: 2 },
    { outputs: 2 },
  );
  return g.op('Max', halves);
}

/** The transform of both axes at once: the Kronecker product of a matrix with itself. */
function squared(m: Matrix): number[][] {
  return m.flatMap((a) => m.map((b) => a.flatMap((p) => b.map((q) => p * q))));
}

function transposed(m: Matrix): number[][] {
  return m[0].map((_, j) => m.map((row) => row[j]));
}

function matrix(g: GraphBuilder, m: Matrix): Value {
  return g.constant(float32([m.length, m[0].length], m.flat()), 'winograd');
}
