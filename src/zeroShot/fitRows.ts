/** @file The rows that a zero-shot model is fitted to, and the ridge systems that its closed forms solve. */
import { checkMatrix, type Matrix, type Matrix64, zeros } from '../classifiers/matrix.ts';
import { createRowKernel } from '../classifiers/rowKernel.ts';
import { ParameterError } from '../core/errors.ts';
import { labelPositions } from '../metrics/labels.ts';
import { product, solvePositiveDefinite, toMatrix64, transposed } from './linearAlgebra.ts';

/** Embeddings of clips of seen classes. Nothing else is known while a model learns from clips. */
export class FitRows {
  readonly x: Matrix64;
  readonly labels: readonly string[];
  /** The seen classes, in the order of their class vectors. */
  readonly classes: readonly string[];
  /** Place of each row's label among the classes. */
  readonly positions: Int32Array;
  private products: Matrix64 | undefined;

  /**
   * @param x [rows, columns], standardised
   * @throws {ParameterError} for fewer than two classes, a class without rows, or a label that is none of them
   * @throws {ShapeError} when the matrix is not as large as it says
   */
  constructor(x: Matrix, labels: readonly string[], classes: readonly string[]) {
    checkMatrix(x, 'training data');
    if (labels.length !== x.rows) {
      throw new ParameterError(
        `There are ${x.rows} rows of training data but ${labels.length} labels; each row needs one.`,
      );
    }
    if (classes.length < 2) {
      throw new ParameterError(
        `A zero-shot model learns from two seen classes or more, got ${classes.length}.`,
      );
    }
    const present = new Set(labels);
    const empty = classes.find((label) => !present.has(label));
    if (empty !== undefined) throw new ParameterError(`The seen class '${empty}' has no row to learn from.`);
    this.x = toMatrix64(x);
    this.labels = labels;
    this.classes = classes;
    this.positions = labelPositions(labels, classes, 'true');
  }

  /**
   * (XᵀX + ridge·I)⁻¹·Xᵀ·T, [columns, k]; where there are fewer rows than columns, by the equal form
   * Xᵀ·(XXᵀ + ridge·I)⁻¹·T.
   * @param targets T, [rows, k]
   * @param ridge > 0
   */
  ridge(targets: Matrix64, ridge: number): Matrix64 {
    const { x } = this;
    const xt = () => transposed(x);
    if (x.columns <= x.rows) {
      this.products ??= columnProducts(x);
      return solvePositiveDefinite(this.products, ridge, product(xt(), targets));
    }
    this.products ??= rowProducts(x);
    return product(xt(), solvePositiveDefinite(this.products, ridge, targets));
  }

  /** One column per class: `on` in the rows of that class, `off` elsewhere. */
  targets(on: number, off: number): Matrix64 {
    const k = this.classes.length;
    const out = zeros(this.x.rows, k);
    out.data.fill(off);
    this.positions.forEach((c, i) => {
      out.data[i * k + c] = on;
    });
    return out;
  }
}

/** XᵀX */
function columnProducts(x: Matrix64): Matrix64 {
  const { rows, columns } = x;
  const kernel = createRowKernel(x, { vectors: columns });
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      const value = x.data[i * columns + j];
      if (value !== 0) kernel.add(i, j, value);
    }
  }
  const out = zeros(columns, columns);
  kernel.vectors.forEach((vector, j) => {
    out.data.set(vector.subarray(0, columns), j * columns);
  });
  return out;
}

/** XXᵀ */
function rowProducts(x: Matrix64): Matrix64 {
  const { rows } = x;
  const kernel = createRowKernel(x, { vectors: 1 });
  const out = zeros(rows, rows);
  for (let i = 0; i < rows; i++) {
    kernel.load(i, 0);
    for (let j = 0; j <= i; j++) {
      const value = kernel.dot(j, 0);
      out.data[i * rows + j] = value;
      out.data[j * rows + i] = value;
    }
  }
  return out;
}
