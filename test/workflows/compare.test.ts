import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, ParameterError, RuntimeError, UsageError } from '../../src/core/index.ts';
import { openDataset } from '../../src/datasets/index.ts';
import { evaluatePredictions, readPredictions } from '../../src/evaluation/index.ts';
import { conformalThreshold, predictionSet } from '../../src/metrics/index.ts';
import { compareJobs } from '../../src/workflows/compare/compareJobs.ts';
import {
  type ClassifyEvent,
  type CompareOptions,
  classify,
  compare,
  evaluate,
  train,
} from '../../src/workflows/index.ts';
import { toneRate, writeToneDataset } from '../support/tones.ts';

let folder: string;
let data: string;
const quick = { epochs: 3, sampleRate: toneRate, nMels: 32, batchSize: 8, learningRate: 0.005, mixup: 0 };

const options = (out: string, changes: Partial<CompareOptions> = {}): CompareOptions => ({
  dataset: data,
  entries: [
    { name: 'mfcc-svm' },
    { name: 'small', approach: 'cnn', overrides: quick, words: ['--epochs', '3'] },
  ],
  split: { kind: 'folds', testFolds: [3] },
  out: join(folder, out),
  command: 'earshot compare tones',
  cacheDir: join(folder, 'cache'),
  threads: 2,
  seed: 4,
  ...changes,
});

const classified = async (events: AsyncGenerator<ClassifyEvent>) => {
  for await (const event of events) if (event.ok) return event.result;
  throw new Error('Nothing was classified.');
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-compare-'));
  data = join(folder, 'tones');
  await writeToneDataset(data, 9, 2);
});
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));

// Each run is a process, and the machine may be busy.
describe('compare', { timeout: 300_000 }, () => {
  it('trains in processes, compares on the same clips, and keeps finished runs', async () => {
    const first = await compare(options('runs', { jobs: 2, alpha: 0.25, showLeak: true }));
    expect(first).toMatchObject({ kept: 0, failures: [], synthetic: false });
    const { approaches, clips, groups, pairs } = first.result;
    expect([clips, groups]).toEqual([12, 6]);
    expect(approaches.map(({ name }) => name).sort()).toEqual(['mfcc-svm', 'small']);
    expect(pairs).toHaveLength(1);
    for (const { name, scores, costs, calibration, conformal, leaking, weights } of approaches) {
      // What the comparison says is what the run's own files say.
      const run = join(folder, 'runs', name, 'seed-4');
      const table = await readPredictions(join(run, 'predictions.csv'));
      expect(scores.accuracy.value).toBe(evaluatePredictions(table, { seed: 0 }).accuracy);
      expect((await stat(join(run, 'model.onnx'))).size).toBe(costs.artefactBytes);
      expect(costs.inferenceSeconds).toBeGreaterThan(0);
      expect(weights).toBe(name === 'small' ? 'random' : 'none');
      expect(calibration!.temperatures).toHaveLength(1);
      // A fifth of the training side was held out, and neither trained on nor tested.
      const stored = JSON.parse(await readFile(join(run, 'run.json'), 'utf8'));
      const held: string[] = stored.calibration.clips;
      expect(held).toHaveLength(calibration!.clips);
      const others = new Set([...stored.train, ...stored.validation, ...stored.test]);
      expect(held.filter((clip) => others.has(clip))).toEqual([]);
      expect(held.length + stored.train.length + stored.test.length).toBe(36);
      expect(conformal.map(({ method }) => method)).toEqual(['lac', 'aps']);
      const threshold = conformalThreshold(stored.calibration.info.scores.lac, 0.25);
      const covered = table.rows.filter((row) =>
        predictionSet(row.probabilities, threshold, 'lac').includes(table.classes.indexOf(row.label)),
      );
      expect(conformal[0].coverage).toBe(covered.length / 12);
      expect(leaking!.split).toMatchObject({ kind: 'random', testClips: 12 });
      expect(leaking!.split.leak.clips).toBeGreaterThan(0);
    }
    const html = await readFile(first.report.html, 'utf8');
    expect(html).toContain('Sets instead of single answers');
    expect(html).toContain('What a leak is worth');

    const started = (await stat(join(folder, 'runs/small/seed-4/run.json'))).mtimeMs;
    const again = await compare(options('runs', { jobs: 2, alpha: 0.25, showLeak: true }));
    expect(again.kept).toBe(4);
    expect((await stat(join(folder, 'runs/small/seed-4/run.json'))).mtimeMs).toBe(started);
    expect(again.result).toEqual(first.result);
  });

  it('leaves models that make prediction sets', async () => {
    const model = join(folder, 'runs/small/seed-4/model.onnx');
    const { conformal, evaluation } = await evaluate({ model, dataset: data, folds: [3], alpha: 0.25 });
    const stored = JSON.parse(await readFile(join(folder, 'runs/small/seed-4/evaluation.json'), 'utf8'));
    expect(evaluation.accuracy).toBe(stored.accuracy);
    expect(conformal.map(({ method, alpha }) => [method, alpha])).toEqual([
      ['lac', 0.25],
      ['aps', 0.25],
    ]);
    const clip = join(data, 'low/2-0.wav');
    const sure = await classified(classify({ model, paths: [clip], top: 2, alpha: 0.5 }));
    const careful = await classified(classify({ model, paths: [clip], top: 2, alpha: 0.01 }));
    // So few calibration clips cannot promise 1 in 100: every class is in the set.
    expect(careful.set).toEqual(careful.top.map(({ label }) => label));
    expect(sure.set!.length).toBeLessThanOrEqual(careful.set!.length);
    const plain = await classified(classify({ model, paths: [clip] }));
    expect(plain.set).toBeUndefined();
  });

  it('goes on where one approach fails, and says why', async () => {
    const entries = [
      { name: 'mfcc-svm' },
      { name: 'yamnet-svm', overrides: { weights: join(folder, 'no such file.onnx') } },
    ];
    const { result, failures, kept } = await compare(options('failing', { entries }));
    expect(result.approaches.map(({ name }) => name)).toEqual(['mfcc-svm']);
    expect(failures).toHaveLength(1);
    expect(failures[0].subject).toBe('yamnet-svm/seed-4');
    expect(failures[0].message).toMatch(/no such file\.onnx/);
    expect(result.notices.map(({ subject }) => subject)).toContain('yamnet-svm');
    expect(kept).toBe(0);
    await expect(compare(options('none', { entries: entries.slice(1) }))).rejects.toBeInstanceOf(
      RuntimeError,
    );
  });

  it('stops when asked, keeps what is done, and goes on', async () => {
    const controller = new AbortController();
    const entries = [
      { name: 'mfcc-svm' },
      { name: 'long', approach: 'cnn', overrides: { ...quick, epochs: 120 } },
    ];
    const stopped = compare(
      options('stopped', {
        entries,
        jobs: 1,
        signal: controller.signal,
        onProgress: ({ detail }) => {
          if (Number(/long\/seed-4 train (\d+)\//.exec(detail ?? '')?.[1] ?? 0) > 9) controller.abort();
        },
      }),
    );
    await expect(stopped).rejects.toThrow(/stopped with 1 of 2 runs finished/);
    await expect(stopped).rejects.toBeInstanceOf(CancelledError);
    const left = await readdir(join(folder, 'stopped/long/seed-4'));
    expect(left).toContain('checkpoints');
    expect(left).not.toContain('run.json');
    const { kept, result } = await compare(options('stopped', { entries, jobs: 1 }));
    expect(kept).toBe(1);
    expect(result.approaches).toHaveLength(2);
    const log = await readFile(join(folder, 'stopped/long/seed-4/log.jsonl'), 'utf8');
    expect(log).toContain('"event":"resume"');
  });

  it('refuses names that are none, and rows of one name', async () => {
    await expect(compare(options('x', { entries: [{ name: 'resnet5' }] }))).rejects.toBeInstanceOf(
      ParameterError,
    );
    for (const entries of [[], [{ name: 'cnn' }, { name: 'cnn' }], [{ name: '../cnn', approach: 'cnn' }]]) {
      await expect(compare(options('x', { entries }))).rejects.toBeInstanceOf(UsageError);
    }
    await expect(compare(options('x', { alpha: 1 }))).rejects.toBeInstanceOf(ParameterError);
  });
});

describe('the runs of a comparison', () => {
  const entries = [{ name: 'cnn' }, { name: 'mfcc-svm' }];

  it('are one per approach, fold and seed, on splits that do not change with the seed', async () => {
    const dataset = await openDataset(data);
    const { jobs, splits } = compareJobs(dataset, entries, {
      ...{ crossValidate: true, seed: 5, seeds: 2, showLeak: true },
    });
    expect(splits).toHaveLength(3);
    expect(jobs).toHaveLength(2 * 3 * 2 + 2);
    expect(new Set(jobs.map(({ id }) => id)).size).toBe(jobs.length);
    expect(jobs[0]).toMatchObject({ id: 'cnn/seed-5/fold-1', split: { onlyFold: 1, splitSeed: 5 } });
    expect(jobs.map(({ split }) => split.splitSeed)).toEqual(jobs.map(() => 5));
    const random = jobs.filter(({ on }) => on === 'random');
    expect(random.map(({ id }) => id)).toEqual(['cnn/random-split/seed-5', 'mfcc-svm/random-split/seed-5']);
    expect(random[0].split.split).toEqual({ kind: 'random', testFraction: 1 / 3 });
  });

  it('are confined to the folds in use when they show what a leak is worth', async () => {
    const dataset = await openDataset(data);
    const { jobs } = compareJobs(dataset, entries, {
      ...{ seed: 0, seeds: 1, showLeak: true },
      split: { kind: 'folds', trainFolds: [1], testFolds: [3] },
    });
    expect(jobs.at(-1)!.split.split).toEqual({ kind: 'random', testFraction: 0.5, withinFolds: [1, 3] });
  });
});

describe('a fold of a cross-validation alone', { timeout: 300_000 }, () => {
  it('is that fold, by number, and the split may have a seed of its own', async () => {
    const base = { dataset: data, approach: 'mfcc-svm', command: 'x', cacheDir: join(folder, 'cache') };
    const outcome = await train({ ...base, crossValidate: true, onlyFold: 2, out: join(folder, 'fold') });
    expect(outcome.evaluation.split).toMatchObject({ kind: 'folds', testFolds: [2] });
    expect(new Set(outcome.predictions.rows.map(({ fold }) => fold))).toEqual(new Set([2]));
    await expect(
      train({ ...base, crossValidate: true, onlyFold: 9, out: join(folder, 'no-such-fold') }),
    ).rejects.toThrow(/no fold 9/);
  });
});
