/** @file Scores of rows by classifiers that did not see them, nor anything of the same group. */
import { ParameterError } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import { uniqueLabels } from '../metrics/index.ts';
import { groupedParts } from '../statistics/index.ts';
import type { Classifier } from './classifier.ts';
import { type Matrix, type Matrix64, takeRows, zeros } from './matrix.ts';

/** Fits a classifier to rows and their labels; scaling and the like belong in it (see `pipeline`). */
export type Fit<L extends Label, C extends Classifier<L> = Classifier<L>> = (
  x: Matrix,
  labels: readonly L[],
) => C | Promise<C>;

export interface FoldOptions {
  /** Number of folds, 2 or more, by group and stratified by class; or the fold of each row. Default 5. */
  readonly folds?: number | ArrayLike<number>;
  /** What each row was cut from: rows of one group are in one fold. Default: each row by itself. */
  readonly groups?: ArrayLike<string | number>;
  /** Decides between equally good divisions. Default 0. */
  readonly seed?: number | string;
}

/**
 * The fold of each row, 0 … folds − 1.
 * @throws {ParameterError} when there are fewer groups than folds, a fold without rows, folds that divide a group, or
 *   lengths that do not fit
 */
export function foldOfRows(labels: ArrayLike<string | number>, options: FoldOptions = {}): Int32Array {
  const { folds = 5, groups, seed = 0 } = options;
  const n = labels.length;
  if (groups !== undefined && groups.length !== n) {
    throw new ParameterError(`There are ${n} labels but ${groups.length} groups; each row needs both.`);
  }
  const names = Array.from({ length: n }, (_, i) => String(groups === undefined ? i : groups[i]));
  if (typeof folds !== 'number') return givenFolds(folds, names);
  const distinct = new Set(names).size;
  if (!Number.isInteger(folds) || folds < 2 || folds > distinct) {
    throw new ParameterError(
      `The number of folds must be an integer from 2 to the number of groups (${distinct}), got ${folds}.`,
    );
  }
  const shares = Array.from({ length: folds }, () => 1 / folds);
  return groupedParts(Array.from(labels, String), names, shares, seed);
}

function givenFolds(folds: ArrayLike<number>, groups: readonly string[]): Int32Array {
  if (folds.length !== groups.length) {
    throw new ParameterError(
      `There are ${groups.length} labels but ${folds.length} folds; each row needs both.`,
    );
  }
  const distinct = uniqueLabels(folds);
  if (distinct.length < 2) throw new ParameterError('All rows are in one fold; at least two are needed.');
  const foldOfGroup = new Map<string, number>();
  groups.forEach((group, i) => {
    const known = foldOfGroup.get(group);
    if (known !== undefined && known !== folds[i]) {
      throw new ParameterError(
        `Group "${group}" is in folds ${known} and ${folds[i]}, so scores would be flattered.`,
        {
          hint: 'Put all rows of a group into one fold.',
        },
      );
    }
    foldOfGroup.set(group, folds[i]);
  });
  return Int32Array.from(folds, (fold) => distinct.indexOf(fold));
}

/** One fold held out. */
export interface HeldOut<L extends Label, C extends Classifier<L>> {
  readonly fold: number;
  /** Fitted on the other folds. */
  readonly classifier: C;
  /** Rows held out, their data and labels. */
  readonly rows: Int32Array;
  readonly x: Matrix;
  readonly labels: readonly L[];
}

/**
 * Holds out fold after fold.
 * @throws {ParameterError} when the other folds lack a class altogether
 */
export async function* holdOut<L extends Label, C extends Classifier<L>>(
  x: Matrix,
  labels: ArrayLike<L>,
  foldOf: Int32Array,
  fitTo: Fit<L, C>,
): AsyncGenerator<HeldOut<L, C>> {
  const classes = uniqueLabels(labels);
  const folds = Math.max(...foldOf) + 1;
  const labelsOf = (rows: Int32Array) => Array.from(rows, (i) => labels[i]);
  for (let fold = 0; fold < folds; fold++) {
    const inside = Int32Array.from(foldOf.keys()).filter((i) => foldOf[i] !== fold);
    const rows = Int32Array.from(foldOf.keys()).filter((i) => foldOf[i] === fold);
    const training = labelsOf(inside);
    const seen = new Set(training);
    const missing = classes.filter((label) => !seen.has(label));
    if (missing.length > 0) {
      throw new ParameterError(
        `Without fold ${fold} no rows of "${missing[0]}" are left to train on, so its scores cannot be had.`,
        { hint: 'Use fewer folds, or more recordings of that class.' },
      );
    }
    if (rows.length === 0) continue;
    const classifier = await fitTo(takeRows(x, inside), training);
    yield { fold, classifier, rows, x: takeRows(x, rows), labels: labelsOf(rows) };
  }
}

/** Scores of every row by the classifier fitted without its fold, [rows, classes]. Throws as {@link holdOut}. */
export async function crossFittedScores<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  foldOf: Int32Array,
  fitTo: Fit<L>,
): Promise<Matrix64> {
  const out = zeros(x.rows, uniqueLabels(labels).length);
  for await (const held of holdOut(x, labels, foldOf, fitTo)) {
    const scores = held.classifier.decisionFunction(held.x);
    held.rows.forEach((row, i) => {
      out.data.set(scores.data.subarray(i * out.columns, (i + 1) * out.columns), row * out.columns);
    });
  }
  return out;
}
