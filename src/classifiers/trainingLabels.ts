/** @file Labels of a training set as class numbers, and weights per class. */
import { ParameterError } from '../core/index.ts';
import { type Label, labelPositions, uniqueLabels } from '../metrics/index.ts';
import { checkMatrix, type Matrix } from './matrix.ts';

export interface TrainingLabels<L extends Label> {
  /** The distinct labels, sorted: numbers by value, strings by code point. */
  readonly classes: readonly L[];
  /** Class number of each row. */
  readonly positions: Int32Array;
  /** Rows of each class. */
  readonly counts: Int32Array;
}

/**
 * Checks a training set and numbers its classes.
 * @throws {ParameterError} when there are fewer than two classes, values that are not finite, or not one label a row
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export function trainingLabels<L extends Label>(x: Matrix, labels: ArrayLike<L>): TrainingLabels<L> {
  checkMatrix(x, 'training data');
  if (labels.length !== x.rows) {
    throw new ParameterError(
      `There are ${x.rows} rows of training data but ${labels.length} labels; each row needs one.`,
    );
  }
  const classes = uniqueLabels(labels);
  if (classes.length < 2) {
    throw new ParameterError(
      `A classifier needs at least two classes to tell apart; all ${x.rows} rows are "${classes[0]}".`,
    );
  }
  const positions = labelPositions(labels, classes, 'true');
  const counts = new Int32Array(classes.length);
  for (const c of positions) counts[c]++;
  return { classes, positions, counts };
}

/**
 * How much the rows of each class count: `balanced` makes all classes count the same in sum,
 * rows / (classes · rows of the class); a map gives weights by label, 1 for those it does not name.
 */
export type ClassWeights<L extends Label> = 'balanced' | ReadonlyMap<L, number>;

/**
 * The weight of each class, in order; all 1 without `weights`.
 * @throws {ParameterError} for a weight that is not a finite number ≥ 0, a label that does not occur, or fewer than two
 *   classes that weigh anything
 */
export function weightsPerClass<L extends Label>(
  { classes, positions, counts }: TrainingLabels<L>,
  weights: ClassWeights<L> | undefined,
): Float64Array {
  const out = new Float64Array(classes.length).fill(1);
  if (weights === undefined) return out;
  if (weights === 'balanced') return out.map((_, c) => positions.length / (classes.length * counts[c]));
  for (const [label, weight] of weights) {
    const c = classes.indexOf(label);
    if (c < 0) {
      throw new ParameterError(`A weight is given for the class "${label}", which has no rows to train on.`, {
        hint: `The classes are ${classes.join(', ')}.`,
      });
    }
    if (!(weight >= 0 && Number.isFinite(weight))) {
      throw new ParameterError(
        `A class weight must be a finite number ≥ 0; that of "${label}" is ${weight}.`,
      );
    }
    out[c] = weight;
  }
  if (out.filter((weight) => weight > 0).length < 2) {
    throw new ParameterError(
      'At least two classes must weigh more than zero; there is nothing to tell apart.',
    );
  }
  return out;
}

/** @throws {ParameterError} unless `value` is a finite number > 0 */
export function requirePositive(value: number, name: string): void {
  if (!(value > 0 && Number.isFinite(value))) {
    throw new ParameterError(`${name} must be a finite number > 0, got ${value}.`);
  }
}

/** @throws {ParameterError} unless `value` is an integer ≥ least */
export function requireInteger(value: number, name: string, least = 1): void {
  if (!Number.isInteger(value) || value < least) {
    throw new ParameterError(`${name} must be an integer ≥ ${least}, got ${value}.`);
  }
}
