/**
 * @file Whether a sound is of any class that a model knows. Three scores, all higher for what is known: the largest
 * softmax probability (Hendrycks and Gimpel 2017), the energy (Liu et al. 2020), and the Mahalanobis distance of the
 * embedding from the nearest class (Lee et al. 2018).
 */
import { type Matrix, type Matrix64, matrixOf, takeRows, zeros } from '../classifiers/matrix.ts';
import { fitPca } from '../classifiers/pca.ts';
import { ParameterError } from '../core/errors.ts';
import { rocAuc, rocCurve } from '../metrics/curves.ts';

export type UnknownScore = 'softmax' | 'energy' | 'mahalanobis';

export const unknownScores: readonly UnknownScore[] = ['softmax', 'energy', 'mahalanobis'];

/** The largest probability, in (0, 1]. */
export function softmaxScore(probabilities: ArrayLike<number>): number {
  let most = 0;
  for (let c = 0; c < probabilities.length; c++) most = Math.max(most, probabilities[c]);
  return most;
}

/** log Σ e^logit: the negative free energy at temperature 1. */
export function energyScore(logits: ArrayLike<number>): number {
  let top = Number.NEGATIVE_INFINITY;
  for (let c = 0; c < logits.length; c++) top = Math.max(top, logits[c]);
  let sum = 0;
  for (let c = 0; c < logits.length; c++) sum += Math.exp(logits[c] - top);
  return top + Math.log(sum);
}

/**
 * Class means and one covariance for all classes, held by its largest directions and one variance for all others
 * (probabilistic PCA: Tipping and Bishop 1999), so that embeddings of thousands of numbers fit into a model's metadata.
 */
export interface MahalanobisModel {
  /** [classes, columns] */
  readonly means: Matrix64;
  /** Unit vectors, [directions, columns]. */
  readonly directions: Matrix64;
  /** Variance along each, descending, > 0. */
  readonly variances: Float64Array;
  /** Variance along every other direction, > 0. */
  readonly rest: number;
}

/**
 * @param x embeddings, [rows, columns]
 * @param directions at most so many are kept; default 64
 * @throws {ParameterError} for fewer than three rows, or embeddings that do not differ within classes
 */
export function fitMahalanobis(x: Matrix, labels: readonly string[], directions = 64): MahalanobisModel {
  const classes = [...new Set(labels)].sort();
  const places = labels.map((label) => classes.indexOf(label));
  const { rows: n, columns: d } = x;
  const means = zeros(classes.length, d);
  const counts = new Float64Array(classes.length);
  for (const c of places) counts[c]++;
  places.forEach((c, i) => {
    for (let j = 0; j < d; j++) means.data[c * d + j] += x.data[i * d + j] / counts[c];
  });
  const centred = zeros(n, d);
  places.forEach((c, i) => {
    for (let j = 0; j < d; j++) centred.data[i * d + j] = x.data[i * d + j] - means.data[c * d + j];
  });
  const all = fitPca(centred).state;
  const variances = all.explainedVariance;
  const total = variances.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) {
    throw new ParameterError('The embeddings of each class are all equal, so no distance can be measured.');
  }
  // Directions with next to no variance would make distances of rounding.
  const least = (1e-6 * total) / d;
  const kept = Math.min(directions, d, variances.filter((value) => value > least).length);
  const first = Array.from({ length: kept }, (_, i) => i);
  const explained = first.reduce((sum, i) => sum + variances[i], 0);
  const rest = d > kept ? Math.max(least, (total - explained) / (d - kept)) : least;
  return {
    means,
    directions: takeRows(all.components, first) as Matrix64,
    variances: variances.slice(0, kept),
    rest,
  };
}

/** Minus the squared Mahalanobis distance from the nearest class mean, ≤ 0. */
export function mahalanobisScore(model: MahalanobisModel, embedding: ArrayLike<number>): number {
  const { means, directions, variances, rest } = model;
  const d = means.columns;
  let nearest = Number.POSITIVE_INFINITY;
  const difference = new Float64Array(d);
  for (let c = 0; c < means.rows; c++) {
    let squares = 0;
    for (let j = 0; j < d; j++) {
      difference[j] = embedding[j] - means.data[c * d + j];
      squares += difference[j] ** 2;
    }
    let distance = 0;
    for (let p = 0; p < directions.rows; p++) {
      let along = 0;
      for (let j = 0; j < d; j++) along += difference[j] * directions.data[p * d + j];
      distance += along ** 2 / variances[p];
      squares -= along ** 2;
    }
    nearest = Math.min(nearest, distance + Math.max(0, squares) / rest);
  }
  return -nearest;
}

/** How well a score tells known sounds from unknown ones. */
export interface Detection {
  /** Area under the ROC curve, in [0, 1]; 0.5 is chance. */
  readonly auroc: number;
  /** Share of unknown sounds taken for known where 95 % of the known ones are; 0.95 is chance. */
  readonly fpr95: number;
}

/**
 * @param known scores of items of known classes that nothing was fitted to
 * @param unknown scores of items of classes left out
 * @throws {ParameterError} when one side is empty or a score is not finite
 */
export function detection(known: ArrayLike<number>, unknown: ArrayLike<number>): Detection {
  const scores = [...Array.from(known), ...Array.from(unknown)];
  const positive = scores.map((_, i) => i < known.length);
  const { falsePositiveRate, truePositiveRate } = rocCurve({ positive, scores }, { dropIntermediate: false });
  const at = truePositiveRate.findIndex((rate) => rate >= 0.95 - 1e-12);
  return { auroc: rocAuc({ positive, scores }), fpr95: falsePositiveRate[at] };
}

/**
 * The score below which a sound is called unknown: of the known sounds, at most that share lies below.
 * @param known scores of known sounds that nothing was fitted to
 * @param falseAlarms share of known sounds that may be called unknown, in (0, 1)
 * @throws {ParameterError} for no scores, or a rate out of range
 */
export function unknownThreshold(known: readonly number[], falseAlarms: number): number {
  if (!(falseAlarms > 0 && falseAlarms < 1))
    throw new ParameterError(`The rate of false alarms must be between 0 and 1, got ${falseAlarms}.`);
  if (known.length === 0) throw new ParameterError('A threshold needs scores of known sounds.');
  const sorted = Float64Array.from(known).sort();
  // As many lie below it as its place says, so no more than the stated share.
  return sorted[Math.floor(falseAlarms * sorted.length)];
}

/** Mahalanobis scores of many rows. */
export function mahalanobisScores(model: MahalanobisModel, x: Matrix): number[] {
  return Array.from({ length: x.rows }, (_, i) =>
    mahalanobisScore(model, x.data.subarray(i * x.columns, (i + 1) * x.columns)),
  );
}

/** A model as plain numbers, for metadata. */
export function mahalanobisFrom(rows: {
  means: readonly ArrayLike<number>[];
  directions: readonly ArrayLike<number>[];
  variances: ArrayLike<number>;
  rest: number;
}): MahalanobisModel {
  return {
    means: matrixOf(rows.means),
    directions: matrixOf(rows.directions),
    variances: Float64Array.from(rows.variances),
    rest: rows.rest,
  };
}
