/** @file Shape rules of convolutions, pooling and resizing. Layout N, C, then any number of spatial axes. */
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
      const size = spatial[i]!;
      if (typeof size !== 'number') {
        throw new ShapeError(`${describeNode(node)}: auto_pad ${auto} needs a known size on axis ${i + 2}.`);
      }
      const span = (kernel[i]! - 1) * dilations[i]! + 1;
      const total = Math.max(0, (Math.ceil(size / strides[i]!) - 1) * strides[i]! + span - size);
      const small = Math.floor(total / 2);
      begin.push(auto === 'SAME_UPPER' ? small : total - small);
      end.push(auto === 'SAME_UPPER' ? total - small : small);
    }
    pads = [...begin, ...end];
  }
  return { kernel, strides, dilations, pads, ceil: intAttribute(node, 'ceil_mode', 0) === 1 };
}

function slide(c: InferContext, spatial: Shape, kernel: readonly number[]): Dim[] {
  const o = windowOf(c.node, spatial, kernel);
  return spatial.map((size, i) =>
    typeof size === 'number' ? windowedSize(size, i, o, describeNode(c.node)) : c.unknown(),
  );
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
  const kernel = w.shape.slice(2).map((d) => (typeof d === 'number' ? d : 1));
  return [{ dtype: x.dtype, shape: [x.shape[0]!, w.shape[0]!, ...slide(c, x.shape.slice(2), kernel)] }];
};

const convTranspose: InferRule = (c) => {
  const x = required(c, 0);
  const w = required(c, 1);
  const n = x.shape.length - 2;
  const group = intAttribute(c.node, 'group', 1);
  const strides = intsAttribute(c.node, 'strides') ?? Array(n).fill(1);
  const dilations = intsAttribute(c.node, 'dilations') ?? Array(n).fill(1);
  const pads = intsAttribute(c.node, 'pads') ?? Array(2 * n).fill(0);
  const extra = intsAttribute(c.node, 'output_padding') ?? Array(n).fill(0);
  const explicit = intsAttribute(c.node, 'output_shape');
  const spatial = x.shape.slice(2).map((size, i) => {
    if (explicit !== undefined) return explicit[i + explicit.length - n]!;
    const k = w.shape[i + 2];
    if (typeof size !== 'number' || typeof k !== 'number') return c.unknown();
    return strides[i]! * (size - 1) + extra[i]! + (k - 1) * dilations[i]! + 1 - pads[i]! - pads[i + n]!;
  });
  const out = w.shape[1]!;
  return [{ dtype: x.dtype, shape: [x.shape[0]!, typeof out === 'number' ? out * group : out, ...spatial] }];
};

function pooled(c: InferContext): TensorType {
  const x = required(c, 0);
  const kernel = intsAttribute(c.node, 'kernel_shape');
  if (kernel === undefined) throw new ShapeError(`${describeNode(c.node)}: kernel_shape is missing.`);
  return { dtype: x.dtype, shape: [x.shape[0]!, x.shape[1]!, ...slide(c, x.shape.slice(2), kernel)] };
}

const maxPool: InferRule = (c) => {
  const out = pooled(c);
  return [out, { dtype: 'int64', shape: out.shape }];
};

const globalPool: InferRule = (c) => {
  const x = required(c, 0);
  return [{ dtype: x.dtype, shape: x.shape.map((d, i) => (i < 2 ? d : 1)) }];
};

const resize: InferRule = (c) => {
  const x = required(c, 0);
  const sizes = c.inputs[3] === undefined ? undefined : constantInts(c, 3);
  const scaleTensor = c.inputs[2] === undefined ? undefined : c.constant(2);
  const axes = intsAttribute(c.node, 'axes') ?? x.shape.map((_, i) => i);
  const shape: Dim[] = [...x.shape];
  axes.forEach((axis, i) => {
    const d = x.shape[axis]!;
    if (sizes !== undefined) shape[axis] = sizes[i]!;
    else if (scaleTensor !== undefined && scaleTensor.data.length > 0) {
      shape[axis] = typeof d === 'number' ? Math.floor(d * Number(scaleTensor.data[i])) : d;
    } else shape[axis] = c.unknown();
  });
  return [{ dtype: x.dtype, shape }];
};

export const convolution: OperatorTable = {
  Conv: conv,
  ConvTranspose: convTranspose,
  MaxPool: maxPool,
  AveragePool: (c) => [pooled(c)],
  GlobalAveragePool: globalPool,
  GlobalMaxPool: globalPool,
  Resize: resize,
};
