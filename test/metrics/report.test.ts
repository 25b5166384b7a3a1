import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import {
  type Average,
  accuracy,
  classificationReport,
  classificationReportDict,
  confusionMatrix,
  f1Score,
  type Label,
  precisionRecallFscore,
} from '../../src/metrics/index.ts';

interface ReportCase {
  name: string;
  truth: Label[];
  predicted: Label[];
  labels: Label[] | null;
  targetNames: string[] | null;
  digits: number;
  text: string | null;
  dict: Record<string, unknown>;
  averages: Record<Average, [number, number, number]>;
  accuracy: number;
  confusion: number[][] | null;
  f2: number;
}

const { cases, versions } = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/reports.json', import.meta.url), 'utf8'),
) as { cases: ReportCase[]; versions: Record<string, string> };

describe(`classification scores against scikit-learn ${versions['scikit-learn']}`, () => {
  it('has the cases', () => expect(cases.length).toBeGreaterThan(40));

  it.each(cases)('$name', (c) => {
    const pairs = { truth: c.truth, predicted: c.predicted };
    const options = { labels: c.labels ?? undefined, targetNames: c.targetNames ?? undefined };
    if (c.text !== null) expect(classificationReport(pairs, { ...options, digits: c.digits })).toBe(c.text);
    // Bit for bit: toEqual on numbers is Object.is.
    if (c.name !== 'a class called accuracy') {
      expect(classificationReportDict(pairs, options)).toEqual(
        c.text === null ? expect.objectContaining(c.dict) : c.dict,
      );
    }
    for (const average of ['micro', 'macro', 'weighted'] as const) {
      const scores = precisionRecallFscore(pairs, { labels: options.labels, average });
      expect([scores.precision, scores.recall, scores.fScore]).toEqual(c.averages[average]);
      expect(f1Score(pairs, { labels: options.labels, average })).toBe(c.averages[average][2]);
    }
    expect(precisionRecallFscore(pairs, { labels: options.labels, beta: 2 }).fScore).toBe(c.f2);
    expect(accuracy(pairs)).toBe(c.accuracy);
    if (c.confusion !== null) expect(confusionMatrix(pairs).matrix).toEqual(c.confusion);
  });
});

describe('what scikit-learn does not say', () => {
  it('swapping truth and prediction swaps precision and recall', () => {
    const { truth, predicted } = cases.find((c) => c.name.startsWith('urban'))!;
    const right = precisionRecallFscore({ truth, predicted });
    const swapped = precisionRecallFscore({ truth: predicted, predicted: truth });
    expect(swapped.precision).toBe(right.recall);
    expect(swapped.recall).toBe(right.precision);
    expect(swapped.precision).not.toBe(right.precision);
  });

  it('shows accuracy for a complete list of classes when asked, and never for an incomplete one', () => {
    const pairs = { truth: ['a', 'b'], predicted: ['a', 'a'] };
    const complete = classificationReport(pairs, { labels: ['a', 'b', 'c'], overall: 'accuracy' });
    expect(complete).toContain('\n    accuracy                           0.50         2\n');
    expect(complete).toContain('\n           c       0.00      0.00      0.00         0\n');
    expect(classificationReport(pairs, { labels: ['a'], overall: 'accuracy' })).toContain('micro avg');
  });

  it('refuses a class name that a summary row would overwrite', () => {
    for (const name of ['accuracy', 'macro avg', 'weighted avg', 'micro avg']) {
      const pairs = { truth: [name, 'b'], predicted: [name, 'b'] };
      expect(() => classificationReportDict(pairs)).toThrow(ParameterError);
    }
    const pairs = { truth: [1, 2], predicted: [1, 2] };
    expect(() => classificationReportDict(pairs, { targetNames: ['x', 'x'] })).toThrow(/Two classes/);
  });

  it('keeps a class called __proto__', () => {
    const pairs = { truth: ['__proto__', 'b'], predicted: ['__proto__', 'b'] };
    expect(Object.keys(classificationReportDict(pairs))).toContain('__proto__');
  });

  it('counts an unknown label only when told to', () => {
    const pairs = { truth: ['a', 'b', 'c'], predicted: ['a', 'a', 'b'] };
    expect(() => confusionMatrix(pairs, { labels: ['a', 'b'] })).toThrow(/"c"/);
    expect(confusionMatrix(pairs, { labels: ['b', 'a'], others: 'ignore' }).matrix).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  it.each<[string, { truth: Label[]; predicted: Label[] }, RegExp]>([
    ['different lengths', { truth: ['a'], predicted: ['a', 'b'] }, /1 true labels but 2 predicted/],
    ['no items', { truth: [], predicted: [] }, /at least one/],
    ['mixed kinds', { truth: ['a', 1], predicted: ['a', 'b'] }, /all strings or all numbers/],
    ['not a number', { truth: [0, 1], predicted: [0, NaN] }, /predicted label 1/],
  ])('refuses %s', (_, pairs, message) => {
    for (const call of [accuracy, confusionMatrix, precisionRecallFscore, classificationReport]) {
      expect(() => call(pairs)).toThrow(ParameterError);
      expect(() => call(pairs)).toThrow(message);
    }
  });

  it('refuses options that make no sense', () => {
    const pairs = { truth: ['a', 'b'], predicted: ['a', 'b'] };
    expect(() => classificationReport(pairs, { digits: 1.5 })).toThrow(ParameterError);
    expect(() => classificationReport(pairs, { targetNames: ['one'] })).toThrow(/2 classes but 1/);
    expect(() => confusionMatrix(pairs, { labels: ['a', 'b', 'a'] })).toThrow(/twice/);
    expect(() => confusionMatrix(pairs, { labels: [] })).toThrow(/empty/);
    expect(() => precisionRecallFscore(pairs, { beta: -1 })).toThrow(ParameterError);
  });
});
