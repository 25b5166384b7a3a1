/** @file Multinomial logistic regression, L2-regularised: scikit-learn's `LogisticRegression` with its solver `lbfgs`. */
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { ProbabilisticClassifier, ProbabilityNodes } from './classifier.ts';
import { minimize } from './lbfgs.ts';
import { LinearClassifier, type LinearState } from './linearModel.ts';
import { type Matrix, type Matrix64, zeros } from './matrix.ts';
import { createRowKernel, type RowKernel } from './rowKernel.ts';
import { logistic, softmaxRows } from './softmax.ts';
import {
  type ClassWeights,
  requireInteger,
  requirePositive,
  trainingLabels,
  weightsPerClass,
} from './trainingLabels.ts';

export interface LogisticRegressionOptions<L extends Label = Label> {
  /** Inverse of the regularisation, > 0. Default 1. */
  readonly C?: number;
  /** Largest component of the gradient at which to stop, > 0. Default 1e-4. */
  readonly tol?: number;
  /** Default 1000 (scikit-learn's 100 rarely suffice for a thousand features). */
  readonly maxIterations?: number;
  /** Whether there are intercepts; they are not regularised. Default true. */
  readonly intercept?: boolean;
  readonly classWeights?: ClassWeights<L>;
}

/** Fitted by {@link fitLogisticRegression}. */
export class LogisticRegression<L extends Label = Label>
  extends LinearClassifier<L>
  implements ProbabilisticClassifier<L>
{
  predictProbabilities(x: Matrix): Matrix64 {
    const scores = this.decisionFunction(x);
    if (this.classes.length > 2) return softmaxRows(scores);
    return { ...scores, data: scores.data.map(logistic) };
  }

  appendTo(g: GraphBuilder, x: Value): ProbabilityNodes {
    const scores = this.scoreNode(g, x);
    const probabilities =
      this.classes.length > 2 ? g.op('Softmax', [scores], { axis: 1 }) : g.op('Sigmoid', [scores]);
    return { scores, probabilities };
  }
}

/**
 * Minimises ½‖w‖² + C·Σ weight·cross-entropy; with two classes there is one w, as in scikit-learn.
 * @throws {ParameterError} for options out of range, fewer than two classes, or data that is not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export function fitLogisticRegression<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  options: LogisticRegressionOptions<L> = {},
): LogisticRegression<L> {
  const { C = 1, tol = 1e-4, maxIterations = 1000, intercept = true } = options;
  requirePositive(C, 'C');
  requirePositive(tol, 'tol');
  requireInteger(maxIterations, 'maxIterations');
  const known = trainingLabels(x, labels);
  const { classes, positions } = known;
  const perClass = weightsPerClass(known, options.classWeights);
  const costs = Float64Array.from(positions, (c) => perClass[c]);
  const hyperplanes = classes.length === 2 ? 1 : classes.length;
  const kernel = createRowKernel(x, { vectors: 2 * hyperplanes, constant: intercept ? 1 : undefined });
  const { width } = kernel;
  const parameters = new Float64Array(hyperplanes * width);
  const passOver = hyperplanes === 1 ? binaryPass : multinomialPass;
  // scikit-learn's scaling of the objective, which decides what `tol` means.
  const penalty = 1 / C;
  const ended = minimize(
    parameters,
    (at, gradient) => {
      for (let c = 0; c < hyperplanes; c++) {
        kernel.vectors[c].set(at.subarray(c * width, (c + 1) * width));
        kernel.vectors[hyperplanes + c].fill(0);
      }
      let value = passOver(kernel, positions, costs, hyperplanes);
      for (let c = 0; c < hyperplanes; c++) {
        gradient.set(kernel.vectors[hyperplanes + c].subarray(0, width), c * width);
        for (let j = c * width; j < c * width + x.columns; j++) {
          value += 0.5 * penalty * at[j] * at[j];
          gradient[j] += penalty * at[j];
        }
      }
      return value;
    },
    { tol, maxIterations },
  );
  const coefficients = zeros(hyperplanes, x.columns);
  const intercepts = new Float64Array(hyperplanes);
  for (let c = 0; c < hyperplanes; c++) {
    coefficients.data.set(parameters.subarray(c * width, c * width + x.columns), c * x.columns);
    if (intercept) intercepts[c] = parameters[c * width + x.columns];
  }
  const state: LinearState<L> = {
    kind: 'logistic-regression',
    classes,
    coefficients,
    intercepts,
    iterations: [ended.iterations],
    converged: ended.converged,
  };
  return new LogisticRegression(state);
}

/** Sum of weighted log-losses; adds the gradients to the vectors behind the weights. */
type Pass = (kernel: RowKernel, positions: Int32Array, costs: Float64Array, hyperplanes: number) => number;

const binaryPass: Pass = (kernel, positions, costs) => {
  let loss = 0;
  for (let i = 0; i < positions.length; i++) {
    const score = kernel.dot(i, 0);
    const margin = positions[i] === 1 ? score : -score;
    loss += costs[i] * (Math.log1p(Math.exp(-Math.abs(margin))) + Math.max(0, -margin));
    kernel.add(i, 1, costs[i] * (logistic(score) - positions[i]));
  }
  return loss;
};

const multinomialPass: Pass = (kernel, positions, costs, k) => {
  const scores = new Float64Array(k);
  let loss = 0;
  for (let i = 0; i < positions.length; i++) {
    let top = Number.NEGATIVE_INFINITY;
    for (let c = 0; c < k; c++) {
      scores[c] = kernel.dot(i, c);
      if (scores[c] > top) top = scores[c];
    }
    const own = scores[positions[i]];
    let sum = 0;
    for (let c = 0; c < k; c++) {
      scores[c] = Math.exp(scores[c] - top);
      sum += scores[c];
    }
    loss += costs[i] * (Math.log(sum) + top - own);
    for (let c = 0; c < k; c++) {
      kernel.add(i, k + c, costs[i] * (scores[c] / sum - (c === positions[i] ? 1 : 0)));
    }
  }
  return loss;
};
