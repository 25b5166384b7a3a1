/**
 * @file Percentile bootstrap over groups (cluster bootstrap). Clips cut from one recording are alike: a classifier
 * tends to get all of them right or all wrong. Drawing clips one by one would treat them as independent and give
 * intervals far too narrow, so whole recordings are drawn (Efron and Tibshirani 1993, chapter 8; Field and Welsh
 * 2007).
 */
import { ParameterError, Random } from '../core/index.ts';
import { quantile } from './summaries.ts';

/** An interval for a score, with all that is needed to reproduce it. */
export interface Interval {
  /** Bounds; null where the data hold fewer than two groups, so that nothing is known about the spread. */
  readonly low: number | null;
  readonly high: number | null;
  /** Nominal coverage, such as 0.95. */
  readonly level: number;
  readonly method: 'percentile bootstrap over groups';
  /** Number of independent groups (recordings) resampled. */
  readonly groups: number;
  readonly resamples: number;
  readonly seed: number;
}

export interface BootstrapOptions {
  readonly seed: number;
  /** How often the groups are redrawn; 2000 by default. */
  readonly resamples?: number;
  /** Nominal coverage in (0, 1); 0.95 by default. */
  readonly level?: number;
}

/**
 * Percentile intervals for several statistics of grouped items, all from the same resamples: as many groups as
 * there are, drawn with replacement, each with all its items.
 *
 * @param groups group of each item; items of one group count as one draw.
 * @param statistic computes the statistics from item numbers (with repeats); it must not keep the array.
 * @returns one interval per name that `statistic` returns.
 * @throws {ParameterError} when there are no items, an option is out of range, or a statistic is not finite.
 */
export function bootstrapGroups<K extends string>(
  groups: ArrayLike<string | number>,
  statistic: (items: Uint32Array) => Readonly<Record<K, number>>,
  options: BootstrapOptions,
): Record<K, Interval> {
  return resampled(groups, statistic, options).intervals;
}

function resampled<K extends string>(
  groups: ArrayLike<string | number>,
  statistic: (items: Uint32Array) => Readonly<Record<K, number>>,
  options: BootstrapOptions,
): { intervals: Record<K, Interval>; draws: Record<K, Float64Array> } {
  const { seed, resamples = 2000, level = 0.95 } = options;
  if (!(level > 0 && level < 1)) throw new ParameterError(`level must be between 0 and 1, got ${level}.`);
  const { groups: count, draws } = bootstrapDraws(groups, statistic, { seed, resamples });
  const described = {
    level,
    method: 'percentile bootstrap over groups',
    groups: count,
    resamples,
    seed,
  } as const;
  const tail = (1 - level) / 2;
  const entries = Object.entries<Float64Array>(draws).map(([name, values]): [string, Interval] => [
    name,
    values.length === 0
      ? { low: null, high: null, ...described }
      : { low: quantile(values, tail), high: quantile(values, 1 - tail), ...described },
  ]);
  return { intervals: Object.fromEntries(entries) as Record<K, Interval>, draws };
}

/** A difference between two things measured on the same items. */
export interface PairedDifference {
  readonly difference: number;
  readonly interval: Interval;
  /**
   * Two-sided: 2·min(share of resamples ≤ 0, share ≥ 0), each share counting one resample more of its kind, so that it
   * is never 0; null with fewer than two groups.
   */
  readonly p: number | null;
}

/**
 * Mean of first − second over grouped items, with interval and p-value from resampled groups (Efron and Tibshirani
 * 1993, chapter 16): each resample is scored for both, so what is hard for both cancels.
 * @param gain first − second of each item
 * @throws {ParameterError} as {@link bootstrapGroups}, and when lengths differ
 */
export function pairedDifference(
  groups: ArrayLike<string | number>,
  gain: ArrayLike<number>,
  options: BootstrapOptions,
): PairedDifference {
  if (groups.length !== gain.length) {
    throw new ParameterError(
      `There are ${groups.length} groups but ${gain.length} differences; each item needs both.`,
    );
  }
  const mean = (items: Uint32Array) => {
    let sum = 0;
    for (const i of items) sum += gain[i];
    return { difference: sum / items.length };
  };
  const { intervals, draws: all } = resampled(groups, mean, options);
  const draws = all.difference;
  let below = 1;
  let above = 1;
  for (const value of draws) {
    if (value <= 0) below++;
    if (value >= 0) above++;
  }
  const p = draws.length === 0 ? null : Math.min(1, (2 * Math.min(below, above)) / (draws.length + 1));
  return {
    ...mean(Uint32Array.from({ length: gain.length }, (_, i) => i)),
    interval: intervals.difference,
    p,
  };
}

/** The statistics of every resample; empty lists where there are fewer than two groups. */
function bootstrapDraws<K extends string>(
  groups: ArrayLike<string | number>,
  statistic: (items: Uint32Array) => Readonly<Record<K, number>>,
  { seed, resamples }: { seed: number; resamples: number },
): { groups: number; draws: Record<K, Float64Array> } {
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new ParameterError(`resamples must be an integer ≥ 1, got ${resamples}.`);
  }
  const members = itemsByGroup(groups);
  const all = Uint32Array.from({ length: groups.length }, (_, i) => i);
  const names = Object.keys(statistic(all)) as K[];
  const length = members.length < 2 ? 0 : resamples;
  const draws = names.map(() => new Float64Array(length));
  const random = new Random(seed);
  let buffer = new Uint32Array(2 * groups.length);
  for (let r = 0; r < length; r++) {
    let filled = 0;
    for (let g = 0; g < members.length; g++) {
      const items = members[random.integer(members.length)];
      if (filled + items.length > buffer.length) {
        const larger = new Uint32Array(2 * (filled + items.length));
        larger.set(buffer.subarray(0, filled));
        buffer = larger;
      }
      buffer.set(items, filled);
      filled += items.length;
    }
    const values = statistic(buffer.subarray(0, filled));
    names.forEach((name, i) => {
      draws[i][r] = values[name];
    });
  }
  return {
    groups: members.length,
    draws: Object.fromEntries(names.map((name, i) => [name, draws[i]])) as Record<K, Float64Array>,
  };
}

function itemsByGroup(groups: ArrayLike<string | number>): Uint32Array[] {
  if (groups.length === 0)
    throw new ParameterError('There are no items to resample; at least one is needed.');
  const lists = new Map<string | number, number[]>();
  for (let i = 0; i < groups.length; i++) {
    const list = lists.get(groups[i]);
    if (list === undefined) lists.set(groups[i], [i]);
    else list.push(i);
  }
  return [...lists.values()].map((list) => Uint32Array.from(list));
}
