/** @file Gradients of operators that move, repeat or select elements: each is undone by its mirror image. */
import { GraphError } from '../../core/errors.ts';
import { sizeOf, tensor } from '../../core/tensor.ts';
import {
  describeNode,
  intAttribute,
  intsAttribute,
  resolveAxis,
  stringAttribute,
  type Value,
} from '../../onnx/index.ts';
import { algebra, cotangent, dims, input, type VjpContext, type VjpRule, type VjpTable } from '../vjp.ts';

/** Integers that an operator takes as a constant input (or, in older opsets, as an attribute). */
function constantInts(c: VjpContext, i: number, attribute: string): number[] | undefined {
  const held = intsAttribute(c.node, attribute);
  if (held !== undefined) return [...held];
  const value = c.inputs[i];
  if (value == null) return undefined;
  const constant = c.g.constantOf(value);
  if (constant === undefined) {
    throw new GraphError(
      `${describeNode(c.node)}: its ${attribute} are computed at run time, so it has no gradient.`,
    );
  }
  return Array.from(constant.data as ArrayLike<number | bigint>, Number);
}

const reshaped: VjpRule = (c) => [
  algebra(c.g, cotangent(c)).reshape(cotangent(c), dims(c, input(c, 0))),
  null,
];

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
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), c.outputs[0]!.shape.length, describeNode(c.node));
  let start = 0;
  return c.inputs.map((x, i) => {
    const length = dims(c, x!)[axis]!;
    const from = start;
    start += length;
    return c.needs[i] ? part(c, cotangent(c), axis, from, length) : null;
  });
};

const split: VjpRule = (c) => {
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), input(c, 0).shape.length, describeNode(c.node));
  const like = c.cotangents.find((d) => d !== null)!;
  const pieces = c.cotangents.map((dy, i) => {
    if (dy !== null) return dy;
    const a = algebra(c.g, like);
    return a.op('Expand', [a.scalar(0), c.g.ints(dims(c, c.outputs[i]!))]);
  });
  return [c.g.op('Concat', pieces, { axis }), null];
};

// Unit steps: pad with zeros where the slice left off. Other steps: scatter to the places that were read.
const slice: VjpRule = (c) => {
  const x = input(c, 0);
  const shape = dims(c, x);
  const a = algebra(c.g, x);
  const starts = constantInts(c, 1, 'starts') ?? [];
  const axes = (constantInts(c, 3, 'axes') ?? starts.map((_, i) => i)).map((axis) =>
    resolveAxis(axis, shape.length, describeNode(c.node)),
  );
  const steps = constantInts(c, 4, 'steps') ?? starts.map(() => 1);
  const out = dims(c, c.outputs[0]!);
  const first = shape.map(() => 0);
  const stride = shape.map(() => 1);
  axes.forEach((axis, i) => {
    const size = shape[axis]!;
    const raw = starts[i]! < 0 ? starts[i]! + size : starts[i]!;
    first[axis] = Math.min(Math.max(raw, 0), steps[i]! > 0 ? size : size - 1);
    stride[axis] = steps[i]!;
  });
  const dy = cotangent(c);
  if (stride.every((s) => s === 1)) {
    const after = shape.map((d, i) => d - first[i]! - out[i]!);
    return [a.op('Pad', [dy, c.g.ints([...first, ...after]), a.scalar(0)]), null, null, null, null];
  }
  let grown = dy;
  let now = [...out];
  stride.forEach((step, axis) => {
    if (first[axis] === 0 && step === 1 && now[axis] === shape[axis]) return;
    const target = now.map((d, i) => (i === axis ? shape[axis]! : d));
    grown = scatterAlong(c, grown, now, target, axis, (i) => first[axis]! + i * step);
    now = target;
  });
  return [grown, null, null, null, null];
};

/** Places `value`'s elements along `axis` at `position(i)` in zeros of shape `target`. */
function scatterAlong(
  c: VjpContext,
  value: Value,
  from: readonly number[],
  target: readonly number[],
  axis: number,
  position: (i: number) => number,
): Value {
  const a = algebra(c.g, value);
  const zeros = a.op('Expand', [a.scalar(0), c.g.ints(target)]);
  const count = from[axis]!;
  const line = BigInt64Array.from({ length: count }, (_, i) => BigInt(position(i)));
  const places = c.g.constant(
    tensor(
      'int64',
      from.map((_, i) => (i === axis ? count : 1)),
      line,
    ),
    'places',
  );
  const indices = a.op('Expand', [places, c.g.ints(from)]);
  return a.op('ScatterElements', [zeros, indices, value], { axis });
}

const pad: VjpRule = (c) => {
  const mode = stringAttribute(c.node, 'mode', 'constant');
  if (mode !== 'constant')
    throw new GraphError(`${describeNode(c.node)}: only constant padding has a gradient, not '${mode}'.`);
  const shape = dims(c, input(c, 0));
  const pads = constantInts(c, 1, 'pads')!;
  const axes = constantInts(c, 3, 'axes') ?? shape.map((_, i) => i);
  const n = axes.length;
  const dy = cotangent(c);
  const { g } = c;
  // Negative pads crop; their gradient pads. Slicing handles the positive side, padding the negative.
  const starts = axes.map((_, i) => Math.max(pads[i]!, 0));
  const ends = axes.map((axis, i) => {
    const size = shape[resolveAxis(axis, shape.length, describeNode(c.node))]!;
    return starts[i]! + size + Math.min(pads[i]!, 0) + Math.min(pads[i + n]!, 0);
  });
  let dx = g.op('Slice', [dy, g.ints(starts), g.ints(ends), g.ints(axes)]);
  if (pads.some((p) => p < 0)) {
    const full = Array<number>(2 * shape.length).fill(0);
    axes.forEach((axis, i) => {
      full[axis] = Math.max(-pads[i]!, 0);
      full[axis + shape.length] = Math.max(-pads[i + n]!, 0);
    });
    dx = g.op('Pad', [dx, g.ints(full), algebra(g, dx).scalar(0)]);
  }
  return [dx, null, null, null];
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
    shape.flatMap((d, i) => [repeats[i]!, d]),
  );
  return [
    a.reduceSum(
      unfolded,
      shape.map((_, i) => 2 * i),
    ),
    null,
  ];
};

// Rows are added back where they were read: scatter-add along the axis, indices flattened and spread over the rest.
const gather: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const indices = input(c, 1);
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), shape.length, describeNode(c.node));
  const count = sizeOf(dims(c, indices));
  const a = algebra(c.g, cotangent(c));
  const rows = shape.map((d, i) => (i === axis ? count : d));
  const updates = a.reshape(cotangent(c), rows);
  const line = a.reshape(
    indices,
    rows.map((_, i) => (i === axis ? count : 1)),
  );
  const spread = a.op('Expand', [line, c.g.ints(rows)]);
  const zeros = a.op('Expand', [a.scalar(0), c.g.ints(shape)]);
  return [a.op('ScatterElements', [zeros, spread, updates], { axis, reduction: 'add' }), null];
};

const gatherElements: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const axis = intAttribute(c.node, 'axis', 0);
  const a = algebra(c.g, cotangent(c));
  const zeros = a.op('Expand', [a.scalar(0), c.g.ints(shape)]);
  return [a.op('ScatterElements', [zeros, input(c, 1), cotangent(c)], { axis, reduction: 'add' }), null];
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
  Pad: pad,
  Expand: expand,
  Tile: tile,
  Gather: gather,
  GatherElements: gatherElements,
};
