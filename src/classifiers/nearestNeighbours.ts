/** @file The k nearest neighbours' vote: scikit-learn's `KNeighborsClassifier` by brute force. */
import { int64, ParameterError, tensor } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import {
  type ClassifierState,
  type ProbabilisticClassifier,
  type ProbabilityNodes,
  ScoringClassifier,
} from './classifier.ts';
import { type Matrix, type Matrix64, zeros } from './matrix.ts';
import { createRowKernel } from './rowKernel.ts';
import { requireInteger, trainingLabels } from './trainingLabels.ts';

export interface NearestNeighboursOptions {
  /** Neighbours that vote, at most as many as there are rows. Default 5. */
  readonly k?: number;
  /** Default `euclidean`; `cosine` compares directions (a row of zeros is at distance 1 from all). */
  readonly metric?: 'euclidean' | 'cosine';
}

export interface NearestNeighboursState<L extends Label = Label> extends ClassifierState {
  readonly classes: readonly L[];
  /** The training data; for `cosine` its rows scaled to length 1. */
  readonly data: Matrix;
  /** Class number of each row. */
  readonly positions: Int32Array;
  readonly k: number;
  readonly metric: 'euclidean' | 'cosine';
}

/**
 * Fitted by {@link fitNearestNeighbours}. Scores and probabilities are the same: the share of the k neighbours that are
 * of a class. Of equally near rows the earlier one counts.
 */
export class NearestNeighbours<L extends Label = Label>
  extends ScoringClassifier<L>
  implements ProbabilisticClassifier<L>
{
  constructor(readonly state: NearestNeighboursState<L>) {
    super();
  }

  get classes(): readonly L[] {
    return this.state.classes;
  }

  get columns(): number {
    return this.state.data.columns;
  }

  protected scores(x: Matrix): Matrix64 {
    const { data, positions, k, metric } = this.state;
    const queries = metric === 'cosine' ? directions(x) : x;
    const n = data.rows;
    const kernel = createRowKernel(data, { vectors: 1 });
    const lengths = squaredLengthsOf(data);
    const query = kernel.vectors[0];
    const distances = new Float64Array(n);
    const out = zeros(x.rows, this.classes.length);
    for (let i = 0; i < x.rows; i++) {
      query.set(queries.data.subarray(i * x.columns, (i + 1) * x.columns));
      // Less the query's own length, which is the same for all.
      for (let t = 0; t < n; t++) distances[t] = lengths[t] - 2 * kernel.dot(t, 0);
      for (const t of smallest(distances, k)) out.data[i * out.columns + positions[t]] += 1 / k;
    }
    return out;
  }

  predictProbabilities(x: Matrix): Matrix64 {
    return this.decisionFunction(x);
  }

  appendTo(g: GraphBuilder, x: Value): ProbabilityNodes {
    const { data, positions, k, metric } = this.state;
    const { rows: n, columns: d } = data;
    const transposed = new Float32Array(d * n);
    for (let t = 0; t < n; t++) for (let j = 0; j < d; j++) transposed[j * n + t] = data.data[t * d + j];
    const lengths = Float32Array.from(squaredLengthsOf(data));
    const members = new Float32Array(n * this.classes.length);
    positions.forEach((c, t) => {
      members[t * this.classes.length + c] = 1;
    });
    const constant = (dims: readonly number[], values: Float32Array) =>
      g.constant(tensor('float32', dims, values), 'classifier_neighbours');
    let query = x;
    if (metric === 'cosine') {
      const length = g.op('ReduceL2', [x, g.constant(int64([1], [1]))], { keepdims: 1 });
      query = g.op('Div', [x, g.op('Max', [length, g.scalar(1e-30)])]);
    }
    const products = g.op('MatMul', [query, constant([d, n], transposed)]);
    const distances = g.op('Sub', [constant([n], lengths), g.op('Mul', [products, g.scalar(2)])]);
    const nearest = g.ops(
      'TopK',
      [distances, g.ints([k])],
      { axis: 1, largest: 0, sorted: 1 },
      { outputs: 2 },
    )[1];
    const votes = g.op('Gather', [constant([n, this.classes.length], members), nearest], { axis: 0 });
    const scores = g.op('ReduceMean', [votes, g.ints([1])], { keepdims: 0 });
    return { scores, probabilities: scores };
  }
}

/**
 * Keeps the training data.
 * @throws {ParameterError} for options out of range, fewer than two classes, or data that is not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export function fitNearestNeighbours<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  options: NearestNeighboursOptions = {},
): NearestNeighbours<L> {
  const { k = 5, metric = 'euclidean' } = options;
  const { classes, positions } = trainingLabels(x, labels);
  requireInteger(k, 'k');
  if (k > x.rows) throw new ParameterError(`k is ${k}, but there are only ${x.rows} rows of training data.`);
  if (metric !== 'euclidean' && metric !== 'cosine') {
    throw new ParameterError(`metric must be 'euclidean' or 'cosine', got '${String(metric)}'.`);
  }
  const data = metric === 'cosine' ? directions(x) : { ...x, data: x.data.slice() };
  return new NearestNeighbours<L>({ kind: 'nearest-neighbours', classes, data, positions, k, metric });
}

function squaredLengthsOf({ data, rows, columns }: Matrix): Float64Array {
  const out = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    for (let j = i * columns; j < (i + 1) * columns; j++) out[i] += data[j] * data[j];
  }
  return out;
}

/** Rows scaled to length 1; rows of zeros stay zero. */
function directions(x: Matrix): Matrix64 {
  const lengths = squaredLengthsOf(x);
  const out = zeros(x.rows, x.columns);
  for (let i = 0; i < out.data.length; i++) {
    const length = Math.sqrt(lengths[Math.floor(i / x.columns)]);
    if (length > 0) out.data[i] = x.data[i] / length;
  }
  return out;
}

/** Positions of the k smallest values, the earlier of equals first. */
function smallest(values: Float64Array, k: number): Int32Array {
  const best = new Int32Array(k);
  let count = 0;
  for (let t = 0; t < values.length; t++) {
    const value = values[t];
    if (count === k && value >= values[best[k - 1]]) continue;
    let at = count < k ? count++ : k - 1;
    for (; at > 0 && values[best[at - 1]] > value; at--) best[at] = best[at - 1];
    best[at] = t;
  }
  return best;
}
