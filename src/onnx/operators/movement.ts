/** @file Shape rules of operators that move, repeat or select elements without computing on them. */
import { GraphError, ShapeError } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import { dtypeFromNumber } from '../dataTypes.ts';
import { type Dim, intAttribute, intsAttribute, tensorAttribute } from '../model.ts';
import { broadcast, isStatic, product, resolveAxis } from '../shape.ts';
import {
  constantInts,
  countOf,
  describeNode,
  type InferContext,
  type InferRule,
  intsFrom,
  OpenInts,
  type OperatorTable,
  required,
  UnknownRankError,
} from './schema.ts';

/** The rank a shape-valued input asks for, when its values are unknown: `unknown` dims of that count. */
function unknownDims(c: InferContext, i: number): Dim[] {
  const n = required(c, i).shape[0];
  if (typeof n !== 'number') {
    throw new UnknownRankError(
      `${describeNode(c.node)}: not even the rank of the result is known before running.`,
    );
  }
  if (n > 64) throw new ShapeError(`${describeNode(c.node)}: a result of ${n} dimensions is asked for.`);
  return Array.from({ length: n }, () => c.unknown());
}

const reshape: InferRule = (c) => {
  const x = required(c, 0);
  const target = constantInts(c, 1);
  if (target === undefined) return [{ dtype: x.dtype, shape: unknownDims(c, 1) }];
  const allowZero = intAttribute(c.node, 'allowzero', 0) === 1;
  const shape: Dim[] = target.map((d, i) => {
    if (d !== 0 || allowZero) return d;
    const kept = x.shape[i];
    if (kept === undefined)
      throw new ShapeError(`${describeNode(c.node)}: dim ${i} is kept but the input has none.`);
    return kept;
  });
  const open = shape.indexOf(-1);
  if (open >= 0) {
    // Dims that appear on both sides cancel, so one named batch dim does not hide the rest.
    const rest = [...x.shape];
    const others = shape.filter((_, i) => i !== open);
    for (const d of [...others]) {
      const at = typeof d === 'string' ? rest.indexOf(d) : -1;
      if (at >= 0) {
        rest.splice(at, 1);
        others.splice(others.indexOf(d), 1);
      }
    }
    const known = product(others, () => '');
    const total = product(rest, c.unknown);
    if (typeof known === 'number' && typeof total === 'number') {
      if (known === 0 || total % known !== 0) {
        throw new ShapeError(
          `${describeNode(c.node)}: [${x.shape.join(', ')}] cannot be reshaped to [${target.join(', ')}].`,
        );
      }
      shape[open] = total / known;
    } else shape[open] = known === 1 ? total : c.unknown();
  } else if (isStatic(x.shape) && isStatic(shape)) {
    const from = sizeOf(x.shape);
    const to = sizeOf(shape as readonly number[]);
    if (from !== to) {
      throw new ShapeError(
        `${describeNode(c.node)}: [${x.shape.join(', ')}] has ${from} elements, [${shape.join(', ')}] has ${to}.`,
      );
    }
  }
  return [{ dtype: x.dtype, shape }];
};

const transpose: InferRule = (c) => {
  const x = required(c, 0);
  const perm = intsAttribute(c.node, 'perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  if (perm.length !== x.shape.length || new Set(perm).size !== perm.length) {
    throw new ShapeError(
      `${describeNode(c.node)}: perm [${perm.join(', ')}] does not permute rank ${x.shape.length}.`,
    );
  }
  return [{ dtype: x.dtype, shape: perm.map((p) => x.shape[p]) }];
};

const squeeze: InferRule = (c) => {
  const x = required(c, 0);
  const listed = intsFrom(c, 1, 'axes');
  if (listed instanceof OpenInts) {
    const rank = Math.max(0, x.shape.length - countOf(c, listed, 'axes'));
    return [{ dtype: x.dtype, shape: Array.from({ length: rank }, () => c.unknown()) }];
  }
  if (listed === undefined && !isStatic(x.shape)) {
    throw new UnknownRankError(
      `${describeNode(c.node)} drops every axis of size 1, but which those are in [${x.shape.join(', ')}] is known only at run time.`,
    );
  }
  const axes = listed?.map((a) => resolveAxis(a, x.shape.length, describeNode(c.node)));
  const drop = new Set(axes ?? x.shape.flatMap((d, i) => (d === 1 ? [i] : [])));
  for (const a of drop) {
    if (typeof x.shape[a] === 'number' && x.shape[a] !== 1) {
      throw new ShapeError(`${describeNode(c.node)}: axis ${a} has size ${x.shape[a]}, not 1.`);
    }
  }
  return [{ dtype: x.dtype, shape: x.shape.filter((_, i) => !drop.has(i)) }];
};

const unsqueeze: InferRule = (c) => {
  const x = required(c, 0);
  const axes = intsFrom(c, 1, 'axes');
  if (axes === undefined) throw new ShapeError(`${describeNode(c.node)}: the axes are missing.`);
  if (axes instanceof OpenInts) {
    const rank = x.shape.length + countOf(c, axes, 'axes');
    return [{ dtype: x.dtype, shape: Array.from({ length: rank }, () => c.unknown()) }];
  }
  const rank = x.shape.length + axes.length;
  const at = new Set(axes.map((a) => resolveAxis(a, rank, describeNode(c.node))));
  const rest = [...x.shape];
  return [{ dtype: x.dtype, shape: Array.from({ length: rank }, (_, i) => (at.has(i) ? 1 : rest.shift()!)) }];
};

const flatten: InferRule = (c) => {
  const x = required(c, 0);
  const axis = intAttribute(c.node, 'axis', 1);
  const cut = axis < 0 ? axis + x.shape.length : axis;
  return [
    {
      dtype: x.dtype,
      shape: [product(x.shape.slice(0, cut), c.unknown), product(x.shape.slice(cut), c.unknown)],
    },
  ];
};

const concat: InferRule = (c) => {
  const first = required(c, 0);
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), first.shape.length, describeNode(c.node));
  let total: Dim = 0;
  let shape: Dim[] = [...first.shape];
  for (let i = 0; i < c.inputs.length; i++) {
    const x = required(c, i);
    if (x.shape.length !== first.shape.length || x.dtype !== first.dtype) {
      throw new ShapeError(`${describeNode(c.node)}: input ${i} differs in rank or type from input 0.`);
    }
    const here: Dim = x.shape[axis];
    total = typeof total === 'number' && typeof here === 'number' ? total + here : c.unknown();
    const others: Dim[] = x.shape.map((d, k) => (k === axis ? 1 : d));
    const before: Dim[] = shape.map((d, k) => (k === axis ? 1 : d));
    for (let k = 0; k < others.length; k++) {
      if (typeof others[k] === 'number' && typeof before[k] === 'number' && others[k] !== before[k]) {
        throw new ShapeError(
          `${describeNode(c.node)}: input ${i} has shape [${x.shape.join(', ')}], which does not fit.`,
        );
      }
    }
    shape = before.map((d, k) => (typeof d === 'string' ? others[k] : d));
  }
  return [{ dtype: first.dtype, shape: shape.map((d, k) => (k === axis ? total : d)) }];
};

const split: InferRule = (c) => {
  const x = required(c, 0);
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), x.shape.length, describeNode(c.node));
  const count = c.node.outputs.length;
  const whole = x.shape[axis];
  const given = intsFrom(c, 1, 'split');
  let sizes: readonly Dim[];
  if (given !== undefined && !(given instanceof OpenInts)) sizes = given;
  else if (given === undefined && typeof whole === 'number') {
    const chunk = Math.ceil(whole / count);
    sizes = Array.from({ length: count }, (_, i) => Math.max(0, Math.min(chunk, whole - i * chunk)));
  } else sizes = Array.from({ length: count }, () => c.unknown());
  return sizes.map((size) => ({ dtype: x.dtype, shape: x.shape.map((d, i) => (i === axis ? size : d)) }));
};

/** Start, end and step of a slice along one axis, clamped as ONNX and NumPy do; the number of elements it takes. */
export function sliceLength(size: number, start: number, end: number, step: number): number {
  const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v < 0 ? v + size : v, low), high);
  const from = step > 0 ? clamp(start, 0, size) : clamp(start, 0, size - 1);
  const to = step > 0 ? clamp(end, 0, size) : end < -size ? -1 : clamp(end, -1, size - 1);
  return Math.max(0, Math.ceil((to - from) / step));
}

const slice: InferRule = (c) => {
  const x = required(c, 0);
  const starts = intsFrom(c, 1, 'starts');
  const ends = intsFrom(c, 2, 'ends');
  const listed = intsFrom(c, 3, 'axes');
  const steps = intsFrom(c, 4, 'steps');
  if (starts === undefined || ends === undefined)
    throw new ShapeError(`${describeNode(c.node)}: starts and ends are missing.`);
  const count = starts instanceof OpenInts ? starts.count : starts.length;
  // Without a list the first axes are sliced, as many as there are starts.
  const axes = listed ?? (count === null ? new OpenInts(null) : Array.from({ length: count }, (_, i) => i));
  if (axes instanceof OpenInts)
    return [{ dtype: x.dtype, shape: x.shape.map((d) => (axes.count === 0 ? d : c.unknown())) }];
  const shape: Dim[] = [...x.shape];
  axes.forEach((a, i) => {
    const axis = resolveAxis(a, x.shape.length, describeNode(c.node));
    const size = x.shape[axis];
    const known =
      !(starts instanceof OpenInts || ends instanceof OpenInts || steps instanceof OpenInts) &&
      typeof size === 'number';
    shape[axis] = known ? sliceLength(size, starts[i], ends[i], steps?.[i] ?? 1) : c.unknown();
  });
  return [{ dtype: x.dtype, shape }];
};

const pad: InferRule = (c) => {
  const x = required(c, 0);
  const pads = intsFrom(c, 1, 'pads');
  if (pads === undefined) throw new ShapeError(`${describeNode(c.node)}: the pads are missing.`);
  const axes = intsFrom(c, 3, 'axes');
  if (axes instanceof OpenInts)
    return [{ dtype: x.dtype, shape: x.shape.map((d) => (axes.count === 0 ? d : c.unknown())) }];
  const touched =
    axes?.map((a) => resolveAxis(a, x.shape.length, describeNode(c.node))) ?? x.shape.map((_, i) => i);
  const shape: Dim[] = [...x.shape];
  touched.forEach((axis, i) => {
    const size = x.shape[axis];
    if (pads instanceof OpenInts) {
      shape[axis] = c.unknown();
      return;
    }
    const added = pads[i] + pads[i + touched.length];
    shape[axis] = typeof size === 'number' ? size + added : added === 0 ? size : c.unknown();
  });
  return [{ dtype: x.dtype, shape }];
};

const expand: InferRule = (c) => {
  const x = required(c, 0);
  const target = constantInts(c, 1);
  if (target !== undefined)
    return [{ dtype: x.dtype, shape: broadcast(x.shape, target, describeNode(c.node), c.unknown) }];
  const asked = unknownDims(c, 1);
  const rank = Math.max(asked.length, x.shape.length);
  // What is asked for may be 1, so that a size above 1 stays, and leading sizes of the operand do anyhow.
  const shape = Array.from({ length: rank }, (_, i) => {
    const own = x.shape[x.shape.length - rank + i];
    const kept = own !== undefined && (i < rank - asked.length || (typeof own === 'number' && own !== 1));
    return kept ? own : c.unknown();
  });
  return [{ dtype: x.dtype, shape }];
};

const tile: InferRule = (c) => {
  const x = required(c, 0);
  const repeats = constantInts(c, 1);
  const shape = x.shape.map((d, i) => {
    const times = repeats?.[i];
    if (times === 1) return d;
    return typeof d === 'number' && times !== undefined ? d * times : c.unknown();
  });
  return [{ dtype: x.dtype, shape }];
};

const gather: InferRule = (c) => {
  const x = required(c, 0);
  const indices = required(c, 1);
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), x.shape.length, describeNode(c.node));
  return [
    { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] },
  ];
};

const gatherElements: InferRule = (c) => [{ dtype: required(c, 0).dtype, shape: required(c, 1).shape }];

/** Shape [batch…, points…, what an index of this length leaves of the data]. */
const gatherND: InferRule = (c) => {
  const x = required(c, 0);
  const indices = required(c, 1);
  const batch = intAttribute(c.node, 'batch_dims', 0);
  const depth = indices.shape.at(-1);
  if (typeof depth !== 'number') {
    throw new UnknownRankError(
      `${describeNode(c.node)}: the length of an index is not known before running.`,
    );
  }
  if (batch + depth > x.shape.length) {
    throw new ShapeError(
      `${describeNode(c.node)}: indices of length ${depth} after ${batch} batch axes are too long for rank ${x.shape.length}.`,
    );
  }
  return [{ dtype: x.dtype, shape: [...indices.shape.slice(0, -1), ...x.shape.slice(batch + depth)] }];
};

const same: InferRule = (c) => [required(c, 0)];

const depthToSpace: InferRule = (c) => {
  const x = required(c, 0);
  const b = intAttribute(c.node, 'blocksize', 1);
  const [n, channels, h, w] = x.shape;
  const times = (d: Dim | undefined, by: number) => (typeof d === 'number' ? d * by : c.unknown());
  return [{ dtype: x.dtype, shape: [n!, times(channels, 1 / (b * b)), times(h, b), times(w, b)] }];
};

const spaceToDepth: InferRule = (c) => {
  const x = required(c, 0);
  const b = intAttribute(c.node, 'blocksize', 1);
  const [n, channels, h, w] = x.shape;
  const times = (d: Dim | undefined, by: number) =>
    typeof d === 'number' ? Math.floor(d * by) : c.unknown();
  return [{ dtype: x.dtype, shape: [n!, times(channels, b * b), times(h, 1 / b), times(w, 1 / b)] }];
};

const topK: InferRule = (c) => {
  const x = required(c, 0);
  const axis = resolveAxis(intAttribute(c.node, 'axis', -1), x.shape.length, describeNode(c.node));
  const k = constantInts(c, 1)?.[0] ?? c.unknown();
  const shape = x.shape.map((d, i) => (i === axis ? k : d));
  return [
    { dtype: x.dtype, shape },
    { dtype: 'int64', shape },
  ];
};

const nonZero: InferRule = (c) => [{ dtype: 'int64', shape: [required(c, 0).shape.length, c.unknown()] }];

const shapeOf: InferRule = (c) => {
  const rank = required(c, 0).shape.length;
  const start = intAttribute(c.node, 'start', 0);
  const end = intAttribute(c.node, 'end', rank);
  return [{ dtype: 'int64', shape: [sliceLength(rank, start, end, 1)] }];
};

const sizeOfInput: InferRule = () => [{ dtype: 'int64', shape: [] }];

/** Random numbers of the shape that an attribute holds. */
const randomOfShape: InferRule = (c) => [
  {
    dtype: dtypeFromNumber(intAttribute(c.node, 'dtype', 1), describeNode(c.node)),
    shape: [...(intsAttribute(c.node, 'shape') ?? [])],
  },
];

/** One row of drawn classes for each row of probabilities. */
const multinomial: InferRule = (c) => [
  {
    dtype: dtypeFromNumber(intAttribute(c.node, 'dtype', 6), describeNode(c.node)),
    shape: [required(c, 0).shape[0], intAttribute(c.node, 'sample_size', 1)],
  },
];

const range: InferRule = (c) => {
  const first = required(c, 0);
  const [start, limit, delta] = [0, 1, 2].map((i) => c.constant(i)?.data[0]);
  const n =
    start === undefined || limit === undefined || delta === undefined
      ? c.unknown()
      : Math.max(0, Math.ceil((Number(limit) - Number(start)) / Number(delta)));
  return [{ dtype: first.dtype, shape: [n] }];
};

const constantOfShape: InferRule = (c) => {
  const dtype = tensorAttribute(c.node, 'value')?.dtype ?? 'float32';
  return [{ dtype, shape: constantInts(c, 0) ?? unknownDims(c, 0) }];
};

const constant: InferRule = (c) => {
  const { attributes } = c.node;
  const value = attributes['value'];
  if (value?.kind === 'tensor') return [{ dtype: value.value.dtype, shape: value.value.dims }];
  for (const [name, dtype] of [
    ['value_float', 'float32'],
    ['value_int', 'int64'],
  ] as const) {
    if (attributes[name] !== undefined) return [{ dtype, shape: [] }];
  }
  for (const [name, dtype] of [
    ['value_floats', 'float32'],
    ['value_ints', 'int64'],
  ] as const) {
    const held = attributes[name];
    if (held?.kind === 'floats' || held?.kind === 'ints') return [{ dtype, shape: [held.value.length] }];
  }
  throw new GraphError(`${describeNode(c.node)} holds no value of a kind that Earshot handles.`);
};

const oneHot: InferRule = (c) => {
  const indices = required(c, 0);
  const depth = constantInts(c, 1)?.[0] ?? c.unknown();
  const rank = indices.shape.length + 1;
  const axis = resolveAxis(intAttribute(c.node, 'axis', -1), rank, describeNode(c.node));
  const shape = [...indices.shape];
  shape.splice(axis, 0, depth);
  return [{ dtype: required(c, 2).dtype, shape }];
};

export const movement: OperatorTable = {
  Reshape: reshape,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  Concat: concat,
  Split: split,
  Slice: slice,
  Pad: pad,
  Expand: expand,
  Tile: tile,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterElements: same,
  ScatterND: same,
  ReverseSequence: same,
  Trilu: same,
  CumSum: same,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  TopK: topK,
  NonZero: nonZero,
  Shape: shapeOf,
  Size: sizeOfInput,
  Range: range,
  RandomNormal: randomOfShape,
  RandomUniform: randomOfShape,
  Multinomial: multinomial,
  ConstantOfShape: constantOfShape,
  Constant: constant,
  OneHot: oneHot,
};
