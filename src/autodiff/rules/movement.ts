/** @file Gradients of operators that move, repeat or select elements: each is undone by its mirror image. */
import { sizeOf } from '../../core/tensor.ts';
import {
  describeNode,
  intAttribute,
  intsAttribute,
  isStatic,
  resolveAxis,
  stringAttribute,
  type Value,
} from '../../onnx/index.ts';
import {
  affordable,
  algebra,
  constantInts,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

const reshaped: VjpRule = (c) => [algebra(c.g, cotangent(c)).reshapeLike(cotangent(c), input(c, 0)), null];

const transpose: VjpRule = (c) => {
  const rank = input(c, 0).shape.length;
  const perm = intsAttribute(c.node, 'perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  const inverse: number[] = [];
  perm.forEach((p, i) => {
    inverse[p] = i;
  });
  return [algebra(c.g, cotangent(c)).transpose(cotangent(c), inverse)];
};

/** A contiguous part of `value` along one axis. */
function part(c: VjpContext, value: Value, axis: number, start: number, length: number): Value {
  const { g } = c;
  return g.op('Slice', [value, g.ints([start]), g.ints([start + length]), g.ints([axis])]);
}

const concat: VjpRule = (c) => {
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), c.outputs[0].shape.length, describeNode(c.node));
  let start = 0;
  return c.inputs.map((x, i) => {
    const length = dims(c, x!)[axis];
    const from = start;
    start += length;
    return c.needs[i] ? part(c, cotangent(c), axis, from, length) : null;
  });
};

const split: VjpRule = (c) => {
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), input(c, 0).shape.length, describeNode(c.node));
  const a = algebra(c.g, input(c, 0));
  const pieces = c.cotangents.map((dy, i) => dy ?? a.expandLike(a.scalar(0), c.outputs[i]));
  const joined = c.g.op('Concat', pieces, { axis });
  // Sizes that are known only at run time add up to the input's all the same.
  return [isStatic(joined.shape) ? joined : a.reshapeLike(joined, input(c, 0)), null];
};

/**
 * Gradient of a slice whose bounds are known only at run time: the same slice of the elements' numbers says where each
 * element of `dy` came from.
 */
function sliceAtRunTime(c: VjpContext, x: Value): Value {
  const shape = dims(c, x);
  const count = sizeOf(shape);
  affordable(c, count);
  const a = algebra(c.g, x);
  const numbers = BigInt64Array.from({ length: count }, (_, i) => BigInt(i));
  const all = c.g.constant({ dtype: 'int64', dims: shape, data: numbers }, 'numbers');
  const flat = (v: Value) => a.reshape(v, [-1]);
  const from = c.g.op('Slice', [all, ...c.inputs.slice(1)]);
  const dx = a.op('ScatterElements', [a.zeros([count]), flat(from), flat(cotangent(c))], { axis: 0 });
  return a.reshape(dx, shape);
}

// Zeros go back where the slice left elements out: between them for a step above 1, then before and after.
const slice: VjpRule = (c) => {
  const x = input(c, 0);
  const shape = dims(c, x);
  const a = algebra(c.g, x);
  const none = [null, null, null, null];
  const bounds = c.inputs.slice(1).filter((v) => v !== null);
  if (bounds.some((v) => c.g.constantOf(v) === undefined)) return [sliceAtRunTime(c, x), ...none];
  const starts = constantInts(c, 1, 'starts') ?? [];
  const axes = (constantInts(c, 3, 'axes') ?? starts.map((_, i) => i)).map((axis) =>
    resolveAxis(axis, shape.length, describeNode(c.node)),
  );
  const steps = constantInts(c, 4, 'steps') ?? starts.map(() => 1);
  const out = dims(c, c.outputs[0]);
  if (out.includes(0)) return [a.zeros(shape), ...none];
  const first = shape.map(() => 0);
  const stride = shape.map(() => 1);
  axes.forEach((axis, i) => {
    const size = shape[axis];
    const raw = starts[i] < 0 ? starts[i] + size : starts[i];
    first[axis] = Math.min(Math.max(raw, 0), steps[i] > 0 ? size : size - 1);
    stride[axis] = steps[i];
  });
  let dy = cotangent(c);
  const backwards = stride.flatMap((s, axis) => (s < 0 ? [axis] : []));
  if (backwards.length > 0) {
    const last = backwards.map(() => -1);
    const beginning = backwards.map(() => -(2 ** 31));
    dy = c.g.op('Slice', [dy, c.g.ints(last), c.g.ints(beginning), c.g.ints(backwards), c.g.ints(last)]);
    for (const axis of backwards) first[axis] = first[axis] + (out[axis] - 1) * stride[axis];
  }
  const step = stride.map((s, axis) => (out[axis] === 1 ? 1 : Math.abs(s)));
  const spread = out.map((n, axis) => n * step[axis]);
  if (step.some((s) => s > 1)) {
    // [n] → [n, 1] → [n, step] → [n · step], for all axes at once.
    const split = out.flatMap((n, axis) => (step[axis] > 1 ? [n, 1] : [n]));
    const filled = out.flatMap((_, axis) => (step[axis] > 1 ? [0, step[axis] - 1] : [0]));
    const pads = [...filled.map(() => 0), ...filled];
    dy = a.reshape(c.g.op('Pad', [a.reshape(dy, split), c.g.ints(pads), a.scalar(0)]), spread);
  }
  // What the last step reached beyond the end is cropped again: a negative pad.
  const after = shape.map((d, axis) => d - first[axis] - spread[axis]);
  if ([...first, ...after].every((p) => p === 0)) return [dy, ...none];
  return [a.op('Pad', [dy, c.g.ints([...first, ...after]), a.scalar(0)]), ...none];
};

// The pass sums over the repeated axes.
const expand: VjpRule = (c) => [cotangent(c), null];

// [d₀r₀, d₁r₁, …] → [r₀, d₀, r₁, d₁, …], summed over the repeats
const tile: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const repeats = constantInts(c, 1, 'repeats')!;
  const a = algebra(c.g, cotangent(c));
  const unfolded = a.reshape(
    cotangent(c),
    shape.flatMap((d, i) => [repeats[i], d]),
  );
  return [
    a.reduceSum(
      unfolded,
      shape.map((_, i) => 2 * i),
    ),
    null,
  ];
};

// The upper or lower triangle is kept, so its gradient is too.
const trilu: VjpRule = (c) => [
  c.g.op('Trilu', [cotangent(c), c.inputs[1] ?? null], { upper: intAttribute(c.node, 'upper', 1) }),
  null,
];

// Each sequence is turned around within its length; turning it once more undoes that.
const reverseSequence: VjpRule = (c) => {
  const axes = {
    time_axis: intAttribute(c.node, 'time_axis', 0),
    batch_axis: intAttribute(c.node, 'batch_axis', 1),
  };
  return [c.g.op('ReverseSequence', [cotangent(c), input(c, 1)], axes), null];
};

// Each moves blocks of channels to places and back. Mode CRD has the channel first in a block, DCR last.
const depthToSpace: VjpRule = (c) => {
  const [n, channels, h, w] = dims(c, input(c, 0)) as [number, number, number, number];
  const b = intAttribute(c.node, 'blocksize', 1);
  const depth = channels / (b * b);
  const a = algebra(c.g, cotangent(c));
  const blocks = a.reshape(cotangent(c), [n, depth, h, b, w, b]);
  const order = stringAttribute(c.node, 'mode', 'DCR') === 'CRD' ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4];
  return [a.reshape(a.transpose(blocks, order), [n, channels, h, w])];
};

const spaceToDepth: VjpRule = (c) => {
  const blocksize = intAttribute(c.node, 'blocksize', 1);
  return [c.g.op('DepthToSpace', [cotangent(c)], { blocksize, mode: 'DCR' })];
};

export const movement: VjpTable = {
  Reshape: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Flatten: reshaped,
  Transpose: transpose,
  Concat: concat,
  Split: split,
  Slice: slice,
  Expand: expand,
  Tile: tile,
  Trilu: trilu,
  ReverseSequence: reverseSequence,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
