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
  const { seed, resamples = 2000, level = 0.95 } = options;
  if (!Number.isInteger(resamples) || resamples < 1) {
    throw new ParameterError(`resamples must be an integer ≥ 1, got ${resamples}.`);
  }
  if (!(level > 0 && level < 1)) throw new ParameterError(`level must be between 0 and 1, got ${level}.`);
  const members = itemsByGroup(groups);
  const all = Uint32Array.from({ length: groups.length }, (_, i) => i);
  const names = Object.keys(statistic(all)) as K[];
  const described = {
    level,
    method: 'percentile bootstrap over groups',
    groups: members.length,
    resamples,
    seed,
  } as const;
  if (members.length < 2) {
    return Object.fromEntries(names.map((name) => [name, { low: null, high: null, ...described }])) as Record<
      K,
      Interval
    >;
  }
  const draws = names.map(() => new Float64Array(resamples));
  const random = new Random(seed);
  let buffer = new Uint32Array(2 * groups.length);
  for (let r = 0; r < resamples; r++) {
    let length = 0;
    for (let g = 0; g < members.length; g++) {
      const items = members[random.integer(members.length)]!;
      if (length + items.length > buffer.length) {
        const larger = new Uint32Array(2 * (length + items.length));
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(items, length);
      length += items.length;
    }
    const values = statistic(buffer.subarray(0, length));
    names.forEach((name, i) => {
      draws[i]![r] = values[name];
    });
  }
  const tail = (1 - level) / 2;
  return Object.fromEntries(
    names.map((name, i) => [
      name,
      { low: quantile(draws[i]!, tail), high: quantile(draws[i]!, 1 - tail), ...described },
    ]),
  ) as Record<K, Interval>;
}

function itemsByGroup(groups: ArrayLike<string | number>): Uint32Array[] {
  if (groups.length === 0)
    throw new ParameterError('There are no items to resample; at least one is needed.');
  const lists = new Map<string | number, number[]>();
  for (let i = 0; i < groups.length; i++) {
    const list = lists.get(groups[i]!);
    if (list === undefined) lists.set(groups[i]!, [i]);
    else list.push(i);
  }
  return [...lists.values()].map((list) => Uint32Array.from(list));
}
