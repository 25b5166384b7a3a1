import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  DatasetError,
  ParameterError,
  TrainingError,
  UsageError,
  WeightsError,
} from '../../src/core/index.ts';
import { claimFolder } from '../../src/files/index.ts';
import { reserveFolder } from '../../src/workflows/reserveFolder.ts';
import { type TrainOptions, train } from '../../src/workflows/train.ts';
import { writeToneDataset } from '../support/tones.ts';

let folder: string;
const at = (name: string) => join(folder, name);

function options(changes: Partial<TrainOptions> = {}): TrainOptions {
  return {
    dataset: at('tones'),
    approach: 'mfcc-svm',
    out: at('run'),
    command: 'earshot train tones',
    cacheDir: at('cache'),
    threads: 1,
    split: { kind: 'folds', testFolds: [3] },
    reportMegabytes: 0,
    ...changes,
  };
}

/** All files of a folder with their content. */
async function contentsOf(path: string): Promise<Record<string, string>> {
  const names = (await readdir(path, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(name, 'base64')])),
  );
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-folder-'));
  await writeToneDataset(at('tones'), 6, 1);
  await train(options());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('resuming refuses before it writes anything', () => {
  const small = { epochs: 1, sampleRate: 8000, nMels: 16 };

  it.each([
    ['another setting', { overrides: { vectors: { svmC: 1 } } }, /classifier\.C: 0\.01 there, 1 here/],
    ['another seed', { seed: 1 }, /seed: 0 there, 1 here/],
    ['another approach', { approach: 'cnn', overrides: small }, /approach: "mfcc-svm" there, "cnn" here/],
    ['another split', { split: { kind: 'folds', testFolds: [1] } }, /another split/],
  ] as [string, Partial<TrainOptions>, RegExp][])('%s', async (_, changes, message) => {
    const before = await contentsOf(at('run'));
    const resumed = train(options({ ...changes, resume: true }));
    await expect(resumed).rejects.toThrow(TrainingError);
    await expect(resumed).rejects.toThrow(message);
    expect(await contentsOf(at('run'))).toEqual(before);
  });

  it('other data', async () => {
    await cp(at('tones'), at('other'), { recursive: true });
    await cp(at('tones/low/0-0.wav'), at('other/low/1-0.wav'));
    const before = await contentsOf(at('run'));
    await expect(train(options({ dataset: at('other'), resume: true }))).rejects.toThrow(/on other data/);
    expect(await contentsOf(at('run'))).toEqual(before);
  });

  it.each(['config.json', 'run.json', 'predictions.csv'])('a damaged %s', async (name) => {
    const place = at(`damaged-${name}`);
    await cp(at('run'), place, { recursive: true });
    await writeFile(join(place, name), '{"fingerprint": 1');
    const before = await contentsOf(place);
    const resumed = train(options({ out: place, resume: true }));
    await expect(resumed).rejects.toMatchObject({ code: expect.stringMatching(/TRAINING|DATASET/) });
    await expect(resumed).rejects.toThrow(name);
    expect(await contentsOf(place)).toEqual(before);
  });

  it('something that is no run', async () => {
    await mkdir(at('mine'));
    await writeFile(at('mine/letter.txt'), 'Dear');
    await expect(train(options({ out: at('mine'), resume: true }))).rejects.toThrow(/no run .* letter\.txt/);
    expect(await readdir(at('mine'))).toEqual(['letter.txt']);
  });

  it('and keeps the very files of the same run', async () => {
    const before = await contentsOf(at('run'));
    await train(options({ resume: true }));
    const after = await contentsOf(at('run'));
    for (const name of ['config.json', 'run.json', 'model.onnx', 'predictions.csv', 'evaluation.json'])
      expect(after[join(at('run'), name)], name).toBe(before[join(at('run'), name)]);
  });
});

describe('what can be known at the start is checked at the start, and leaves no folder', () => {
  const none = 'nowhere/deep/run';

  it.each([
    ['an option of another approach', { overrides: { epochs: 1 } }, UsageError],
    ['a value out of range', { approach: 'cnn', overrides: { labelSmoothing: 1 } }, ParameterError],
    [
      'a schedule that never steps',
      { approach: 'cnn', overrides: { schedule: 'step', epochs: 1 } },
      ParameterError,
    ],
    [
      'no validation to stop early by',
      { approach: 'cnn', overrides: { patience: 2, validationFraction: 0 } },
      ParameterError,
    ],
    ['missing weights', { approach: 'cnn', overrides: { weights: 'no such.safetensors' } }, WeightsError],
    ['an approach there is not', { approach: 'cnm' }, ParameterError],
  ] as [string, Partial<TrainOptions>, new (message: string) => Error][])('%s', async (_, changes, kind) => {
    // Before the synthetic dataset is written, too.
    const refused = train(options({ ...changes, dataset: 'demo', cacheDir: at('unused'), out: at(none) }));
    await expect(refused).rejects.toThrow(kind);
    expect(await readdir(folder)).not.toContain('nowhere');
    expect(await readdir(folder)).not.toContain('unused');
  });

  it('a dataset of one class', async () => {
    const root = at('one');
    await cp(at('tones/low'), join(root, 'low'), { recursive: true });
    const refused = train(options({ dataset: root, split: undefined, out: at(none) }));
    await expect(refused).rejects.toThrow(DatasetError);
    await expect(refused).rejects.toThrow(/one/);
    expect(await readdir(folder)).not.toContain('nowhere');
  });
});

describe('a run’s folder', () => {
  it('is refused while another command is at work in it', async () => {
    const claim = await claimFolder(at('claimed'));
    for (const resume of [false, true])
      await expect(train(options({ out: at('claimed'), resume }))).rejects.toThrow(/in use by process/);
    await claim.release();
  });

  it('gets a number of its own where two commands ask at the same moment', async () => {
    await mkdir(at('runs/x-3'), { recursive: true });
    const reserved = await Promise.all(Array.from({ length: 6 }, () => reserveFolder(at('runs'), 'x')));
    const names = reserved.map(({ folder: name }) => name);
    expect(new Set(names).size).toBe(6);
    expect(names.sort()).toEqual([4, 5, 6, 7, 8, 9].map((n) => at(`runs/x-${n}`)));
    for (const one of reserved) await one.release();
    expect(await readdir(at('runs'))).toEqual(['x-3']);
  });
});
