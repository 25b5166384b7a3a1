import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import {
  auc,
  averagePrecision,
  classAreas,
  meanArea,
  oneAgainstRest,
  precisionRecallCurve,
  rocAuc,
  rocCurve,
} from '../../src/metrics/index.ts';

interface BinaryCase {
  name: string;
  positive: boolean[];
  scores: number[];
  fpr: number[];
  tpr: number[];
  rocThresholds: number[];
  allRocThresholds: number[];
  precision: number[];
  recall: number[];
  prThresholds: number[];
  rocAuc: number;
  averagePrecision: number;
  aucOfPr: number;
}

interface SeveralCase {
  classes: number;
  truth: number[];
  probabilities: number[][];
  rocAuc: Record<'macro' | 'weighted', number>;
  averagePrecision: Record<'macro' | 'weighted', number>;
  byClass: number[];
}

const { binary, several, versions } = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/curves.json', import.meta.url), 'utf8'),
) as { binary: BinaryCase[]; several: SeveralCase[]; versions: Record<string, string> };

const expectClose = (got: ArrayLike<number>, expected: readonly number[]) => {
  expect(got.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(got[i]).toBeCloseTo(value, 13);
  });
};

describe(`curves against scikit-learn ${versions['scikit-learn']}`, () => {
  it.each(binary)('$name', (c) => {
    const roc = rocCurve(c);
    expectClose(roc.falsePositiveRate, c.fpr);
    expectClose(roc.truePositiveRate, c.tpr);
    expect(roc.thresholds[0]).toBe(Infinity);
    expectClose(roc.thresholds.subarray(1), c.rocThresholds);
    expectClose(rocCurve(c, { dropIntermediate: false }).thresholds.subarray(1), c.allRocThresholds);
    const pr = precisionRecallCurve(c);
    expectClose(pr.precision, c.precision);
    expectClose(pr.recall, c.recall);
    expectClose(pr.thresholds, c.prThresholds);
    expect(rocAuc(c)).toBeCloseTo(c.rocAuc, 13);
    expect(averagePrecision(c)).toBeCloseTo(c.averagePrecision, 13);
    expect(auc(pr.recall, pr.precision)).toBeCloseTo(c.aucOfPr, 13);
  });

  it.each(several)('$classes classes, each against the rest', (c) => {
    const classes = Array.from({ length: c.classes }, (_, i) => i);
    const areas = classAreas({ ...c, classes });
    expectClose(
      areas.map((area) => area.rocAuc ?? Number.NaN),
      c.byClass,
    );
    for (const average of ['macro', 'weighted'] as const) {
      expect(meanArea(areas, 'rocAuc', average)).toBeCloseTo(c.rocAuc[average], 13);
      expect(meanArea(areas, 'averagePrecision', average)).toBeCloseTo(c.averagePrecision[average], 13);
    }
  });
});

describe('areas', () => {
  it('the ROC area is the share of pairs in the right order, ties half', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 9 })), { minLength: 2, maxLength: 40 }),
        (items) => {
          const positive = items.map(([p]) => p);
          const scores = items.map(([, s]) => s);
          fc.pre(positive.includes(true) && positive.includes(false));
          let pairs = 0;
          let right = 0;
          for (const [p, s] of items) {
            for (const [q, t] of items) {
              if (!p || q) continue;
              pairs++;
              right += s > t ? 1 : s === t ? 0.5 : 0;
            }
          }
          expect(rocAuc({ positive, scores })).toBeCloseTo(right / pairs, 12);
        },
      ),
    );
  });

  it('dropping intermediate points leaves the area', () => {
    for (const c of binary) {
      const { falsePositiveRate, truePositiveRate } = rocCurve(c, { dropIntermediate: false });
      expect(auc(falsePositiveRate, truePositiveRate)).toBeCloseTo(rocAuc(c), 13);
    }
  });

  it('a class without clips has no area and is left out of the mean', () => {
    const predictions = {
      truth: ['a', 'b', 'a'],
      classes: ['a', 'b', 'c'],
      probabilities: [
        [0.6, 0.3, 0.1],
        [0.5, 0.4, 0.1],
        [0.2, 0.3, 0.5],
      ],
    };
    const areas = classAreas(predictions);
    expect(areas[2]).toEqual({ label: 'c', support: 0, rocAuc: null, averagePrecision: null });
    expect(meanArea(areas, 'rocAuc')).toBeCloseTo((areas[0].rocAuc! + areas[1].rocAuc!) / 2, 14);
    expect(oneAgainstRest(predictions, 'b').positive).toEqual([false, true, false]);
  });

  it('refuses what makes no curve', () => {
    expect(() => rocCurve({ positive: [true, true], scores: [1, 2] })).toThrow(ParameterError);
    expect(() => rocCurve({ positive: [false], scores: [1] })).toThrow(/0 are positive/);
    expect(() => precisionRecallCurve({ positive: [true], scores: [1, 2] })).toThrow(/2 scores but 1/);
    expect(() => rocAuc({ positive: [true, false], scores: [Number.NaN, 1] })).toThrow(/Score 0/);
    expect(() => auc([0, 1, 0.5], [0, 1, 1])).toThrow(/both/);
    expect(() => auc([0], [1])).toThrow(ParameterError);
    const predictions = { truth: ['a'], classes: ['a', 'b'], probabilities: [[1, 0]] };
    expect(() => oneAgainstRest(predictions, 'c')).toThrow(/no class "c"/);
    expect(() => meanArea(classAreas(predictions), 'rocAuc')).toThrow(ParameterError);
  });
});
