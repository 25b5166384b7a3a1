/**
 * Approaches that fit a linear SVM to one vector per clip: the run and its artefact, and the nodes that make vectors
 * held to the pooled embeddings that `embedDataset` computes outside a graph.
 */

import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ClipVectors,
  embeddingVectors,
  mfccVectors,
  namedEmbedderByName,
} from '../../src/approaches/index.ts';
import {
  CancelledError,
  DatasetError,
  float32,
  Random,
  UsageError,
  WeightsError,
} from '../../src/core/index.ts';
import {
  cutWindows,
  describeEmbedder,
  Embedder,
  poolWindows,
  windowInputs,
} from '../../src/embeddings/browser.ts';
import { mfcc82 } from '../../src/features/index.ts';
import { yamnetPairs } from '../../src/networks/yamnet.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { Engine } from '../../src/runtime/index.ts';
import {
  type ClassifyEvent,
  classify,
  type TrainOptions,
  type TrainOutcome,
  train,
} from '../../src/workflows/index.ts';
import { runModel } from '../support/runModel.ts';
import { writeToneDataset } from '../support/tones.ts';

let folder: string;
let data: string;
let outcome: TrainOutcome;

function options(out: string, changes: Partial<TrainOptions> = {}): TrainOptions {
  return {
    dataset: data,
    approach: 'mfcc-svm',
    out: join(folder, out),
    command: 'earshot train tones',
    cacheDir: join(folder, 'cache'),
    threads: 1,
    seed: 5,
    split: { kind: 'folds', testFolds: [3] },
    ...changes,
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-vectors-'));
  data = join(folder, 'tones');
  await writeToneDataset(data);
  await writeFile(join(data, 'low/text.wav'), 'This is not sound.\n');
  const manifest = join(data, 'manifest.csv');
  await writeFile(manifest, `${await readFile(manifest, 'utf8')}low/text.wav,low,1,x\n`);
  outcome = await train(options('run'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('a linear SVM on vectors', () => {
  it('learns, and leaves what every run leaves', async () => {
    expect(outcome.evaluation.accuracy).toBeGreaterThan(0.8);
    expect(outcome.weights).toBe('none');
    expect(outcome.failures.map(({ subject }) => subject)).toEqual(['low/text.wav']);
    for (const file of ['config.json', 'predictions.csv', 'evaluation.json', 'report.html', 'model.onnx'])
      expect((await readFile(join(outcome.directory, file))).length, file).toBeGreaterThan(20);
    expect(outcome.config).toMatchObject({
      approach: 'mfcc-svm',
      vectors: { kind: 'mfcc82' },
      classifier: { kind: 'linear-svm', C: 0.01 },
      seed: 5,
    });
  });

  it('gives a model that agrees with the classifier it was made from', () => {
    expect(outcome.parity).toBeLessThan(1e-5);
  });

  it('gives a model that classifies recordings of any length', async () => {
    const heard: ClassifyEvent[] = [];
    for await (const event of classify({
      model: outcome.models[0],
      paths: [join(data, 'low/0-1.wav'), join(data, 'high/0-1.wav')],
      threads: 1,
    }))
      heard.push(event);
    expect(heard.map((event) => event.ok && event.result.top[0].label)).toEqual(['low', 'high']);
  });

  it('repeats itself to the last bit, and resumes a finished run', async () => {
    const again = await train(options('again'));
    expect(await readFile(again.models[0])).toEqual(await readFile(outcome.models[0]));
    expect((await train(options('again', { resume: true }))).evaluation).toEqual(outcome.evaluation);
  });

  it('chooses C inside the training side, and says so', async () => {
    const tuned = await train(options('tuned', { overrides: { vectors: { tune: true } } }));
    expect(tuned.notices.find(({ subject }) => subject === 'C')?.message).toMatch(/^C = [\d.e-]+ was chosen/);
  });

  it.each(['sigmoid', 'isotonic'] as const)('has probabilities by %s on request', async (probabilities) => {
    const curved = await train(options(probabilities, { overrides: { vectors: { probabilities } } }));
    expect(curved.parity).toBeLessThan(1e-5);
  });

  it('refuses settings that do not apply, in both directions', async () => {
    await expect(train(options('no1', { overrides: { epochs: 3 } }))).rejects.toThrow(UsageError);
    await expect(train(options('no2', { overrides: { vectors: { pooling: 'max' } } }))).rejects.toThrow(
      UsageError,
    );
    await expect(
      train(options('no3', { approach: 'cnn', overrides: { vectors: { svmC: 1 } } })),
    ).rejects.toThrow(UsageError);
    await expect(train(options('no4', { overrides: { vectors: { svmC: 1, tune: true } } }))).rejects.toThrow(
      UsageError,
    );
  });

  it('refuses a network without its weights before anything is read', async () => {
    await expect(train(options('no5', { approach: 'openl3-svm' }))).rejects.toThrow(WeightsError);
  });

  it('stops when it is told to', async () => {
    const controller = new AbortController();
    controller.abort();
    await expect(train(options('no6', { signal: controller.signal }))).rejects.toThrow(CancelledError);
  });

  it('asks for two recordings of each class', async () => {
    const single = join(folder, 'single');
    await writeToneDataset(single);
    const manifest = join(single, 'manifest.csv');
    const rows = (await readFile(manifest, 'utf8')).trim().split('\n');
    await copyFile(join(single, 'low/0-1.wav'), join(single, 'low/alone.wav'));
    await writeFile(manifest, `${[...rows, 'low/alone.wav,lone,1,alone'].join('\n')}\n`);
    await expect(train(options('no7', { dataset: single }))).rejects.toThrow(DatasetError);
  });

  it('works with a frozen network, and says that it has learnt nothing', async () => {
    const random = await train(
      options('edgel3', {
        approach: 'edgel3-svm',
        overrides: { weights: 'random', vectors: { hopSeconds: 0.5 } },
      }),
    );
    expect(random.weights).toContain('Random weights');
    expect(await readFile(random.report.markdown, 'utf8')).toContain('Random weights');
    expect(random.parity).toBeLessThan(1e-5);
    // The classifier is trained: a factor per number of the vector (means and deviations) and a shift, for each class.
    const classes = random.predictions.classes.length;
    expect(random.trainedParameters).toBe(classes * (2 * 64 + 1));
    expect(random.parameters - random.trainedParameters).toBe(398_306);
  });

  it('counts what a frozen network has learnt, by the layers of MobileNet-v1', async () => {
    const { parameters } = await namedEmbedderByName('yamnet').open({ network: 'yamnet', weights: 'random' });
    // Kernels of the stem and of the pairs, and a scale and a shift for every channel behind each of them.
    let [count, channels] = [3 * 3 * 32 + 2 * 32, 32];
    for (const [, filters] of yamnetPairs) {
      count += 9 * channels + 2 * channels + channels * filters + 2 * filters;
      channels = filters;
    }
    expect(parameters).toBe(count);
  });
});

/** The vector of one waveform, by the nodes. */
async function byNodes(vectors: ClipVectors, waveform: Float32Array, most: number): Promise<Float32Array> {
  const g = new GraphBuilder();
  g.output(vectors.nodes(g, g.input('waveform', 'float32', ['batch', 'samples']), most).vector, 'vector');
  const { vector } = await runModel(g.model(), { waveform: float32([1, waveform.length], waveform) });
  expect(vector!.dims).toEqual([1, vectors.size]);
  return vector!.data as Float32Array;
}

function noise(seed: string, samples: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: samples }, () => random.normal(0, 0.1));
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);
}

describe('vectors by nodes', () => {
  it('are the 82 numbers of the function', async () => {
    const samples = noise('mfcc', 30000);
    const expected = mfcc82(samples);
    const actual = await byNodes(mfccVectors, samples, 88200);
    expect(largestDifference(actual, expected)).toBeLessThan(2e-3);
  });

  it.each(['mean', 'mean-deviation', 'max'] as const)(
    'are the pooled embeddings (%s) of clips shorter and longer than a window, at their ends and beyond',
    async (pooling) => {
      const parts = await namedEmbedderByName('edgel3').open({
        network: 'edgel3',
        weights: 'random',
        hopSeconds: 0.4,
      });
      const description = describeEmbedder(parts);
      const { size } = description.spec;
      const vectors = embeddingVectors(parts, size, pooling);
      const engine = new Engine({ threads: 1 });
      try {
        const embedder = await Embedder.load(description, engine);
        const most = 24000;
        for (const samples of [1, 3000, 4000, 4001, 7200, 7201, 16000, most]) {
          const data = noise(`${samples}`, samples);
          const { inputs } = windowInputs(cutWindows(data, parts.windowing), description.spec);
          const expected = poolWindows(await embedder.embed(inputs), size, pooling);
          const actual = await byNodes(vectors, data, most);
          const scale = expected.reduce((top, v) => Math.max(top, Math.abs(v)), 0);
          expect(largestDifference(actual, expected) / scale, `${samples} samples`).toBeLessThan(1e-4);
        }
      } finally {
        await engine.close();
      }
    },
  );
});
