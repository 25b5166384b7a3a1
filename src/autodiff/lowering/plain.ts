/**
 * @file The parts of gradients of layers with channels, in ONNX's own layout [N, C, …], as the forms that run fastest
 * on ONNX Runtime's CPU kernels (docs/engine.md): a convolution's input gradient is a convolution with the flipped
 * kernel (stride 1) or a ConvTranspose; its weights' gradient is, for each kernel position, one matrix product of the
 * output's gradient with a shifted slice of the input; where the windows are small, one product for all positions; and
 * where the kernel is long, one convolution with the output's gradient as the kernel.
 */
import { sizeOf } from '../../core/tensor.ts';
import {
  type GraphBuilder,
  intAttribute,
  type Node,
  type Value,
  type WindowOptions,
  windowOf,
} from '../../onnx/index.ts';
import { type Algebra, affordable, algebra, dims, type Site } from '../vjp.ts';

/** A convolution's window, channels and sizes. */
export interface Geometry extends WindowOptions {
  readonly group: number;
  readonly batch: number;
  /** Input and output channels in all. */
  readonly channels: number;
  readonly filters: number;
  readonly spatial: readonly number[];
  readonly out: readonly number[];
}

/** The geometry of a convolution node that takes x of one shape with a kernel of another. */
export function geometryOf(
  node: Node,
  x: readonly number[],
  w: readonly number[],
  out: readonly number[],
): Geometry {
  return {
    ...windowOf(node, x.slice(2), w.slice(2)),
    group: intAttribute(node, 'group', 1),
    batch: x[0],
    channels: x[1],
    filters: w[0],
    spatial: x.slice(2),
    out,
  };
}

/** Sum over the batch and all spatial axes; spatial first, which reads memory in order. */
export function channelSum(a: Algebra, value: Value): Value {
  const spatial = value.shape.map((_, i) => i).slice(2);
  return a.reduceSum(spatial.length === 0 ? value : a.reduceSum(value, spatial), [0]);
}

/** Sum of the products of two values over the batch and all spatial axes, [C]. */
export function channelDot(a: Algebra, left: Value, right: Value): Value {
  return channelSum(a, a.mul(left, right));
}

/**
 * scale_c · x + shift_c (+ added): one pass over memory as batch normalisation with mean 0 and variance 0 + ε = 1.
 *
 * The zeros are computed, not constants: BatchNormalization in training overwrites its running inputs, and ONNX Runtime
 * merges equal constants beforehand, so that a constant here could be the running mean of the forward pass.
 */
export function channelAffine(
  g: GraphBuilder,
  x: Value,
  scale: Value,
  shift: Value | null,
  added: Value | null,
): Value {
  const a = algebra(g, x);
  const zeros = a.mul(scale, a.scalar(0));
  const result = a.op('BatchNormalization', [x, scale, shift ?? zeros, zeros, zeros], { epsilon: 1 });
  return added === null ? result : a.add(result, added);
}

/** Gradient of a convolution's input. @param w the kernel; @param dy gradient of what came out */
export function inputGradient(c: Site, q: Geometry, w: Value, dy: Value): Value {
  const a = algebra(c.g, dy);
  const n = q.kernel.length;
  const reach = q.kernel.map((k, i) => (k - 1) * q.dilations[i]);
  const pads = [...reach.map((r, i) => r - q.pads[i]), ...reach.map((r, i) => r - q.pads[i + n])];
  if (q.strides.every((s) => s === 1) && pads.every((p) => p >= 0)) {
    return a.op('Conv', [dy, mirrored(c, a, q, w)], {
      kernel_shape: q.kernel,
      dilations: q.dilations,
      pads,
      group: q.group,
    });
  }
  // What the strides left over at the end gets no gradient: output_padding adds those zeros.
  const left = q.spatial.map(
    (size, i) => size - ((q.out[i] - 1) * q.strides[i] + reach[i] + 1 - q.pads[i] - q.pads[i + n]),
  );
  return a.op('ConvTranspose', [dy, w], {
    kernel_shape: q.kernel,
    strides: q.strides,
    dilations: q.dilations,
    pads: q.pads,
    output_padding: left,
    group: q.group,
  });
}

/** The kernel turned around in space and with input and output channels exchanged within each group. */
function mirrored(c: Site, a: Algebra, q: Geometry, w: Value): Value {
  const n = q.kernel.length;
  const perGroup = { filters: q.filters / q.group, channels: q.channels / q.group };
  let swapped: Value;
  if (q.group === 1) swapped = a.transpose(w, [1, 0, ...q.kernel.map((_, i) => i + 2)]);
  else {
    const split = a.reshape(w, [q.group, perGroup.filters, perGroup.channels, ...q.kernel]);
    const exchanged = a.transpose(split, [0, 2, 1, ...q.kernel.map((_, i) => i + 3)]);
    swapped = a.reshape(exchanged, [q.channels, perGroup.filters, ...q.kernel]);
  }
  const turned = q.kernel.flatMap((k, i) => (k > 1 ? [i + 2] : []));
  if (turned.length === 0 || n === 0) return swapped;
  const g = c.g;
  const last = turned.map(() => -1);
  // From the last element down past the first: the smallest int64-safe bound stands for "to the beginning".
  const beginning = turned.map(() => -(2 ** 31));
  return g.op('Slice', [swapped, g.ints(last), g.ints(beginning), g.ints(turned), g.ints(last)]);
}

/** All positions of the kernel, last axis fastest. */
function kernelPositions(kernel: readonly number[]): number[][] {
  let positions: number[][] = [[]];
  for (const k of kernel)
    positions = positions.flatMap((p) => Array.from({ length: k }, (_, i) => [...p, i]));
  return positions;
}

/**
 * Above this many kernel positions the gradient is one convolution. The matrix products take some seven nodes for each
 * position, and the time to load a graph grows faster than its number of nodes. Below it the products run faster.
 */
const manyPositions = 32;

/** Gradient of a kernel. @param x what the kernel slid over; @param dy gradient of what came out */
export function weightGradient(c: Site, q: Geometry, x: Value, dy: Value): Value {
  const { g } = c;
  const a = algebra(g, x);
  const n = q.kernel.length;
  const area = sizeOf(q.kernel);
  const points = sizeOf(q.out);
  const perGroup = { filters: q.filters / q.group, channels: q.channels / q.group };
  const depthwise = perGroup.channels === 1 && q.group > 1;
  const thin = !depthwise && q.group === 1 && area > 1 && q.channels * area <= 256;
  // Per-image products summed over the batch, or images laid side by side in one product: whichever moves less.
  const sideBySide =
    q.group === 1 && !thin && q.filters * q.channels > (q.channels + q.filters) * points && q.batch > 1;

  if (thin && x.dtype === 'float32' && q.channels * area <= 64) {
    const products = timesTransposed(
      a,
      a.reshape(dy, [q.batch, q.filters, points]),
      a.reshape(windows(g, q, x), [q.batch, q.channels * area, points]),
    );
    return a.reshape(a.reduceSum(products, [0]), [q.filters, q.channels, ...q.kernel]);
  }
  if (area > manyPositions && x.dtype === 'float32') return correlation(g, q, x, dy);
  const padded = q.pads.some((p) => p > 0)
    ? g.op('Pad', [x, g.ints([0, 0, ...q.pads.slice(0, n), 0, 0, ...q.pads.slice(n)]), a.scalar(0)])
    : x;
  const exchange = [1, 0, ...q.kernel.map((_, i) => i + 2)];
  const source = sideBySide ? a.transpose(padded, exchange) : padded;
  const axes = q.kernel.map((_, i) => i + 2);

  // Only float64, for which there is no convolution, can have many positions here; each makes several nodes.
  affordable(c, 2 ** 8 * area);
  const columns = kernelPositions(q.kernel).map((position) => {
    const start = position.map((p, i) => p * q.dilations[i]);
    const end = start.map((s, i) => s + (q.out[i] - 1) * q.strides[i] + 1);
    const whole = start.every((s, i) => s === 0 && end[i] === dims(c, source)[i + 2] && q.strides[i] === 1);
    return whole
      ? source
      : g.op('Slice', [source, g.ints(start), g.ints(end), g.ints(axes), g.ints(q.strides)]);
  });

  if (sideBySide) {
    const rows = a.reshape(a.transpose(dy, exchange), [q.filters, q.batch * points]);
    const products = columns.map((column) =>
      timesTransposed(a, rows, a.reshape(column, [q.channels, q.batch * points])),
    );
    return assemble(a, products, [q.filters, q.channels], q.kernel);
  }
  const grouped = (v: Value, channels: number) =>
    a.reshape(
      v,
      q.group === 1 ? [q.batch, channels, points] : [q.batch, q.group, channels / q.group, points],
    );
  const rows = grouped(dy, q.filters);
  if (thin) {
    const all = a.op(
      'Concat',
      columns.map((column) => grouped(column, q.channels)),
      { axis: 1 },
    );
    const products = a.reduceSum(timesTransposed(a, rows, all), [0]);
    const split = a.reshape(products, [q.filters, area, q.channels]);
    return a.reshape(a.transpose(split, [0, 2, 1]), [q.filters, q.channels, ...q.kernel]);
  }
  const products = columns.map((column) => {
    const part = grouped(column, q.channels);
    // One channel a group: a product of vectors, which is an elementwise product and a sum.
    if (depthwise) return a.reduceSum(a.reduceSum(a.mul(rows, part), [3]), [0]);
    const matrix = a.reduceSum(timesTransposed(a, rows, part), [0]);
    return a.reshape(matrix, [q.filters, perGroup.channels]);
  });
  return assemble(
    a,
    products.map((p) => a.reshape(p, [q.filters, perGroup.channels])),
    [q.filters, perGroup.channels],
    q.kernel,
  );
}

/**
 * Gradient of a kernel as one convolution: the output's gradient slides over the input, the batch takes the place of
 * the channels, and strides and dilations change places.
 */
function correlation(g: GraphBuilder, q: Geometry, x: Value, dy: Value): Value {
  const a = algebra(g, x);
  const rest = (from: number) => q.kernel.map((_, i) => i + from);
  const perGroup = q.channels / q.group;
  const exchanged = a.transpose(dy, [1, 0, ...rest(2)]);
  const split = a.reshape(x, [q.batch, q.group, perGroup, ...q.spatial]);
  const pictures = a.reshape(a.transpose(split, [2, 1, 0, ...rest(3)]), [
    perGroup,
    q.group * q.batch,
    ...q.spatial,
  ]);
  const all = a.op('Conv', [pictures, exchanged], {
    kernel_shape: q.out,
    strides: q.dilations,
    dilations: q.strides,
    pads: q.pads,
    group: q.group,
  });
  const gradient = a.transpose(all, [1, 0, ...rest(2)]);
  // Input that the strides left over at the end lets the output's gradient slide on beyond the kernel.
  const longer = q.kernel.flatMap((k, i) => (gradient.shape[i + 2] === k ? [] : [i]));
  if (longer.length === 0) return gradient;
  return a.op('Slice', [
    gradient,
    g.ints(longer.map(() => 0)),
    g.ints(longer.map((i) => q.kernel[i])),
    g.ints(longer.map((i) => i + 2)),
  ]);
}

/** What the kernel sees at every place, [N, channels · area, …out]: one convolution that picks each element in turn. */
function windows(g: GraphBuilder, q: Geometry, x: Value): Value {
  const rows = q.channels * sizeOf(q.kernel);
  const picks = new Float32Array(rows * rows);
  for (let i = 0; i < rows; i++) picks[i * rows + i] = 1;
  const kernel = g.constant({ dtype: 'float32', dims: [rows, q.channels, ...q.kernel], data: picks });
  const { strides, dilations, pads } = q;
  return g.op('Conv', [x, kernel], { kernel_shape: q.kernel, strides, dilations, pads });
}

/** Joins one [filters, channels] matrix per kernel position to [filters, channels, …kernel]. */
function assemble(
  a: Algebra,
  products: readonly Value[],
  matrix: readonly number[],
  kernel: readonly number[],
): Value {
  if (products.length === 1) return a.reshape(products[0], [...matrix, ...kernel]);
  const stacked = a.op(
    'Concat',
    products.map((p) => a.reshape(p, [1, sizeOf(matrix)])),
    { axis: 0 },
  );
  return a.reshape(a.transpose(stacked, [1, 0]), [...matrix, ...kernel]);
}

/** A · Bᵀ over the last two axes, without copying B (float64, which only tests use, has no fused kernel). */
function timesTransposed(a: Algebra, left: Value, right: Value): Value {
  if (left.dtype === 'float64') {
    const perm = right.shape.map((_, i) => i);
    perm.push(...perm.splice(-2).reverse());
    return a.op('MatMul', [left, a.transpose(right, perm)]);
  }
  return a.op('FusedMatMul', [left, right], { transB: 1 }, { domain: 'com.microsoft' });
}
