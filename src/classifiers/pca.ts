/** @file Principal components: scikit-learn's `PCA` with its full solver. */
import { ParameterError, tensor } from '../core/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { ClassifierState } from './classifier.ts';
import { checkMatrix, type Matrix, type Matrix64, zeros } from './matrix.ts';
import { createRowKernel } from './rowKernel.ts';
import { symmetricEigen } from './symmetricEigen.ts';
import type { Transform } from './transform.ts';

export interface PcaOptions {
  /**
   * An integer: so many components, 1 … min(rows, columns), which is the default. A number in (0, 1): as many as
   * explain more than that share of the variance.
   */
  readonly components?: number;
  /** Whether what comes out has variance 1 in each component. Default false. */
  readonly whiten?: boolean;
}

export interface PcaState extends ClassifierState {
  readonly means: Float64Array;
  /** Unit vectors, [components, columns], by descending variance. */
  readonly components: Matrix64;
  /** Variance along each component, divisor rows − 1. */
  readonly explainedVariance: Float64Array;
  /** The same as shares of the whole variance. */
  readonly explainedVarianceRatio: Float64Array;
  readonly whiten: boolean;
}

/** (x − mean)·componentsᵀ. Fitted by {@link fitPca}. */
export class Pca implements Transform {
  constructor(readonly state: PcaState) {}

  get columns(): number {
    return this.state.components.columns;
  }

  get outputColumns(): number {
    return this.state.components.rows;
  }

  /** Weights [columns, components] as applied, whitening included. */
  private weights(): Float64Array {
    const { components, explainedVariance, whiten } = this.state;
    const out = new Float64Array(components.data.length);
    const rounding = explainedVariance[0] * components.columns * Number.EPSILON;
    for (let p = 0; p < components.rows; p++) {
      // A component along which nothing varies gives zeros, not rounding blown up.
      const deviation = explainedVariance[p] > rounding ? Math.sqrt(explainedVariance[p]) : Infinity;
      const scale = whiten ? 1 / deviation : 1;
      for (let j = 0; j < components.columns; j++) {
        out[j * components.rows + p] = scale * components.data[p * components.columns + j];
      }
    }
    return out;
  }

  apply(x: Matrix): Matrix64 {
    checkMatrix(x, 'data', this.columns);
    const weights = this.weights();
    const { means } = this.state;
    const k = this.outputColumns;
    const out = zeros(x.rows, k);
    for (let i = 0; i < x.rows; i++) {
      for (let j = 0; j < x.columns; j++) {
        const value = x.data[i * x.columns + j] - means[j];
        for (let p = 0; p < k; p++) out.data[i * k + p] += value * weights[j * k + p];
      }
    }
    return out;
  }

  appendTo(g: GraphBuilder, x: Value): Value {
    const constant = (dims: readonly number[], values: Float64Array, name: string) =>
      g.constant(tensor('float32', dims, Float32Array.from(values)), name);
    const centred = g.op('Sub', [x, constant([this.columns], this.state.means, 'pca_means')]);
    const dims = [this.columns, this.outputColumns];
    return g.op('MatMul', [centred, constant(dims, this.weights(), 'pca_components')]);
  }
}

/**
 * Finds the components by the eigenvectors of the covariance, or of the rows' products where there are fewer rows than
 * columns. Signs are scikit-learn 1.2's: of the rows' coordinates along a component, the largest is positive.
 * @throws {ParameterError} for options out of range, fewer than two rows, or values that are not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export function fitPca(x: Matrix, options: PcaOptions = {}): Pca {
  checkMatrix(x, 'training data');
  const { rows: n, columns: d } = x;
  const most = Math.min(n, d);
  const { components: wanted = most, whiten = false } = options;
  if (n < 2) throw new ParameterError('Principal components need at least two rows, got one.');
  if (!(wanted > 0 && (wanted < 1 || (Number.isInteger(wanted) && wanted <= most)))) {
    throw new ParameterError(
      `components must be an integer from 1 to ${most} (rows or columns, whichever are fewer) or a share in (0, 1), got ${wanted}.`,
    );
  }
  const means = new Float64Array(d);
  for (let i = 0; i < x.data.length; ) for (let j = 0; j < d; j++, i++) means[j] += x.data[i] / n;
  const centred = zeros(n, d);
  for (let i = 0; i < x.data.length; ) {
    for (let j = 0; j < d; j++, i++) centred.data[i] = x.data[i] - means[j];
  }
  const { values, vectors } = d <= n ? covarianceEigen(centred) : productEigen(centred);
  const variances = values.subarray(0, most).map((value) => Math.max(0, value) / (n - 1));
  const total = variances.reduce((sum, value) => sum + value, 0);
  const ratios = variances.map((value) => (total > 0 ? value / total : 0));
  const count = wanted < 1 ? enough(ratios, wanted) : wanted;
  const components = { data: vectors.slice(0, count * d), rows: count, columns: d };
  return new Pca({
    kind: 'pca',
    means,
    components: withSigns(components, centred),
    explainedVariance: variances.slice(0, count),
    explainedVarianceRatio: ratios.slice(0, count),
    whiten,
  });
}

/** How many components explain more than `share` of the variance. */
function enough(ratios: Float64Array, share: number): number {
  let sum = 0;
  for (let p = 0; p < ratios.length; p++) {
    sum += ratios[p];
    if (sum > share) return p + 1;
  }
  return ratios.length;
}

function covarianceEigen(centred: Matrix64): { values: Float64Array; vectors: Float64Array } {
  const { rows, columns } = centred;
  const kernel = createRowKernel(centred, { vectors: columns });
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = centred.data[i * columns + j];
      if (value !== 0) kernel.add(i, j, value);
    }
  }
  const products = new Float64Array(columns * columns);
  kernel.vectors.forEach((vector, j) => {
    products.set(vector.subarray(0, columns), j * columns);
  });
  return symmetricEigen(products, columns);
}

/** Fewer rows than columns: v = Xᵀu / √λ for each eigenvector u of XXᵀ. */
function productEigen(centred: Matrix64): { values: Float64Array; vectors: Float64Array } {
  const { rows, columns } = centred;
  const kernel = createRowKernel(centred, { vectors: 1 });
  const products = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    kernel.load(i, 0);
    for (let j = 0; j <= i; j++) {
      const product = kernel.dot(j, 0);
      products[i * rows + j] = product;
      products[j * rows + i] = product;
    }
  }
  const { values, vectors: u } = symmetricEigen(products, rows);
  const vectors = new Float64Array(rows * columns);
  const sum = kernel.vectors[0];
  for (let p = 0; p < rows; p++) {
    sum.fill(0);
    for (let i = 0; i < rows; i++) kernel.add(i, 0, u[p * rows + i]);
    // Centred rows have no more than rows − 1 directions; the last one is rounding, and stays short.
    let length = 0;
    for (let j = 0; j < columns; j++) length += sum[j] * sum[j];
    const scale = length > 0 ? 1 / Math.sqrt(length) : 0;
    for (let j = 0; j < columns; j++) vectors[p * columns + j] = sum[j] * scale;
  }
  return { values, vectors };
}

function withSigns(components: Matrix64, centred: Matrix64): Matrix64 {
  const { rows: count, columns } = components;
  const kernel = createRowKernel(centred, { vectors: 1 });
  for (let p = 0; p < count; p++) {
    const own = components.data.subarray(p * columns, (p + 1) * columns);
    kernel.vectors[0].set(own);
    let furthest = 0;
    for (let i = 0; i < centred.rows; i++) {
      const coordinate = kernel.dot(i, 0);
      if (Math.abs(coordinate) > Math.abs(furthest)) furthest = coordinate;
    }
    if (furthest < 0) for (let j = 0; j < columns; j++) own[j] = -own[j];
  }
  return components;
}
