/**
 * @file What all classifiers have in common: a matrix in, one score per class out, and the same scores as ONNX nodes.
 * A fitted classifier does not change; its `state` is plain data (numbers, strings, typed arrays) that survives
 * `structuredClone` and `postMessage`, and `restoreClassifier` makes the classifier of it again.
 */
import type { Label } from '../metrics/index.ts';
import { argmax } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { checkMatrix, type Matrix, type Matrix64 } from './matrix.ts';

/** The results of a classifier's nodes, float32 [N, classes] each. */
export interface ScoreNodes {
  readonly scores: Value;
}

export interface ProbabilityNodes extends ScoreNodes {
  readonly probabilities: Value;
}

/** A fitted classifier. */
export interface Classifier<L extends Label = Label> {
  /** Names of the columns of the scores, sorted. */
  readonly classes: readonly L[];
  /** Columns that the data must have. */
  readonly columns: number;
  /** Everything that was fitted, as plain data. */
  readonly state: ClassifierState;
  /**
   * A score for each class, [rows, classes]; the largest wins. With two classes scikit-learn gives the second
   * column alone, of which the first is then the negative (or, for probabilities, the rest to one).
   * @throws {ShapeError} when the columns do not fit
   * @throws {ParameterError} for values that are not finite
   */
  decisionFunction(x: Matrix): Matrix64;
  /** The class of each row: the one with the largest score, the first of equals. Throws as `decisionFunction`. */
  predict(x: Matrix): L[];
  /** Appends nodes that compute the scores of float32 [N, columns]; ordinary ONNX operators, N may be a name. */
  appendTo(g: GraphBuilder, x: Value): ScoreNodes;
}

/** A classifier that also gives probabilities. */
export interface ProbabilisticClassifier<L extends Label = Label> extends Classifier<L> {
  /** Probabilities of the classes, [rows, classes], each row summing to one. Throws as `decisionFunction`. */
  predictProbabilities(x: Matrix): Matrix64;
  appendTo(g: GraphBuilder, x: Value): ProbabilityNodes;
}

/** Plain data of a fitted classifier or transform: `kind` says of which. */
export interface ClassifierState {
  readonly kind: string;
  readonly [field: string]: unknown;
}

/** Whether a classifier gives probabilities. */
export function isProbabilistic<L extends Label>(
  classifier: Classifier<L>,
): classifier is ProbabilisticClassifier<L> {
  return 'predictProbabilities' in classifier;
}

/** The class with the largest score in each row; the first of equals. */
export function bestClasses<L extends Label>(scores: Matrix64, classes: readonly L[]): L[] {
  const k = classes.length;
  return Array.from(
    { length: scores.rows },
    (_, i) => classes[argmax(scores.data.subarray(i * k, (i + 1) * k))],
  );
}

/** The parts that do not differ: checks and prediction. */
export abstract class ScoringClassifier<L extends Label> {
  abstract readonly classes: readonly L[];
  abstract readonly columns: number;

  /** Scores of data that was checked. */
  protected abstract scores(x: Matrix): Matrix64;

  decisionFunction(x: Matrix): Matrix64 {
    checkMatrix(x, 'data', this.columns);
    return this.scores(x);
  }

  predict(x: Matrix): L[] {
    return bestClasses(this.decisionFunction(x), this.classes);
  }
}
