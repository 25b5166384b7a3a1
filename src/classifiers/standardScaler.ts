/** @file Standardisation per feature: scikit-learn's `StandardScaler`. */
import { tensor } from '../core/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { ClassifierState } from './classifier.ts';
import { checkMatrix, type Matrix } from './matrix.ts';
import type { Transform } from './transform.ts';

export interface StandardScalerState extends ClassifierState {
  readonly means: Float64Array;
  /** Population deviations; 1 for features that do not vary. */
  readonly deviations: Float64Array;
}

/** (x − mean) / deviation. Fitted by {@link fitStandardScaler}. */
export class StandardScaler implements Transform {
  constructor(readonly state: StandardScalerState) {}

  get columns(): number {
    return this.state.means.length;
  }

  get outputColumns(): number {
    return this.columns;
  }

  /** The result has the precision of `x`. */
  apply(x: Matrix): Matrix {
    checkMatrix(x, 'data', this.columns);
    const { means, deviations } = this.state;
    const data = x.data.slice();
    for (let i = 0; i < data.length; ) {
      for (let j = 0; j < x.columns; j++, i++) data[i] = (data[i] - means[j]) / deviations[j];
    }
    return { ...x, data };
  }

  appendTo(g: GraphBuilder, x: Value): Value {
    const { means, deviations } = this.state;
    const constant = (values: Float64Array, name: string) =>
      g.constant(tensor('float32', [values.length], Float32Array.from(values)), name);
    return g.op('Div', [
      g.op('Sub', [x, constant(means, 'scaler_means')]),
      constant(deviations, 'scaler_deviations'),
    ]);
  }
}

/**
 * Means and population deviations of the columns, in two passes. A feature that does not vary beyond rounding is only
 * centred.
 * @throws {ParameterError} for values that are not finite
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export function fitStandardScaler(x: Matrix): StandardScaler {
  checkMatrix(x, 'training data');
  const { data, rows, columns } = x;
  const means = new Float64Array(columns);
  for (let i = 0; i < data.length; ) for (let j = 0; j < columns; j++, i++) means[j] += data[i] / rows;
  const squares = new Float64Array(columns);
  for (let i = 0; i < data.length; ) {
    for (let j = 0; j < columns; j++, i++) squares[j] += (data[i] - means[j]) ** 2;
  }
  const deviations = squares.map((s, j) => {
    const variance = s / rows;
    // What rounding alone can make of a constant (scikit-learn's `_is_constant_feature`).
    const rounding = rows * Number.EPSILON;
    const constant = variance <= rounding * variance + (rounding * means[j]) ** 2;
    return constant ? 1 : Math.sqrt(variance);
  });
  return new StandardScaler({ kind: 'standard-scaler', means, deviations });
}
