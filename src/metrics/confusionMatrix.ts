/** @file Confusion matrix: which class was taken for which. */
import { ParameterError } from '../core/index.ts';
import { checkPairs, type Label, type LabelPairs, labelIndex, uniqueLabels } from './labels.ts';

/** Rows are true classes, columns predicted ones: `matrix[i][j]` items of class i were taken for class j. */
export interface ConfusionMatrix<L extends Label = Label> {
  readonly classes: readonly L[];
  readonly matrix: readonly (readonly number[])[];
}

/**
 * Counts of (true, predicted) pairs, in scikit-learn's orientation (`confusion_matrix`).
 *
 * @param options.labels the classes, in the order of rows and columns; default: all that occur, sorted.
 * @param options.others what to do with an item whose true or predicted label is not in `labels`: `'error'`
 *   (default), or `'ignore'` as scikit-learn does, which then counts fewer items than were given.
 * @throws {ParameterError} when lengths differ, there are no items, or a label is unknown.
 */
export function confusionMatrix<L extends Label>(
  pairs: LabelPairs<L>,
  options: { labels?: readonly L[]; others?: 'error' | 'ignore' } = {},
): ConfusionMatrix<L> {
  checkPairs(pairs);
  const { truth, predicted } = pairs;
  const classes = options.labels ?? uniqueLabels(truth, predicted);
  const index = labelIndex(classes);
  const matrix = classes.map(() => new Array<number>(classes.length).fill(0));
  for (let i = 0; i < truth.length; i++) {
    const row = index.get(truth[i]);
    const column = index.get(predicted[i]);
    if (row !== undefined && column !== undefined) {
      matrix[row][column]++;
    } else if (options.others !== 'ignore') {
      const [side, label] = row === undefined ? ['true', truth[i]] : ['predicted', predicted[i]];
      throw new ParameterError(
        `The ${side} label "${label}" (item ${i}) is not among the ${classes.length} classes of the confusion matrix.`,
        { hint: 'Name every class in `labels`, or pass others: "ignore" to leave such items out.' },
      );
    }
  }
  return { classes: [...classes], matrix };
}
