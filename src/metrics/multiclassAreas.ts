/** @file Areas under ROC and precision-recall curves for several classes: each against the rest, then averaged. */
import { ParameterError } from '../core/index.ts';
import { averagePrecision, oneAgainstRest, rocAuc } from './curves.ts';
import type { Label } from './labels.ts';
import type { ProbabilisticPredictions } from './probabilities.ts';

/** Areas of one class against the rest. */
export interface ClassAreas<L extends Label = Label> {
  readonly label: L;
  /** Items of the class. */
  readonly support: number;
  /** Area under the ROC curve, and average precision; null where all items are of the class, or none. */
  readonly rocAuc: number | null;
  readonly averagePrecision: number | null;
}

/**
 * Areas of every class against the rest, in the order of the classes.
 * @throws {ParameterError} when the predictions are not well formed
 */
export function classAreas<L extends Label>(predictions: ProbabilisticPredictions<L>): ClassAreas<L>[] {
  return predictions.classes.map((label) => {
    const items = oneAgainstRest(predictions, label);
    const support = Array.from(items.positive).filter(Boolean).length;
    const whole = support === 0 || support === items.scores.length;
    return {
      label,
      support,
      rocAuc: whole ? null : rocAuc(items),
      averagePrecision: whole ? null : averagePrecision(items),
    };
  });
}

/**
 * Mean over the classes that have an area, plain (`macro`) or weighted by support. Where every class has items and none
 * has them all, that is scikit-learn's `roc_auc_score(multi_class='ovr')` and `average_precision_score`. Where a class has
 * none, scikit-learn raises or gives NaN for the former and counts the class as 0 in the latter's macro average; here the
 * class is left out of both, since nothing was measured of it.
 * @throws {ParameterError} when no class has one
 */
export function meanArea(
  areas: readonly ClassAreas[],
  which: 'rocAuc' | 'averagePrecision',
  average: 'macro' | 'weighted' = 'macro',
): number {
  let sum = 0;
  let total = 0;
  for (const area of areas) {
    const value = area[which];
    if (value === null) continue;
    const weight = average === 'macro' ? 1 : area.support;
    sum += weight * value;
    total += weight;
  }
  if (total === 0) throw new ParameterError('No class has both positive and negative items.');
  return sum / total;
}
