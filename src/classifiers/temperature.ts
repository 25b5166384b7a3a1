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
      for (let c = 0; c < logits.columns; c++) sum += scaled.data[at + c] * logits.data[at + c];
      sum -= logits.data[at + positions[i]];
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

/**
 * The temperature for items of several rows, such as recordings of several windows, whose probabilities are the means of
 * their rows': the T for which the mean of softmax(row / T) gives the labels the greatest likelihood, within [0.001, 1000].
 * A model that divides each row by T is then calibrated in what it says of an item. Where every item has one row this is
 * {@link fitTemperature}.
 * @param items of each the logits, [rows of the item, classes], at least one row
 * @param classes names of the columns
 * @throws {ParameterError} for a label that is not among the classes, or lengths that do not fit
 */
export function fitMeanTemperature<L extends Label>(
  items: readonly Matrix[],
  labels: ArrayLike<L>,
  classes: readonly L[],
): number {
  if (items.every(({ rows }) => rows === 1)) {
    const columns = classes.length;
    const data = new Float64Array(items.length * columns);
    items.forEach((item, i) => {
      data.set(item.data, i * columns);
    });
    return fitTemperature({ data, rows: items.length, columns }, labels, classes);
  }
  if (labels.length !== items.length || items.some(({ columns }) => columns !== classes.length)) {
    throw new ParameterError(
      `There are ${items.length} items, ${labels.length} labels and ${classes.length} classes; each item needs a label, and a column per class.`,
    );
  }
  const positions = labelPositions(labels, classes, 'true');
  const loss = (logTemperature: number) => {
    let sum = 0;
    for (const [i, item] of items.entries()) {
      const { data } = applyTemperature(item, Math.exp(logTemperature));
      let likelihood = 0;
      for (let row = 0; row < item.rows; row++) likelihood += data[row * item.columns + positions[i]];
      sum -= Math.log(Math.max(likelihood / item.rows, 1e-300));
    }
    return sum;
  };
  // Means of softmaxes have no convex loss: the best of a grid, and then what lies between its neighbours.
  const steps = 60;
  const [cold, step] = [Math.log(coldest), Math.log(hottest / coldest) / steps];
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k <= steps; k++) {
    const value = loss(cold + k * step);
    if (value < least) [best, least] = [k, value];
  }
  return Math.exp(
    minimum(loss, cold + Math.max(0, best - 1) * step, cold + Math.min(steps, best + 1) * step),
  );
}

/** Where a function is least between two places, by golden sections. */
function minimum(f: (x: number) => number, from: number, to: number): number {
  const golden = (Math.sqrt(5) - 1) / 2;
  let [low, high] = [from, to];
  let [left, right] = [high - golden * (high - low), low + golden * (high - low)];
  let [fLeft, fRight] = [f(left), f(right)];
  while (high - low > 1e-9) {
    if (fLeft <= fRight) {
      [high, right, fRight] = [right, left, fLeft];
      left = high - golden * (high - low);
      fLeft = f(left);
    } else {
      [low, left, fLeft] = [left, right, fRight];
      right = low + golden * (high - low);
      fRight = f(right);
    }
  }
  return (low + high) / 2;
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
