/** @file `whisper` as an approach, from recordings of mixed lengths to a model, and that model in fewer bits. */
import { appendFile, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Approach,
  approachByName,
  artifactInfo,
  Classifier,
  resolveConfig,
} from '../../src/approaches/index.ts';
import { GraphError, ParameterError, Random, UsageError } from '../../src/core/index.ts';
import { decodeModel } from '../../src/onnx/index.ts';
import {
  classify,
  evaluate,
  exportPrecision,
  type TrainOptions,
  type TrainOutcome,
  train,
} from '../../src/workflows/index.ts';
import { tone, writeTone, writeToneDataset } from '../support/tones.ts';

let folder: string;
let data: string;
let outcome: TrainOutcome;

function options(out: string, changes: Partial<TrainOptions> = {}): TrainOptions {
  return {
    dataset: data,
    approach: 'whisper',
    out: join(folder, out),
    command: 'earshot train tones',
    cacheDir: join(folder, 'cache'),
    threads: 1,
    seed: 5,
    split: { kind: 'folds', testFolds: [3] },
    overrides: { epochs: 8, batchSize: 8, windowSeconds: 0.6, timeShift: 0 },
    ...changes,
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-whisper-'));
  data = join(folder, 'tones');
  await writeToneDataset(data);
  const random = new Random(4);
  // A twentieth of a second, and longer than the window: two windows and more.
  await writeTone(join(data, 'low/short.wav'), tone('low', 0.05, random));
  await writeTone(join(data, 'high/long.wav'), tone('high', 1.5, random));
  await appendFile(join(data, 'manifest.csv'), 'low/short.wav,low,1,s\nhigh/long.wav,high,3,l\n');
  outcome = await train(options('run'));
}, 120_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('whisper', () => {
  it('learns from random weights, and says that they are', async () => {
    expect(outcome.evaluation.accuracy).toBeGreaterThan(0.8);
    expect(outcome.weights).toBe('random');
    expect(outcome.notices.map(({ message }) => message).join()).toMatch(/started from random weights/);
    expect(outcome.parity).toBeLessThan(1e-5);
    const { pipeline } = artifactInfo(decodeModel(await readFile(outcome.models[0])), 'model');
    expect(pipeline).toMatchObject({ pad: 'mask', windowSeconds: 0.6, frontEnd: { kind: 'whisper' } });
  });

  it('classifies any length: 0.05 s, and 31 s in windows', async () => {
    const random = new Random(8);
    const [short, long] = [join(folder, 'short.wav'), join(folder, 'long.wav')];
    await writeTone(short, tone('high', 0.05, random));
    await writeTone(long, tone('low', 31, random));
    const results = [];
    for await (const event of classify({ model: outcome.models[0], paths: [short, long], threads: 1 }))
      results.push(event);
    const [first, second] = results.map((event) => (event.ok ? event.result : null));
    expect(first!.windows).toHaveLength(1);
    expect(first!.windows[0].end).toBeCloseTo(0.05, 3);
    expect(second!.windows).toHaveLength(Math.ceil(31 / 0.6));
    expect(second!.top[0].label).toBe('low');
  });

  it('takes a recording’s length from the waveform: zeros after its end are sound', async () => {
    const classifier = await Classifier.open(outcome.models[0], { threads: 1 });
    try {
      const samples = Float32Array.from({ length: 3200 }, (_, i) => 0.3 * Math.sin(i / 3));
      const followed = new Float32Array(9600);
      followed.set(samples);
      const [alone, padded] = (await classifier.score([samples, followed])).probabilities;
      expect(Math.abs(alone![0] - padded![0])).toBeGreaterThan(1e-4);
      // Together in one run or one by one, the same.
      const other = samples.map((v) => -0.5 * v);
      const together = (await classifier.score([samples, other])).embeddings;
      const single = (await classifier.score([other])).embeddings[0];
      together[1].forEach((v, i) => {
        expect(v).toBeCloseTo(single[i], 5);
      });
    } finally {
      await classifier.close();
    }
  });

  it('hears the full context, with attention and a sum of layers, and augments waveforms', async () => {
    const few = join(folder, 'few');
    await writeToneDataset(few, 3, 1);
    const made = await train(
      options('full', {
        dataset: few,
        overrides: {
          epochs: 1,
          batchSize: 8,
          gain: 3,
          whisper: { context: 'full', pooling: 'attention', layerSum: true },
        },
        split: { kind: 'folds', trainFolds: [1], testFolds: [3] },
      }),
    );
    expect(made.parity).toBeLessThan(1e-5);
    expect(made.config.pipeline.windowSeconds).toBe(30);
  }, 120_000);

  it('trains adapters beside the queries’ and values’ projections, and the head alone at first', async () => {
    const made = await train(
      options('lora', {
        overrides: { epochs: 2, batchSize: 8, windowSeconds: 0.6, loraRank: 2, warmHead: 1 },
      }),
    );
    expect(made.config).toMatchObject({
      network: { lora: { rank: 2, targets: ['*.q_proj.weight', '*.v_proj.weight'] } },
      training: { warmHeadEpochs: 1, trainable: 'head' },
    });
    // Two layers, two projections, A and B; projector and classifier.
    expect(made.trainedParameters).toBe(2 * 2 * 2 * 2 * 96 + 96 * 96 + 96 + 96 * 2 + 2);
    expect(made.parity).toBeLessThan(1e-5);
  });
});

describe('settings', () => {
  const whisper = approachByName('whisper') as Approach;

  it('go by the weights: a recipe for fine-tuning, and one for the reduced shape from scratch', () => {
    const random = resolveConfig(whisper, 4, 0);
    expect(random.network.whisper).toMatchObject({ config: { width: 96, layers: 2 }, context: 'clip' });
    expect(random.training.optimizer.depthDecay).toBeUndefined();
    const tuned = resolveConfig(whisper, 4, 0, { weights: 'tiny', whisper: { size: 'tiny' } });
    expect(tuned.network.whisper).toMatchObject({ config: { width: 384 }, pooling: 'mean' });
    expect(tuned.training.optimizer.learningRate).toBeLessThan(random.training.optimizer.learningRate / 10);
    expect(tuned.training.optimizer.depthDecay).toBeLessThan(1);
    const large = resolveConfig(whisper, 4, 0, {
      weights: 'x',
      whisper: { size: 'large-v3', context: 'full' },
    });
    expect(large.pipeline).toMatchObject({
      windowSeconds: 30,
      frontEnd: { kind: 'whisper-128', nMels: 128 },
    });
  });

  it('that do not go together are refused', () => {
    const refused: [Parameters<typeof resolveConfig>[3], unknown][] = [
      [{ weights: 'x' }, ParameterError],
      [{ whisper: { context: 'full' }, windowSeconds: 4 }, UsageError],
      [{ windowSeconds: 31 }, UsageError],
      [{ trainable: 'head', warmHead: 1 }, UsageError],
      [{ warmHead: 40 }, ParameterError],
    ];
    for (const [overrides, error] of refused)
      expect(() => resolveConfig(whisper, 4, 0, overrides), JSON.stringify(overrides)).toThrow(
        error as typeof UsageError,
      );
    const cnn = approachByName('cnn') as Approach;
    expect(() => resolveConfig(cnn, 4, 0, { pad: 'mask' })).toThrow(UsageError);
    expect(() => resolveConfig(cnn, 4, 0, { whisper: { size: 'tiny' } })).toThrow(UsageError);
  });
});

describe('the model in fewer bits', () => {
  it.each(['fp16', 'int8'] as const)('%s: what it costs is what both files score', async (precision) => {
    const out = join(folder, `${precision}.onnx`);
    const model = outcome.models[0];
    const made = await exportPrecision({
      ...{ model, precision, out, evaluate: outcome.directory, threads: 1 },
      cacheDir: join(folder, 'cache'),
    });
    const scores = async (file: string) =>
      evaluate({ model: file, dataset: data, folds: [3], threads: 1, cacheDir: join(folder, 'cache') });
    const [before, after] = [await scores(model), await scores(out)];
    const { evaluation } = made;
    expect(evaluation!.clips).toBe(outcome.predictions.rows.length);
    expect(evaluation!.accuracyBefore).toBeCloseTo(before.evaluation.accuracy, 12);
    expect(evaluation!.accuracyAfter).toBeCloseTo(after.evaluation.accuracy, 12);
    let largest = 0;
    before.predictions.rows.forEach(({ probabilities }, i) => {
      Array.from(probabilities).forEach((p, c) => {
        largest = Math.max(largest, Math.abs(p - after.predictions.rows[i].probabilities[c]));
      });
    });
    expect(evaluation!.largestProbabilityDifference).toBeCloseTo(largest, 6);
    expect(largest).toBeGreaterThan(0);
    expect(largest).toBeLessThan(precision === 'fp16' ? 0.01 : 0.1);
    expect(made.source.bytes).toBe((await stat(model)).size);
    expect(made.bytes).toBe((await stat(out)).size);
    const info = artifactInfo(decodeModel(await readFile(out)), out);
    expect(info.precision).toEqual({
      ...{ precision, source: made.source, numbers: made.numbers },
      ...{ integerProducts: made.integerProducts, evaluation },
    });
    await expect(exportPrecision({ model: out, precision, out: join(folder, 'again.onnx') })).rejects.toThrow(
      GraphError,
    );
  });
});
