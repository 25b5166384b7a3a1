/** @file Gradients of normalisations. */
import { sizeOf } from '../../core/tensor.ts';
import {
  describeNode,
  floatAttribute,
  intAttribute,
  intsAttribute,
  resolveAxis,
  type Value,
} from '../../onnx/index.ts';
import { channelAffine, channelDot, channelSum } from '../lowering/deferred.ts';
import {
  type Algebra,
  algebra,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

interface ChannelStatistics {
  readonly mean: Value;
  /** 1 / √(variance + ε) */
  readonly inverse: Value;
}

/** 1 / √(variance + ε) */
export function inverseDeviation(a: Algebra, variance: Value, epsilon: number): Value {
  return a.op('Reciprocal', [a.op('Sqrt', [a.add(variance, a.scalar(epsilon))])]);
}

/** 1 / v, and 0 where v is 0: no gradient where there is no tangent, and no infinity that spoils a whole batch. */
function reciprocalOr0(a: Algebra, v: Value): Value {
  const zero = a.op('Equal', [v, a.scalar(0)]);
  return a.op('Where', [zero, a.scalar(0), a.op('Reciprocal', [a.op('Where', [zero, a.scalar(1), v])])]);
}

/** A number per channel in a shape that meets the channels of x. */
function perChannel(a: Algebra, x: Value, v: Value): Value {
  return a.reshape(v, [-1, ...x.shape.slice(2).map(() => 1)]);
}

/** The batch's own statistics: the node's outputs where momentum is 0, else computed anew. */
function batchStatistics(c: VjpContext, a: Algebra, x: Value, epsilon: number): ChannelStatistics {
  if (c.outputs.length === 3 && floatAttribute(c.node, 'momentum', 0.9) === 0) {
    return { mean: c.outputs[1], inverse: inverseDeviation(a, c.outputs[2], epsilon) };
  }
  const count = a.scalar(samples(dims(c, x)));
  const mean = a.div(channelSum(c, x), count);
  const centred = a.sub(x, perChannel(a, x, mean));
  const variance = a.div(channelDot(c, centred, centred), count);
  return { mean, inverse: inverseDeviation(a, variance, epsilon) };
}

/** Values per channel. */
function samples(shape: readonly number[]): number {
  return sizeOf(shape) / shape[1];
}

/*
 * With x̂ = (x − μ)·s, s = 1/√(σ² + ε), y = γ x̂ + β:
 *   dβ = Σ dy,  dγ = Σ dy·x̂ = s (Σ dy·x − μ Σ dy)
 * inference: dx = γ s dy
 * training:  dx = γ s (dy − dβ/M − x̂ dγ/M), which is p·(dy + q·x + r) with numbers p, q, r per channel
 */
const batchNormalization: VjpRule = (c) => {
  const x = input(c, 0);
  const gamma = input(c, 1);
  const a = algebra(c.g, x);
  const dy = cotangent(c);
  const epsilon = floatAttribute(c.node, 'epsilon', 1e-5);
  const training = intAttribute(c.node, 'training_mode', 0) === 1;
  const { mean, inverse } = training
    ? batchStatistics(c, a, x, epsilon)
    : { mean: input(c, 3), inverse: inverseDeviation(a, input(c, 4), epsilon) };
  const p = a.mul(gamma, inverse);
  const dBeta = channelSum(c, dy);
  // The second form is one pass less, and as exact once lowering has taken the middle of each channel off.
  const dGamma = () =>
    c.deferred === true
      ? a.mul(inverse, a.sub(channelDot(c, dy, x), a.mul(mean, dBeta)))
      : a.mul(inverse, channelDot(c, dy, a.sub(x, perChannel(a, x, mean))));
  if (!training) {
    return [
      c.needs[0] ? channelAffine(c, dy, p) : null,
      c.needs[1] ? dGamma() : null,
      c.needs[2] ? dBeta : null,
      c.needs[3] ? a.neg(a.mul(p, dBeta)) : null,
      c.needs[4] ? a.mul(a.mul(a.scalar(-0.5), a.mul(gamma, dGamma())), a.mul(inverse, inverse)) : null,
    ];
  }
  const dx = () => {
    const share = a.scalar(1 / samples(dims(c, x)));
    const q = a.neg(a.mul(a.mul(inverse, dGamma()), share));
    const r = a.neg(a.add(a.mul(dBeta, share), a.mul(q, mean)));
    // The factor p stands last and alone: the gradient of a convolution before this takes it into the kernel.
    return channelAffine(c, channelAffine(c, x, q, r, dy), p);
  };
  return [c.needs[0] ? dx() : null, c.needs[1] ? dGamma() : null, c.needs[2] ? dBeta : null, null, null];
};

/** The axes from the attribute's on, over which layers are normalised. */
function layerAxes(c: VjpContext): number[] {
  const rank = input(c, 0).shape.length;
  const axis = resolveAxis(intAttribute(c.node, 'axis', -1), rank, describeNode(c.node));
  return Array.from({ length: rank - axis }, (_, i) => axis + i);
}

/** The sum of the values that are there; null where none is. */
function sumOf(a: Algebra, values: readonly (Value | null)[]): Value | null {
  return values.reduce((sum, v) => (sum === null || v === null ? (sum ?? v) : a.add(sum, v)), null);
}

/*
 * y = γ x̂ + β with x̂ = (x − μ) s; the mean μ and s = 1/√(σ² + ε) are outputs too.
 * dx = s (g − mean(g) − x̂ mean(g·x̂)) with g = dy·γ, means over the normalised axes; + dμ / n − ds s² x̂ / n
 */
const layerNormalization: VjpRule = (c) => {
  const x = input(c, 0);
  const gamma = input(c, 1);
  const a = algebra(c.g, x);
  const [dy = null, dMean = null, dInverse = null] = c.cotangents;
  const axes = layerAxes(c);
  const count = a.scalar(sizeOf(axes.map((axis) => dims(c, x)[axis])));
  const average = (v: Value) => a.div(a.reduceSum(v, axes, true), count);
  // The runtime's own outputs 2 and 3 save a pass where the forward node was built with them.
  const centred = a.sub(x, c.outputs[1] ?? average(x));
  const inverse =
    c.outputs[2] ??
    inverseDeviation(a, average(a.mul(centred, centred)), floatAttribute(c.node, 'epsilon', 1e-5));
  const normalised = a.mul(centred, inverse);
  const throughOutput = (d: Value) => {
    const weighted = a.mul(d, gamma);
    const inner = a.sub(
      a.sub(weighted, average(weighted)),
      a.mul(normalised, average(a.mul(weighted, normalised))),
    );
    return a.mul(inverse, inner);
  };
  const throughInverse = (d: Value) =>
    a.neg(a.mul(a.div(a.mul(d, a.mul(inverse, inverse)), count), normalised));
  const dx = () =>
    sumOf(a, [
      dy && throughOutput(dy),
      dInverse && throughInverse(dInverse),
      dMean && a.expandLike(a.div(dMean, count), x),
    ]);
  return [c.needs[0] ? dx() : null, c.needs[1] && dy ? a.mul(dy, normalised) : null, c.needs[2] ? dy : null];
};

// x̂ alone, over the axes of the attribute: dx = s (dy − mean(dy) − x̂ mean(dy·x̂))
const meanVarianceNormalization: VjpRule = (c) => {
  const x = input(c, 0);
  const y = c.outputs[0];
  const a = algebra(c.g, x);
  const dy = cotangent(c);
  const shape = dims(c, x);
  const axes = (intsAttribute(c.node, 'axes') ?? [0, 2, 3]).map((axis) =>
    resolveAxis(axis, shape.length, describeNode(c.node)),
  );
  const count = a.scalar(sizeOf(axes.map((axis) => shape[axis])));
  const average = (v: Value) => a.div(a.reduceSum(v, axes, true), count);
  const centred = a.sub(x, average(x));
  const inverse = inverseDeviation(a, average(a.mul(centred, centred)), 0);
  return [a.mul(inverse, a.sub(a.sub(dy, average(dy)), a.mul(y, average(a.mul(dy, y)))))];
};

// y = γ x r with r = 1/√(mean(x²) + ε), which is an output too in ONNX Runtime's form:
// dx = r (g − x r² mean(g·x)) − dr r³ x / n, g = dy·γ
const rmsNormalization: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const [dy = null, dInverse = null] = c.cotangents;
  const axes = layerAxes(c);
  const count = a.scalar(sizeOf(axes.map((axis) => dims(c, x)[axis])));
  const average = (v: Value) => a.div(a.reduceSum(v, axes, true), count);
  const inverse = inverseDeviation(a, average(a.mul(x, x)), floatAttribute(c.node, 'epsilon', 1e-5));
  const normalised = a.mul(x, inverse);
  const throughOutput = (d: Value) => {
    const weighted = a.mul(d, input(c, 1));
    return a.mul(inverse, a.sub(weighted, a.mul(normalised, average(a.mul(weighted, normalised)))));
  };
  const throughInverse = (d: Value) =>
    a.neg(a.mul(a.div(a.mul(d, a.mul(inverse, inverse)), count), normalised));
  const dx = () => sumOf(a, [dy && throughOutput(dy), dInverse && throughInverse(dInverse)]);
  return [c.needs[0] ? dx() : null, c.needs[1] && dy ? a.mul(dy, normalised) : null];
};

// y = x / n. p = 2: dx = (dy − y Σ dy·y) / n; p = 1: dx = (dy − sign(x) Σ dy·y) / n; 0 where n is 0, as y is there
const lpNormalization: VjpRule = (c) => {
  const x = input(c, 0);
  const y = c.outputs[0];
  const a = algebra(c.g, x);
  const dy = cotangent(c);
  const axis = resolveAxis(intAttribute(c.node, 'axis', -1), x.shape.length, describeNode(c.node));
  const euclidean = intAttribute(c.node, 'p', 2) === 2;
  const size = a.reduceSum(euclidean ? a.mul(x, x) : a.op('Abs', [x]), [axis], true);
  const along = a.mul(euclidean ? y : a.op('Sign', [x]), a.reduceSum(a.mul(dy, y), [axis], true));
  const norm = euclidean ? a.op('Sqrt', [size]) : size;
  return [a.mul(a.sub(dy, along), reciprocalOr0(a, norm))];
};

// y = x s^−β with s = k + α/n Σ x² over n neighbouring channels: dx = dy s^−β − 2αβ/n · x · Σ' dy·y/s, Σ' over the
// channels in whose neighbourhood this one is
const localResponseNormalization: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const dy = cotangent(c);
  const n = intAttribute(c.node, 'size', 1);
  const alpha = floatAttribute(c.node, 'alpha', 1e-4);
  const beta = floatAttribute(c.node, 'beta', 0.75);
  const channels = dims(c, x)[1];
  const before = Math.floor((n - 1) / 2);
  const neighbours = (v: Value, low: number, high: number): Value => {
    const pads = x.shape.map((_, i) => (i === 1 ? low : 0));
    const ends = x.shape.map((_, i) => (i === 1 ? high : 0));
    const padded = a.op('Pad', [v, c.g.ints([...pads, ...ends]), a.scalar(0)]);
    const shifted = Array.from({ length: n }, (_, k) =>
      a.op('Slice', [padded, c.g.ints([k]), c.g.ints([k + channels]), c.g.ints([1])]),
    );
    return n === 1 ? shifted[0] : a.op('Sum', shifted);
  };
  const after = n - 1 - before;
  const squares = neighbours(a.mul(x, x), before, after);
  const s = a.add(a.scalar(floatAttribute(c.node, 'bias', 1)), a.mul(a.scalar(alpha / n), squares));
  const through = neighbours(a.div(a.mul(dy, c.outputs[0]), s), after, before);
  const direct = a.mul(dy, a.op('Pow', [s, a.scalar(-beta)]));
  return [a.sub(direct, a.mul(a.scalar((2 * alpha * beta) / n), a.mul(x, through)))];
};

export const normalizations: VjpTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: rmsNormalization,
  SimplifiedLayerNormalization: rmsNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  LpNormalization: lpNormalization,
  LRN: localResponseNormalization,
};
