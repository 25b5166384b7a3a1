/** @file Accuracy: the share of items whose predicted label is the true one. */
import { checkPairs, type Label, type LabelPairs } from './labels.ts';

/**
 * Share of items predicted correctly, in [0, 1] (scikit-learn's `accuracy_score`).
 * @throws {ParameterError} when lengths differ or there are no items.
 */
export function accuracy<L extends Label>(pairs: LabelPairs<L>): number {
  checkPairs(pairs);
  const { truth, predicted } = pairs;
  let correct = 0;
  for (let i = 0; i < truth.length; i++) if (truth[i] === predicted[i]) correct++;
  return correct / truth.length;
}
