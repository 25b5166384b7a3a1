/** @file Scores that are a weighted sum of the features plus an intercept: one pair per class, or one for two classes. */
import { tensor } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { type ClassifierState, ScoringClassifier } from './classifier.ts';
import { type Matrix, type Matrix64, zeros } from './matrix.ts';

/** What was fitted. With two classes there is one row, whose score speaks for the second class. */
export interface LinearState<L extends Label> extends ClassifierState {
  readonly classes: readonly L[];
  /** [classes or 1, columns] */
  readonly coefficients: Matrix64;
  /** One per row of `coefficients`. */
  readonly intercepts: Float64Array;
  /** Iterations that each class took (logistic regression: all classes together, one number). */
  readonly iterations: readonly number[];
  /** False where the limit of iterations ended the fit, not its tolerance. */
  readonly converged: boolean;
}

export abstract class LinearClassifier<
  L extends Label,
  S extends LinearState<L> = LinearState<L>,
> extends ScoringClassifier<L> {
  constructor(readonly state: S) {
    super();
  }

  get classes(): readonly L[] {
    return this.state.classes;
  }

  get columns(): number {
    return this.state.coefficients.columns;
  }

  /** Weights per feature, [classes or 1, columns]: scikit-learn's `coef_`. */
  get coefficients(): Matrix64 {
    return this.state.coefficients;
  }

  /** scikit-learn's `intercept_`. */
  get intercepts(): Float64Array {
    return this.state.intercepts;
  }

  /** False where the limit of iterations ended the fit. */
  get converged(): boolean {
    return this.state.converged;
  }

  /** Iterations per class; one number where all classes are fitted together. */
  get iterations(): readonly number[] {
    return this.state.iterations;
  }

  protected scores(x: Matrix): Matrix64 {
    const { coefficients, intercepts } = this;
    const { data: weights, rows: hyperplanes, columns } = coefficients;
    const k = this.classes.length;
    const out = zeros(x.rows, k);
    for (let i = 0; i < x.rows; i++) {
      for (let c = 0; c < hyperplanes; c++) {
        let sum = intercepts[c];
        const row = i * columns;
        const at = c * columns;
        for (let j = 0; j < columns; j++) sum += weights[at + j] * x.data[row + j];
        if (hyperplanes === k) out.data[i * k + c] = sum;
        else {
          out.data[i * k] = -sum;
          out.data[i * k + 1] = sum;
        }
      }
    }
    return out;
  }

  /** The scores as one Gemm node. */
  protected scoreNode(g: GraphBuilder, x: Value): Value {
    const { coefficients, intercepts } = this;
    const { data, rows, columns } = coefficients;
    const k = this.classes.length;
    const weights = new Float32Array(columns * k);
    const bias = new Float32Array(k);
    for (let c = 0; c < k; c++) {
      const [from, sign] = rows === k ? [c, 1] : [0, c === 0 ? -1 : 1];
      for (let j = 0; j < columns; j++) weights[j * k + c] = sign * data[from * columns + j];
      bias[c] = sign * intercepts[from];
    }
    const b = g.constant(tensor('float32', [columns, k], weights), 'classifier_weights');
    const c = g.constant(tensor('float32', [k], bias), 'classifier_intercepts');
    return g.op('Gemm', [x, b, c]);
  }
}
