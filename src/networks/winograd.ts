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

/**
 * Appends a 3×3 convolution of stride 1 that keeps the size (a border of zeros), equal to Conv up to rounding.
 * @param x [N, C, H, W]; only N may be open
 * @param kernel [O, C, 3, 3]
 * @param bias [O]
 * @returns [N, O, H, W]
 */
export function winogradConvolution(g: GraphBuilder, x: Value, kernel: Value, bias: Value): Value {
  const [batch, channels, height, width] = x.shape as [number | string, number, number, number];
  const filters = kernel.shape[0] as number;
  const rows = Math.ceil(height / 4);
  const columns = Math.ceil(width / 4);
  const tiles = rows * columns;
  const all = typeof batch === 'number' ? batch : -1;

  const flat = g.op('Reshape', [kernel, g.ints([filters, channels, 9])]);
  const kernels = g.op('MatMul', [flat, matrix(g, transposed(squared(kernelTransform)))]);
  const left = g.op('Transpose', [kernels], { perm: [2, 0, 1] });

  const padded = g.op('Pad', [x, g.ints([0, 0, 1, 1, 0, 0, 4 * rows + 1 - height, 4 * columns + 1 - width])]);
  // The transform of each channel's tiles is a convolution of one channel with 36 fixed kernels.
  const size = [4 * rows + 2, 4 * columns + 2];
  const single = g.op('Reshape', [padded, g.ints([all < 0 ? -1 : all * channels, 1, ...size])]);
  const fixed = g.constant(float32([36, 1, 6, 6], squared(inputTransform).flat()), 'winograd');
  const transformed = g.op('Conv', [single, fixed], { kernel_shape: [6, 6], strides: [4, 4] });
  const byTile = g.op('Reshape', [transformed, g.ints([all, channels, 36, tiles])]);
  const moved = g.op('Transpose', [byTile], { perm: [2, 1, 0, 3] });
  const right = g.op('Reshape', [moved, g.ints([36, channels, all < 0 ? -1 : all * tiles])]);

  const products = g.op('MatMul', [left, right]);
  // Back, and each tile to its place: a transposed convolution of 36 channels to one.
  const byFilter = g.op('Transpose', [g.op('Reshape', [products, g.ints([36, filters, all, tiles])])], {
    perm: [2, 1, 0, 3],
  });
  const images = g.op('Reshape', [byFilter, g.ints([all < 0 ? -1 : all * filters, 36, rows, columns])]);
  const back = g.constant(float32([36, 1, 4, 4], transposed(squared(outputTransform)).flat()), 'winograd');
  const placed = g.op('ConvTranspose', [images, back], { kernel_shape: [4, 4], strides: [4, 4] });
  const whole = g.op('Reshape', [placed, g.ints([all, filters, 4 * rows, 4 * columns])]);
  const cut =
    4 * rows === height && 4 * columns === width
      ? whole
      : g.op('Slice', [whole, g.ints([0, 0]), g.ints([height, width]), g.ints([2, 3])]);
  return g.op('Add', [cut, g.op('Reshape', [bias, g.ints([1, filters, 1, 1])])]);
}

/** The transform of both axes at once: the Kronecker product of a matrix with itself. */
function squared(m: Matrix): number[][] {
  return m.flatMap((a) => m.map((b) => a.flatMap((p) => b.map((q) => p * q))));
}

function transposed(m: Matrix): number[][] {
  return m[0]!.map((_, j) => m.map((row) => row[j]!));
}

function matrix(g: GraphBuilder, m: Matrix): Value {
  return g.constant(float32([m.length, m[0]!.length], m.flat()), 'winograd');
}
