/**
 * @file Precision, recall and F-score per class and averaged, after scikit-learn 1.2's
 * `precision_recall_fscore_support` with zero_division=0. The order of floating-point operations is kept too
 * (sums as numpy adds them), so results agree to the last bit and texts rounded from them agree as well.
 */
import { ParameterError } from '../core/index.ts';
import { checkPairs, type Label, type LabelPairs, labelIndex, uniqueLabels } from './labels.ts';

/** Scores of one class or one average; `support` is the number of items whose true label it is. */
export interface ClassScores {
  readonly precision: number;
  readonly recall: number;
  readonly fScore: number;
  readonly support: number;
}

/** `micro`: all decisions pooled; `macro`: plain mean of classes; `weighted`: mean weighted by support. */
export type Average = 'micro' | 'macro' | 'weighted';

/** Per class: items rightly found, items predicted as it, items truly it. */
export interface ClassCounts<L extends Label = Label> {
  readonly labels: readonly L[];
  readonly truePositives: Float64Array;
  readonly predicted: Float64Array;
  readonly actual: Float64Array;
}

/**
 * Counts per class of `labels` (default: all that occur, sorted). With a subset of labels, a decision for a
 * listed class counts against its precision also when the true class is not listed, as in scikit-learn.
 * @throws {ParameterError} when lengths differ or there are no items.
 */
export function countClasses<L extends Label>(pairs: LabelPairs<L>, labels?: readonly L[]): ClassCounts<L> {
  checkPairs(pairs);
  const listed = labels ?? uniqueLabels(pairs.truth, pairs.predicted);
  const index = labelIndex(listed);
  const truePositives = new Float64Array(listed.length);
  const predicted = new Float64Array(listed.length);
  const actual = new Float64Array(listed.length);
  for (let i = 0; i < pairs.truth.length; i++) {
    const t = index.get(pairs.truth[i]);
    const p = index.get(pairs.predicted[i]);
    if (t !== undefined) actual[t]++;
    if (p !== undefined) predicted[p]++;
    if (t !== undefined && t === p) truePositives[t]++;
  }
  return { labels: listed, truePositives, predicted, actual };
}

/**
 * Scores of every class: precision tp/predicted, recall tp/actual,
 * F = (1 + β²)·precision·recall / (β²·precision + recall); a ratio with denominator 0 is 0.
 * @param beta weight of recall against precision, ≥ 0; 1 gives F1.
 */
export function scoreClasses(counts: Omit<ClassCounts, 'labels'>, beta = 1): ClassScores[] {
  if (!(beta >= 0 && beta < Infinity)) throw new ParameterError(`beta must be a number ≥ 0, got ${beta}.`);
  return Array.from(counts.actual, (support, i) =>
    score(counts.truePositives[i], counts.predicted[i], support, beta),
  );
}

function score(truePositives: number, predicted: number, actual: number, beta: number): ClassScores {
  const beta2 = beta * beta;
  const precision = predicted === 0 ? 0 : truePositives / predicted;
  const recall = actual === 0 ? 0 : truePositives / actual;
  const denominator = beta2 * precision + recall;
  const fScore = ((1 + beta2) * precision * recall) / (denominator === 0 ? 1 : denominator);
  return { precision, recall, fScore, support: actual };
}

/** One average of the classes' scores; its support is the number of items of the listed classes. */
export function averageScores(counts: Omit<ClassCounts, 'labels'>, average: Average, beta = 1): ClassScores {
  const support = sum(counts.actual);
  if (average === 'micro') {
    return { ...score(sum(counts.truePositives), sum(counts.predicted), support, beta), support };
  }
  const classes = scoreClasses(counts, beta);
  if (average === 'weighted' && support === 0) return { precision: 0, recall: 0, fScore: 0, support };
  const mean = (of: (scores: ClassScores) => number): number =>
    average === 'macro'
      ? sum(classes.map(of)) / classes.length
      : sum(classes.map((scores) => of(scores) * scores.support)) / support;
  return {
    precision: mean((scores) => scores.precision),
    recall: mean((scores) => scores.recall),
    fScore: mean((scores) => scores.fScore),
    support,
  };
}

/**
 * Precision, recall, F-score and support, averaged over the classes.
 *
 * @param options.average how to average; `'macro'` by default.
 * @param options.labels the classes to score; default: all that occur in truth or predictions.
 * @param options.beta weight of recall in the F-score; 1 (F1) by default.
 * @throws {ParameterError} when lengths differ, there are no items, or beta < 0.
 */
export function precisionRecallFscore<L extends Label>(
  pairs: LabelPairs<L>,
  options: { average?: Average; labels?: readonly L[]; beta?: number } = {},
): ClassScores {
  return averageScores(countClasses(pairs, options.labels), options.average ?? 'macro', options.beta);
}

/** F1 averaged over the classes (`'macro'` by default), in [0, 1]. */
export function f1Score<L extends Label>(
  pairs: LabelPairs<L>,
  options: { average?: Average; labels?: readonly L[] } = {},
): number {
  return precisionRecallFscore(pairs, options).fScore;
}

/**
 * Sum in numpy's order (pairwise summation, `pairwise_sum` in its loops): below 8 terms one by one, up to 128
 * in eight interleaved partial sums, above that split in halves.
 */
function sum(values: ArrayLike<number>, from = 0, n = values.length): number {
  if (n < 8) {
    let total = 0;
    for (let i = 0; i < n; i++) total += values[from + i];
    return total;
  }
  if (n <= 128) {
    const r = Array.from({ length: 8 }, (_, j) => values[from + j]);
    let i = 8;
    for (; i < n - (n % 8); i += 8) for (let j = 0; j < 8; j++) r[j] += values[from + i + j];
    let total = r[0] + r[1] + (r[2] + r[3]) + (r[4] + r[5] + (r[6] + r[7]));
    for (; i < n; i++) total += values[from + i];
    return total;
  }
  const half = Math.floor(n / 2) - (Math.floor(n / 2) % 8);
  return sum(values, from, half) + sum(values, from + half, n - half);
}
