import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetError, ParameterError, untrainedWeights } from '../../src/core/index.ts';
import {
  type ApproachRuns,
  accuracyDifference,
  type Comparison,
  classScores,
  compareApproaches,
  evaluateFolds,
  evaluatePredictions,
  type PredictionTable,
  scoreNames,
  writeComparison,
} from '../../src/evaluation/index.ts';
import { expectedCalibrationError } from '../../src/metrics/index.ts';
import { holm, mcnemarP } from '../../src/statistics/index.ts';
import { samplePredictions, sampleRun, sampleSplit } from './sampleRun.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-comparison-'));
});
afterAll(() => rm(folder, { recursive: true }));

const costs = {
  parameters: 1000,
  trainedParameters: 10,
  artefactBytes: 5e6,
  featureSeconds: 12,
  trainingSeconds: 65,
  inferenceSeconds: 0.0042,
};

const runsOf = (name: string, tables: readonly PredictionTable[]): ApproachRuns => ({
  ...{ name, settings: '', network: 'cnn', weights: 'random', costs },
  runs: tables.map((table, seed) => ({ seed, folds: [{ name: '1', table }] })),
  reports: [`${name} it's/report.html`],
});

const options = { seed: 3, resamples: 200 };
const decisions = ({ classes, rows }: PredictionTable) =>
  rows.map(({ probabilities }) => {
    const list = Array.from(probabilities);
    return classes[list.indexOf(Math.max(...list))];
  });

describe('compared approaches', () => {
  const [weak, middle, strong] = [
    samplePredictions(0.2, 1),
    samplePredictions(0.5, 2),
    samplePredictions(0.9, 3),
  ];
  const result = compareApproaches(
    [runsOf('weak', [weak]), runsOf('strong', [strong]), runsOf('middle', [middle])],
    options,
  );

  it('have the scores of their evaluations, best first', () => {
    expect(result.approaches.map(({ name }) => name)).toEqual(['strong', 'middle', 'weak']);
    expect(result).toMatchObject({ clips: 240, groups: 60, seed: 3, resamples: 200, level: 0.95 });
    const evaluation = evaluatePredictions(strong, options);
    const { scores, perClass, crossValidation } = result.approaches[0];
    expect(scores.accuracy).toMatchObject({
      value: evaluation.accuracy,
      interval: evaluation.intervals.accuracy,
      seeds: { mean: evaluation.accuracy, deviation: null, n: 1 },
    });
    for (const average of ['macro', 'weighted'] as const) {
      for (const score of ['precision', 'recall', 'f1-score'] as const) {
        expect(scores[`${average} ${score}`].value).toBe(evaluation[`${average} avg`][score]);
        expect(scores[`${average} ${score}`].interval).toEqual(evaluation.intervals[`${average} avg`][score]);
      }
    }
    expect(scores['log-loss'].value).toBe(evaluation.logLoss);
    const truth = strong.rows.map(({ label }) => label);
    const probabilities = strong.rows.map((row) => row.probabilities);
    const error = expectedCalibrationError({ truth, probabilities, classes: strong.classes });
    expect(scores['calibration error'].value).toBeCloseTo(error, 12);
    expect(perClass).toEqual(classScores(evaluation).map((one) => one.scores));
    expect(crossValidation).toBeNull();
    expect(Object.keys(scores)).toEqual([...scoreNames]);
  });

  it('are tested in pairs, and the tests corrected for their number', () => {
    const named = { weak, middle, strong } as Record<string, PredictionTable>;
    expect(result.pairs.map(({ first, second }) => `${first} ${second}`)).toEqual([
      'strong middle',
      'strong weak',
      'middle weak',
    ]);
    for (const { first, second, difference, interval, mcnemar } of result.pairs) {
      const truth = strong.rows.map(({ label }) => label);
      const [a, b] = [decisions(named[first]), decisions(named[second])];
      const onlyFirst = truth.filter((label, i) => a[i] === label && b[i] !== label).length;
      const onlySecond = truth.filter((label, i) => a[i] !== label && b[i] === label).length;
      expect(mcnemar).toMatchObject({ onlyFirst, onlySecond, p: mcnemarP(onlyFirst, onlySecond).p });
      expect(difference).toBeCloseTo((onlyFirst - onlySecond) / truth.length, 12);
      expect(interval.low!).toBeLessThan(difference);
      expect(interval.high!).toBeGreaterThan(difference);
    }
    expect(result.pairs.map(({ pHolm }) => pHolm)).toEqual(holm(result.pairs.map(({ p }) => p!)));
    expect(result.pairs.map(({ mcnemar }) => mcnemar.pHolm)).toEqual(
      holm(result.pairs.map(({ mcnemar }) => mcnemar.p)),
    );
  });

  it('are counted where they agree, and listed where they do not', () => {
    const all = [strong, middle, weak].map(decisions);
    const { agreement } = result;
    const truth = strong.rows.map(({ label }) => label);
    const right = truth.map((label, i) => all.filter((own) => own[i] === label).length);
    expect(agreement.allRight).toBe(right.filter((n) => n === 3).length);
    expect(agreement.allWrong).toBe(right.filter((n) => n === 0).length);
    expect(agreement.someRight).toBe(right.filter((n) => n === 1 || n === 2).length);
    const disputed = truth.filter((_, i) => new Set(all.map((own) => own[i])).size > 1).length;
    expect(agreement.disputed).toHaveLength(disputed);
    const [first] = agreement.disputed;
    expect(right[strong.rows.findIndex(({ clip }) => clip === first!.clip)]).toBeGreaterThan(0);
    expect(first!.decisions).toHaveLength(3);
  });

  it('are means over their seeds, with an interval of that mean', () => {
    const tables = [samplePredictions(0.5, 11), samplePredictions(0.5, 12), samplePredictions(0.5, 13)];
    const { approaches } = compareApproaches([runsOf('seeds', tables)], options);
    const each = tables.map((table) => evaluatePredictions(table, options));
    const mean = (of: (e: (typeof each)[number]) => number) => each.reduce((sum, e) => sum + of(e), 0) / 3;
    const { scores, perSeed, perClass, seeds } = approaches[0];
    expect(seeds).toEqual([0, 1, 2]);
    expect(scores.accuracy.value).toBeCloseTo(
      mean((e) => e.accuracy),
      12,
    );
    expect(scores['macro f1-score'].value).toBeCloseTo(
      mean((e) => e['macro avg']['f1-score']),
      12,
    );
    perSeed.forEach((accuracy, i) => {
      expect(accuracy).toBeCloseTo(each[i].accuracy, 12);
    });
    const deviation = Math.sqrt(
      each.reduce((sum, e) => sum + (e.accuracy - mean((one) => one.accuracy)) ** 2, 0) / 2,
    );
    expect(scores.accuracy.seeds.deviation).toBeCloseTo(deviation, 12);
    expect(perClass[2].recall).toBeCloseTo(
      mean((e) => classScores(e)[2].scores.recall),
      12,
    );
    // Independent mistakes average out: the mean of three is known better than one.
    const width = ({ low, high }: { low: number | null; high: number | null }) => high! - low!;
    expect(width(scores.accuracy.interval)).toBeLessThan(width(each[0].intervals.accuracy));
  });

  it('have the folds of a cross-validation', () => {
    const rows = (from: number, to: number): PredictionTable => ({
      classes: strong.classes,
      rows: strong.rows.slice(from, to),
    });
    const folds = [
      { name: '1', table: rows(0, 120) },
      { name: '2', table: rows(120, 240) },
    ];
    const { approaches } = compareApproaches(
      [{ ...runsOf('folded', []), runs: [{ seed: 1, folds }] }],
      options,
    );
    const expected = evaluateFolds(folds, options);
    expect(approaches[0].crossValidation).toEqual(expected.crossValidation);
    expect(approaches[0].scores.accuracy.value).toBe(expected.accuracy);
  });

  it('are scored on the clips that all were tested on, in whatever order', () => {
    const shorter = { ...weak, rows: weak.rows.slice(4).reverse() };
    const compared = compareApproaches([runsOf('strong', [strong]), runsOf('weak', [shorter])], options);
    expect(compared.clips).toBe(236);
    expect(compared.notices).toEqual([
      { subject: 'clips', message: expect.stringMatching(/^4 clips were not tested by all/) },
    ]);
    const alone = evaluatePredictions({ ...weak, rows: weak.rows.slice(4) }, options);
    expect(compared.approaches[1].scores.accuracy.value).toBe(alone.accuracy);
  });

  it('are refused when they cannot be compared', () => {
    const relabelled = {
      ...weak,
      rows: weak.rows.map((row, i) => (i === 7 ? { ...row, label: weak.classes[0] } : row)),
    };
    const apart = { ...weak, rows: weak.rows.map((row) => ({ ...row, clip: `other/${row.clip}` })) };
    const renamed = {
      classes: weak.classes.map((name) => `${name}!`),
      rows: weak.rows.map((row) => ({ ...row, label: `${row.label}!` })),
    };
    for (const table of [relabelled, apart, renamed]) {
      expect(() => compareApproaches([runsOf('a', [strong]), runsOf('b', [table])], options)).toThrow(
        DatasetError,
      );
    }
    expect(() => compareApproaches([], options)).toThrow(ParameterError);
    expect(() => compareApproaches([runsOf('none', [])], options)).toThrow(ParameterError);
  });

  it('differ by a paired difference: the same mistakes cancel', () => {
    expect(accuracyDifference(middle, middle, 1)).toEqual({ difference: 0, low: 0, high: 0 });
    const there = accuracyDifference(middle, strong, 1);
    const back = accuracyDifference(strong, middle, 1);
    expect(there.difference).toBeCloseTo(-back.difference, 12);
    expect(there.high!).toBeCloseTo(-back.low!, 12);
    expect(there.high!).toBeLessThan(0);
    expect(() => accuracyDifference(middle, { ...strong, rows: strong.rows.slice(1) }, 1)).toThrow(
      DatasetError,
    );
  });
});

describe('the report of a comparison', () => {
  const { dataset, versions } = sampleRun();
  const write = async (name: string, result: Comparison['result'], changes: Partial<Comparison> = {}) => {
    const directory = join(folder, name);
    await writeComparison(directory, {
      ...{ title: 'Three', command: 'earshot compare set', dataset, versions, result },
      ...changes,
    });
    const read = (file: string) => readFile(join(directory, file), 'utf8');
    const { document } = parseHTML(await read('comparison.html'));
    return {
      document: document as unknown as Page,
      markdown: await read('comparison.md'),
      json: JSON.parse(await read('comparison.json')) as Comparison,
    };
  };
  interface Page {
    querySelectorAll(
      selector: string,
    ): Iterable<Page & { textContent: string; getAttribute(name: string): string }>;
  }
  const texts = (page: Page, selector: string) =>
    [...page.querySelectorAll(selector)].map(({ textContent }) => textContent);
  const strong = runsOf('strong', [samplePredictions(0.9, 3)]);
  const weak: ApproachRuns = {
    ...runsOf('weak', [samplePredictions(0.2, 1)]),
    weights: 'a file of weights',
    settings: '--epochs 2',
  };
  const honest = { ...options, split: sampleSplit(0) };

  it('does not take a frozen network of random weights for a trained one', async () => {
    const frozen = { ...weak, weights: untrainedWeights('openl3') };
    const { document } = await write('frozen', compareApproaches([frozen, strong], honest));
    const said = texts(document, '.badges li').join();
    expect(said).toContain(
      'strong started from random weights; weak used a network of random weights as it is',
    );
    expect(said).not.toContain('learnt on other data');
  });

  it('puts the best first, says who leads, and what started from random weights', async () => {
    const { document, markdown, json } = await write('two', compareApproaches([weak, strong], honest));
    const [first, second] = [...document.querySelectorAll('tbody tr')].map((row) => texts(row, 'td')[0]);
    expect([first, second]).toEqual(['strong', 'weak']);
    expect(texts(document, '.lead')[0]).toMatch(
      /^strong classifies .* its lead over every other is clear\.$/,
    );
    expect(texts(document, '.badges li').join()).toMatch(
      /strong started from random weights; weak used weights learnt on other data: that difference/,
    );
    expect(markdown).toMatch(/\| strong − weak \| \+\d+\.\d .* yes \|/);
    const links = [...document.querySelectorAll('a')].map((link) => link.getAttribute('href'));
    expect(links).toContain('./strong%20it%27s/report.html');
    expect(json.result.approaches.map(({ name }) => name)).toEqual(['strong', 'weak']);
    expect(json.result.agreement.disputed.length).toBeGreaterThan(40);
    expect(texts(document, 'svg text').join()).not.toContain('NaN');
  });

  it('does not call a lead clear that chance can make', async () => {
    const alike = [1, 3].map((seed) => runsOf(`n${seed}`, [samplePredictions(0.5, seed)]));
    const { document } = await write('alike', compareApproaches(alike, honest));
    expect(texts(document, '.lead')[0]).toMatch(/its lead over n\d is no larger than chance can make it/);
  });

  it('marks every number that a leak has lifted', async () => {
    const leaky = await write(
      'leaky',
      compareApproaches([weak, strong], { ...options, split: sampleSplit(120) }),
    );
    const rows = [...leaky.document.querySelectorAll('table')][0];
    for (const row of rows.querySelectorAll('tbody tr'))
      expect(row.textContent.match(/leaks/g)).toHaveLength(4);
    expect(texts(leaky.document, '.badges li').join()).toMatch(/Leak: 50.0 % of the test clips/);

    const split = { ...sampleSplit(228), leak: { clips: 228, share: 0.95, groups: 57, overlapping: 180 } };
    const beside = { ...strong, leaking: { split, predictions: samplePredictions(0.97, 9) } };
    const shown = await write('beside', compareApproaches([beside, weak], honest));
    expect(shown.markdown).toMatch(
      /95\.0 % of these test clips come from a recording that is in training too \(57 recordings\), and 75\.0 % overlap/,
    );
    const table = shown.markdown.slice(shown.markdown.indexOf('What a leak is worth'));
    expect(table).toMatch(/\| strong \| 0\.\d+ \[.*leaks.* \| 0\.\d+ \[.*\] \| \+\d/);
    const scores = [...shown.document.querySelectorAll('table')][0];
    expect(scores.textContent).not.toContain('leaks');
  });

  it('lists what failed, and plays disputed clips where there is sound', async () => {
    const failures = [{ subject: 'cnn/seed-1', message: 'The run failed: no memory.' }];
    const result = compareApproaches([weak, strong], { ...honest, failures });
    const { clip } = result.agreement.disputed[0];
    const sounds = { [clip]: { uri: 'data:audio/wav;base64,UklGRg==', seconds: 4 } };
    const { document, markdown, json } = await write('sounds', result, { sounds });
    expect(texts(document, '.badges li').join()).toMatch(/1 run failed/);
    expect(markdown).toContain('no memory');
    expect([...document.querySelectorAll('button.play')]).toHaveLength(1);
    expect('sounds' in json).toBe(false);
  });
});
