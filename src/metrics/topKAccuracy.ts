/** @file Top-k accuracy: the share of items whose true class is among the k most probable. */
import { ParameterError } from '../core/index.ts';
import type { Label } from './labels.ts';
import { checkPredictions, type ProbabilisticPredictions } from './probabilities.ts';

/**
 * Which of several equally probable classes ranks first: the `'first'` in class order, as argmax decides, so that
 * top-1 accuracy is accuracy; or the `'last'`, as scikit-learn's `top_k_accuracy_score` sorts them.
 */
export type TieRule = 'first' | 'last';

/**
 * Share of items whose true class is among the `k` most probable classes, in [0, 1].
 *
 * @param options.k an integer ≥ 1; from the number of classes on, the result is 1.
 * @param options.ties which of equally probable classes comes first; `'first'` by default.
 * @throws {ParameterError} when `k` is not an integer ≥ 1 or the predictions are not well formed.
 */
export function topKAccuracy<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  options: { k: number; ties?: TieRule },
): number {
  const { k, ties = 'first' } = options;
  if (!Number.isInteger(k) || k < 1) throw new ParameterError(`k must be an integer ≥ 1, got ${k}.`);
  const positions = checkPredictions(predictions);
  let hits = 0;
  predictions.probabilities.forEach((row, i) => {
    if (rankOf(row, positions[i], ties) < k) hits++;
  });
  return hits / positions.length;
}

/** How many classes rank before `position` in a row of probabilities: 0 for the most probable. */
export function rankOf(row: ArrayLike<number>, position: number, ties: TieRule = 'first'): number {
  const own = row[position];
  let before = 0;
  for (let j = 0; j < row.length; j++) {
    if (row[j] > own || (row[j] === own && (ties === 'first' ? j < position : j > position))) before++;
  }
  return before;
}
