/**
 * Zero-shot, few-shot and unknown sounds from files to reports, on tones whose two attributes can be heard: how high they
 * are, and whether they are pulsed.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DatasetError, ParameterError, Random, UsageError } from '../../src/core/index.ts';
import { encodeNpz } from '../../src/embeddings/browser.ts';
import { readModel } from '../../src/runtime/index.ts';
import { attributeTables, openClassVectors } from '../../src/workflows/classVectorFile.ts';
import {
  type ClassifiedFile,
  classify,
  fewShot,
  learnUnknown,
  train,
  zeroShotEvaluate,
  zeroShotTrain,
} from '../../src/workflows/index.ts';
import { toneRate, writeTone } from '../support/tones.ts';

const classes = ['high-pulsed', 'high-steady', 'low-pulsed', 'low-steady', 'mid-pulsed', 'mid-steady'];
const pitch: Record<string, number> = { low: 200, mid: 800, high: 2500 };
let folder: string;
let data: string;
let table: string;

function sound(label: string, random: Random, level = 0.4): Float32Array {
  const hz = pitch[label.split('-')[0]] * random.uniform(0.85, 1.15);
  return Float32Array.from({ length: toneRate / 2 }, (_, i) => {
    const on = label.endsWith('steady') || i % 800 < 300 ? 1 : 0;
    return on * level * Math.sin((2 * Math.PI * hz * i) / toneRate) + 0.02 * random.normal();
  });
}

async function writeClips(root: string, levelOf: (label: string) => number = () => 0.4): Promise<void> {
  const random = new Random(17);
  const rows = ['path,label,group'];
  for (const label of classes) {
    for (let r = 0; r < 5; r++) {
      for (let s = 0; s < 2; s++) {
        const name = `${label}/${r}-${s}.wav`;
        await writeTone(join(root, name), sound(label, random, levelOf(label)));
        rows.push(`${name},${label},${label}${r}`);
      }
    }
  }
  await writeFile(join(root, 'manifest.csv'), `${rows.join('\n')}\n`);
}

const common = () => ({ cacheDir: join(folder, 'cache'), threads: 1, command: 'earshot …' });
const mfcc = { kind: 'frozen', embedder: { network: 'mfcc' } } as const;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-zero-shot-'));
  data = join(folder, 'tones');
  await writeClips(data);
  table = join(folder, 'attributes.csv');
  const rows = classes.map((label) => {
    const height = { low: 0, mid: 0.5, high: 1 }[label.split('-')[0]];
    return `${label},${height},${label.endsWith('pulsed') ? 1 : 0}`;
  });
  await writeFile(table, `class,height,pulsed\n${rows.join('\n')}\n`);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('zero-shot evaluate', () => {
  it('tells unseen tones apart by what is known of them, far above the shuffled control', async () => {
    const out = join(folder, 'evaluation');
    const options = { ...common(), dataset: data, source: mfcc, classVectors: table, permutations: 20, out };
    const outcome = await zeroShotEvaluate(options);
    const { summary } = outcome;
    expect(summary.splits).toBe(15);
    expect(summary.chance).toBe(0.5);
    for (const { method, accuracy, shuffled } of summary.methods) {
      expect([method, accuracy.value > 0.6]).toEqual([method, true]);
      if (shuffled !== null) expect(accuracy.value).toBeGreaterThan(shuffled.mean);
    }
    const text = await readFile(outcome.report.markdown, 'utf8');
    for (const part of ['chance is 50.0 %', 'AUSUC', 'FPR95', 'height, pulsed', 'low-steady + mid-pulsed'])
      expect(text).toContain(part);
    await expect(zeroShotEvaluate(options)).rejects.toThrow(UsageError);
    expect((await zeroShotEvaluate({ ...options, resume: true })).summary).toEqual(summary);
  }, 120_000);

  it('trains its embedding without a clip of the unseen classes: others in their place change no weight', async () => {
    const other = join(folder, 'other-tones');
    const source = { kind: 'trained', approach: 'cnn', overrides: { epochs: 1 } } as const;
    const options = { ...common(), classVectors: table, source, splits: 1, unseen: 3, permutations: 0 };
    const methods = ['eszsl'] as const;
    await zeroShotEvaluate({ ...options, methods, dataset: data, out: join(folder, 'trained') });
    const stored = JSON.parse(await readFile(join(folder, 'trained/splits/001/split.json'), 'utf8'));
    const { unseen, seen } = stored.outcome.split;
    expect([...unseen, ...seen].sort()).toEqual(classes);
    await writeClips(other, (label) => (unseen.includes(label) ? 0.1 : 0.4));
    await zeroShotEvaluate({ ...options, methods, dataset: other, out: join(folder, 'trained-other') });
    const weights = async (run: string, split: string) => {
      const { graph } = await readModel(join(folder, run, 'splits', split, 'model.onnx'));
      return new Map([...graph.initializers].map(([name, { data: values }]) => [name, values]));
    };
    expect(await weights('trained-other', '001')).toEqual(await weights('trained', '001'));
    // In the other division those classes are the seen ones, so there the weights must differ: the test can fail.
    expect(await weights('trained-other', '002')).not.toEqual(await weights('trained', '002'));
    const trainedOn = (await readModel(join(folder, 'trained/splits/001/model.onnx'))).metadata.get(
      'classes',
    );
    expect(JSON.parse(trainedOn!)).toEqual(seen);
  }, 240_000);

  it('says what is missing', async () => {
    const out = join(folder, 'none');
    await expect(zeroShotEvaluate({ ...common(), dataset: data, source: mfcc, out })).rejects.toThrow(
      /None of the attribute tables/,
    );
    const few = join(folder, 'few.csv');
    await writeFile(few, 'class,height\nlow-steady,0\n');
    await expect(
      zeroShotEvaluate({ ...common(), dataset: data, source: mfcc, classVectors: few, out }),
    ).rejects.toThrow(ParameterError);
    const svm = { kind: 'trained', approach: 'mfcc-svm' } as const;
    await expect(
      zeroShotEvaluate({ ...common(), dataset: data, source: svm, classVectors: table, out }),
    ).rejects.toThrow(UsageError);
  });
});

describe('class vectors', () => {
  it('come with attributes for both datasets, every class different', async () => {
    const made = await Promise.all(attributeTables.map((name) => openClassVectors(name, [])));
    expect(made.map(({ classes: list }) => list.length)).toEqual([10, 50]);
    expect(made[0].attributes).toEqual(made[1].attributes);
    for (const { matrix, classes: list } of made) {
      const rows = list.map((_, c) =>
        matrix.data.subarray(c * matrix.columns, (c + 1) * matrix.columns).join(),
      );
      expect(new Set(rows).size).toBe(list.length);
      expect(matrix.data.every((value) => value === 0 || value === 0.5 || value === 1)).toBe(true);
    }
  });

  it('are read from arrays by class, several of one class averaged', async () => {
    const path = join(folder, 'words.npz');
    const arrays = new Map([
      ['a', { shape: [3], data: new Float32Array([1, 2, 3]) }],
      ['b', { shape: [2, 3], data: new Float32Array([0, 0, 0, 2, 4, 6]) }],
    ]);
    await writeFile(path, encodeNpz({ arrays, comment: '' }));
    const { classes: list, matrix } = await openClassVectors(path, []);
    expect(list).toEqual(['a', 'b']);
    expect(Array.from(matrix.data)).toEqual([1, 2, 3, 1, 2, 3]);
  });

  it.each([
    ['class,height\na,tall\n', /line 2: the height 'tall' is not a number/],
    ['class,height\na,1\na,2\n', /line 3: the class 'a' is there twice/],
    ['class\na\n', /no column besides 'class'/],
    ['name,height\na,1\n', /column class/],
  ])('%j is refused with its line', async (text, message) => {
    const path = join(folder, 'wrong.csv');
    await writeFile(path, text);
    await expect(openClassVectors(path, [])).rejects.toThrow(message);
    await expect(openClassVectors(path, [])).rejects.toThrow(DatasetError);
  });
});

describe('few-shot', () => {
  it('goes from class vectors to examples', async () => {
    const out = join(folder, 'few-shot');
    const options = { ...common(), dataset: data, source: mfcc, classVectors: table, out };
    const outcome = await fewShot({ ...options, shots: [4, 0, 1], novel: 3, splits: 2, draws: 3 });
    expect(outcome.points.map(({ shots }) => shots)).toEqual([0, 1, 4]);
    expect(outcome.chance).toBeCloseTo(1 / 3, 12);
    expect(Object.keys(outcome.points[0].accuracy)).toEqual(['attributes + examples']);
    expect(Object.keys(outcome.points[2].accuracy)).toEqual(['attributes + examples', 'prototypes', 'svm']);
    for (const { value } of Object.values(outcome.points[2].accuracy)) expect(value).toBeGreaterThan(0.8);
    expect(outcome.points[0].accuracy['attributes + examples'].value).toBeGreaterThan(0.4);
    expect(await readFile(outcome.report.html, 'utf8')).toContain('examples per class');
  });
});

describe('zero-shot train', () => {
  it('leaves a model of classes that it has heard no clip of', async () => {
    const seen = join(folder, 'seen');
    await writeClips(seen);
    const rows = (await readFile(join(seen, 'manifest.csv'), 'utf8')).split('\n');
    const hidden = ['low-pulsed', 'high-steady'];
    const kept = rows.filter((row) => !hidden.some((label) => row.includes(label)));
    await writeFile(join(seen, 'manifest.csv'), kept.join('\n'));
    const model = join(folder, 'unseen.onnx');
    const { command: _, ...hooks } = common();
    const outcome = await zeroShotTrain({
      ...hooks,
      dataset: seen,
      embedder: { network: 'mfcc' },
      classVectors: table,
      out: model,
    });
    expect([...outcome.classes].sort()).toEqual(hidden.sort());
    const heard: ClassifiedFile[] = [];
    const paths = hidden.flatMap((label) => [0, 1, 2, 3, 4].map((r) => join(data, label, `${r}-0.wav`)));
    for await (const event of classify({ model, paths, threads: 1 })) if (event.ok) heard.push(event.result);
    expect(heard).toHaveLength(10);
    const right = heard.filter(({ file, top }) => file.includes(top[0].label));
    expect(right.length).toBeGreaterThanOrEqual(8);
  });
});

describe('unknown sounds', () => {
  it('are told by thresholds that held-out recordings have set', async () => {
    const known = join(folder, 'known');
    await writeClips(known);
    const rows = (await readFile(join(known, 'manifest.csv'), 'utf8')).split('\n');
    const kept = rows.filter((row) => !row.includes('high-'));
    await writeFile(join(known, 'manifest.csv'), kept.join('\n'));
    const { models } = await train({
      ...common(),
      dataset: known,
      approach: 'mfcc-svm',
      split: { kind: 'grouped', testFraction: 0.2 },
      out: join(folder, 'svm'),
    });
    const out = join(folder, 'knowing.onnx');
    const options = { threads: 1, cacheDir: join(folder, 'cache'), model: models[0], dataset: known };
    const outcome = await learnUnknown({ ...options, out, falseAlarms: 0.1 });
    expect(outcome.clips).toBe(40);
    const listen = async (model: string, score: 'softmax' | 'energy' | 'mahalanobis', labels: string[]) => {
      const paths = labels.flatMap((label) => [join(data, label, '0-0.wav'), join(data, label, '3-1.wav')]);
      const found: ClassifiedFile[] = [];
      for await (const event of classify({ model, paths, threads: 1, unknown: score }))
        if (event.ok) found.push(event.result);
      return found.map(({ unknown }) => unknown!);
    };
    const seen = ['low-steady', 'low-pulsed', 'mid-steady', 'mid-pulsed'];
    for (const score of ['softmax', 'energy'] as const) {
      const judged = await listen(out, score, seen);
      expect(judged.filter(({ unknown }) => unknown).length).toBeLessThanOrEqual(3);
      for (const { value, threshold, unknown } of judged) expect(unknown).toBe(value < threshold);
    }
    const strange = await listen(out, 'mahalanobis', ['high-steady', 'high-pulsed']);
    expect(strange.every(({ unknown }) => unknown)).toBe(true);
    await expect(listen(models[0], 'energy', seen)).rejects.toThrow(/no threshold for unknown sounds/);
    await expect(learnUnknown({ ...options, out: models[0] })).rejects.toThrow(UsageError);
    await expect(learnUnknown({ ...options, dataset: data, out })).rejects.toThrow(/has the class 'high-/);
  }, 120_000);
});
