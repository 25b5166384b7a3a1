import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ParameterError, Random } from '../../src/core/index.ts';
import {
  areaUnderRiskCoverage,
  calibrationScores,
  conformalResult,
  conformalThreshold,
  coverageAtAccuracy,
  coverageAtThreshold,
  coverageCurve,
  poolConformal,
  predictionSet,
} from '../../src/metrics/index.ts';

interface Case {
  name: string;
  classes: number;
  truth: number[];
  probabilities: number[][];
  argmax: number[];
  aurc: number;
  lac: number[];
  aps: number[] | null;
  lacThresholds: number[];
}

const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/probabilities.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const predictionsOf = (c: Case) => ({
  truth: c.truth,
  probabilities: c.probabilities,
  classes: range(c.classes),
});

describe('coverage and conformal scores against numpy', () => {
  it.each(cases)('$name', (c) => {
    const curve = coverageCurve(predictionsOf(c));
    expect(areaUnderRiskCoverage(curve)).toBeCloseTo(c.aurc, 12);
    expect(curve.at(-1)!.coverage).toBe(1);
    const right = c.truth.filter((t, i) => t === c.argmax[i]).length;
    expect(curve.at(-1)!.accuracy).toBeCloseTo(right / c.truth.length, 14);
    const lac = calibrationScores(predictionsOf(c), 'lac');
    c.lac.forEach((value, i) => {
      expect(lac[i]).toBeCloseTo(value, 14);
    });
    const aps = calibrationScores(predictionsOf(c), 'aps');
    c.aps?.forEach((value, i) => {
      expect(aps[i]).toBeCloseTo(value, 12);
    });
    [0.2, 0.4].forEach((alpha, i) => {
      const rank = Math.ceil((lac.length + 1) * (1 - alpha));
      if (rank <= lac.length) expect(conformalThreshold(lac, alpha)).toBeCloseTo(c.lacThresholds[i], 14);
    });
  });
});

describe('abstaining', () => {
  const predictions = {
    classes: ['a', 'b'],
    truth: ['a', 'a', 'b', 'a', 'b'],
    probabilities: [
      [0.9, 0.1],
      [0.8, 0.2],
      [0.7, 0.3],
      [0.7, 0.3],
      [0.4, 0.6],
    ],
  };

  it('answers the most confident first, equals together', () => {
    const curve = coverageCurve(predictions);
    expect(curve.map(({ threshold, coverage }) => [threshold, coverage])).toEqual([
      [0.9, 0.2],
      [0.8, 0.4],
      [0.7, 0.8],
      [0.6, 1],
    ]);
    expect(curve.map(({ accuracy }) => accuracy)).toEqual([1, 1, 0.75, 0.8]);
    expect(coverageAtAccuracy(curve, 0.9)).toMatchObject({ coverage: 0.4 });
    expect(coverageAtAccuracy(curve, 0.8)).toMatchObject({ coverage: 1 });
    expect(coverageAtThreshold(curve, 0.75)).toMatchObject({ coverage: 0.4 });
    expect(coverageAtThreshold(curve, 0.95)).toBeNull();
    expect(() => coverageAtAccuracy(curve, 0)).toThrow(ParameterError);
  });

  it('has no threshold for an accuracy that is never reached', () => {
    const wrong = { ...predictions, truth: ['b', 'b', 'a', 'b', 'a'] };
    expect(coverageAtAccuracy(coverageCurve(wrong), 0.99)).toBeNull();
    expect(areaUnderRiskCoverage(coverageCurve({ ...predictions, truth: ['a', 'a', 'a', 'a', 'b'] }))).toBe(
      0,
    );
  });
});

/** A classifier that is no good at all and over-confident: conformal sets must cover all the same. */
function draw(random: Random, n: number, k: number) {
  const truth: number[] = [];
  const probabilities: number[][] = [];
  for (let i = 0; i < n; i++) {
    const t = random.integer(k);
    const raw = range(k).map((c) => Math.exp(3 * random.normal() + (c === t ? 2 : 0)));
    const sum = raw.reduce((a, b) => a + b, 0);
    truth.push(t);
    probabilities.push(raw.map((v) => v / sum));
  }
  return { truth, probabilities, classes: range(k) };
}

describe('split-conformal sets', () => {
  it.each(['lac', 'aps'] as const)('cover ⌈(n + 1)(1 − α)⌉/(n + 1) of new items on average: %s', (method) => {
    const random = new Random(`conformal ${method}`);
    const [n, alpha, trials, tested] = [39, 0.15, 300, 60];
    const promised = Math.ceil((n + 1) * (1 - alpha)) / (n + 1);
    let sum = 0;
    for (let trial = 0; trial < trials; trial++) {
      const scores = calibrationScores(draw(random, n, 5), method);
      sum += conformalResult(draw(random, tested, 5), scores, { alpha, method }).coverage;
    }
    // Coverage given the calibration items is Beta(34, 6): deviation 0.056, and 0.046 of 60 items; over 300 trials 0.004.
    expect(Math.abs(sum / trials - promised)).toBeLessThan(0.015);
  });

  it('hold every class where calibration items are too few to promise', () => {
    const scores = calibrationScores(draw(new Random(1), 8, 4), 'lac');
    expect(conformalThreshold(scores, 0.1)).toBe(Infinity);
    expect(conformalThreshold(scores, 1 / 9)).toBe(Math.max(...scores));
    const result = conformalResult(draw(new Random(2), 20, 4), scores, { alpha: 0.1, method: 'lac' });
    expect(result).toMatchObject({ coverage: 1, meanSize: 4, single: 0, empty: 0, calibrationItems: 8 });
  });

  it('are pooled over folds by their items', () => {
    const random = new Random(4);
    const scores = calibrationScores(draw(random, 30, 4), 'lac');
    const whole = draw(random, 50, 4);
    const part = (from: number, to: number) => ({
      classes: whole.classes,
      truth: whole.truth.slice(from, to),
      probabilities: whole.probabilities.slice(from, to),
    });
    const result = (predictions: ReturnType<typeof part>) =>
      conformalResult(predictions, scores, { alpha: 0.2, method: 'lac' });
    const pooled = poolConformal([
      { items: 20, result: result(part(0, 20)) },
      { items: 30, result: result(part(20, 50)) },
    ]);
    const expected = result(whole);
    for (const key of ['coverage', 'meanSize', 'single', 'empty'] as const) {
      expect(pooled[key]).toBeCloseTo(expected[key], 12);
    }
    expect(pooled.calibrationItems).toBe(60);
    expect(poolConformal([{ items: 50, result: expected }])).toBe(expected);
    expect(() => poolConformal([])).toThrow(ParameterError);
    const other = { ...expected, alpha: 0.1 };
    expect(() =>
      poolConformal([
        { items: 1, result: expected },
        { items: 1, result: other },
      ]),
    ).toThrow(/different/);
  });

  it('are what the scores say', () => {
    expect(predictionSet([0.6, 0.3, 0.1], 0.75, 'lac')).toEqual([0, 1]);
    expect(predictionSet([0.1, 0.6, 0.3], 0.91, 'aps')).toEqual([1, 2]);
    expect(predictionSet([0.5, 0.5], 0.2, 'lac')).toEqual([]);
    expect(() => conformalThreshold([0.1], 0)).toThrow(ParameterError);
    expect(() => conformalThreshold([], 0.1)).toThrow(ParameterError);
  });
});
