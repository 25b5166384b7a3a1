/**
 * @file The gradient of max pooling: each output's gradient goes to the place of its maximum, the first where several
 * tie. ONNX Runtime's MaxPool tells the places, but then takes ten times as long as without. In the blocked layout the
 * places are found by comparing instead, one axis after the other, in passes that run in vectors and threads.
 */
import { sizeOf } from '../../core/tensor.ts';
import type { GraphBuilder, Value, WindowOptions } from '../../onnx/index.ts';
import { algebra, dims, type Site } from '../vjp.ts';
import type { Blocked } from './blocked.ts';
import type { Geometry } from './plain.ts';

/** Smaller than any float32 that is a number. */
const lowest = -3.4e38;

/**
 * Gradient of what was pooled, in ONNX's layout.
 * @param x what was pooled; @param dy gradient of what came out
 * @param indices where the maxima lie in x, flattened; null to find out
 */
export function maxPoolGradient(
  c: Site,
  o: WindowOptions,
  x: Value,
  dy: Value,
  indices: Value | null = null,
): Value {
  const shape = dims(c, x);
  const a = algebra(c.g, x);
  const places = indices ?? maxPoolWithIndices(c.g, o, x)[1];
  const size = sizeOf(shape);
  const flat = (v: Value) => a.reshape(v, [-1]);
  // Windows that overlap may share a maximum, and their gradients add up. Others lay each gradient in its own place.
  const overlap = o.kernel.some((k, i) => (k - 1) * o.dilations[i] + 1 > o.strides[i]);
  // ONNX Runtime refuses an output smaller than the windows reach, as they do with ceil_mode.
  const out = dims(c, dy).slice(2);
  const reach = out.map(
    (count, i) => (count - 1) * o.strides[i] + o.kernel[i] - o.pads[i] - o.pads[i + out.length],
  );
  if (!overlap && x.dtype === 'float32' && reach.every((end, i) => end <= shape[i + 2])) {
    const { kernel, strides, pads } = o;
    return a.op('MaxUnpool', [dy, places, c.g.ints(shape)], { kernel_shape: kernel, strides, pads });
  }
  const scattered = overlap
    ? a.scatterAdd([size], flat(places), flat(dy), 0)
    : a.op('ScatterElements', [a.zeros([size]), flat(places), flat(dy)], { axis: 0 });
  return a.reshape(scattered, shape);
}

/** The maxima, and where they lie in x, flattened. */
export function maxPoolWithIndices(g: GraphBuilder, o: WindowOptions, x: Value): readonly [Value, Value] {
  const attributes = {
    kernel_shape: o.kernel,
    strides: o.strides,
    dilations: o.dilations,
    pads: o.pads,
    ceil_mode: o.ceil ? 1 : 0,
  };
  return g.ops('MaxPool', [x], attributes, { outputs: 2 }) as unknown as readonly [Value, Value];
}

/** Whether the input falls into as many equal parts as there are strides. */
export function poolsEvenly(q: Geometry): boolean {
  return q.spatial.every((size, i) => size % q.strides[i] === 0);
}

/**
 * The same with everything blocked, for windows that {@link poolsEvenly}. Along a row the first maximum wins, then the
 * first row: the first in ONNX's order. The maxima are those of this very x: had it been computed a second time in
 * another form, those of the forward pass might differ in the last digit, and equal nothing.
 */
export function blockedMaxPoolGradient(blocked: Blocked, q: Geometry, x: Value, dy: Value): Value {
  const across = maximaAlong(blocked, q, 1, x);
  const maxima = maximaAlong(blocked, q, 0, across);
  const down = gradientAlong(blocked, q, 0, across, maxima, dy);
  return gradientAlong(blocked, q, 1, x, across, down);
}

/** A number for one axis, and another for the one across it: [rows, columns]. */
function along(axis: 0 | 1, size: number, across: number): [number, number] {
  return axis === 0 ? [size, across] : [across, size];
}

/** The maxima of the windows' extent along one axis. */
function maximaAlong(blocked: Blocked, q: Geometry, axis: 0 | 1, x: Value): Value {
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const window = {
    kernel_shape: along(axis, q.kernel[axis], 1),
    strides: along(axis, q.strides[axis], 1),
    dilations: along(axis, q.dilations[axis], 1),
    pads: [...along(axis, q.pads[axis], 0), ...along(axis, q.pads[axis + 2], 0)],
  };
  return blocked.maxPool(x, window, [n, c, ...along(axis, q.out[axis], axis === 0 ? w : h)]);
}

/**
 * The gradient along one axis, 0 for rows and 1 for columns. The window's places are taken in their order, and each
 * takes what is left of the gradient where it holds the maximum; the last takes the rest.
 */
function gradientAlong(blocked: Blocked, q: Geometry, axis: 0 | 1, x: Value, y: Value, dy: Value): Value {
  const { g } = blocked;
  const a = algebra(g, x);
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [stride, count, pad] = [q.strides[axis], q.out[axis], q.pads[axis]];
  const inner = blocked.size * (axis === 0 ? w : 1);
  const size = axis === 0 ? h : w;
  const outer = sizeOf([n, c, h, w]) / size / (inner / blocked.size) / blocked.size;
  const length = size / stride;
  // Every `stride`-th row or column from the r-th on. The runtime's Slice is one thread.
  const residue = (r: number) => {
    if (stride === 1) return blocked.reshape(x, [outer, length, inner]);
    const shape = [n, c, ...along(axis, length, axis === 0 ? w : h)];
    const window = { strides: along(axis, stride, 1), dilations: [1, 1], pads: [0, 0, 0, 0] };
    if (r === 0) return taken(blocked.maxPool(x, { ...window, kernel_shape: [1, 1] }, shape));
    const kernel = along(axis, r + 1, 1);
    const ints = { ...window, kernel_shape: kernel, group: c };
    return taken(blocked.conv({ x, w: blocked.lastTap(c, kernel), bias: null, ints, shape }));
  };
  const taken = (v: Value) => blocked.reshape(v, [outer, length, inner]);
  // Moved along the axis, and filled up with a value. Places that nothing may take hold no share, so zeros come by themselves.
  const moved = (v: Value, before: number, after: number, value: number) => {
    if (before === 0 && after === 0) return v;
    if (before + after !== 0 || axis === 0)
      return g.op('Pad', [v, g.ints([0, before, 0, 0, after, 0]), g.scalar(value)]);
    const whole = [outer, v.shape[1] as number, inner];
    const flat = g.op('Pad', [
      blocked.reshape(v, [sizeOf(whole)]),
      g.ints([before * inner, after * inner]),
      g.scalar(value),
    ]);
    const shifted = blocked.reshape(flat, whole);
    return value === 0 ? shifted : g.op('Min', [shifted, bound(whole[1], before)]);
  };
  // What came from the next row or the one before is taken away.
  const bound = (places: number, before: number) => {
    const data = new Float32Array(places * inner).fill(-lowest);
    if (before > 0) data.fill(lowest, 0, before * inner);
    else data.fill(lowest, (places + before) * inner);
    return g.initializer(g.uniqueName('bound'), { dtype: 'float32', dims: [1, places, inner], data });
  };
  const maxima = blocked.reshape(y, [outer, count, inner]);
  const parts: Value[][] = Array.from({ length: stride }, () => []);
  let rest = blocked.reshape(dy, [outer, count, inner]);
  for (let j = 0; j < q.kernel[axis]; j++) {
    const offset = j * q.dilations[axis] - pad;
    const turns = Math.floor(offset / stride);
    const r = offset - turns * stride;
    let share = rest;
    if (j < q.kernel[axis] - 1) {
      const here = moved(residue(r), -turns, count - length + turns, lowest);
      // 1 where they are equal, 0 where this is less: min(1, max(0, 3·10³⁸ (x − y) + 1)).
      const wins = a.op('HardSigmoid', [a.sub(here, maxima)], { alpha: 3e38, beta: 1 });
      share = a.mul(wins, rest);
      rest = a.sub(rest, share);
    }
    parts[r].push(moved(share, turns, length - count - turns, 0));
  }
  const sums = parts.map((all) =>
    all.length === 0 ? a.zeros([outer, length, inner]) : all.reduce((sum, part) => a.add(sum, part)),
  );
  const joined = sums.length === 1 ? sums[0] : g.op('Concat', sums, { axis: 2 });
  return blocked.reshape(joined, [n, c, h, w]);
}
