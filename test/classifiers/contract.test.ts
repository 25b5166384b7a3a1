import { describe, expect, it } from 'vitest';
import {
  type Classifier,
  fitCalibrated,
  fitLinearSvm,
  fitLogisticRegression,
  fitNearestNeighbours,
  fitPca,
  fitRandomForest,
  fitRbfSvm,
  fitStandardScaler,
  fitTempered,
  isProbabilistic,
  type Matrix,
  matrixOf,
  pipeline,
  restoreClassifier,
  takeRows,
} from '../../src/classifiers/index.ts';
import { float32, ParameterError, Random, ShapeError } from '../../src/core/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { difference, set } from './fixture.ts';

type Labels = readonly (string | number)[];
type FitAny = (x: Matrix, labels: Labels) => Classifier | Promise<Classifier>;

/** Every classifier there is, and combinations. The contract below holds for all of them. */
const fits: Record<string, FitAny> = {
  'linear SVM': (x, labels) => fitLinearSvm(x, labels, { C: 0.1 }),
  'linear SVM, hinge': (x, labels) => fitLinearSvm(x, labels, { C: 0.1, loss: 'hinge' }),
  'logistic regression': (x, labels) => fitLogisticRegression(x, labels),
  'RBF SVM': (x, labels) => fitRbfSvm(x, labels, { C: 10 }),
  'nearest neighbours': (x, labels) => fitNearestNeighbours(x, labels),
  'nearest neighbours, cosine': (x, labels) => fitNearestNeighbours(x, labels, { metric: 'cosine' }),
  'random forest': (x, labels) => fitRandomForest(x, labels, { trees: 20 }),
  'scaler, components and linear SVM': (x, labels) => {
    const scaler = fitStandardScaler(x);
    const scaled = scaler.apply(x);
    const pca = fitPca(scaled, { components: 4, whiten: true });
    return pipeline([scaler, pca], fitLinearSvm(pca.apply(scaled), labels));
  },
  'scaler and forest': (x, labels) => {
    const scaler = fitStandardScaler(x);
    return pipeline([scaler], fitRandomForest(scaler.apply(x), labels, { trees: 5, maxDepth: 1 }));
  },
  'linear SVM by sigmoids': (x, labels) => fitCalibrated(x, labels, (a, b) => fitLinearSvm(a, b, { C: 0.1 })),
  'linear SVM by temperature': (x, labels) =>
    fitTempered(x, labels, (a, b) => fitLinearSvm(a, b, { C: 0.1 })),
  'RBF SVM by rising functions': (x, labels) =>
    fitCalibrated(x, labels, (a, b) => fitRbfSvm(a, b), { method: 'isotonic' }),
};

/** Runs the classifier's nodes on ONNX Runtime; the number of rows is left open. */
async function asGraph(classifier: Classifier, x: Matrix) {
  const g = new GraphBuilder();
  const nodes: Record<string, Value> = {
    ...classifier.appendTo(g, g.input('x', 'float32', ['rows', x.columns])),
  };
  for (const [name, value] of Object.entries(nodes)) {
    expect(value.dtype).toBe('float32');
    expect(value.shape.at(-1)).toBe(classifier.classes.length);
    g.output(value, name);
  }
  const model = g.model();
  expect([...model.opsets.keys()]).toEqual(['']);
  return runModel(model, { x: float32([x.rows, x.columns], Float32Array.from(x.data)) });
}

/** The margin between the best class and the next: where it is small, float32 may decide otherwise. */
function margins(scores: Matrix): number[] {
  return Array.from({ length: scores.rows }, (_, i) => {
    const row = [...scores.data.subarray(i * scores.columns, (i + 1) * scores.columns)].sort((a, b) => b - a);
    return row[0] - row[1];
  });
}

describe.each(Object.entries(fits))('contract: %s', (_name, fitOn) => {
  it.each(['four', 'two'])('scores, decides, and does the same as nodes: %s', async (name) => {
    const { train, test, labels, testLabels } = set(name);
    const model = await fitOn(train, labels);
    expect(model.classes).toEqual([...new Set(labels)].sort((a, b) => (a < b ? -1 : 1)));
    expect(model.columns).toBe(train.columns);

    const scores = model.decisionFunction(test);
    expect([scores.rows, scores.columns]).toEqual([test.rows, model.classes.length]);
    const predicted = model.predict(test);
    // The largest score decides.
    predicted.forEach((label, i) => {
      const row = [...scores.data.subarray(i * scores.columns, (i + 1) * scores.columns)];
      expect(model.classes[row.indexOf(Math.max(...row))]).toBe(label);
    });
    // It has learnt: chance is a quarter to a half.
    const hits = predicted.filter((label, i) => label === testLabels[i]).length / test.rows;
    expect(hits).toBeGreaterThan(name === 'four' ? 0.5 : 0.75);

    const results = await asGraph(model, test);
    const own = results['scores'].data as Float32Array;
    const clear = margins(scores);
    expect(difference(own, scores.data)).toBeLessThan(2e-4);
    predicted.forEach((label, i) => {
      if (clear[i] < 1e-3) return;
      const row = [...own.subarray(i * scores.columns, (i + 1) * scores.columns)];
      expect(model.classes[row.indexOf(Math.max(...row))]).toBe(label);
    });

    expect(isProbabilistic(model)).toBe('probabilities' in results);
    if (!isProbabilistic(model)) return;
    const probabilities = model.predictProbabilities(test);
    expect([probabilities.rows, probabilities.columns]).toEqual([test.rows, model.classes.length]);
    for (let i = 0; i < test.rows; i++) {
      const row = probabilities.data.subarray(i * scores.columns, (i + 1) * scores.columns);
      expect(Math.min(...row)).toBeGreaterThanOrEqual(0);
      expect(row.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
    }
    expect(difference(results['probabilities'].data as Float32Array, probabilities.data)).toBeLessThan(1e-4);
  });

  it('repeats to the last bit, in float64 as in float32, and survives a clone of its state', async () => {
    const { train, test, labels } = set('four');
    const model = await fitOn(train, labels);
    const scores = model.decisionFunction(test);
    expect((await fitOn(train, labels)).state).toEqual(model.state);
    const restored = restoreClassifier(structuredClone(model.state));
    expect(restored.decisionFunction(test)).toEqual(scores);
    expect(isProbabilistic(restored)).toBe(isProbabilistic(model));
    const wide = await fitOn({ ...train, data: Float64Array.from(train.data) }, labels);
    expect(difference(wide.decisionFunction(test).data, scores.data)).toBeLessThan(1e-3);
  });

  it('looks at each row by itself', async () => {
    const { train, test, labels } = set('four');
    const model = await fitOn(train, labels);
    const all = model.decisionFunction(test);
    const rows = [17, 3, 3];
    const some = model.decisionFunction(takeRows(test, rows));
    expect(some.data).toEqual(takeRows(all, rows).data);
  });

  it('refuses what it cannot use, with words', async () => {
    const { train, labels } = set('four');
    const model = await fitOn(train, labels);
    const attempt = async (x: Matrix, y: Labels) => fitOn(x, y);
    const broken = { ...train, data: train.data.slice() };
    broken.data[11] = Number.NaN;
    await expect(attempt(broken, labels)).rejects.toThrow(ParameterError);
    await expect(attempt(broken, labels)).rejects.toThrow(/row 1, column 2 is NaN/);
    await expect(attempt(train, labels.slice(1))).rejects.toThrow(/labels/);
    await expect(
      attempt(
        train,
        labels.map(() => 'one'),
      ),
    ).rejects.toThrow(ParameterError);
    await expect(attempt({ ...train, rows: 3 }, labels.slice(0, 3))).rejects.toThrow(ShapeError);
    expect(() => model.predict(matrixOf([[1, 2, 3]]))).toThrow(/has 3 columns; the model was fitted on 9/);
    expect(() => model.decisionFunction({ ...broken })).toThrow(ParameterError);
  });

  it('does not mind constant features, or rows that occur twice', async () => {
    const random = new Random(5);
    const rows = Array.from({ length: 60 }, (_, i) => {
      const angle = (2 * Math.PI * i) / 3;
      return [0, 3 * Math.cos(angle), 3 * Math.sin(angle) + random.normal(), random.normal(), 1];
    });
    const x = matrixOf([...rows, ...rows]);
    const labels = [...rows, ...rows].map((_, i) => `class ${i % 3}`);
    const model = await fitOn(x, labels);
    const hits = model.predict(x).filter((label, i) => label === labels[i]).length;
    expect(hits / labels.length).toBeGreaterThan(0.8);
    expect(model.decisionFunction(x).data.every(Number.isFinite)).toBe(true);
  });
});
