/** @file Temperature scaling of a network's logits: Guo, Pleiss, Sun and Weinberger (2017), "On calibration of modern neural networks". */
import { ParameterError } from '../core/index.ts';
import { type Label, labelPositions } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { checkMatrix, type Matrix, type Matrix64 } from './matrix.ts';
import { softmaxRows } from './softmax.ts';

/** Temperatures are looked for between these; logits that separate the classes perfectly have none of their own. */
const coldest = 1e-3;
const hottest = 1e3;

/**
 * The temperature T for which softmax(logits / T) gives the labels the greatest likelihood, within [0.001, 1000]: above
 * 1 for networks too sure of themselves. Fit it on validation data, never on data the network was trained on.
 * @param logits [rows, classes]
 * @param classes names of the columns
 * @throws {ParameterError} for a label that is not among the classes, or lengths that do not fit
 */
export function fitTemperature<L extends Label>(
  logits: Matrix,
  labels: ArrayLike<L>,
  classes: readonly L[],
): number {
  checkMatrix(logits, 'logits');
  if (labels.length !== logits.rows || classes.length !== logits.columns) {
    throw new ParameterError(
      `The logits are ${logits.rows} × ${logits.columns}, but there are ${labels.length} labels and ${classes.length} classes.`,
    );
  }
  const positions = labelPositions(labels, classes, 'true');
  // The loss is convex in 1/T; its derivative is the sum of expected minus true logits, and rises.
  const derivative = (inverse: number) => {
    const scaled = applyTemperature(logits, 1 / inverse);
    let sum = 0;
    for (let i = 0; i < logits.rows; i++) {
      const at = i * logits.columns;
      for (let c = 0; c < logits.columns; c++) sum += scaled.data[at + c]! * logits.data[at + c]!;
      sum -= logits.data[at + positions[i]!]!;
    }
    return sum;
  };
  let [low, high] = [1 / hottest, 1 / coldest];
  if (derivative(low) >= 0) return hottest;
  if (derivative(high) <= 0) return coldest;
  while (high / low > 1 + 1e-12) {
    const middle = Math.sqrt(low * high);
    if (derivative(middle) > 0) high = middle;
    else low = middle;
  }
  return 1 / Math.sqrt(low * high);
}

/** softmax(logits / temperature), row by row. @throws {ParameterError} unless temperature > 0 */
export function applyTemperature(logits: Matrix, temperature: number): Matrix64 {
  checkTemperature(temperature);
  return softmaxRows({ ...logits, data: Float64Array.from(logits.data, (v) => v / temperature) });
}

/** The same as nodes: float32 [N, classes] → probabilities. @throws {ParameterError} unless temperature > 0 */
export function appendTemperature(g: GraphBuilder, logits: Value, temperature: number): Value {
  checkTemperature(temperature);
  return g.op('Softmax', [g.op('Div', [logits, g.scalar(temperature)])], { axis: -1 });
}

function checkTemperature(temperature: number): void {
  if (!(temperature > 0 && Number.isFinite(temperature))) {
    throw new ParameterError(`A temperature must be a finite number > 0, got ${temperature}.`);
  }
}
