/** @file McNemar's exact test: do two classifiers differ on the same items? (McNemar 1947) */
import { ParameterError } from '../core/index.ts';

/** Items that one classifier alone decided correctly, and the test's two-sided p-values. */
export interface McnemarResult {
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Exact binomial p-value, two-sided; 1 when the classifiers never disagree in correctness. */
  readonly p: number;
  /** Mid-p value (the observed outcome counts half): less conservative (Fagerland et al. 2013). */
  readonly midP: number;
}

/**
 * Exact McNemar test from which items each classifier decided correctly. Under the null hypothesis an item that
 * only one of them got right is as likely to be the first's as the second's: p = 2·P(X ≤ min(b, c)),
 * X ~ Binomial(b + c, ½). It takes items as independent; several clips of one recording are not, so with
 * such data treat p as optimistic.
 *
 * @throws {ParameterError} when the lists differ in length or are empty.
 */
export function mcnemar(correct: { first: ArrayLike<boolean>; second: ArrayLike<boolean> }): McnemarResult {
  const { first, second } = correct;
  if (first.length !== second.length || first.length === 0) {
    throw new ParameterError(
      `McNemar's test compares two classifiers on the same items; got ${first.length} and ${second.length} results.`,
    );
  }
  let onlyFirst = 0;
  let onlySecond = 0;
  for (let i = 0; i < first.length; i++) {
    if (first[i] && !second[i]) onlyFirst++;
    else if (second[i] && !first[i]) onlySecond++;
  }
  return { onlyFirst, onlySecond, ...mcnemarP(onlyFirst, onlySecond) };
}

/**
 * The p-values from the two discordant counts.
 * @throws {ParameterError} when a count is not an integer ≥ 0.
 */
export function mcnemarP(onlyFirst: number, onlySecond: number): { p: number; midP: number } {
  for (const count of [onlyFirst, onlySecond]) {
    if (!Number.isInteger(count) || count < 0) {
      throw new ParameterError(`Counts must be integers ≥ 0, got ${count}.`);
    }
  }
  const n = onlyFirst + onlySecond;
  const k = Math.min(onlyFirst, onlySecond);
  if (n === 0) return { p: 1, midP: 1 };
  // Terms downwards from the largest, relative to it: no factorial overflows.
  let term = 1;
  let tail = 0;
  for (let i = k; i >= 0 && term > tail * 1e-18; i--) {
    tail += term;
    term *= i / (n - i + 1);
  }
  const largest = Math.exp(logBinomial(n, k) - n * Math.LN2);
  return { p: Math.min(1, 2 * tail * largest), midP: Math.min(1, 2 * tail * largest - largest) };
}

/** ln(n choose k) as a sum of logarithms: exact enough (1e-13 relative at n = 10 000) without a gamma function. */
function logBinomial(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}
