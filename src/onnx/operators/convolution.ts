/** @file Shape rules of convolutions and pooling. Layout N, C, then any number of spatial axes. */
import { ShapeError } from '../../core/errors.ts';
import { type Dim, intAttribute, intsAttribute, type Node, type Shape, stringAttribute } from '../model.ts';
import { type WindowOptions, windowedSize } from '../shape.ts';
import {
  constantInts,
  describeNode,
  type InferContext,
  type InferRule,
  type OperatorTable,
  required,
  type TensorType,
} from './schema.ts';

/** A sliding window's geometry with ONNX's defaults filled in and `auto_pad` resolved against the input's size. */
export function windowOf(node: Node, spatial: Shape, kernel: readonly number[]): WindowOptions {
  const n = kernel.length;
  const strides = intsAttribute(node, 'strides') ?? Array(n).fill(1);
  const dilations = intsAttribute(node, 'dilations') ?? Array(n).fill(1);
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  let pads = intsAttribute(node, 'pads') ?? Array(2 * n).fill(0);
  if (auto === 'VALID') pads = Array(2 * n).fill(0);
  else if (auto.startsWith('SAME')) {
    const begin: number[] = [];
    const end: number[] = [];
    for (let i = 0; i < n; i++) {
      const size = spatial[i];
      if (typeof size !== 'number') {
        throw new ShapeError(`${describeNode(node)}: auto_pad ${auto} needs a known size on axis ${i + 2}.`);
      }
      const span = (kernel[i] - 1) * dilations[i] + 1;
      const total = Math.max(0, (Math.ceil(size / strides[i]) - 1) * strides[i] + span - size);
      const small = Math.floor(total / 2);
      begin.push(auto === 'SAME_UPPER' ? small : total - small);
      end.push(auto === 'SAME_UPPER' ? total - small : small);
    }
    pads = [...begin, ...end];
  }
  return { kernel, strides, dilations, pads, ceil: intAttribute(node, 'ceil_mode', 0) === 1 };
}

/** Sizes after a sliding window: open where the input's or the kernel's is. */
function slide(c: InferContext, spatial: Shape, kernel: Shape): Dim[] {
  // Axes do not touch each other: the open ones get sizes at which every window fits, and their results are dropped.
  const open = spatial.map((size, i) => typeof size !== 'number' || typeof kernel[i] !== 'number');
  const filled = spatial.map((size, i) => (open[i] ? 1 : (size as number)));
  const spans = kernel.map((size, i) => (open[i] ? 1 : (size as number)));
  const o = windowOf(c.node, filled, spans);
  return filled.map((size, i) => (open[i] ? c.unknown() : windowedSize(size, i, o, describeNode(c.node))));
}

/** The kernel's spatial sizes: its own, or where they are open those of the attribute. */
function kernelOf(c: InferContext, w: TensorType): Shape {
  const stated = intsAttribute(c.node, 'kernel_shape');
  return w.shape.slice(2).map((d, i) => (typeof d === 'number' ? d : (stated?.[i] ?? d)));
}

const conv: InferRule = (c) => {
  const x = required(c, 0);
  const w = required(c, 1);
  const group = intAttribute(c.node, 'group', 1);
  const channels = x.shape[1];
  const perGroup = w.shape[1];
  if (x.shape.length < 3 || w.shape.length !== x.shape.length) {
    throw new ShapeError(
      `${describeNode(c.node)}: input [${x.shape.join(', ')}] and kernel [${w.shape.join(', ')}] must have the same rank ≥ 3.`,
    );
  }
  if (typeof channels === 'number' && typeof perGroup === 'number' && channels !== perGroup * group) {
    throw new ShapeError(
      `${describeNode(c.node)}: the input has ${channels} channels, the kernel expects ${perGroup} × ${group} groups.`,
    );
  }
  return [{ dtype: x.dtype, shape: [x.shape[0], w.shape[0], ...slide(c, x.shape.slice(2), kernelOf(c, w))] }];
};

/**
 * The window of a transposed convolution, as that of the convolution it reverses. `pads` and `outputPadding` are
 * resolved from `output_shape` or `auto_pad` where one is given (ONNX: the total goes half to each side, the odd one to
 * the end for SAME_UPPER and to the beginning otherwise).
 */
export function transposedWindowOf(
  node: Node,
  spatial: readonly number[],
  kernel: readonly number[],
): WindowOptions & { readonly outputPadding: readonly number[] } {
  const n = kernel.length;
  const strides = intsAttribute(node, 'strides') ?? Array<number>(n).fill(1);
  const dilations = intsAttribute(node, 'dilations') ?? Array<number>(n).fill(1);
  let outputPadding = intsAttribute(node, 'output_padding') ?? Array<number>(n).fill(0);
  const auto = stringAttribute(node, 'auto_pad', 'NOTSET');
  const explicit = intsAttribute(node, 'output_shape');
  let pads: readonly number[] = intsAttribute(node, 'pads') ?? Array<number>(2 * n).fill(0);
  if (auto === 'VALID') pads = Array<number>(2 * n).fill(0);
  if (explicit !== undefined || auto.startsWith('SAME')) {
    const excess = spatial.map((size, i) => {
      const full = strides[i] * (size - 1) + outputPadding[i] + (kernel[i] - 1) * dilations[i] + 1;
      const wanted = explicit === undefined ? size * strides[i] : explicit[i + explicit.length - n];
      return full - wanted;
    });
    const total = excess.map((e) => Math.max(0, e));
    // What is asked for beyond the natural size is added at the end, where no window reaches.
    outputPadding = outputPadding.map((p, i) => p + Math.max(0, -excess[i]));
    const begin = total.map((t) => (auto === 'SAME_UPPER' ? Math.floor(t / 2) : t - Math.floor(t / 2)));
    pads = [...begin, ...total.map((t, i) => t - begin[i])];
  }
  return { kernel, strides, dilations, pads, outputPadding };
}

const convTranspose: InferRule = (c) => {
  const x = required(c, 0);
  const w = required(c, 1);
  const group = intAttribute(c.node, 'group', 1);
  if (x.shape.length < 3 || w.shape.length !== x.shape.length) {
    throw new ShapeError(
      `${describeNode(c.node)}: input [${x.shape.join(', ')}] and kernel [${w.shape.join(', ')}] must have the same rank ≥ 3.`,
    );
  }
  const [channels, given] = [x.shape[1], w.shape[0]];
  if (typeof channels === 'number' && typeof given === 'number' && channels !== given) {
    throw new ShapeError(
      `${describeNode(c.node)}: the input has ${channels} channels, the kernel expects ${given}.`,
    );
  }
  const numbers = (dims: Shape) => dims.map((d) => (typeof d === 'number' ? d : 1));
  const sizes = x.shape.slice(2);
  const kernel = kernelOf(c, w);
  const o = transposedWindowOf(c.node, numbers(sizes), numbers(kernel));
  const n = sizes.length;
  const spatial = sizes.map((size, i) => {
    const stated = intsAttribute(c.node, 'output_shape')?.at(i - n);
    if (stated !== undefined) return stated;
    if (typeof size !== 'number' || typeof kernel[i] !== 'number') return c.unknown();
    const span = (o.kernel[i] - 1) * o.dilations[i] + 1;
    return o.strides[i] * (size - 1) + o.outputPadding[i] + span - o.pads[i] - o.pads[i + n];
  });
  const out = w.shape[1];
  const filters = typeof out === 'number' ? out * group : group === 1 ? out : c.unknown();
  return [{ dtype: x.dtype, shape: [x.shape[0], filters, ...spatial] }];
};

function pooled(c: InferContext): TensorType {
  const x = required(c, 0);
  const kernel = intsAttribute(c.node, 'kernel_shape');
  if (kernel === undefined) throw new ShapeError(`${describeNode(c.node)}: kernel_shape is missing.`);
  return { dtype: x.dtype, shape: [x.shape[0], x.shape[1], ...slide(c, x.shape.slice(2), kernel)] };
}

const maxPool: InferRule = (c) => {
  const out = pooled(c);
  return [out, { dtype: 'int64', shape: out.shape }];
};

/** Of the shape that input 2 says; without it, of that which the window would have come from. */
const maxUnpool: InferRule = (c) => {
  const x = required(c, 0);
  const kernel = intsAttribute(c.node, 'kernel_shape');
  if (kernel === undefined) throw new ShapeError(`${describeNode(c.node)}: kernel_shape is missing.`);
  const given = c.inputs[2] === undefined ? undefined : constantInts(c, 2);
  if (given !== undefined) return [{ dtype: x.dtype, shape: given }];
  const o = windowOf(c.node, x.shape.slice(2), kernel);
  const spatial = x.shape.slice(2).map((size, i) => {
    if (typeof size !== 'number' || c.inputs[2] !== undefined) return c.unknown();
    return (size - 1) * o.strides[i] + kernel[i] - o.pads[i] - o.pads[i + kernel.length];
  });
  return [{ dtype: x.dtype, shape: [x.shape[0], x.shape[1], ...spatial] }];
};

/** Values of the input [N, C, …] at the points of a grid [N, …out, coordinates]. */
const gridSample: InferRule = (c) => {
  const x = required(c, 0);
  return [{ dtype: x.dtype, shape: [x.shape[0], x.shape[1], ...required(c, 1).shape.slice(1, -1)] }];
};

const globalPool: InferRule = (c) => {
  const x = required(c, 0);
  return [{ dtype: x.dtype, shape: x.shape.map((d, i) => (i < 2 ? d : 1)) }];
};

export const convolution: OperatorTable = {
  Conv: conv,
  FusedConv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  MaxUnpool: maxUnpool,
  AveragePool: (c) => [pooled(c)],
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  GlobalLpPool: globalPool,
  LpPool: (c) => [pooled(c)],
  GridSample: gridSample,
};
