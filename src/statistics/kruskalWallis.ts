/**
 * @file Kruskal and Wallis's test by ranks (1952): are values of several classes drawn from the same distribution?
 * With the correction for ties and the effect sizes that belong to it.
 */
import { ParameterError } from '../core/index.ts';
import { upperIncompleteGamma } from './incompleteGamma.ts';

export interface KruskalWallis {
  /** The statistic, corrected for ties. */
  readonly h: number;
  /** Number of classes less one. */
  readonly degrees: number;
  /** From the chi-square distribution, which H follows for more than a handful of values per class; 1 for a constant. */
  readonly p: number;
  /**
   * η² of the ranks, (H − k + 1) / (n − k): the share of the variance that lies between classes, 0 on average where
   * there is nothing (so it may be slightly negative), 1 where no two classes overlap (Tomczak and Tomczak 2014).
   */
  readonly etaSquared: number;
  /** ε² = H / (n − 1), the same share before it is corrected for the number of classes; in [0, 1]. */
  readonly epsilonSquared: number;
  readonly n: number;
}

/**
 * The test on values and their classes.
 * @param values one per item, finite
 * @param labels the class of each item; at least two classes, and more items than classes
 * @throws {ParameterError} for lists of different lengths, values that are not finite, fewer than two classes
 * @example kruskalWallis([2.9, 3.0, 2.5, 3.8, 2.7, 4.0], ['a', 'a', 'a', 'b', 'b', 'b']).p
 */
export function kruskalWallis(values: ArrayLike<number>, labels: ArrayLike<string | number>): KruskalWallis {
  const n = values.length;
  if (labels.length !== n) {
    throw new ParameterError(`There are ${n} values but ${labels.length} labels; each value needs one.`);
  }
  const classes = new Map<string | number, { sum: number; count: number }>();
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(values[i])) {
      throw new ParameterError(`Values must be finite numbers; value ${i} is ${values[i]}.`);
    }
    classes.set(labels[i], { sum: 0, count: 0 });
  }
  const k = classes.size;
  if (k < 2 || n <= k) {
    throw new ParameterError(
      `The test needs two classes and more values than classes, got ${n} values of ${k} classes.`,
    );
  }
  const { ranks, tied } = midRanks(values);
  for (let i = 0; i < n; i++) {
    const one = classes.get(labels[i])!;
    one.sum += ranks[i];
    one.count++;
  }
  const untied = 1 - tied / (n ** 3 - n);
  let between = 0;
  // About the mean rank, so that large numbers do not cancel.
  for (const { sum, count } of classes.values()) between += (sum - (count * (n + 1)) / 2) ** 2 / count;
  const h = untied <= 0 ? 0 : (12 * between) / (n * (n + 1)) / untied;
  return {
    h,
    degrees: k - 1,
    p: untied <= 0 ? 1 : chiSquareTail(h, k - 1),
    etaSquared: (h - k + 1) / (n - k),
    epsilonSquared: h / (n - 1),
    n,
  };
}

/** P(X > x) of a chi-square distribution: the regularised upper incomplete gamma function. */
function chiSquareTail(x: number, degrees: number): number {
  return upperIncompleteGamma(degrees / 2, x / 2);
}

/** Ranks from 1, equal values sharing the mean of theirs; `tied` is Σ(t³ − t) over runs of t equal values. */
export function midRanks(values: ArrayLike<number>): { ranks: Float64Array; tied: number } {
  const n = values.length;
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => values[a] - values[b]);
  const ranks = new Float64Array(n);
  let tied = 0;
  for (let start = 0; start < n; ) {
    let end = start + 1;
    while (end < n && values[order[end]] === values[order[start]]) end++;
    const run = end - start;
    tied += run ** 3 - run;
    for (let i = start; i < end; i++) ranks[order[i]] = (start + end + 1) / 2;
    start = end;
  }
  return { ranks, tied };
}
