/** @file Support vector machines with an RBF kernel, one class against one: scikit-learn's `SVC`, which is LIBSVM. */
import { int64, tensor } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { type Classifier, type ClassifierState, type ScoreNodes, ScoringClassifier } from './classifier.ts';
import { type Matrix, type Matrix64, takeRows, zeros } from './matrix.ts';
import { RbfRows } from './rbfRows.ts';
import { createRowKernel } from './rowKernel.ts';
import { solveSmo } from './smo.ts';
import {
  type ClassWeights,
  requireInteger,
  requirePositive,
  trainingLabels,
  weightsPerClass,
} from './trainingLabels.ts';

export interface RbfSvmOptions<L extends Label = Label> {
  /** Cost of a unit of hinge loss, > 0. Default 1. */
  readonly C?: number;
  /** K(a, b) = e^(−gamma·‖a − b‖²); `scale` (default) is 1 / (columns · variance of all values). */
  readonly gamma?: number | 'scale';
  /** Largest violation of the optimality conditions at which to stop, > 0. Default 1e-3. */
  readonly tol?: number;
  /** Steps per pair of classes. Default ten million. */
  readonly maxIterations?: number;
  readonly classWeights?: ClassWeights<L>;
  /** Memory for rows of the kernel matrix, in MiB, > 0. Default 200. */
  readonly cacheMegabytes?: number;
}

export interface RbfSvmState<L extends Label = Label> extends ClassifierState {
  readonly classes: readonly L[];
  readonly gamma: number;
  readonly supportVectors: Matrix;
  /** [pairs, support vectors]; pairs in the order (0, 1), (0, 2) … (1, 2) …; positive speaks for the first class. */
  readonly coefficients: Matrix64;
  /** Of each pair: what is added to the weighted sum of kernels. */
  readonly intercepts: Float64Array;
  readonly converged: boolean;
}

/** The pairs of k classes, in LIBSVM's order. */
function pairsOf(k: number): (readonly [number, number])[] {
  const pairs: (readonly [number, number])[] = [];
  for (let a = 0; a < k; a++) for (let b = a + 1; b < k; b++) pairs.push([a, b]);
  return pairs;
}

/**
 * Fitted by {@link fitRbfSvm}. The scores of more than two classes are scikit-learn's `decision_function_shape='ovr'`:
 * the number of pairs won, plus s / (3(|s| + 1)) for s the sum of the pairs' decisions, which breaks ties (there,
 * `break_ties=True`). With two classes they are minus and plus the decision.
 */
export class RbfSvm<L extends Label = Label> extends ScoringClassifier<L> implements Classifier<L> {
  constructor(readonly state: RbfSvmState<L>) {
    super();
  }

  get classes(): readonly L[] {
    return this.state.classes;
  }

  get columns(): number {
    return this.state.supportVectors.columns;
  }

  get converged(): boolean {
    return this.state.converged;
  }

  /** The decisions of all pairs, [rows, pairs]: scikit-learn's `decision_function_shape='ovo'` for 3 classes and more. */
  private pairDecisions(x: Matrix): Matrix64 {
    const { supportVectors, coefficients, intercepts, gamma } = this.state;
    const kernel = createRowKernel(supportVectors, { vectors: 1 });
    const n = supportVectors.rows;
    const lengths = new Float64Array(n);
    for (let s = 0; s < n; s++) {
      kernel.load(s, 0);
      lengths[s] = kernel.dot(s, 0);
    }
    const query = kernel.vectors[0].fill(0);
    const values = new Float64Array(n);
    const out = zeros(x.rows, intercepts.length);
    for (let i = 0; i < x.rows; i++) {
      query.set(x.data.subarray(i * x.columns, (i + 1) * x.columns));
      let length = 0;
      for (let j = 0; j < x.columns; j++) length += query[j] * query[j];
      for (let s = 0; s < n; s++) {
        values[s] = Math.exp(-gamma * Math.max(0, length + lengths[s] - 2 * kernel.dot(s, 0)));
      }
      for (let p = 0; p < intercepts.length; p++) {
        let sum = intercepts[p];
        const at = p * n;
        for (let s = 0; s < n; s++) sum += coefficients.data[at + s] * values[s];
        out.data[i * intercepts.length + p] = sum;
      }
    }
    return out;
  }

  protected scores(x: Matrix): Matrix64 {
    const decisions = this.pairDecisions(x);
    const k = this.classes.length;
    const out = zeros(x.rows, k);
    if (k === 2) {
      for (let i = 0; i < x.rows; i++) {
        out.data[2 * i] = decisions.data[i];
        out.data[2 * i + 1] = -decisions.data[i];
      }
      return out;
    }
    const pairs = pairsOf(k);
    const sums = new Float64Array(k);
    for (let i = 0; i < x.rows; i++) {
      sums.fill(0);
      pairs.forEach(([a, b], p) => {
        const decision = decisions.data[i * pairs.length + p];
        sums[a] += decision;
        sums[b] -= decision;
        out.data[i * k + (decision < 0 ? b : a)] += 1;
      });
      for (let c = 0; c < k; c++) out.data[i * k + c] += sums[c] / (3 * (Math.abs(sums[c]) + 1));
    }
    return out;
  }

  appendTo(g: GraphBuilder, x: Value): ScoreNodes {
    const { supportVectors, coefficients, intercepts, gamma } = this.state;
    const { rows: n, columns: d } = supportVectors;
    const k = this.classes.length;
    const P = intercepts.length;
    const vectors = new Float32Array(d * n);
    const lengths = new Float32Array(n);
    for (let s = 0; s < n; s++) {
      let length = 0;
      for (let j = 0; j < d; j++) {
        const v = supportVectors.data[s * d + j];
        vectors[j * n + s] = v;
        length += v * v;
      }
      lengths[s] = length;
    }
    const weights = new Float32Array(n * P);
    for (let p = 0; p < P; p++) {
      for (let s = 0; s < n; s++) weights[s * P + p] = coefficients.data[p * n + s];
    }
    const constant = (dims: readonly number[], data: Float32Array) =>
      g.constant(tensor('float32', dims, data), 'classifier_rbf');
    const own = g.op('ReduceSum', [g.op('Mul', [x, x]), g.constant(int64([1], [1]))], { keepdims: 1 });
    const products = g.op('MatMul', [x, constant([d, n], vectors)]);
    const squares = g.op('Add', [
      g.op('Sub', [own, g.op('Mul', [products, g.scalar(2)])]),
      constant([n], lengths),
    ]);
    const kernel = g.op('Exp', [g.op('Mul', [g.op('Relu', [squares]), g.scalar(-gamma)])]);
    const decisions = g.op('Gemm', [
      kernel,
      constant([n, P], weights),
      constant([P], Float32Array.from(intercepts)),
    ]);
    if (k === 2) return { scores: g.op('Concat', [decisions, g.op('Neg', [decisions])], { axis: 1 }) };
    const first = new Float32Array(P * k);
    const second = new Float32Array(P * k);
    pairsOf(k).forEach(([a, b], p) => {
      first[p * k + a] = 1;
      second[p * k + b] = 1;
    });
    const signs = first.map((v, i) => v - second[i]);
    const lost = g.op('Cast', [g.op('Less', [decisions, g.scalar(0)])], { to: 1 });
    const won = g.op('Sub', [g.scalar(1), lost]);
    const votes = g.op('Add', [
      g.op('MatMul', [won, constant([P, k], first)]),
      g.op('MatMul', [lost, constant([P, k], second)]),
    ]);
    const sums = g.op('MatMul', [decisions, constant([P, k], signs)]);
    const below = g.op('Mul', [g.op('Add', [g.op('Abs', [sums]), g.scalar(1)]), g.scalar(3)]);
    return { scores: g.op('Add', [votes, g.op('Div', [sums, below])]) };
  }
}

/**
 * Fits a support vector machine with kernel e^(−gamma·‖a − b‖²) for each pair of classes. Scale the features first.
 * @throws {ParameterError} for options out of range, fewer than two classes, or data that is not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export function fitRbfSvm<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  options: RbfSvmOptions<L> = {},
): RbfSvm<L> {
  const { C = 1, tol = 1e-3, maxIterations = 1e7, cacheMegabytes = 200 } = options;
  const known = trainingLabels(x, labels);
  const { classes, positions, counts } = known;
  const gamma = options.gamma === undefined || options.gamma === 'scale' ? scaleGamma(x) : options.gamma;
  for (const [name, value] of Object.entries({ C, gamma, tol, cacheMegabytes })) requirePositive(value, name);
  requireInteger(maxIterations, 'maxIterations');
  const perClass = weightsPerClass(known, options.classWeights);

  const k = classes.length;
  const starts = new Int32Array(k + 1);
  for (let c = 0; c < k; c++) starts[c + 1] = starts[c] + counts[c];
  const sorted = Int32Array.from(positions.keys()).sort((a, b) => positions[a] - positions[b] || a - b);
  const data = takeRows(x, sorted);
  const rbf = new RbfRows(data, starts, gamma, cacheMegabytes);
  const pairs = pairsOf(k);
  const used = new Uint8Array(x.rows);
  let converged = true;
  const solved = pairs.map(([a, b]) => {
    const members = [a, b].flatMap((c) =>
      // A class that weighs nothing has no part in the problem.
      perClass[c] === 0 ? [] : Array.from({ length: counts[c] }, (_, t) => starts[c] + t),
    );
    const rows = Int32Array.from(members);
    const solution = solveSmo({
      rows,
      signs: Int8Array.from(rows, (t) => (t < starts[a + 1] && t >= starts[a] ? 1 : -1)),
      bounds: Float64Array.from(rows, (t) => C * perClass[positions[sorted[t]]]),
      kernelRow: (t) => rbf.row(t, a, b),
      tol,
      maxIterations,
    });
    converged &&= solution.converged;
    rows.forEach((t, s) => {
      if (solution.coefficients[s] !== 0) used[t] = 1;
    });
    return { rows, ...solution };
  });

  const support = Int32Array.from(used.keys()).filter((t) => used[t] === 1);
  const place = new Int32Array(x.rows);
  support.forEach((t, s) => {
    place[t] = s;
  });
  const coefficients = zeros(pairs.length, support.length);
  solved.forEach(({ rows, coefficients: c }, p) => {
    rows.forEach((t, s) => {
      if (c[s] !== 0) coefficients.data[p * support.length + place[t]] = c[s];
    });
  });
  return new RbfSvm<L>({
    kind: 'rbf-svm',
    classes,
    gamma,
    supportVectors: takeRows(data, support),
    coefficients,
    intercepts: Float64Array.from(solved, (s) => -s.rho),
    converged,
  });
}

/** scikit-learn's gamma='scale'; 1 where all values are equal. */
function scaleGamma({ data, columns }: Matrix): number {
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i];
  const mean = sum / data.length;
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i] - mean) ** 2;
  return squares === 0 ? 1 : data.length / (columns * squares);
}
