/**
 * @file The jackknife over groups (Tukey 1958; Efron and Tibshirani 1993, chapter 11): how far a statistic depends on
 * single recordings. Where the bootstrap would repeat items, which rank statistics take for ties and effect sizes for
 * evidence, leaving one group out at a time does not.
 */
import { ParameterError } from '../core/index.ts';

export interface JackknifeInterval {
  readonly low: number;
  readonly high: number;
  readonly standardError: number;
  /** Nominal coverage. */
  readonly level: 0.95;
  readonly method: 'jackknife over groups';
  readonly groups: number;
}

/** The normal distribution's 97.5 % quantile. */
const normalQuantile = 1.959963984540054;

/**
 * estimate ± 1.96 standard errors, the errors by leaving out one group after the other.
 * @param groups the group of each item
 * @param statistic of the items kept; the array is its own to keep
 * @param bounds ends of the statistic's range, beyond which the interval is cut off
 * @throws {ParameterError} for fewer than two groups, or a statistic that is not finite
 */
export function jackknifeGroups(
  groups: ArrayLike<string | number>,
  statistic: (items: Uint32Array) => number,
  bounds: readonly [low: number, high: number] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY],
): JackknifeInterval {
  const all = Uint32Array.from({ length: groups.length }, (_, i) => i);
  const names = [...new Set(Array.from(groups))];
  const m = names.length;
  if (m < 2) throw new ParameterError(`The jackknife needs two groups or more, got ${m}.`);
  const estimate = finite(statistic(all));
  const without = names.map((name) => finite(statistic(all.filter((i) => groups[i] !== name))));
  const mean = without.reduce((a, b) => a + b, 0) / m;
  const squares = without.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(((m - 1) / m) * squares);
  const cut = (value: number) => Math.min(bounds[1], Math.max(bounds[0], value));
  return {
    low: cut(estimate - normalQuantile * standardError),
    high: cut(estimate + normalQuantile * standardError),
    standardError,
    level: 0.95,
    method: 'jackknife over groups',
    groups: m,
  };
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw new ParameterError(`The statistic must be finite, got ${value}.`);
  return value;
}
