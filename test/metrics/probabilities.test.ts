import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import {
  accuracy,
  argmax,
  brierScore,
  expectedCalibrationError,
  logLoss,
  logLosses,
  reliabilityBins,
  topKAccuracy,
} from '../../src/metrics/index.ts';

interface ProbabilityCase {
  name: string;
  classes: number;
  truth: number[];
  probabilities: number[][];
  logLoss: number;
  logLossEps: number;
  topK: Record<string, number>;
  brierByClass: number[] | null;
  argmax: number[];
  ece: number;
}

const { cases, versions } = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/probabilities.json', import.meta.url), 'utf8'),
) as { cases: ProbabilityCase[]; versions: Record<string, string> };

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

describe(`scores of probabilities against scikit-learn ${versions['scikit-learn']}`, () => {
  it.each(cases)('$name', (c) => {
    const predictions = { truth: c.truth, probabilities: c.probabilities, classes: range(c.classes) };
    expect(logLoss(predictions)).toBeCloseTo(c.logLoss, 12);
    expect(logLoss(predictions, { eps: 0.01 })).toBeCloseTo(c.logLossEps, 12);
    for (const [k, expected] of Object.entries(c.topK)) {
      expect(topKAccuracy(predictions, { k: Number(k), ties: 'last' })).toBeCloseTo(expected, 14);
    }
    if (c.brierByClass !== null) {
      const total = c.brierByClass.reduce((a, b) => a + b, 0);
      expect(brierScore(predictions)).toBeCloseTo(total, 12);
    }
    expect(c.probabilities.map(argmax)).toEqual(c.argmax);
    expect(topKAccuracy(predictions, { k: 1 })).toBe(accuracy({ truth: c.truth, predicted: c.argmax }));
    expect(topKAccuracy(predictions, { k: c.classes })).toBe(1);
    expect(expectedCalibrationError(predictions, { bins: 10 })).toBeCloseTo(c.ece, 12);
  });

  it('top-k accuracy never falls with k, and the two tie rules bracket nothing but ties', () => {
    const row = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 5, maxLength: 5 });
    const table = fc.array(fc.tuple(row, fc.integer({ min: 0, max: 4 })), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(table, (items) => {
        const predictions = {
          truth: items.map(([, t]) => t),
          probabilities: items.map(([r]) => r.map((v) => v / r.reduce((a, b) => a + b))),
          classes: range(5),
        };
        let before = 0;
        for (let k = 1; k <= 6; k++) {
          const score = topKAccuracy(predictions, { k });
          expect(score).toBeGreaterThanOrEqual(before);
          before = score;
        }
        const distinct = items.every(([r]) => new Set(r).size === r.length);
        if (distinct) {
          expect(topKAccuracy(predictions, { k: 2 })).toBe(topKAccuracy(predictions, { k: 2, ties: 'last' }));
        }
      }),
      { seed: 1 },
    );
  });

  it('log-loss by item averages to log-loss, and a sure mistake costs -ln(eps)', () => {
    const c = cases.find((x) => x.name.startsWith('zeros and ones'))!;
    const predictions = { truth: c.truth, probabilities: c.probabilities, classes: range(3) };
    const losses = logLosses(predictions);
    expect(losses[1]).toBeCloseTo(-Math.log(Number.EPSILON), 12);
    expect((losses[0] + losses[1] + losses[2]) / 3).toBe(logLoss(predictions));
  });

  it('puts confidences on a border into the lower bin and keeps empty bins', () => {
    const predictions = {
      truth: ['a', 'a', 'b'],
      classes: ['a', 'b'],
      probabilities: [
        [0.5, 0.5],
        [1, 0],
        [0.7, 0.3],
      ],
    };
    expect(reliabilityBins(predictions, { bins: 4 })).toEqual([
      { low: 0, high: 0.25, count: 0, confidence: null, accuracy: null },
      { low: 0.25, high: 0.5, count: 1, confidence: 0.5, accuracy: 1 },
      { low: 0.5, high: 0.75, count: 1, confidence: 0.7, accuracy: 0 },
      { low: 0.75, high: 1, count: 1, confidence: 1, accuracy: 1 },
    ]);
  });

  const good = { truth: ['a', 'b'], classes: ['a', 'b'], probabilities: [[0.5, 0.5], [0.1, 0.9]] }; // biome-ignore format: a table
  it.each([
    ['a row that does not sum to one', { ...good, probabilities: [[0.5, 0.6], [0.1, 0.9]] }, /sum to 1\.1/], // biome-ignore format: a table
    ['logits', { ...good, probabilities: [[2, -1], [0.1, 0.9]] }, /\[0, 1\]/], // biome-ignore format: a table
    ['not a number', { ...good, probabilities: [[0.5, 0.5], [NaN, 0.9]] }, /NaN/], // biome-ignore format: a table
    ['a short row', { ...good, probabilities: [[0.5, 0.5], [1]] }, /item 1/], // biome-ignore format: a table
    ['a missing row', { ...good, probabilities: [[0.5, 0.5]] }, /2 true labels but 1 rows/],
    ['an unknown label', { ...good, truth: ['a', 'c'] }, /"c"/],
    ['no items', { ...good, truth: [], probabilities: [] }, /at least one/],
    ['a class named twice', { ...good, classes: ['a', 'a'] }, /twice/],
  ])('refuses %s', (_, predictions, message) => {
    const calls = [
      () => logLoss(predictions),
      () => brierScore(predictions),
      () => topKAccuracy(predictions, { k: 1 }),
      () => expectedCalibrationError(predictions),
    ];
    for (const call of calls) {
      expect(call).toThrow(ParameterError);
      expect(call).toThrow(message);
    }
  });

  it('refuses options out of range and log-loss of a single class', () => {
    expect(() => topKAccuracy(good, { k: 0 })).toThrow(/k must be/);
    expect(() => topKAccuracy(good, { k: 1.5 })).toThrow(ParameterError);
    expect(() => logLoss(good, { eps: 0 })).toThrow(/eps/);
    expect(() => reliabilityBins(good, { bins: 0 })).toThrow(/bins/);
    expect(() => logLoss({ truth: ['a'], classes: ['a'], probabilities: [[1]] })).toThrow(/two classes/);
  });
});
