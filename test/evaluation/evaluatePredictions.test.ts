import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { DatasetError, ParameterError, Random } from '../../src/core/index.ts';
import {
  classKeys,
  classScores,
  confusionText,
  evaluateFolds,
  evaluatePredictions,
  evaluationText,
  type PredictionRow,
  type PredictionTable,
  poolFolds,
} from '../../src/evaluation/index.ts';
import { logLoss, topKAccuracy } from '../../src/metrics/index.ts';

interface ReportCase {
  name: string;
  truth: string[];
  predicted: string[];
  labels: string[] | null;
  text: string | null;
  dict: Record<string, unknown>;
  confusion: number[][] | null;
}
const reports = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/reports.json', import.meta.url), 'utf8'),
) as { cases: ReportCase[] };

/** A table whose most probable classes are `predicted`, with three clips to a recording. */
function tableOf(
  truth: readonly string[],
  predicted: readonly string[],
  classes: readonly string[],
): PredictionTable {
  const random = new Random(11);
  const rows = truth.map((label, i): PredictionRow => {
    const raw = classes.map((name) => random.uniform(0.1, 1) + (name === predicted[i] ? 1 : 0));
    const total = raw.reduce((a, b) => a + b, 0);
    const group = `recording ${Math.floor(i / 3)}`;
    return {
      clip: `clips/${i}.wav`,
      label,
      group,
      fold: 1 + (i % 5),
      probabilities: raw.map((v) => v / total),
    };
  });
  return { classes, rows };
}

const urban = reports.cases.filter((c) => c.name.startsWith('urban classes'));

describe('evaluatePredictions', () => {
  it.each(urban)('has the keys and numbers of scikit-learn: $name', (c) => {
    const classes = [...new Set(c.truth)].sort();
    const evaluation = evaluatePredictions(tableOf(c.truth, c.predicted, classes), {
      seed: 1,
      resamples: 200,
    });
    const json = JSON.parse(JSON.stringify(evaluation)) as Record<string, unknown>;
    expect(json).toMatchObject(c.dict);
    expect(json['confusion']).toEqual({ classes, matrix: c.confusion });
    expect(evaluationText(evaluation)).toBe(c.text);
    expect(classScores(evaluation).map(({ name, scores }) => [name, scores])).toEqual(
      classes.map((name) => [name, c.dict[name]]),
    );
  });

  const table = tableOf(urban[0].truth, urban[0].predicted, [...new Set(urban[0].truth)].sort());

  it('brackets every score by its interval, over recordings and not over clips', () => {
    const evaluation = evaluatePredictions(table, { seed: 3 });
    const { intervals } = evaluation;
    const pairs = [
      [evaluation.accuracy, intervals.accuracy],
      [evaluation.logLoss, intervals.logLoss],
      [evaluation.topK['3'], intervals.topK['3']],
      ...(['macro avg', 'weighted avg'] as const).flatMap((average) =>
        (['precision', 'recall', 'f1-score'] as const).map(
          (score) => [evaluation[average][score], intervals[average][score]] as const,
        ),
      ),
    ] as const;
    for (const [value, interval] of pairs) {
      expect(interval.low!).toBeLessThan(value);
      expect(interval.high!).toBeGreaterThan(value);
      expect(interval).toMatchObject({
        level: 0.95,
        resamples: 2000,
        seed: 3,
        groups: Math.ceil(table.rows.length / 3),
      });
    }
    expect(evaluation.groups).toBe(Math.ceil(table.rows.length / 3));
    expect(evaluatePredictions(table, { seed: 3 })).toEqual(evaluation);
  });

  it('agrees with the metrics of the same probabilities', () => {
    const evaluation = evaluatePredictions(table, { seed: 1, resamples: 10, topK: [1, 2, 5, 10, 99] });
    const predictions = {
      truth: table.rows.map((row) => row.label),
      classes: table.classes,
      probabilities: table.rows.map((row) => row.probabilities),
    };
    expect(evaluation.logLoss).toBeCloseTo(logLoss(predictions), 12);
    expect(Object.keys(evaluation.topK)).toEqual(['1', '2', '5']);
    for (const k of [1, 2, 5]) expect(evaluation.topK[k]).toBeCloseTo(topKAccuracy(predictions, { k }), 14);
    expect(evaluation.topK['1']).toBe(evaluation.accuracy);
  });

  it('lists a class that no clip has, counts it as 0 as scikit-learn does, and says so', () => {
    const c = reports.cases.find((x) => x.name === 'listed class occurs nowhere')!;
    const evaluation = evaluatePredictions(tableOf(c.truth, c.predicted, c.labels!), {
      seed: 1,
      resamples: 300,
    });
    expect(evaluation['macro avg']).toEqual(c.dict['macro avg']);
    expect(evaluation['nowhere']).toEqual(c.dict['nowhere']);
    expect(evaluation.accuracy).toBe((c.dict['micro avg'] as { precision: number }).precision);
    expect(evaluation.notices).toContainEqual(expect.objectContaining({ subject: 'nowhere' }));
    expect(evaluationText(evaluation)).toContain('accuracy');
  });

  it('renames the key of a class called like another key, and nothing else', () => {
    const classes = ['accuracy', 'split', 'split (class)', 'siren', '__proto__'];
    expect(classKeys(classes)).toEqual([
      'accuracy (class)',
      'split (class) (class)',
      'split (class)',
      'siren',
      '__proto__ (class)',
    ]);
    const evaluation = evaluatePredictions(tableOf(classes, classes, classes), { seed: 1, resamples: 20 });
    const json = JSON.parse(JSON.stringify(evaluation)) as typeof evaluation;
    expect(json.accuracy).toBe(1);
    expect(json['accuracy (class)']).toMatchObject({ precision: 1, support: 1 });
    expect(classScores(json).map(({ name, scores }) => [name, scores.support])).toEqual(
      classes.map((n) => [n, 1]),
    );
  });

  it('gives no bounds for one recording, and says when bounds mean little', () => {
    const alone = { ...table, rows: table.rows.map((row) => ({ ...row, group: 'one' })) };
    const evaluation = evaluatePredictions(alone, { seed: 1 });
    expect(evaluation.intervals.accuracy).toMatchObject({ low: null, high: null, groups: 1 });
    expect(evaluation.notices).toContainEqual(expect.objectContaining({ subject: 'intervals' }));
    const perfect = tableOf(['a', 'b', 'a', 'b'], ['a', 'b', 'a', 'b'], ['a', 'b']);
    const text = JSON.stringify(evaluatePredictions(perfect, { seed: 1 }).notices);
    expect(text).toContain('no width');
  });

  it('keeps a rare class from pulling the macro interval down', () => {
    // One recording of class c among 40, always right: a third of the resamples lack it, F1 is 1 in all.
    const truth = Array.from({ length: 40 }, (_, i) => (i === 0 ? 'c' : i % 2 ? 'a' : 'b'));
    const rows = tableOf(truth, truth, ['a', 'b', 'c']).rows.map((row) => ({ ...row, group: row.clip }));
    const { intervals } = evaluatePredictions(
      { classes: ['a', 'b', 'c'], rows },
      { seed: 1, resamples: 500 },
    );
    expect(intervals['macro avg']['f1-score'].low).toBe(1);
  });

  it('refuses tables that are not well formed, naming the clip', () => {
    const [row] = table.rows;
    const broken =
      (rows: PredictionRow[], classes = table.classes) =>
      () =>
        evaluatePredictions({ classes, rows }, { seed: 1 });
    expect(broken([])).toThrow(ParameterError);
    expect(broken([row!, row!])).toThrow(/clips\/0\.wav" is predicted twice/);
    expect(broken([{ ...row!, label: 'cello' }])).toThrow(/"cello"/);
    expect(broken([{ ...row!, probabilities: [1] }])).toThrow(/clip "clips\/0\.wav"/);
    expect(broken([{ ...row!, label: 'a', probabilities: [1] }], ['a'])).toThrow(/two classes/);
  });
});

describe('confusionText', () => {
  it('is a table with numbered columns', () => {
    const text = confusionText({
      classes: ['dog', '犬'],
      matrix: [
        [12, 0],
        [3, 4],
      ],
    });
    expect(text).toBe(
      ['  true class   1  2  predicted as', '1 dog         12  ·', '2 犬            3  4', ''].join('\n'),
    );
  });
});

describe('cross-validation', () => {
  const c = urban[1];
  const classes = [...new Set(c.truth)].sort();
  const whole = tableOf(c.truth, c.predicted, classes);
  const folds = [1, 2, 3, 4, 5].map((fold) => ({
    name: String(fold),
    table: { classes, rows: whole.rows.filter((row) => row.fold === fold) },
  }));

  it('pools folds and states their spread', () => {
    const evaluation = evaluateFolds(folds, { seed: 1, resamples: 100 });
    expect(evaluation).toMatchObject(c.dict);
    const { accuracy, folds: each, macroF1 } = evaluation.crossValidation!;
    const expected = folds.map(({ table }) => evaluatePredictions(table, { seed: 1, resamples: 1 }).accuracy);
    expect(each.map((fold) => fold.accuracy)).toEqual(expected);
    // 250 clips in five folds of 50: the mean of folds is the pooled accuracy.
    expect(accuracy.mean).toBeCloseTo(evaluation.accuracy, 12);
    const squares = expected.map((a) => (a - accuracy.mean) ** 2).reduce((a, b) => a + b, 0);
    expect(accuracy.deviation).toBeCloseTo(Math.sqrt(squares / 4), 12);
    expect(macroF1.n).toBe(5);
  });

  it('refuses folds that overlap, differ in classes, or are none', () => {
    expect(() => poolFolds([])).toThrow(ParameterError);
    expect(() => poolFolds([folds[0], folds[0]])).toThrow(DatasetError);
    const other = { name: 'x', table: { classes: [...classes].reverse(), rows: folds[1].table.rows } };
    expect(() => poolFolds([folds[0], other])).toThrow(/classes/);
  });
});
