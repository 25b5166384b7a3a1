/** @file Log-loss (cross-entropy) of class probabilities. */
import { ParameterError } from '../core/index.ts';
import type { Label } from './labels.ts';
import { checkPredictions, type ProbabilisticPredictions } from './probabilities.ts';

/**
 * Mean of −ln p(true class), in nats, ≥ 0. As scikit-learn 1.2's `log_loss` does, probabilities are clipped to
 * [eps, 1 − eps] and each row divided by its sum, so that one confident mistake costs at most 36 nats, not infinity.
 *
 * @param options.eps clipping bound; default the spacing of float64 at 1 (2.2e-16), scikit-learn's for float64.
 * @throws {ParameterError} when the predictions are not well formed, there is only one class, or eps not in (0, 0.5).
 */
export function logLoss<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  options: { eps?: number } = {},
): number {
  const losses = logLosses(predictions, options);
  let total = 0;
  for (const loss of losses) total += loss;
  return total / losses.length;
}

/** The same, item by item. */
export function logLosses<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  options: { eps?: number } = {},
): Float64Array {
  const eps = options.eps ?? Number.EPSILON;
  if (!(eps > 0 && eps < 0.5)) throw new ParameterError(`eps must be between 0 and 0.5, got ${eps}.`);
  if (predictions.classes.length < 2) {
    throw new ParameterError(
      `Log-loss needs at least two classes, got ${predictions.classes.length}: with one it is always 0.`,
    );
  }
  const positions = checkPredictions(predictions);
  return Float64Array.from(positions, (position, i) => {
    const row = predictions.probabilities[i];
    const clip = (p: number) => Math.min(Math.max(p, eps), 1 - eps);
    let sum = 0;
    for (let j = 0; j < row.length; j++) sum += clip(row[j]);
    return -Math.log(clip(row[position]) / sum);
  });
}
