/** @file Mean, standard deviation and quantiles of a list of numbers. */
import { ParameterError } from '../core/index.ts';

/** Mean and spread of n values. */
export interface MeanDeviation {
  readonly mean: number;
  /** Sample standard deviation (divisor n − 1); null for a single value, which has no spread to speak of. */
  readonly deviation: number | null;
  readonly n: number;
}

/**
 * Mean and sample standard deviation, in two passes (no cancellation for values far from zero).
 * @throws {ParameterError} when there are no values or one is not finite.
 */
export function meanDeviation(values: ArrayLike<number>): MeanDeviation {
  const n = values.length;
  if (n === 0) throw new ParameterError('A mean needs at least one value, got none.');
  let sum = 0;
  for (let i = 0; i < n; i++) sum += checkFinite(values[i], i);
  const mean = sum / n;
  if (n === 1) return { mean, deviation: null, n };
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i] - mean) ** 2;
  return { mean, deviation: Math.sqrt(squares / (n - 1)), n };
}

/**
 * Quantile by linear interpolation between order statistics: type 7 of Hyndman and Fan (1996), numpy's default.
 * @param q in [0, 1]; 0.5 is the median.
 * @throws {ParameterError} when there are no values, one is not finite, or q is outside [0, 1].
 */
export function quantile(values: ArrayLike<number>, q: number): number {
  if (values.length === 0) throw new ParameterError('A quantile needs at least one value, got none.');
  const sorted = Float64Array.from(values).sort();
  for (let i = 0; i < sorted.length; i++) checkFinite(sorted[i], i);
  return sortedQuantile(sorted, q);
}

/** The same for values already sorted and finite. */
export function sortedQuantile(sorted: Float64Array, q: number): number {
  if (!(q >= 0 && q <= 1)) throw new ParameterError(`A quantile must be in [0, 1], got ${q}.`);
  const position = q * (sorted.length - 1);
  const below = Math.floor(position);
  const low = sorted[below];
  const high = sorted[Math.min(below + 1, sorted.length - 1)];
  return low + (high - low) * (position - below);
}

function checkFinite(value: number, i: number): number {
  if (!Number.isFinite(value))
    throw new ParameterError(`Values must be finite numbers; value ${i} is ${value}.`);
  return value;
}
