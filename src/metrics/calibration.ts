/** @file How far probabilities can be taken at their word: Brier score, reliability bins, calibration error. */
import { ParameterError } from '../core/index.ts';
import type { Label } from './labels.ts';
import { argmax, checkPredictions, type ProbabilisticPredictions } from './probabilities.ts';

/**
 * Brier score: mean over items of the squared distance between the row of probabilities and the one-hot truth
 * (Brier 1950), in [0, 2]. For two classes it is twice scikit-learn's `brier_score_loss`, which looks at one
 * class only.
 * @throws {ParameterError} when the predictions are not well formed.
 */
export function brierScore<L extends Label>(predictions: ProbabilisticPredictions<L>): number {
  const positions = checkPredictions(predictions);
  let total = 0;
  predictions.probabilities.forEach((row, i) => {
    for (let j = 0; j < row.length; j++) total += (row[j] - (j === positions[i] ? 1 : 0)) ** 2;
  });
  return total / positions.length;
}

/** Items whose confidence lies in (low, high] (the first bin holds 0 too), and how often they were right. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean confidence; null in an empty bin. */
  readonly confidence: number | null;
  /** Share decided correctly; null in an empty bin. */
  readonly accuracy: number | null;
}

/**
 * Items sorted by confidence (probability of the predicted class) into `bins` of equal width over [0, 1].
 * @throws {ParameterError} when the predictions are not well formed or `bins` is not an integer ≥ 1.
 */
export function reliabilityBins<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  options: { bins?: number } = {},
): ReliabilityBin[] {
  const bins = options.bins ?? 15;
  if (!Number.isInteger(bins) || bins < 1)
    throw new ParameterError(`bins must be an integer ≥ 1, got ${bins}.`);
  const positions = checkPredictions(predictions);
  const count = new Array<number>(bins).fill(0);
  const confidence = new Array<number>(bins).fill(0);
  const correct = new Array<number>(bins).fill(0);
  predictions.probabilities.forEach((row, i) => {
    const decided = argmax(row);
    const p = Math.min(row[decided], 1);
    const bin = Math.max(0, Math.ceil(p * bins) - 1);
    count[bin]++;
    confidence[bin] += p;
    if (decided === positions[i]) correct[bin]++;
  });
  return count.map((n, b) => ({
    low: b / bins,
    high: (b + 1) / bins,
    count: n,
    confidence: n === 0 ? null : confidence[b] / n,
    accuracy: n === 0 ? null : correct[b] / n,
  }));
}

/**
 * Expected calibration error (Naeini et al. 2015; Guo et al. 2017): mean over items of
 * |accuracy − confidence| of their bin, in [0, 1].
 * @param options.bins number of bins of equal width; 15 by default.
 * @throws {ParameterError} when the predictions are not well formed or `bins` is not an integer ≥ 1.
 */
export function expectedCalibrationError<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  options: { bins?: number } = {},
): number {
  let error = 0;
  for (const { count, confidence, accuracy } of reliabilityBins(predictions, options)) {
    if (confidence !== null && accuracy !== null) error += count * Math.abs(accuracy - confidence);
  }
  return error / predictions.truth.length;
}
