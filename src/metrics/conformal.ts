/**
 * @file Split-conformal prediction: sets of classes that hold the true one with a chance of at least 1 − α, whatever
 * the classifier, where calibration items and new ones are exchangeable (Vovk et al. 2005; Angelopoulos and Bates 2023).
 */
import { ParameterError } from '../core/index.ts';
import type { Label } from './labels.ts';
import { checkPredictions, type ProbabilisticPredictions } from './probabilities.ts';

/**
 * How little a class fits: `lac` (Sadinle et al. 2019), one minus its probability, gives the smallest sets on average;
 * `aps` (Romano et al. 2020, without randomisation), the probability of all classes at least as probable, gives larger
 * sets that adapt to how hard an item is.
 */
export type ConformalMethod = 'lac' | 'aps';

/** The scores of all classes for one row of probabilities: the lower, the better the class fits. */
export function conformalScores(row: ArrayLike<number>, method: ConformalMethod): Float64Array {
  if (method === 'lac') return Float64Array.from(row, (p) => 1 - p);
  const order = Array.from(row, (_, c) => c).sort((a, b) => row[b] - row[a] || a - b);
  const scores = new Float64Array(row.length);
  let sum = 0;
  for (const c of order) {
    sum += row[c];
    scores[c] = sum;
  }
  return scores;
}

/**
 * Scores of the true classes of calibration items, which the classifier has not learnt from.
 * @throws {ParameterError} when the predictions are not well formed
 */
export function calibrationScores<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  method: ConformalMethod,
): Float64Array {
  const positions = checkPredictions(predictions);
  return Float64Array.from(predictions.probabilities, (row, i) => conformalScores(row, method)[positions[i]]);
}

/**
 * The largest score a class may have to be in the set: the ⌈(n + 1)(1 − α)⌉-th smallest of n calibration scores;
 * Infinity (every class) where n is too small to promise so much.
 * @param alpha share of sets that may lack the true class, in (0, 1)
 * @throws {ParameterError} for no scores, or alpha out of range
 */
export function conformalThreshold(scores: ArrayLike<number>, alpha: number): number {
  if (!(alpha > 0 && alpha < 1)) throw new ParameterError(`alpha must lie between 0 and 1, got ${alpha}.`);
  const n = scores.length;
  if (n === 0) throw new ParameterError('Conformal prediction needs calibration items, got none.');
  // (n + 1)(1 − α) may come out a hair above a whole number.
  const rank = Math.ceil((n + 1) * (1 - alpha) - 1e-9);
  return rank > n ? Infinity : Float64Array.from(scores).sort()[rank - 1];
}

/** Positions of the classes in the set of one row, in class order; it may be empty. */
export function predictionSet(row: ArrayLike<number>, threshold: number, method: ConformalMethod): number[] {
  const scores = conformalScores(row, method);
  return Array.from(scores, (_, c) => c).filter((c) => scores[c] <= threshold);
}

/** How prediction sets did on items with known truth. */
export interface ConformalResult {
  readonly method: ConformalMethod;
  readonly alpha: number;
  /** Largest score in a set; Infinity where every set holds every class. */
  readonly threshold: number;
  /** Calibration items. */
  readonly calibrationItems: number;
  /** Share of sets that hold the true class: 1 − α or more is promised on average. */
  readonly coverage: number;
  /** Mean number of classes in a set. */
  readonly meanSize: number;
  /** Share of sets with exactly one class, and with none. */
  readonly single: number;
  readonly empty: number;
}

/**
 * Several results as one, such as those of the folds of a cross-validation, each with calibration items of its own:
 * shares and sizes are means weighted by the tested items. The threshold of several is not one; it becomes NaN.
 * @throws {ParameterError} for none, or results that differ in method or alpha
 */
export function poolConformal(
  results: readonly { readonly items: number; readonly result: ConformalResult }[],
): ConformalResult {
  const [first] = results;
  if (first === undefined) throw new ParameterError('There are no results to pool; at least one is needed.');
  const { method, alpha } = first.result;
  if (results.some(({ result }) => result.method !== method || result.alpha !== alpha)) {
    throw new ParameterError('Results with different methods or alphas cannot be pooled.');
  }
  if (results.length === 1) return first.result;
  const total = results.reduce((sum, { items }) => sum + items, 0);
  const mean = (of: (result: ConformalResult) => number) =>
    results.reduce((sum, { items, result }) => sum + items * of(result), 0) / total;
  return {
    ...{ method, alpha, threshold: Number.NaN },
    calibrationItems: results.reduce((sum, { result }) => sum + result.calibrationItems, 0),
    coverage: mean((result) => result.coverage),
    meanSize: mean((result) => result.meanSize),
    single: mean((result) => result.single),
    empty: mean((result) => result.empty),
  };
}

/**
 * Prediction sets for items with known truth.
 * @param scores of calibration items, by {@link calibrationScores} with the same method
 * @throws {ParameterError} when the predictions are not well formed, or as {@link conformalThreshold}
 */
export function conformalResult<L extends Label>(
  predictions: ProbabilisticPredictions<L>,
  scores: ArrayLike<number>,
  { alpha, method }: { alpha: number; method: ConformalMethod },
): ConformalResult {
  const positions = checkPredictions(predictions);
  const threshold = conformalThreshold(scores, alpha);
  const sets = predictions.probabilities.map((row) => predictionSet(row, threshold, method));
  const share = (test: (set: number[], i: number) => boolean) => sets.filter(test).length / sets.length;
  return {
    method,
    alpha,
    threshold,
    calibrationItems: scores.length,
    coverage: share((set, i) => set.includes(positions[i])),
    meanSize: sets.reduce((sum, set) => sum + set.length, 0) / sets.length,
    single: share((set) => set.length === 1),
    empty: share((set) => set.length === 0),
  };
}
