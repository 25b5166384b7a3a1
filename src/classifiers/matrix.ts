/** @file Matrices as the classifiers take them: rows are items, columns are features, row-major. */
import { ParameterError, ShapeError } from '../core/index.ts';

/** A row-major matrix of finite numbers. */
export interface Matrix {
  readonly data: Float32Array | Float64Array;
  readonly rows: number;
  readonly columns: number;
}

/** A float64 matrix, what every function here returns. */
export interface Matrix64 extends Matrix {
  readonly data: Float64Array;
}

/**
 * Checks a matrix that came from outside.
 * @param what what it is, for the message, such as "training data"
 * @param columns how many columns it must have, where that is known
 * @throws {ShapeError} for a length or width that does not fit
 * @throws {ParameterError} for no rows, no columns, or a value that is not finite
 */
export function checkMatrix(x: Matrix, what: string, columns?: number): void {
  const { data, rows } = x;
  for (const n of [rows, x.columns]) {
    if (!Number.isInteger(n) || n < 1) {
      throw new ParameterError(
        `The ${what} must have at least one row and one column, got ${rows} × ${x.columns}.`,
      );
    }
  }
  if (data.length !== rows * x.columns) {
    throw new ShapeError(
      `The ${what} is to be ${rows} × ${x.columns}, which needs ${rows * x.columns} numbers, got ${data.length}.`,
    );
  }
  if (columns !== undefined && x.columns !== columns) {
    throw new ShapeError(`The ${what} has ${x.columns} columns; the model was fitted on ${columns}.`);
  }
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    const [row, column] = [Math.floor(i / x.columns), i % x.columns];
    throw new ParameterError(
      `The ${what} must be finite numbers; row ${row}, column ${column} is ${data[i]}.`,
      { hint: 'Leave the row out, or find out which step made it.' },
    );
  }
}

/** A zero-filled float64 matrix. */
export function zeros(rows: number, columns: number): Matrix64 {
  return { data: new Float64Array(rows * columns), rows, columns };
}

/**
 * A float64 matrix from rows of equal length.
 * @throws {ShapeError} when the lengths differ
 */
export function matrixOf(rows: readonly ArrayLike<number>[]): Matrix64 {
  const columns = rows[0]?.length ?? 0;
  const out = zeros(rows.length, columns);
  rows.forEach((row, i) => {
    if (row.length !== columns) {
      throw new ShapeError(`Row 0 has ${columns} numbers, row ${i} has ${row.length}; all need the same.`);
    }
    out.data.set(row, i * columns);
  });
  return out;
}

/** The rows named by `indices`, in that order, in the precision of `x`. */
export function takeRows(x: Matrix, indices: ArrayLike<number>): Matrix {
  const { columns } = x;
  const data =
    x.data instanceof Float32Array
      ? new Float32Array(indices.length * columns)
      : new Float64Array(indices.length * columns);
  for (let i = 0; i < indices.length; i++) {
    const at = indices[i] * columns;
    data.set(x.data.subarray(at, at + columns), i * columns);
  }
  return { data, rows: indices.length, columns };
}
