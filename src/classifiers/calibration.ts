/**
 * @file Probabilities for classifiers that give scores: a sigmoid or a rising function per class, fitted to scores of
 * rows that the classifier had not seen. scikit-learn's `CalibratedClassifierCV(ensemble=False)`: the classifier itself
 * is fitted to all rows, so that one model is exported and not one per fold.
 */
import { ParameterError, tensor } from '../core/index.ts';
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { Classifier, ClassifierState, ProbabilisticClassifier, ProbabilityNodes } from './classifier.ts';
import { crossFittedScores, type Fit, type FoldOptions, foldOfRows } from './crossFit.ts';
import { fitIsotonic, type Isotonic, interpolate } from './isotonic.ts';
import type { Matrix, Matrix64 } from './matrix.ts';
import { fitSigmoid, type Sigmoid } from './plattScaling.ts';
import { logistic } from './softmax.ts';
import { trainingLabels } from './trainingLabels.ts';

export interface CalibrationOptions extends FoldOptions {
  /** `sigmoid` (default) is right for few rows; `isotonic` needs a thousand or so. */
  readonly method?: 'sigmoid' | 'isotonic';
}

export interface CalibratedState extends ClassifierState {
  readonly classifier: ClassifierState;
  /** One per class; with two classes one, for the second. */
  readonly calibrators: readonly (Sigmoid | Isotonic)[];
}

/**
 * Fitted by {@link fitCalibrated}. Scores and decisions stay the classifier's own; the largest probability can be of
 * another class where two are close.
 */
export class CalibratedClassifier<L extends Label = Label> implements ProbabilisticClassifier<L> {
  constructor(
    private readonly classifier: Classifier<L>,
    private readonly calibrators: readonly (Sigmoid | Isotonic)[],
  ) {}

  get classes(): readonly L[] {
    return this.classifier.classes;
  }

  get columns(): number {
    return this.classifier.columns;
  }

  get state(): CalibratedState {
    return { kind: 'calibrated', classifier: this.classifier.state, calibrators: this.calibrators };
  }

  decisionFunction(x: Matrix): Matrix64 {
    return this.classifier.decisionFunction(x);
  }

  predict(x: Matrix): L[] {
    return this.classifier.predict(x);
  }

  predictProbabilities(x: Matrix): Matrix64 {
    const scores = this.decisionFunction(x);
    const k = this.classes.length;
    const data = new Float64Array(scores.data.length);
    for (let at = 0; at < data.length; at += k) {
      if (k === 2) {
        data[at + 1] = calibrated(this.calibrators[0], scores.data[at + 1]);
        data[at] = 1 - data[at + 1];
        continue;
      }
      let sum = 0;
      for (let c = 0; c < k; c++) {
        data[at + c] = calibrated(this.calibrators[c], scores.data[at + c]);
        sum += data[at + c];
      }
      for (let c = 0; c < k; c++) data[at + c] = sum > 0 ? data[at + c] / sum : 1 / k;
    }
    return { ...scores, data };
  }

  appendTo(g: GraphBuilder, x: Value): ProbabilityNodes {
    const { scores } = this.classifier.appendTo(g, x);
    const k = this.classes.length;
    if (k === 2) {
      const positive = calibratedNode(
        g,
        g.op('Slice', [scores, g.ints([1]), g.ints([2]), g.ints([1])]),
        this.calibrators,
      );
      const probabilities = g.op('Concat', [g.op('Sub', [g.scalar(1), positive]), positive], { axis: 1 });
      return { scores, probabilities };
    }
    const each = calibratedNode(g, scores, this.calibrators);
    const sum = g.op('ReduceSum', [each, g.ints([1])], { keepdims: 1 });
    const shares = g.op('Div', [each, g.op('Max', [sum, g.scalar(1e-30)])]);
    const known = g.op('Greater', [sum, g.scalar(0)]);
    return { scores, probabilities: g.op('Where', [known, shares, g.scalar(1 / k)]) };
  }
}

function calibrated(calibrator: Sigmoid | Isotonic, score: number): number {
  return calibrator.kind === 'sigmoid'
    ? logistic(-(calibrator.slope * score + calibrator.offset))
    : interpolate(calibrator, score);
}

/** [N, calibrators] → the same shape. All are of one kind. */
function calibratedNode(g: GraphBuilder, scores: Value, calibrators: readonly (Sigmoid | Isotonic)[]): Value {
  const k = calibrators.length;
  const constant = (dims: readonly number[], values: ArrayLike<number>) =>
    g.constant(tensor('float32', dims, Float32Array.from(values)), 'calibration');
  const sigmoids = calibrators.filter((c) => c.kind === 'sigmoid');
  if (sigmoids.length === k) {
    const slopes = constant(
      [k],
      sigmoids.map((s) => -s.slope),
    );
    const offsets = constant(
      [k],
      sigmoids.map((s) => -s.offset),
    );
    return g.op('Sigmoid', [g.op('Add', [g.op('Mul', [scores, slopes]), offsets])]);
  }
  // A rising function is its first value plus, for each stretch, slope times how far the score reaches into it.
  const curves = calibrators.filter((c) => c.kind === 'isotonic');
  const most = Math.max(1, ...curves.map((c) => c.x.length - 1));
  const starts = new Float64Array(k * most);
  const lengths = new Float64Array(k * most);
  const slopes = new Float64Array(k * most);
  curves.forEach(({ x, y }, c) => {
    for (let s = 0; s + 1 < x.length; s++) {
      const at = c * most + s;
      starts[at] = x[s];
      lengths[at] = x[s + 1] - x[s];
      slopes[at] = (y[s + 1] - y[s]) / lengths[at];
    }
  });
  const column = g.op('Unsqueeze', [scores, g.ints([2])]);
  const past = g.op('Relu', [g.op('Sub', [column, constant([k, most], starts)])]);
  const reach = g.op('Min', [past, constant([k, most], lengths)]);
  const risen = g.op('ReduceSum', [g.op('Mul', [reach, constant([k, most], slopes)]), g.ints([2])], {
    keepdims: 0,
  });
  return g.op('Add', [
    risen,
    constant(
      [k],
      curves.map((c) => c.y[0]),
    ),
  ]);
}

/**
 * Fits a classifier to all rows, and calibrators to scores of rows by classifiers that had not seen their fold.
 * @param fitTo makes a classifier of rows and labels; called once per fold and once for all
 * @throws {ParameterError} for options out of range, folds that divide a group or lack a class, or unusable data
 * @throws {ShapeError} when the matrix is not as large as it says
 * @example
 * const model = await fitCalibrated(x, labels, (x, labels) => fitLinearSvm(x, labels, { C: 0.01 }), { groups });
 * model.predictProbabilities(test);
 */
export async function fitCalibrated<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  fitTo: Fit<L>,
  options: CalibrationOptions = {},
): Promise<CalibratedClassifier<L>> {
  const { method = 'sigmoid' } = options;
  if (method !== 'sigmoid' && method !== 'isotonic') {
    throw new ParameterError(`method must be 'sigmoid' or 'isotonic', got '${String(method)}'.`);
  }
  const { classes, positions } = trainingLabels(x, labels);
  const scores = await crossFittedScores(x, labels, foldOfRows(labels, options), fitTo);
  const classifier = await fitTo(x, Array.from(labels));
  const targets = classes.length === 2 ? [1] : classes.map((_, c) => c);
  const calibrators = targets.map((c) => {
    const own = Float64Array.from(positions, (_, i) => scores.data[i * classes.length + c]);
    const positive = Array.from(positions, (position) => position === c);
    return method === 'sigmoid' ? fitSigmoid(own, positive) : fitIsotonic(own, positive);
  });
  return new CalibratedClassifier(classifier, calibrators);
}
