/** @file Gradient of Pad: what was added is cut off; where it repeats the input, it is added back to its source. */
import { UnsupportedOpError } from '../../core/errors.ts';
import { describeNode, resolveAxis, stringAttribute, type Value } from '../../onnx/index.ts';
import {
  algebra,
  constantInts,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

const pad: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const what = describeNode(c.node);
  const pads = constantInts(c, 1, 'pads')!;
  const axes = (constantInts(c, 3, 'axes') ?? shape.map((_, i) => i)).map((axis) =>
    resolveAxis(axis, shape.length, what),
  );
  const before = shape.map(() => 0);
  const after = shape.map(() => 0);
  axes.forEach((axis, i) => {
    before[axis] = pads[i];
    after[axis] = pads[i + axes.length];
  });
  const mode = stringAttribute(c.node, 'mode', 'constant');
  if (mode === 'constant') {
    const { inner, dx } = cropped(c, cotangent(c), shape, before, after);
    const a = algebra(c.g, dx);
    const all = shape.map((_, i) => i);
    // The padded value is wherever the input is not.
    const dValue = () => a.sub(a.reduceSum(cotangent(c), all), a.reduceSum(inner, all));
    return [dx, null, c.needs[2] ? dValue() : null, null];
  }
  // Axis by axis, as the operator itself could be written.
  let dx = cotangent(c);
  for (let axis = 0; axis < shape.length; axis++) {
    dx = foldedBack(c, dx, axis, shape[axis], before[axis], after[axis], mode);
  }
  return [dx, null, null, null];
};

/** `dx`: positive pads are sliced off (which leaves `inner`); negative ones cropped the input, so the gradient gets zeros there. */
function cropped(
  c: VjpContext,
  dy: Value,
  shape: readonly number[],
  before: readonly number[],
  after: readonly number[],
): { readonly inner: Value; readonly dx: Value } {
  const { g } = c;
  const touched = shape.flatMap((_, i) => (before[i] !== 0 || after[i] !== 0 ? [i] : []));
  if (touched.length === 0) return { inner: dy, dx: dy };
  const starts = touched.map((i) => Math.max(before[i], 0));
  const ends = touched.map((i, k) => starts[k] + shape[i] + Math.min(before[i], 0) + Math.min(after[i], 0));
  const inner = g.op('Slice', [dy, g.ints(starts), g.ints(ends), g.ints(touched)]);
  const missing = [...before, ...after].map((p) => Math.max(-p, 0));
  const dx = missing.every((m) => m === 0)
    ? inner
    : g.op('Pad', [inner, g.ints(missing), algebra(g, inner).scalar(0)]);
  return { inner, dx };
}

/** The gradient of padding one axis by repeating parts of it: 'reflect', 'edge' or 'wrap'. */
function foldedBack(
  c: VjpContext,
  dy: Value,
  axis: number,
  size: number,
  before: number,
  after: number,
  mode: string,
): Value {
  if (before === 0 && after === 0) return dy;
  const { g } = c;
  const a = algebra(g, dy);
  const reach = mode === 'reflect' ? size - 1 : mode === 'wrap' ? size : Number.POSITIVE_INFINITY;
  if (before < 0 || after < 0 || before > reach || after > reach) {
    throw new UnsupportedOpError(
      `${describeNode(c.node)}: there is no gradient for '${mode}' padding of a size of ${size} by ${before} and ${after}.`,
    );
  }
  const slice = (start: number, end: number, backwards = false): Value =>
    backwards
      ? g.op('Slice', [
          dy,
          g.ints([end - 1]),
          g.ints([start - 1 < 0 ? -(2 ** 31) : start - 1]),
          g.ints([axis]),
          g.ints([-1]),
        ])
      : g.op('Slice', [dy, g.ints([start]), g.ints([end]), g.ints([axis])]);
  /** `part` at `start` along the axis, zeros elsewhere. */
  const placed = (part: Value, start: number, length: number): Value => {
    const pads = Array<number>(2 * dy.shape.length).fill(0);
    pads[axis] = start;
    pads[axis + dy.shape.length] = size - start - length;
    return g.op('Pad', [part, g.ints(pads), a.scalar(0)]);
  };
  const total = before + size + after;
  let dx = slice(before, before + size);
  const borders = [
    { start: 0, end: before, reflect: 1, edge: 0, wrap: size - before },
    { start: total - after, end: total, reflect: size - 1 - after, edge: size - 1, wrap: 0 },
  ];
  for (const border of borders) {
    const length = border.end - border.start;
    if (length === 0) continue;
    if (mode === 'reflect') {
      dx = a.add(dx, placed(slice(border.start, border.end, true), border.reflect, length));
    } else if (mode === 'edge') {
      dx = a.add(dx, placed(a.reduceSum(slice(border.start, border.end), [axis], true), border.edge, 1));
    } else if (mode === 'wrap') {
      dx = a.add(dx, placed(slice(border.start, border.end), border.wrap, length));
    } else {
      throw new UnsupportedOpError(`${describeNode(c.node)}: padding mode '${mode}' has no gradient rule.`);
    }
  }
  return dx;
}

export const padding: VjpTable = { Pad: pad };
