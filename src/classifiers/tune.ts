/** @file Choosing settings by cross-validation inside the training side, recordings kept together. */
import { CancelledError, ParameterError, type ProgressListener } from '../core/index.ts';
import { accuracy, averageScores, countClasses, type Label, type LabelPairs } from '../metrics/index.ts';
import type { Classifier } from './classifier.ts';
import { type FoldOptions, foldOfRows, holdOut } from './crossFit.ts';
import { checkMatrix, type Matrix } from './matrix.ts';

export interface TuneOptions<L extends Label, P> extends FoldOptions {
  /** Settings to try, the most regular first: the first of equals wins. */
  readonly grid: readonly P[];
  /** Fits a classifier with settings; scaling and the like belong in it (see `pipeline`). */
  readonly fit: (x: Matrix, labels: readonly L[], settings: P) => Classifier<L> | Promise<Classifier<L>>;
  /** What is made as large as possible: accuracy (default), mean F1 over the classes that occur, or your own. */
  readonly scoring?: 'accuracy' | 'macro-f1' | ((pairs: LabelPairs<L>) => number);
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

export interface TuneResult<P> {
  readonly best: P;
  /** All that was tried, in the order of the grid. */
  readonly tried: readonly TriedSettings<P>[];
}

export interface TriedSettings<P> {
  readonly settings: P;
  /** One score per fold. */
  readonly scores: readonly number[];
  /** Their mean, which decides. */
  readonly mean: number;
}

/**
 * Tries each settings of the grid on each fold, all on the same folds, and names the ones with the best mean score.
 * Give it the training side alone: what is chosen here may not have seen the test side.
 * @throws {ParameterError} for an empty grid, folds that divide a group or lack a class, a score that is not a number
 * @throws {CancelledError} when the signal stopped it
 * @example
 * const { best } = await tune(x, labels, {
 *   groups,
 *   grid: [0.001, 0.01, 0.1, 1],
 *   fit: (x, labels, C) => fitLinearSvm(x, labels, { C }),
 * });
 */
export async function tune<L extends Label, P>(
  x: Matrix,
  labels: ArrayLike<L>,
  options: TuneOptions<L, P>,
): Promise<TuneResult<P>> {
  const { grid, scoring = 'accuracy', onProgress, signal } = options;
  if (grid.length === 0) throw new ParameterError('The grid is empty; name at least one settings to try.');
  checkMatrix(x, 'training data');
  const score = typeof scoring === 'function' ? scoring : scoringByName(scoring);
  const foldOf = foldOfRows(labels, options);
  const tried: TriedSettings<P>[] = [];
  const total = grid.length * (Math.max(...foldOf) + 1);
  let done = 0;
  for (const settings of grid) {
    const scores: number[] = [];
    for await (const held of holdOut(x, labels, foldOf, (a, b) => options.fit(a, b, settings))) {
      if (signal?.aborted) throw new CancelledError('Tuning was stopped before it was complete.');
      const value = score({ truth: held.labels, predicted: held.classifier.predict(held.x) });
      if (!Number.isFinite(value)) {
        throw new ParameterError(
          `The scoring gave ${value} for fold ${held.fold}; it must give finite numbers.`,
        );
      }
      scores.push(value);
      onProgress?.({ task: 'Tune', done: ++done, total, unit: 'fits' });
    }
    tried.push({ settings, scores, mean: scores.reduce((a, b) => a + b, 0) / scores.length });
  }
  const best = tried.reduce((a, b) => (b.mean > a.mean ? b : a));
  return { best: best.settings, tried };
}

function scoringByName(name: 'accuracy' | 'macro-f1'): (pairs: LabelPairs<Label>) => number {
  if (name === 'accuracy') return accuracy;
  if (name === 'macro-f1') return (pairs) => averageScores(countClasses(pairs), 'macro').fScore;
  throw new ParameterError(`scoring must be 'accuracy', 'macro-f1' or a function, got '${String(name)}'.`);
}
