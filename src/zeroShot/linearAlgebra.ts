/** @file Solving linear systems with a symmetric, positive definite matrix, by Cholesky's decomposition. */
import { type Matrix64, zeros } from '../classifiers/matrix.ts';
import { ParameterError } from '../core/errors.ts';

/**
 * Solves (A + ridge·I)·X = B.
 * @param a symmetric, [n, n]
 * @param ridge added to the diagonal, ≥ 0
 * @param b [n, k]
 * @returns [n, k]
 * @throws {ParameterError} where A + ridge·I is not positive definite to working precision
 */
export function solvePositiveDefinite(a: Matrix64, ridge: number, b: Matrix64): Matrix64 {
  const n = a.rows;
  const l = choleskyRows(a.data, n, ridge);
  const { columns: k } = b;
  const x = b.data.slice();
  // L·Y = B, row after row; then Lᵀ·X = Y, from the last row up.
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < i; j++) {
      const factor = l[i * n + j];
      for (let c = 0; c < k; c++) x[i * k + c] -= factor * x[j * k + c];
    }
    for (let c = 0; c < k; c++) x[i * k + c] /= l[i * n + i];
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let c = 0; c < k; c++) x[i * k + c] /= l[i * n + i];
    for (let j = 0; j < i; j++) {
      const factor = l[i * n + j];
      for (let c = 0; c < k; c++) x[j * k + c] -= factor * x[i * k + c];
    }
  }
  return { data: x, rows: n, columns: k };
}

/** The lower factor of A + ridge·I; what lies above the diagonal means nothing. */
function choleskyRows(a: Float64Array, n: number, ridge: number): Float64Array {
  const l = a.slice();
  for (let i = 0; i < n; i++) {
    const row = i * n;
    for (let j = 0; j <= i; j++) {
      const other = j * n;
      // Two sums at a time keep the adder busy.
      let even = 0;
      let odd = 0;
      let k = 0;
      for (; k + 1 < j; k += 2) {
        even += l[row + k] * l[other + k];
        odd += l[row + k + 1] * l[other + k + 1];
      }
      if (k < j) even += l[row + k] * l[other + k];
      const rest = l[row + j] - even - odd;
      if (j < i) {
        l[row + j] = rest / l[other + j];
        continue;
      }
      const pivot = rest + ridge;
      if (!(pivot > 1e-14 * Math.abs(a[row + i] + ridge))) {
        throw new ParameterError('The system to be solved is singular.', {
          hint: 'Use a larger regularisation.',
        });
      }
      l[row + i] = Math.sqrt(pivot);
    }
  }
  return l;
}

/** A·B. */
export function product(a: Matrix64, b: Matrix64): Matrix64 {
  const out = zeros(a.rows, b.columns);
  const { columns: k } = b;
  for (let i = 0; i < a.rows; i++) {
    for (let j = 0; j < a.columns; j++) {
      const factor = a.data[i * a.columns + j];
      if (factor === 0) continue;
      for (let c = 0; c < k; c++) out.data[i * k + c] += factor * b.data[j * k + c];
    }
  }
  return out;
}

/** Aᵀ. */
export function transposed({ data, rows, columns }: Matrix64): Matrix64 {
  const out = zeros(columns, rows);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) out.data[j * rows + i] = data[i * columns + j];
  }
  return out;
}

/** In double precision. */
export function toMatrix64({
  data,
  rows,
  columns,
}: {
  readonly data: Float32Array | Float64Array;
  readonly rows: number;
  readonly columns: number;
}): Matrix64 {
  return { data: data instanceof Float64Array ? data : Float64Array.from(data), rows, columns };
}
