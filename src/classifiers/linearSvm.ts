/** @file Linear support vector machines, one class against the rest: scikit-learn's `LinearSVC` with `dual=True`. */
import { ParameterError, Random } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { Classifier, ScoreNodes } from './classifier.ts';
import { solveDual, squaredLengths } from './dualCoordinateDescent.ts';
import { LinearClassifier, type LinearState } from './linearModel.ts';
import { type Matrix, zeros } from './matrix.ts';
import { createRowKernel } from './rowKernel.ts';
import {
  type ClassWeights,
  requireInteger,
  requirePositive,
  type TrainingLabels,
  trainingLabels,
  weightsPerClass,
} from './trainingLabels.ts';

export interface LinearSvmOptions<L extends Label = Label> {
  /** Cost of a unit of loss, > 0: the smaller, the more regular. Default 1. */
  readonly C?: number;
  /** Default `squared-hinge`. */
  readonly loss?: 'squared-hinge' | 'hinge';
  /** Largest spread of projected gradients at which to stop, > 0. Default 1e-4. */
  readonly tol?: number;
  /** Passes over the data, per class. Default 1000. */
  readonly maxIterations?: number;
  /** The intercept is the weight of a column of this value, regularised like the others; null for none. Default 1. */
  readonly interceptScaling?: number | null;
  /**
   * Weight of a class's rows where that class stands against the rest; the rest weighs 1, as in LIBLINEAR. With two
   * classes each has its weight.
   */
  readonly classWeights?: ClassWeights<L>;
  /** Decides the order of updates. Default 0. */
  readonly seed?: number | string;
}

/** Fitted by {@link fitLinearSvm}. */
export class LinearSvm<L extends Label = Label> extends LinearClassifier<L> implements Classifier<L> {
  appendTo(g: GraphBuilder, x: Value): ScoreNodes {
    return { scores: this.scoreNode(g, x) };
  }
}

/** Hyperplanes to find: plain data, so that a worker thread can be given some of them. */
export interface LinearSvmProblem {
  readonly x: Matrix;
  /** Class number of each row. */
  readonly positions: Int32Array;
  /** For each hyperplane the class on its positive side. */
  readonly targets: readonly number[];
  /** For each hyperplane the cost of its positive and negative rows. */
  readonly costs: readonly (readonly [positive: number, negative: number])[];
  readonly squared: boolean;
  readonly tol: number;
  readonly maxIterations: number;
  readonly interceptScaling: number | null;
  readonly seed: number | string;
}

/** One hyperplane. */
export interface Hyperplane {
  readonly weights: Float64Array;
  readonly intercept: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/**
 * Fits a linear support vector machine: for each class, the w and b that minimise
 * ½(‖w‖² + (b / interceptScaling)²) + Σ cost·max(0, 1 − y(w·x + b))², or the same without the square.
 * Scale the features first ({@link fitStandardScaler}): large ones would rule.
 * @throws {ParameterError} for options out of range, fewer than two classes, or data that is not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 * @example
 * const model = fitLinearSvm(x, labels, { C: 0.01 });
 * model.predict(test);
 */
export function fitLinearSvm<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  options: LinearSvmOptions<L> = {},
): LinearSvm<L> {
  const known = trainingLabels(x, labels);
  const problem = linearSvmProblem(x, known, options);
  const hyperplane = hyperplaneSolver(problem);
  return linearSvmOf(
    known.classes,
    problem.targets.map((_, t) => hyperplane(t)),
  );
}

/** Checks the options and states what is to be solved. */
export function linearSvmProblem<L extends Label>(
  x: Matrix,
  known: TrainingLabels<L>,
  options: LinearSvmOptions<L>,
): LinearSvmProblem {
  const { C = 1, loss = 'squared-hinge', tol = 1e-4, maxIterations = 1000, seed = 0 } = options;
  const interceptScaling = options.interceptScaling === undefined ? 1 : options.interceptScaling;
  requirePositive(C, 'C');
  requirePositive(tol, 'tol');
  requireInteger(maxIterations, 'maxIterations');
  if (interceptScaling !== null) requirePositive(interceptScaling, 'interceptScaling');
  if (loss !== 'squared-hinge' && loss !== 'hinge') {
    throw new ParameterError(`loss must be 'squared-hinge' or 'hinge', got '${String(loss)}'.`);
  }
  const weights = weightsPerClass(known, options.classWeights);
  const two = known.classes.length === 2;
  return {
    x,
    positions: known.positions,
    targets: two ? [1] : known.classes.map((_, c) => c),
    costs: two
      ? [[C * weights[1], C * weights[0]]]
      : known.classes.map((_, c): [number, number] => [C * weights[c], C]),
    squared: loss === 'squared-hinge',
    tol,
    maxIterations,
    interceptScaling,
    seed,
  };
}

/** What finds the hyperplane of a target of `problem`, each as if it were alone. */
export function hyperplaneSolver(problem: LinearSvmProblem): (target: number) => Hyperplane {
  const { x, positions, targets, costs, interceptScaling } = problem;
  const kernel = createRowKernel(x, { vectors: 1, constant: interceptScaling ?? undefined });
  const lengths = squaredLengths(kernel, x.rows, 0);
  return (target) => {
    const weights = kernel.vectors[0].fill(0);
    const signs = Int8Array.from(positions, (c) => (c === targets[target] ? 1 : -1));
    const [positiveCost, negativeCost] = costs[target];
    const { squared, tol, maxIterations, seed } = problem;
    const random = new Random(`${seed}/hyperplane ${target}`);
    const ended = solveDual(
      { kernel, v: 0, signs, positiveCost, negativeCost, squared, tol, maxIterations, random },
      lengths,
    );
    return {
      weights: weights.slice(0, x.columns),
      intercept: interceptScaling === null ? 0 : interceptScaling * weights[x.columns],
      ...ended,
    };
  };
}

/** The classifier of its hyperplanes. */
export function linearSvmOf<L extends Label>(
  classes: readonly L[],
  hyperplanes: readonly Hyperplane[],
): LinearSvm<L> {
  const coefficients = zeros(hyperplanes.length, hyperplanes[0].weights.length);
  hyperplanes.forEach(({ weights }, c) => {
    coefficients.data.set(weights, c * coefficients.columns);
  });
  const state: LinearState<L> = {
    kind: 'linear-svm',
    classes,
    coefficients,
    intercepts: Float64Array.from(hyperplanes, (h) => h.intercept),
    iterations: hyperplanes.map((h) => h.iterations),
    converged: hyperplanes.every((h) => h.converged),
  };
  return new LinearSvm(state);
}
