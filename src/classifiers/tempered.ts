/**
 * @file Probabilities that keep a classifier's decisions: the softmax of its scores at one temperature, which is fitted
 * to scores of rows that the classifier had not seen.
 */
import type { Label } from '../metrics/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import {
  type Classifier,
  type ClassifierState,
  type ProbabilisticClassifier,
  type ProbabilityNodes,
  ScoringClassifier,
} from './classifier.ts';
import { crossFittedScores, type Fit, type FoldOptions, foldOfRows } from './crossFit.ts';
import { checkMatrix, type Matrix, type Matrix64 } from './matrix.ts';
import { appendTemperature, applyTemperature, fitTemperature } from './temperature.ts';
import { trainingLabels } from './trainingLabels.ts';

export interface TemperedState extends ClassifierState {
  readonly classifier: ClassifierState;
  readonly temperature: number;
}

/** Fitted by {@link fitTempered}. The largest probability is always that of the class that is decided for. */
export class TemperedClassifier<L extends Label = Label>
  extends ScoringClassifier<L>
  implements ProbabilisticClassifier<L>
{
  constructor(
    private readonly classifier: Classifier<L>,
    readonly temperature: number,
  ) {
    super();
  }

  get classes(): readonly L[] {
    return this.classifier.classes;
  }

  get columns(): number {
    return this.classifier.columns;
  }

  get state(): TemperedState {
    return { kind: 'tempered', classifier: this.classifier.state, temperature: this.temperature };
  }

  protected scores(x: Matrix): Matrix64 {
    return this.classifier.decisionFunction(x);
  }

  predictProbabilities(x: Matrix): Matrix64 {
    checkMatrix(x, 'data', this.columns);
    return applyTemperature(this.scores(x), this.temperature);
  }

  appendTo(g: GraphBuilder, x: Value): ProbabilityNodes {
    const { scores } = this.classifier.appendTo(g, x);
    return { scores, probabilities: appendTemperature(g, scores, this.temperature) };
  }
}

/**
 * Fits a classifier to all rows, and the temperature to scores of rows by classifiers that had not seen their fold.
 * @param fitTo makes a classifier of rows and labels; called once per fold and once for all
 * @throws {ParameterError} for options out of range, folds that divide a group or lack a class, or unusable data
 * @throws {ShapeError} when the matrix is not as large as it says
 */
export async function fitTempered<L extends Label>(
  x: Matrix,
  labels: ArrayLike<L>,
  fitTo: Fit<L>,
  options: FoldOptions = {},
): Promise<TemperedClassifier<L>> {
  trainingLabels(x, labels);
  const scores = await crossFittedScores(x, labels, foldOfRows(labels, options), fitTo);
  const classifier = await fitTo(x, Array.from(labels));
  return new TemperedClassifier(classifier, fitTemperature(scores, labels, classifier.classes));
}
