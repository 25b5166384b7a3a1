import { describe, expect, it } from 'vitest';
import {
  fitCalibrated,
  fitLinearSvm,
  fitLogisticRegression,
  fitNearestNeighbours,
  fitPca,
  fitRandomForest,
  fitRbfSvm,
  fitStandardScaler,
  fitTemperature,
  type LinearSvm,
  type Matrix,
  pipeline,
  tune,
} from '../../src/classifiers/index.ts';
import { fitIsotonic, interpolate } from '../../src/classifiers/isotonic.ts';
import { difference, fixture, secondColumn, set, stored } from './fixture.ts';

/** What LIBLINEAR minimises, for each hyperplane, computed anew from the weights. */
function objectives(
  model: LinearSvm,
  x: Matrix,
  labels: ArrayLike<string | number>,
  options: { C: number; squared: boolean; balanced: boolean; interceptScaling: number | null },
): number[] {
  const { C, squared, balanced, interceptScaling } = options;
  const { classes, coefficients, intercepts } = model;
  const n = x.rows;
  const counts = classes.map((c) => Array.from(labels).filter((l) => l === c).length);
  const weight = (c: number) => (balanced ? n / (classes.length * counts[c]) : 1);
  return Array.from(intercepts, (b, h) => {
    const two = classes.length === 2;
    const target = two ? 1 : h;
    let value = interceptScaling === null ? 0 : 0.5 * (b / interceptScaling) ** 2;
    for (let j = 0; j < x.columns; j++) value += 0.5 * coefficients.data[h * x.columns + j] ** 2;
    for (let i = 0; i < n; i++) {
      let score = b;
      for (let j = 0; j < x.columns; j++) {
        score += coefficients.data[h * x.columns + j] * x.data[i * x.columns + j];
      }
      const positive = labels[i] === classes[target];
      const loss = Math.max(0, 1 - (positive ? score : -score));
      const cost = positive ? C * weight(target) : two ? C * weight(0) : C;
      value += cost * (squared ? loss * loss : loss);
    }
    return value;
  });
}

describe('linear SVM beside LinearSVC', () => {
  it.each(fixture.linear)('$set, C $C, $loss, balanced $balanced, bias $interceptScaling', (c) => {
    const { train, test, labels } = set(c.set);
    const squared = c.loss === 'squared_hinge';
    const options = {
      C: c.C,
      loss: squared ? ('squared-hinge' as const) : ('hinge' as const),
      classWeights: c.balanced ? ('balanced' as const) : undefined,
      interceptScaling: c.interceptScaling,
      maxIterations: 1e6,
    };
    const exact = fitLinearSvm(train, labels, { ...options, tol: 1e-9 });
    expect(exact.converged).toBe(true);
    expect(difference(exact.coefficients.data, stored(c.coefficients).data)).toBeLessThan(1e-6);
    expect(difference(exact.intercepts, c.intercepts)).toBeLessThan(1e-6);
    const scores = exact.decisionFunction(test);
    const decision = exact.classes.length === 2 ? secondColumn(scores) : scores.data;
    expect(difference(decision, stored(c.decision).data)).toBeLessThan(1e-5);
    expect(exact.predict(test)).toEqual(c.predicted);
    // The objective, at the best there is and where both stop by themselves.
    const relative = (model: LinearSvm, expected: number[]) => {
      const own = objectives(model, train, labels, { ...options, squared, balanced: c.balanced });
      return Math.max(...own.map((value, h) => Math.abs(value - expected[h]) / expected[h]));
    };
    expect(relative(exact, c.objective)).toBeLessThan(1e-9);
    // The plain hinge has kinks: how close one stops to its minimum is a matter of the order of updates.
    expect(relative(fitLinearSvm(train, labels, options), c.usualObjective)).toBeLessThan(
      squared ? 1e-6 : 2e-5,
    );
  });

  it('does not depend on the seed where it converges, and repeats with it to the last bit', () => {
    const { train, labels } = set('four');
    const weights = (seed: number, tol: number) =>
      fitLinearSvm(train, labels, { seed, tol, maxIterations: 1e6 }).coefficients.data;
    expect(weights(1, 1e-4)).toEqual(weights(1, 1e-4));
    expect(weights(1, 1e-4)).not.toEqual(weights(2, 1e-4));
    expect(difference(weights(1, 1e-10), weights(2, 1e-10))).toBeLessThan(1e-8);
  });

  it('says when its iterations ran out', () => {
    const { train, labels } = set('four');
    const model = fitLinearSvm(train, labels, { C: 100, maxIterations: 2 });
    expect([model.converged, model.iterations]).toEqual([false, [2, 2, 2, 2]]);
  });
});

describe('logistic regression beside LogisticRegression', () => {
  it.each(fixture.logistic)('$set, C $C, balanced $balanced, intercept $intercept', (c) => {
    const { train, test, labels } = set(c.set);
    const model = fitLogisticRegression(train, labels, {
      C: c.C,
      classWeights: c.balanced ? 'balanced' : undefined,
      intercept: c.intercept,
      tol: 1e-7,
    });
    expect(model.converged).toBe(true);
    expect(difference(model.coefficients.data, stored(c.coefficients).data)).toBeLessThan(1e-5);
    expect(difference(model.intercepts, c.intercepts)).toBeLessThan(1e-5);
    expect(difference(model.predictProbabilities(test).data, stored(c.probabilities).data)).toBeLessThan(
      1e-6,
    );
    expect(model.predict(test)).toEqual(c.predicted);
  });
});

describe('RBF SVM beside SVC', () => {
  it.each(fixture.rbf)('$set, C $C, gamma $gamma, balanced $balanced', (c) => {
    const { train, test, labels } = set(c.set);
    const options = {
      C: c.C,
      gamma: c.gamma,
      classWeights: c.balanced ? ('balanced' as const) : undefined,
    };
    const exact = fitRbfSvm(train, labels, { ...options, tol: 1e-9 });
    expect(exact.converged).toBe(true);
    expect(exact.state.supportVectors.rows).toBe(c.supportVectors);
    const scores = exact.decisionFunction(test);
    const decision = exact.classes.length === 2 ? secondColumn(scores) : scores.data;
    // Both hold the kernel in float32.
    expect(difference(decision, stored(c.decision).data)).toBeLessThan(2e-5);
    expect(exact.predict(test)).toEqual(c.predicted);
    // Neither the rows remembered nor those set aside change what comes out.
    const cramped = fitRbfSvm(train, labels, { ...options, tol: 1e-9, cacheMegabytes: 0.001 });
    expect(cramped.state).toEqual(exact.state);
    const usual = fitRbfSvm(train, labels, options);
    expect(difference(usual.decisionFunction(test).data, scores.data)).toBeLessThan(0.01);
  });
});

describe('nearest neighbours beside KNeighborsClassifier', () => {
  it.each(fixture.neighbours)('$set, k $k, $metric', (c) => {
    const { train, test, labels } = set(c.set);
    const model = fitNearestNeighbours(train, labels, { k: c.k, metric: c.metric });
    expect(difference(model.predictProbabilities(test).data, stored(c.probabilities).data)).toBeLessThan(
      1e-12,
    );
    expect(model.predict(test)).toEqual(c.predicted);
  });
});

describe('trees beside DecisionTreeClassifier, forests beside RandomForestClassifier', () => {
  it.each(fixture.trees)('$set, depth $maxDepth, leaf $minSamplesLeaf, balanced $balanced', (c) => {
    const { train, test, labels } = set(c.set);
    const model = fitRandomForest(train, labels, {
      trees: 1,
      bootstrap: false,
      maxFeatures: train.columns,
      maxDepth: c.maxDepth ?? undefined,
      minSamplesLeaf: c.minSamplesLeaf,
      classWeights: c.balanced ? 'balanced' : undefined,
    });
    const own = model.predictProbabilities(test);
    const expected = stored(c.probabilities);
    const k = own.columns;
    // Only rows on which twenty seeds of scikit-learn agree: the others hang on a choice between equal splits.
    const compared = c.agreed.flatMap((agreed, i) => (agreed ? [i] : []));
    expect(compared.length).toBeGreaterThan(test.rows / 2);
    const far = compared.filter(
      (i) =>
        difference(own.data.subarray(i * k, (i + 1) * k), expected.data.subarray(i * k, (i + 1) * k)) > 1e-9,
    );
    expect(far).toEqual([]);
  });

  it.each(fixture.forests)('$set: the mean over seeds is scikit-learn’s', (c) => {
    const { train, test, labels, testLabels } = set(c.set);
    const mean = new Float64Array(test.rows * stored(c.probabilities).columns);
    const seeds = 10;
    let accuracy = 0;
    for (let seed = 0; seed < seeds; seed++) {
      const model = fitRandomForest(train, labels, { seed });
      model.predictProbabilities(test).data.forEach((p, i) => {
        mean[i] += p / seeds;
      });
      const hits = model.predict(test).filter((label, i) => label === testLabels[i]).length;
      accuracy += hits / test.rows / seeds;
    }
    // A probability is a mean over 100 trees and 10 seeds: deviation at most 0.5 / √1000.
    expect(difference(mean, stored(c.probabilities).data)).toBeLessThan(0.07);
    expect(Math.abs(accuracy - c.accuracy)).toBeLessThan(4 * c.deviation);
  });
});

describe('transforms beside StandardScaler and PCA', () => {
  it('standardises, and only centres what does not vary', () => {
    const { x, means, deviations, applied } = fixture.scaler;
    const scaler = fitStandardScaler(stored(x));
    expect(difference(scaler.state.means, means)).toBeLessThan(1e-9);
    expect(difference(scaler.state.deviations, deviations)).toBeLessThan(1e-9);
    expect(difference(scaler.apply(stored(x)).data, stored(applied).data)).toBeLessThan(1e-8);
  });

  it.each(fixture.pca)('components $components, whiten $whiten', (c) => {
    const x = stored(c.x);
    const pca = fitPca(x, { components: c.components ?? undefined, whiten: c.whiten });
    expect(pca.outputColumns).toBe(c.vectors.rows);
    expect(difference(pca.state.components.data, stored(c.vectors).data)).toBeLessThan(1e-9);
    expect(difference(pca.state.explainedVariance, c.variance)).toBeLessThan(1e-10);
    expect(difference(pca.state.explainedVarianceRatio, c.ratio)).toBeLessThan(1e-12);
    const first = { ...x, rows: 10, data: x.data.slice(0, 10 * x.columns) };
    expect(difference(pca.apply(first).data, stored(c.applied).data)).toBeLessThan(1e-9);
  });
});

describe('probabilities beside CalibratedClassifierCV', () => {
  const scaledSvm = (C: number, tol: number) => (x: Matrix, labels: ArrayLike<string | number>) => {
    const scaler = fitStandardScaler({ ...x, data: Float64Array.from(x.data) });
    const scaled = scaler.apply({ ...x, data: Float64Array.from(x.data) });
    return pipeline([scaler], fitLinearSvm(scaled, labels, { C, tol, maxIterations: 1e6 }));
  };

  it.each(fixture.calibration)('$set, $method', async (c) => {
    const { train, test, labels } = set(c.set);
    const model = await fitCalibrated(train, labels, scaledSvm(0.1, 1e-9), {
      method: c.method,
      folds: c.folds,
    });
    const probabilities = model.predictProbabilities({ ...test, data: Float64Array.from(test.data) });
    // scikit-learn minimises the sigmoid's loss to a gradient of 1e-5.
    expect(difference(probabilities.data, stored(c.probabilities).data)).toBeLessThan(2e-5);
  });

  it('pools adjacent violators as IsotonicRegression does', () => {
    const { scores, positive, at, values } = fixture.isotonic;
    const curve = fitIsotonic(scores, positive);
    expect(
      difference(
        at.map((score) => interpolate(curve, score)),
        values,
      ),
    ).toBeLessThan(1e-12);
  });

  it('finds the temperature that scipy finds', () => {
    const { logits, labels, temperature } = fixture.temperature;
    expect(fitTemperature(stored(logits), labels, [0, 1, 2, 3, 4])).toBeCloseTo(temperature, 5);
  });

  it.each(fixture.tune)('tunes as GridSearchCV does: $set, $scoring', async (c) => {
    const { train, labels } = set(c.set);
    const { best, tried } = await tune(train, labels, {
      grid: c.grid,
      folds: c.folds,
      scoring: c.scoring === 'accuracy' ? 'accuracy' : 'macro-f1',
      fit: (x, y, C) => scaledSvm(C, 1e-9)(x, y),
    });
    expect(best).toBe(c.best);
    tried.forEach(({ settings, scores }, i) => {
      expect(settings).toBe(c.grid[i]);
      expect(difference(scores, c.scores[i])).toBeLessThan(1e-12);
    });
  });
});
