/**
 * @file Accuracy against coverage: how right a classifier is on the items it answers, when it abstains from those it is
 * least confident of (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017).
 */
import { ParameterError } from '../core/index.ts';
import type { Label } from './labels.ts';
import { argmax, checkPredictions, type ProbabilisticPredictions } from './probabilities.ts';

/** What answering only with at least this confidence gives. */
export interface CoveragePoint {
  /** Items are answered whose largest probability is at least this. */
  readonly threshold: number;
  /** Share of items answered, in (0, 1]. */
  readonly coverage: number;
  /** Share of those that are right. */
  readonly accuracy: number;
}

/**
 * A point for every confidence that occurs, from the most confident items to all of them.
 * @throws {ParameterError} when the predictions are not well formed
 */
export function coverageCurve<L extends Label>(predictions: ProbabilisticPredictions<L>): CoveragePoint[] {
  const positions = checkPredictions(predictions);
  const n = positions.length;
  const decided = predictions.probabilities.map(argmax);
  const confidence = predictions.probabilities.map((row, i) => row[decided[i]]);
  const order = Array.from(positions, (_, i) => i).sort((a, b) => confidence[b] - confidence[a]);
  const points: CoveragePoint[] = [];
  let right = 0;
  order.forEach((item, rank) => {
    if (decided[item] === positions[item]) right++;
    const next = order[rank + 1];
    // Items of one confidence are answered together or not at all.
    if (next !== undefined && confidence[next] === confidence[item]) return;
    points.push({
      threshold: confidence[item],
      coverage: (rank + 1) / n,
      accuracy: right / (rank + 1),
    });
  });
  return points;
}

/**
 * Area under the risk-coverage curve, in [0, 1], lower is better: the mean over items of the share of errors among the
 * items at least as confident. 0 where all is right; with confidence that says nothing, about the error rate.
 */
export function areaUnderRiskCoverage(curve: readonly CoveragePoint[]): number {
  let area = 0;
  let before = 0;
  for (const { coverage, accuracy } of curve) {
    area += (coverage - before) * (1 - accuracy);
    before = coverage;
  }
  return area;
}

/**
 * The point that answers most items at an accuracy of at least `accuracy`; null where no threshold reaches it.
 * @throws {ParameterError} when `accuracy` is not in (0, 1]
 */
export function coverageAtAccuracy(curve: readonly CoveragePoint[], accuracy: number): CoveragePoint | null {
  if (!(accuracy > 0 && accuracy <= 1)) {
    throw new ParameterError(`An accuracy must lie between 0 and 1, got ${accuracy}.`);
  }
  return curve.findLast((point) => point.accuracy >= accuracy) ?? null;
}

/**
 * What a threshold gives: the point of the least confidence at or above it; null where nothing is answered.
 */
export function coverageAtThreshold(
  curve: readonly CoveragePoint[],
  threshold: number,
): CoveragePoint | null {
  return curve.findLast((point) => point.threshold >= threshold) ?? null;
}
