/** @file Holm's step-down correction for several tests (Holm 1979): whatever the tests' dependence. */
import { ParameterError } from '../core/index.ts';

/**
 * Adjusted p-values, in the order given: comparing each with α keeps the chance of one or more false rejections
 * below α. The k-th smallest of m becomes max over j ≤ k of min(1, (m − j + 1)·p₍ⱼ₎): never smaller than it was, nor
 * larger than Bonferroni's m·p.
 * @param pValues each in [0, 1]; none gives none
 * @throws {ParameterError} for a value outside [0, 1]
 */
export function holm(pValues: readonly number[]): number[] {
  const m = pValues.length;
  pValues.forEach((p, i) => {
    if (!(p >= 0 && p <= 1)) throw new ParameterError(`A p-value must be in [0, 1]; number ${i} is ${p}.`);
  });
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a] - pValues[b]);
  const adjusted = new Array<number>(m);
  let largest = 0;
  order.forEach((item, rank) => {
    largest = Math.max(largest, Math.min(1, (m - rank) * pValues[item]));
    adjusted[item] = largest;
  });
  return adjusted;
}
