/**
 * @file Gradient of Resize. Resizing is linear in its input and works axis by axis, so each axis is a matrix
 * [out, in] of interpolation weights, and the gradient multiplies by its transpose.
 */
import { UnsupportedOpError } from '../../core/errors.ts';
import { tensor } from '../../core/tensor.ts';
import { describeNode, floatAttribute, intAttribute, stringAttribute, type Value } from '../../onnx/index.ts';
import { resizeScales } from '../../onnx/operators/resize.ts';
import {
  type Algebra,
  affordable,
  algebra,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

/** The input positions one output position is made of; weights of equal positions add up. */
interface Taps {
  readonly positions: readonly number[];
  readonly weights: readonly number[];
}

/** Above this many elements a matrix is replaced by scattering the taps. */
const LARGEST_MATRIX = 2 ** 22;

const resize: VjpRule = (c) => {
  const from = dims(c, input(c, 0));
  const to = dims(c, c.outputs[0]);
  const what = describeNode(c.node);
  const scales = resizeScales({
    node: c.node,
    shape: from,
    scales: constantNumbers(c, 2),
    sizes: constantNumbers(c, 3) ?? to,
  });
  if (intAttribute(c.node, 'antialias', 0) === 1 && scales.some((s) => s < 1)) {
    throw new UnsupportedOpError(`${what}: antialiased shrinking has no gradient rule.`);
  }
  const a = algebra(c.g, cotangent(c));
  const touched = from.flatMap((size, axis) => (size !== to[axis] || scales[axis] !== 1 ? [axis] : []));
  const taps = touched.map((axis) => {
    affordable(c, to[axis]);
    const weights = interpolation(c, from[axis], to[axis], scales[axis]);
    return Array.from({ length: to[axis] }, (_, i) => weights(i));
  });
  const none = [null, null, null];
  if (taps.every((line, k) => repeats(line, to[touched[k]] / from[touched[k]]))) {
    return [summedRepeats(a, cotangent(c), from, to), ...none];
  }
  let dx = cotangent(c);
  touched.forEach((axis, k) => {
    dx = transposedAlong(c, a, dx, axis, from[axis], taps[k]);
  });
  return [dx, ...none];
};

function constantNumbers(c: VjpContext, i: number): number[] | undefined {
  const value = c.inputs[i];
  if (value == null) return undefined;
  const constant = c.g.constantOf(value);
  if (constant === undefined) {
    // Sizes are known from the result's shape; scales are more than their result.
    if (i === 3) return undefined;
    throw new UnsupportedOpError(
      `${describeNode(c.node)}: its scales are computed at run time, so it has no gradient.`,
    );
  }
  return constant.data.length === 0 ? undefined : Array.from(constant.data as Float32Array, Number);
}

/** Where output i of an axis reads the input, before rounding; in float32, as the runtime computes it. */
function sourceCoordinate(c: VjpContext, size: number, out: number, scale: number): (i: number) => number {
  const f = Math.fround;
  const s = f(scale);
  const mode = stringAttribute(c.node, 'coordinate_transformation_mode', 'half_pixel');
  const centred = (i: number) => f(f(f(i + 0.5) / s) - 0.5);
  switch (mode) {
    case 'half_pixel':
      return centred;
    case 'half_pixel_symmetric': {
      const exact = f(s * size);
      const offset = (size / 2) * (1 - Math.floor(exact) / exact);
      return (i) => f(offset + centred(i));
    }
    case 'pytorch_half_pixel':
      return out > 1 ? centred : () => 0;
    case 'align_corners':
      return (i) => (out === 1 ? 0 : f(f(i * (size - 1)) / (out - 1)));
    case 'asymmetric':
      return (i) => f(i / s);
    case 'tf_half_pixel_for_nn':
      return (i) => f(f(i + 0.5) / s);
    default:
      throw new UnsupportedOpError(
        `${describeNode(c.node)}: coordinate_transformation_mode '${mode}' has no gradient rule.`,
      );
  }
}

function nearest(mode: string, x: number): number {
  switch (mode) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    default:
      return Math.ceil(x - 0.5);
  }
}

function interpolation(c: VjpContext, size: number, out: number, scale: number): (i: number) => Taps {
  const coordinate = sourceCoordinate(c, size, out, scale);
  const clamp = (p: number) => Math.min(Math.max(p, 0), size - 1);
  const mode = stringAttribute(c.node, 'mode', 'nearest');
  if (mode === 'nearest') {
    const rounding = stringAttribute(c.node, 'nearest_mode', 'round_prefer_floor');
    return (i) => ({ positions: [clamp(nearest(rounding, coordinate(i)))], weights: [1] });
  }
  if (mode === 'linear') {
    return (i) => {
      const x = clamp(coordinate(i));
      const low = Math.floor(x);
      return { positions: [low, clamp(low + 1)], weights: [1 - (x - low), x - low] };
    };
  }
  // Keys (1981), with the free parameter a.
  const k = floatAttribute(c.node, 'cubic_coeff_a', -0.75);
  const excluded = intAttribute(c.node, 'exclude_outside', 0) === 1;
  const near = (t: number) => ((k + 2) * t - (k + 3)) * t * t + 1;
  const far = (t: number) => ((k * t - 5 * k) * t + 8 * k) * t - 4 * k;
  return (i) => {
    const x = coordinate(i);
    const low = Math.floor(x);
    const t = x - low;
    const positions = [low - 1, low, low + 1, low + 2];
    const weights = [far(1 + t), near(t), near(1 - t), far(2 - t)].map((w, n) =>
      excluded && positions[n] !== clamp(positions[n]) ? 0 : w,
    );
    const total = excluded ? weights.reduce((sum, w) => sum + w, 0) : 1;
    return { positions: positions.map(clamp), weights: weights.map((w) => w / total) };
  };
}

/** Whether the axis repeats every input element `factor` times in a row. */
function repeats(taps: readonly Taps[], factor: number): boolean {
  return (
    Number.isInteger(factor) &&
    taps.every((t, i) => t.positions.length === 1 && t.positions[0] === Math.floor(i / factor))
  );
}

/** [d₀f₀, d₁f₁, …] → [d₀, f₀, d₁, f₁, …], summed over the factors. */
function summedRepeats(a: Algebra, dy: Value, from: readonly number[], to: readonly number[]): Value {
  const split: number[] = [];
  const factors: number[] = [];
  from.forEach((size, axis) => {
    split.push(size);
    if (size === to[axis]) return;
    factors.push(split.length);
    split.push(to[axis] / size);
  });
  return a.reduceSum(a.reshape(dy, split), factors);
}

/** Multiplies by the transposed interpolation matrix along one axis. */
function transposedAlong(
  c: VjpContext,
  a: Algebra,
  dy: Value,
  axis: number,
  size: number,
  taps: readonly Taps[],
): Value {
  const shape = dims(c, dy);
  const out = shape[axis];
  const target = shape.map((d, i) => (i === axis ? size : d));
  const floats = (dimensions: readonly number[], values: ArrayLike<number>) =>
    c.g.constant(
      dy.dtype === 'float64'
        ? tensor('float64', dimensions, Float64Array.from(values))
        : tensor('float32', dimensions, Float32Array.from(values)),
      'interpolation',
    );
  if (size * out > LARGEST_MATRIX) {
    const line = shape.map((_, i) => (i === axis ? out : 1));
    return taps[0].positions
      .map((_, n) => {
        const places = tensor(
          'int64',
          line,
          BigInt64Array.from(taps, (t) => BigInt(t.positions[n])),
        );
        const share = floats(
          line,
          Array.from(taps, (t) => t.weights[n]),
        );
        return a.scatterAdd(target, a.expand(c.g.constant(places, 'places'), shape), a.mul(dy, share), axis);
      })
      .reduce((sum, part) => a.add(sum, part));
  }
  const last = axis === shape.length - 1;
  affordable(c, out * size);
  const matrix = new Float64Array(out * size);
  taps.forEach((t, i) => {
    t.positions.forEach((p, n) => {
      const at = last ? i * size + p : p * out + i;
      matrix[at] = matrix[at] + t.weights[n];
    });
  });
  if (last) {
    const product = a.op('MatMul', [a.reshape(dy, [-1, out]), floats([out, size], matrix)]);
    return a.reshape(product, target);
  }
  const after = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const product = a.op('MatMul', [floats([size, out], matrix), a.reshape(dy, [-1, out, after])]);
  return a.reshape(product, target);
}

export const resizing: VjpTable = { Resize: resize };
