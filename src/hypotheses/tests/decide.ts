/** @file What a classifier decides of recordings that it was not fitted to, under one labelling or many. */
import {
  type Classifier,
  fitLogisticRegression,
  fitRandomForest,
  fitStandardScaler,
  holdOut,
  type Matrix,
  pipeline,
  takeRows,
} from '../../classifiers/index.ts';
import { ParameterError } from '../../core/index.ts';

/** Classifiers that tests are done with; their settings are fixed beforehand, so that nothing is tuned to a result. */
export const testClassifiers = {
  'logistic regression': {
    /** Added to the report. */
    settings: 'standardised features, C = 0.1',
    fit: (x: Matrix, labels: readonly string[]): Classifier<string> => {
      const scaler = fitStandardScaler(x);
      return pipeline([scaler], fitLogisticRegression(scaler.apply(x), labels, { C: 0.1, tol: 1e-3 }));
    },
  },
  'random forest': {
    settings: '100 trees',
    fit: (x: Matrix, labels: readonly string[], seed: number): Classifier<string> =>
      fitRandomForest(x, labels, { trees: 100, seed }),
  },
} as const;

export type ClassifierName = keyof typeof testClassifiers;

/** One set of features of all recordings, and how they are labelled. */
export interface DecideTask {
  readonly classifier: ClassifierName;
  /** What is learnt from, [recordings, columns]. */
  readonly train: Matrix;
  /** What is decided on, where that is something else; the same shape. */
  readonly test?: Matrix;
  /** Class number of each recording, once or several times. */
  readonly labellings: readonly Int32Array[];
  readonly folds: Int32Array;
  readonly seed: number;
}

/**
 * Decides every recording by a classifier fitted to the other folds.
 * @returns for each labelling the class number decided for each recording
 * @throws {ParameterError} where a fold leaves a class with nothing to learn from, or shapes do not fit
 */
export async function decide(task: DecideTask): Promise<Int32Array[]> {
  const { train, test = train, folds, seed } = task;
  const { fit: fitTo } = testClassifiers[task.classifier];
  if (test.rows !== train.rows || test.columns !== train.columns) {
    throw new ParameterError(
      `What is learnt from is ${train.rows} × ${train.columns}, what is decided on ${test.rows} × ${test.columns}; they must be alike.`,
    );
  }
  const all: Int32Array[] = [];
  for (const positions of task.labellings) {
    const decided = new Int32Array(positions.length);
    // Class numbers as text, in the order of their numbers.
    const labels = Array.from(positions, (c) => String(c).padStart(6, '0'));
    for await (const held of holdOut(train, labels, folds, (x, y) => fitTo(x, y, seed))) {
      const x = test === train ? held.x : takeRows(test, held.rows);
      held.classifier.predict(x).forEach((label, i) => {
        decided[held.rows[i]] = Number(label);
      });
    }
    all.push(decided);
  }
  return all;
}
