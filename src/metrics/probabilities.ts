/** @file Rows of class probabilities: checks, and the decision taken from them. */
import { ParameterError } from '../core/index.ts';
import { type Label, labelPositions } from './labels.ts';

/** True labels and, item by item, a probability for each class of `classes` (same order). */
export interface ProbabilisticPredictions<L extends Label = Label> {
  readonly truth: ArrayLike<L>;
  /** One row per item, one probability per class, each in [0, 1], each row summing to one. */
  readonly probabilities: readonly ArrayLike<number>[];
  readonly classes: readonly L[];
}

/** How far a row's sum may be from one: float32 softmax outputs, averaged over windows, stay well within. */
export const sumTolerance = 1e-3;

/**
 * Checks one row of probabilities.
 * @param where what the row belongs to, for the message, such as "item 3".
 * @throws {ParameterError} on a wrong length, a value that is not finite or outside [0, 1], or a sum not near one.
 */
export function checkProbabilities(row: ArrayLike<number>, classes: number, where: string): void {
  if (row.length !== classes) {
    throw new ParameterError(`There are ${classes} classes but ${row.length} probabilities for ${where}.`);
  }
  let sum = 0;
  for (let j = 0; j < row.length; j++) {
    const p = row[j];
    if (!(p >= 0 && p <= 1 + sumTolerance)) {
      throw new ParameterError(`A probability must be in [0, 1]; for ${where}, class ${j}, it is ${p}.`);
    }
    sum += p;
  }
  if (Math.abs(sum - 1) > sumTolerance) {
    throw new ParameterError(`The probabilities for ${where} sum to ${sum}, not to one.`, {
      hint: 'Pass the output of a softmax, not logits or independent scores.',
    });
  }
}

/**
 * Checks all of it and returns the true labels as positions in `classes`.
 * @throws {ParameterError} when lengths differ, nothing is given, a label is unknown, or a row is not a distribution.
 */
export function checkPredictions<L extends Label>(predictions: ProbabilisticPredictions<L>): Int32Array {
  const { truth, probabilities, classes } = predictions;
  if (truth.length !== probabilities.length) {
    throw new ParameterError(
      `There are ${truth.length} true labels but ${probabilities.length} rows of probabilities; each item needs both.`,
    );
  }
  if (truth.length === 0) {
    throw new ParameterError('No items were given, so nothing can be measured; at least one is needed.');
  }
  const positions = labelPositions(truth, classes, 'true');
  probabilities.forEach((row, i) => {
    checkProbabilities(row, classes.length, `item ${i}`);
  });
  return positions;
}

/** Position of the largest value; the first of several equal ones, as numpy's argmax. */
export function argmax(row: ArrayLike<number>): number {
  let best = 0;
  for (let j = 1; j < row.length; j++) if (row[j] > row[best]) best = j;
  return best;
}
