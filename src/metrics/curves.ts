/**
 * @file Curves of a two-way decision over all thresholds: ROC and precision-recall, after scikit-learn's `roc_curve`
 * and `precision_recall_curve`, with the areas under them.
 */
import { ParameterError } from '../core/index.ts';
import type { Label } from './labels.ts';
import { checkPredictions, type ProbabilisticPredictions } from './probabilities.ts';

/** Which items are positive, and a score for each: the higher, the more likely positive. */
export interface ScoredItems {
  readonly positive: ArrayLike<boolean>;
  readonly scores: ArrayLike<number>;
}

/** Points of a ROC curve, from (0, 0) to (1, 1); all lists have one length. */
export interface RocCurve {
  readonly falsePositiveRate: Float64Array;
  readonly truePositiveRate: Float64Array;
  /** Items with a score ≥ this are called positive; descending, the first is Infinity (nothing is called positive). */
  readonly thresholds: Float64Array;
}

/**
 * Points of a precision-recall curve, thresholds ascending. `precision` and `recall` have one more point than
 * `thresholds`: the last, precision 1 at recall 0, which no threshold gives.
 */
export interface PrecisionRecallCurve {
  readonly precision: Float64Array;
  readonly recall: Float64Array;
  readonly thresholds: Float64Array;
}

/**
 * The receiver operating characteristic: false and true positive rate at every threshold that occurs as a score.
 * Points on a straight line between their neighbours are left out (scikit-learn's `drop_intermediate`), which changes
 * neither the curve nor its area.
 * @param options.dropIntermediate whether to leave them out; true by default
 * @throws {ParameterError} when lengths differ, a score is not finite, or all items are positive, or none
 */
export function rocCurve(items: ScoredItems, options: { dropIntermediate?: boolean } = {}): RocCurve {
  const { truePositives, falsePositives, scores, positives, negatives } = cumulativeCounts(items);
  const all = Array.from(scores, (_, i) => i);
  const bend = (counts: Float64Array, i: number) => counts[i + 1] - 2 * counts[i] + counts[i - 1] !== 0;
  const kept =
    options.dropIntermediate === false
      ? all
      : all.filter(
          (i) => i === 0 || i === all.length - 1 || bend(truePositives, i) || bend(falsePositives, i),
        );
  return {
    falsePositiveRate: Float64Array.from([0, ...kept.map((i) => falsePositives[i] / negatives)]),
    truePositiveRate: Float64Array.from([0, ...kept.map((i) => truePositives[i] / positives)]),
    thresholds: Float64Array.from([Infinity, ...kept.map((i) => scores[i])]),
  };
}

/**
 * Precision and recall at every threshold that occurs as a score.
 * @throws {ParameterError} when lengths differ, a score is not finite, or all items are positive, or none
 */
export function precisionRecallCurve(items: ScoredItems): PrecisionRecallCurve {
  const { truePositives, falsePositives, scores, positives } = cumulativeCounts(items);
  const n = scores.length;
  const precision = new Float64Array(n + 1);
  const recall = new Float64Array(n + 1);
  for (let i = 0; i < n; i++) {
    const from = n - 1 - i;
    precision[i] = truePositives[from] / (truePositives[from] + falsePositives[from]);
    recall[i] = truePositives[from] / positives;
  }
  precision[n] = 1;
  return { precision, recall, thresholds: scores.slice().reverse() };
}

/**
 * Area under a curve by the trapezoid rule.
 * @param x ascending or descending, at least two
 * @throws {ParameterError} when lengths differ, there are fewer than two points, or `x` goes both ways
 */
export function auc(x: ArrayLike<number>, y: ArrayLike<number>): number {
  if (x.length !== y.length || x.length < 2) {
    throw new ParameterError(
      `An area needs two or more points with an x and a y each, got ${x.length} and ${y.length}.`,
    );
  }
  let area = 0;
  let ways = 0;
  for (let i = 1; i < x.length; i++) {
    const step = x[i] - x[i - 1];
    ways |= step > 0 ? 1 : step < 0 ? 2 : 0;
    area += (step * (y[i] + y[i - 1])) / 2;
  }
  if (ways === 3) throw new ParameterError('The x of a curve must ascend or descend; these do both.');
  return ways === 2 ? -area : area;
}

/**
 * Area under the ROC curve, in [0, 1]: how likely a positive item scores above a negative one (ties count half).
 * @throws {ParameterError} as {@link rocCurve}
 */
export function rocAuc(items: ScoredItems): number {
  const { falsePositiveRate, truePositiveRate } = rocCurve(items);
  return auc(falsePositiveRate, truePositiveRate);
}

/**
 * Average precision, in [0, 1]: Σ (Rₙ − Rₙ₋₁)·Pₙ over the points of the precision-recall curve, without interpolation
 * (scikit-learn's `average_precision_score`).
 * @throws {ParameterError} as {@link precisionRecallCurve}
 */
export function averagePrecision(items: ScoredItems): number {
  const { precision, recall } = precisionRecallCurve(items);
  let sum = 0;
  for (let i = 0; i < recall.length - 1; i++) sum += (recall[i] - recall[i + 1]) * precision[i];
  return sum;
}

/**
 * One class against all others: its items are positive, its probability is the score.
 * @param label one of `predictions.classes`
 * @throws {ParameterError} when the predictions are not well formed or the class is not among them
 */
export function oneAgainstRest<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  label: L,
): ScoredItems {
  const positions = checkPredictions(predictions);
  const column = predictions.classes.indexOf(label);
  if (column < 0) {
    throw new ParameterError(
      `There is no class "${label}"; there are ${predictions.classes.slice(0, 12).join(', ')}.`,
    );
  }
  return {
    positive: Array.from(positions, (position) => position === column),
    scores: Float64Array.from(predictions.probabilities, (row) => row[column]),
  };
}

/**
 * Counts at or above each distinct score, scores descending.
 * @throws {ParameterError} for lists that fit no curve
 */
function cumulativeCounts({ positive, scores }: ScoredItems) {
  const n = scores.length;
  if (positive.length !== n) {
    throw new ParameterError(`There are ${n} scores but ${positive.length} truths; each item needs both.`);
  }
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(scores[i])) throw new ParameterError(`Score ${i} is ${scores[i]}, not a number.`);
  }
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[b] - scores[a]);
  const truePositives: number[] = [];
  const falsePositives: number[] = [];
  const distinct: number[] = [];
  let hits = 0;
  order.forEach((item, rank) => {
    if (positive[item]) hits++;
    const next = order[rank + 1];
    if (next !== undefined && scores[next] === scores[item]) return;
    truePositives.push(hits);
    falsePositives.push(rank + 1 - hits);
    distinct.push(scores[item]);
  });
  if (hits === 0 || hits === n) {
    throw new ParameterError(`A curve needs positive and negative items; of ${n}, ${hits} are positive.`, {
      hint: 'Leave out classes that no tested clip has, or that all have.',
    });
  }
  return {
    truePositives: Float64Array.from(truePositives),
    falsePositives: Float64Array.from(falsePositives),
    scores: Float64Array.from(distinct),
    positives: hits,
    negatives: n - hits,
  };
}
