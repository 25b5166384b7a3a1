/** @file Gradients of operators that move, repeat or select elements: each is undone by its mirror image. */
import { tensor } from '../../core/tensor.ts';
import {
  describeNode,
  intAttribute,
  intsAttribute,
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
  affordable(c, count);
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

// The upper or lower triangle is kept, so its gradient is too.
const trilu: VjpRule = (c) => [
  c.g.op('Trilu', [cotangent(c), c.inputs[1] ?? null], { upper: intAttribute(c.node, 'upper', 1) }),
  null,
];

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
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
};
