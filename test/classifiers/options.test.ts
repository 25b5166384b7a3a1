import { describe, expect, it } from 'vitest';
import {
  appendTemperature,
  applyTemperature,
  type Classifier,
  crossFittedScores,
  fitCalibrated,
  fitLinearSvm,
  fitLogisticRegression,
  fitMeanTemperature,
  fitNearestNeighbours,
  fitPca,
  fitRandomForest,
  fitRbfSvm,
  fitStandardScaler,
  fitTemperature,
  foldOfRows,
  type Matrix,
  matrixOf,
  pipeline,
  restoreClassifier,
  restoreTransform,
  takeRows,
  tune,
} from '../../src/classifiers/index.ts';
import { CancelledError, float32, ParameterError, Random, ShapeError } from '../../src/core/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { difference, fixture, set, stored } from './fixture.ts';

const { train, test, labels } = set('four');

/** Rows of a class three times over: what a weight of 3 must amount to. */
function tripled(label: string): { x: Matrix; labels: (string | number)[] } {
  const rows = labels.flatMap((l, i) => (l === label ? [i, i, i] : [i]));
  return { x: takeRows(train, rows), labels: rows.map((i) => labels[i]) };
}

describe('class weights', () => {
  it('count like repeated rows', () => {
    const three = tripled('horn');
    const classWeights = new Map<string | number, number>([['horn', 3]]);
    const logistic = fitLogisticRegression(train, labels, { classWeights, tol: 1e-8 });
    const repeated = fitLogisticRegression(three.x, three.labels, { tol: 1e-8 });
    expect(difference(logistic.coefficients.data, repeated.coefficients.data)).toBeLessThan(1e-7);
    const gamma = 0.05;
    const rbf = fitRbfSvm(train, labels, { classWeights, gamma, tol: 1e-8 });
    const rbfRepeated = fitRbfSvm(three.x, three.labels, { gamma, tol: 1e-8 });
    expect(difference(rbf.decisionFunction(test).data, rbfRepeated.decisionFunction(test).data)).toBeLessThan(
      1e-4,
    );
    const options = { trees: 1, bootstrap: false, maxFeatures: train.columns, maxDepth: 2 };
    const tree = fitRandomForest(train, labels, { ...options, classWeights });
    const treeRepeated = fitRandomForest(three.x, three.labels, options);
    expect(
      difference(tree.decisionFunction(test).data, treeRepeated.decisionFunction(test).data),
    ).toBeLessThan(1e-12);
  });

  it('of zero leave a class without a say', () => {
    const classWeights = new Map<string | number, number>([['horn', 0]]);
    const rbf = fitRbfSvm(train, labels, { classWeights });
    expect(rbf.predict(test)).not.toContain('horn');
    expect(rbf.decisionFunction(test).data.every(Number.isFinite)).toBe(true);
    expect(fitLogisticRegression(train, labels, { classWeights }).predict(test)).not.toContain('horn');
    expect(fitRandomForest(train, labels, { classWeights, trees: 5 }).predict(test)).not.toContain('horn');
    expect(fitLinearSvm(train, labels, { classWeights }).coefficients.data.every(Number.isFinite)).toBe(true);
  });

  it('are refused below zero, and for classes that do not occur', () => {
    const weigh = (label: string, weight: number) => () =>
      fitLinearSvm(train, labels, { classWeights: new Map<string | number, number>([[label, weight]]) });
    expect(weigh('horn', -1)).toThrow(/that of "horn" is -1/);
    const none = new Map(['bark', 'drill', 'horn'].map((label) => [label, 0]));
    expect(() => fitLinearSvm(train, labels as string[], { classWeights: none })).toThrow(
      /At least two classes/,
    );
    expect(weigh('trumpet', 1)).toThrow(/"trumpet", which has no rows/);
  });
});

describe('options out of range', () => {
  it.each<[string, () => unknown]>([
    ['C', () => fitLinearSvm(train, labels, { C: 0 })],
    ['tol', () => fitLinearSvm(train, labels, { tol: Number.NaN })],
    ['maxIterations', () => fitLinearSvm(train, labels, { maxIterations: 0.5 })],
    ['interceptScaling', () => fitLinearSvm(train, labels, { interceptScaling: -1 })],
    ['loss', () => fitLinearSvm(train, labels, { loss: 'log' as 'hinge' })],
    ['C', () => fitLogisticRegression(train, labels, { C: Number.POSITIVE_INFINITY })],
    ['gamma', () => fitRbfSvm(train, labels, { gamma: 0 })],
    ['cacheMegabytes', () => fitRbfSvm(train, labels, { cacheMegabytes: -1 })],
    ['k', () => fitNearestNeighbours(train, labels, { k: 0 })],
    ['k', () => fitNearestNeighbours(train, labels, { k: 1000 })],
    ['metric', () => fitNearestNeighbours(train, labels, { metric: 'manhattan' as 'cosine' })],
    ['trees', () => fitRandomForest(train, labels, { trees: 0 })],
    ['maxFeatures', () => fitRandomForest(train, labels, { maxFeatures: 10 })],
    ['components', () => fitPca(train, { components: 10 })],
    ['components', () => fitPca(train, { components: 0 })],
    ['at least two rows', () => fitPca(takeRows(train, [0]))],
    ['temperature', () => applyTemperature(train, 0)],
    ['folds', () => foldOfRows(labels, { folds: 1 })],
    ['groups', () => foldOfRows(labels, { groups: ['a'] })],
    ['one fold', () => foldOfRows(labels, { folds: labels.map(() => 2) })],
    ['classifier of kind', () => restoreClassifier({ kind: 'pca' })],
    ['transform of kind', () => restoreTransform({ kind: 'linear-svm' })],
  ])('%s', (name, attempt) => {
    expect(attempt).toThrow(ParameterError);
    expect(attempt).toThrow(name);
  });

  it('a pipeline whose steps do not fit', () => {
    const pca = fitPca(train, { components: 3 });
    expect(() => pipeline([pca], fitLinearSvm(train, labels))).toThrow(ShapeError);
    expect(() => fitStandardScaler(train).apply(matrixOf([[1, 2]]))).toThrow(ShapeError);
    expect(() => matrixOf([[1, 2], [3]])).toThrow(ShapeError);
  });
});

describe('folds', () => {
  it('divide no group, and hold about as much of each class', () => {
    const random = new Random(2);
    const groups = Array.from({ length: 400 }, () => random.integer(60));
    const classes = groups.map((group) => `class ${group % 4}`);
    const foldOf = foldOfRows(classes, { groups, folds: 5, seed: 1 });
    const foldsOfGroup = new Map(groups.map((group) => [group, new Set<number>()]));
    groups.forEach((group, i) => {
      foldsOfGroup.get(group)!.add(foldOf[i]);
    });
    expect([...foldsOfGroup.values()].every((folds) => folds.size === 1)).toBe(true);
    for (let c = 0; c < 4; c++) {
      const rows = classes.flatMap((label, i) => (label === `class ${c}` ? [i] : []));
      const sizes = [0, 1, 2, 3, 4].map((fold) => rows.filter((i) => foldOf[i] === fold).length);
      // A group has about seven rows.
      for (const size of sizes) expect(Math.abs(size - rows.length / 5)).toBeLessThan(12);
    }
    expect(foldOfRows(classes, { groups, folds: 5, seed: 1 })).toEqual(foldOf);
    expect(foldOfRows(classes, { groups, folds: 5, seed: 2 })).not.toEqual(foldOf);
  });

  it('that divide a group are refused', () => {
    expect(() => foldOfRows(['a', 'b', 'a'], { folds: [0, 1, 1], groups: ['x', 'y', 'x'] })).toThrow(
      /Group "x" is in folds 0 and 1/,
    );
  });

  it('that leave nothing of a class to train on are refused', async () => {
    const few = [0, 1, 2, 3, 4, 5];
    const x = takeRows(train, few);
    const y = ['a', 'a', 'b', 'b', 'a', 'b'];
    const attempt = crossFittedScores(x, y, Int32Array.from([0, 0, 1, 1, 0, 1]), (a, b) =>
      fitLinearSvm(a, b),
    );
    await expect(attempt).rejects.toThrow(/Without fold 0 no rows of "a"/);
  });

  it('give every row a score by a classifier that has not seen it', async () => {
    const foldOf = foldOfRows(labels, { folds: 3 });
    // One neighbour: a row that was seen would be its own, with certainty.
    const scores = await crossFittedScores(train, labels, foldOf, (a, b) =>
      fitNearestNeighbours(a, b, { k: 1 }),
    );
    const alone = fitNearestNeighbours(train, labels, { k: 1 }).predict(train);
    expect(alone).toEqual(labels);
    const classes = [...new Set(labels)].sort();
    const crossed = labels.map((_, i) => classes[scores.data.subarray(4 * i, 4 * i + 4).indexOf(1)]);
    const right = crossed.filter((label, i) => label === labels[i]).length / labels.length;
    expect(right).toBeGreaterThan(0.35);
    expect(right).toBeLessThan(0.95);
  });
});

describe('tuning', () => {
  const fitC = (x: Matrix, y: readonly (string | number)[], C: number): Classifier =>
    fitLinearSvm(x, y, { C });

  it('reports every fold, and the first of equals wins', async () => {
    const events: number[] = [];
    const { best, tried } = await tune(train, labels, {
      grid: [0.05, 0.05, 1e-9],
      folds: 4,
      fit: fitC,
      onProgress: ({ done }) => events.push(done),
    });
    expect(tried.map((t) => t.scores.length)).toEqual([4, 4, 4]);
    expect(tried[0]).toEqual(tried[1]);
    expect(best).toBe(0.05);
    expect(events).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  });

  it('is not fooled where recordings repeat: with groups, memory does not pay', async () => {
    // Each recording has a label of its own chance and four nearly equal rows: nothing can be learnt but the recording.
    const random = new Random(9);
    const rows: number[][] = [];
    const y: string[] = [];
    const groups: number[] = [];
    for (let g = 0; g < 40; g++) {
      const own = Array.from({ length: 6 }, () => random.normal());
      for (let s = 0; s < 4; s++) {
        rows.push(own.map((v) => v + 0.01 * random.normal()));
        y.push(g % 2 === 0 ? 'even' : 'odd');
        groups.push(g);
      }
    }
    const options = {
      grid: [1],
      fit: (x: Matrix, l: readonly string[], k: number) => fitNearestNeighbours(x, l, { k }),
    };
    const blind = await tune(matrixOf(rows), y, options);
    const honest = await tune(matrixOf(rows), y, { ...options, groups });
    expect(blind.tried[0].mean).toBeGreaterThan(0.95);
    expect(honest.tried[0].mean).toBeLessThan(0.75);
  });

  it('stops on a signal, and refuses an empty grid or a score that is no number', async () => {
    await expect(tune(train, labels, { grid: [1], fit: fitC, signal: AbortSignal.abort() })).rejects.toThrow(
      CancelledError,
    );
    await expect(tune(train, labels, { grid: [], fit: fitC })).rejects.toThrow(ParameterError);
    await expect(tune(train, labels, { grid: [1], fit: fitC, scoring: () => Number.NaN })).rejects.toThrow(
      /gave NaN for fold 0/,
    );
  });
});

describe('calibration', () => {
  it('leaves decisions alone', async () => {
    const fitTo = (x: Matrix, y: readonly (string | number)[]) => fitLogisticRegression(x, y, { C: 1e4 });
    const calibrated = await fitCalibrated(train, labels, fitTo);
    expect(calibrated.predict(test)).toEqual(fitTo(train, labels).predict(test));
    await expect(fitCalibrated(train, labels, fitTo, { method: 'platt' as 'sigmoid' })).rejects.toThrow(
      /method must be/,
    );
  });

  it('by temperature, as nodes', async () => {
    const logits = stored(fixture.temperature.logits);
    const expected = applyTemperature(logits, 2.5);
    const g = new GraphBuilder();
    g.output(appendTemperature(g, g.input('x', 'float32', ['rows', 5]), 2.5), 'p');
    const { p } = await runModel(g.model(), { x: float32([200, 5], logits.data) });
    expect(difference(p!.data as Float32Array, expected.data)).toBeLessThan(1e-6);
    // Logits of a network that is never wrong, or always: the ends of the scale.
    const sure = matrixOf([
      [4, 0],
      [0, 4],
    ]);
    expect(fitTemperature(sure, ['a', 'b'], ['a', 'b'])).toBe(1e-3);
    expect(fitTemperature(sure, ['b', 'a'], ['a', 'b'])).toBe(1e3);
    expect(() => fitTemperature(sure, ['c', 'a'], ['a', 'b'])).toThrow(ParameterError);
  });
});

describe('a temperature for means over windows', () => {
  const random = new Random('windows');
  const logits = (rows: number) => ({
    ...{ rows, columns: 3 },
    data: Float64Array.from({ length: rows * 3 }, () => 4 * random.normal()),
  });
  const classes = ['a', 'b', 'c'];
  const labels = Array.from({ length: 40 }, () => classes[random.integer(3)]);
  const lossAt = (items: readonly ReturnType<typeof logits>[], temperature: number) =>
    items.reduce((sum, item, i) => {
      const { data } = applyTemperature(item, temperature);
      const own = classes.indexOf(labels[i]);
      let mean = 0;
      for (let row = 0; row < item.rows; row++) mean += data[row * 3 + own] / item.rows;
      return sum - Math.log(mean);
    }, 0);

  it('is the one that makes what the model says of whole clips likeliest', () => {
    const items = labels.map((_, i) => logits(1 + (i % 4)));
    const fitted = fitMeanTemperature(items, labels, classes);
    const least = lossAt(items, fitted);
    for (let t = 0.01; t < 900; t *= 1.02) expect(lossAt(items, t)).toBeGreaterThanOrEqual(least - 1e-9);
  });

  it('is that of single rows where every clip has one window', () => {
    const items = labels.map(() => logits(1));
    const all = { rows: 40, columns: 3, data: Float64Array.from(items.flatMap(({ data }) => [...data])) };
    expect(fitMeanTemperature(items, labels, classes)).toBe(fitTemperature(all, labels, classes));
  });
});
