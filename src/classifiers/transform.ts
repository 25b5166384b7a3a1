/** @file What comes before a classifier: a fitted map from rows to rows, also as ONNX nodes. */
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { ClassifierState } from './classifier.ts';
import type { Matrix } from './matrix.ts';

/** A fitted transform; it does not change. */
export interface Transform {
  /** Columns that the data must have. */
  readonly columns: number;
  /** Columns of what comes out. */
  readonly outputColumns: number;
  /** Everything that was fitted, as plain data. */
  readonly state: ClassifierState;
  /**
   * @throws {ShapeError} when the columns do not fit
   * @throws {ParameterError} for values that are not finite
   */
  apply(x: Matrix): Matrix;
  /** Appends nodes that do the same: float32 [N, columns] → [N, outputColumns]. */
  appendTo(g: GraphBuilder, x: Value): Value;
}
