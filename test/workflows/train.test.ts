import { appendFile, copyFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CancelledError, DatasetError, Random, UsageError } from '../../src/core/index.ts';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import {
  type ClassifyEvent,
  classify,
  evaluate,
  type TrainOptions,
  type TrainOutcome,
  train,
} from '../../src/workflows/index.ts';
import { tone, toneRate, writeTone, writeToneDataset } from '../support/tones.ts';

let folder: string;
let data: string;
let outcome: TrainOutcome;
const overrides = {
  epochs: 15,
  sampleRate: toneRate,
  nMels: 32,
  batchSize: 8,
  learningRate: 0.005,
  mixup: 0,
  timeShift: 0,
} as const;

function options(out: string, changes: Partial<TrainOptions> = {}): TrainOptions {
  return {
    dataset: data,
    approach: 'cnn',
    out: join(folder, out),
    command: 'earshot train tones',
    cacheDir: join(folder, 'cache'),
    threads: 1,
    seed: 5,
    split: { kind: 'folds', testFolds: [3] },
    overrides,
    ...changes,
  };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-train-'));
  data = join(folder, 'tones');
  await writeToneDataset(data);
  // Four clips that are not as they should be, all on the training side.
  await copyFile(join(data, 'low/0-1.wav'), join(data, 'low/truncated.wav'));
  await truncate(join(data, 'low/truncated.wav'), 2000);
  await writeFile(join(data, 'low/empty.wav'), '');
  await writeFile(join(data, 'high/text.wav'), 'This is not sound.\n');
  await writeTone(join(data, 'high/silent.wav'), new Float32Array(4000));
  await appendFile(
    join(data, 'manifest.csv'),
    'low/truncated.wav,low,1,t\nlow/empty.wav,low,1,e\nhigh/text.wav,high,1,x\nhigh/silent.wav,high,1,s\n',
  );
  outcome = await train(options('run'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('train', () => {
  it('learns, and leaves a directory with everything', async () => {
    expect(outcome.evaluation.accuracy).toBeGreaterThan(0.8);
    for (const file of [
      'config.json',
      'log.jsonl',
      'predictions.csv',
      'evaluation.json',
      'report.md',
      'report.html',
      'model.onnx',
      'labels.json',
      'checkpoints/last.json',
    ]) {
      expect((await readFile(join(outcome.directory, file))).length, file).toBeGreaterThan(20);
    }
    const log = (await readFile(join(outcome.directory, 'log.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string });
    expect(log.filter(({ event }) => event === 'epoch')).toHaveLength(15);
    const config = JSON.parse(await readFile(join(outcome.directory, 'config.json'), 'utf8'));
    expect(config.seed).toBe(5);
    expect(config.dataset.fingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(config.versions['onnxruntime-node']).toMatch(/^\d/);
  });

  it("writes scikit-learn's keys to evaluation.json", async () => {
    const evaluation = JSON.parse(await readFile(join(outcome.directory, 'evaluation.json'), 'utf8'));
    for (const key of ['low', 'high', 'macro avg', 'weighted avg']) {
      expect(Object.keys(evaluation[key]).sort()).toEqual(['f1-score', 'precision', 'recall', 'support']);
    }
    for (const key of ['accuracy', 'intervals', 'confusion', 'split']) expect(evaluation).toHaveProperty(key);
    expect(evaluation.split.testFolds).toEqual([3]);
    expect(evaluation.split.leak.clips).toBe(0);
  });

  it('names the truncated, the empty, the text and the silent clip in the report', async () => {
    expect(outcome.failures.map((notice) => notice.subject).sort()).toEqual([
      'high/text.wav',
      'low/empty.wav',
    ]);
    const markdown = await readFile(outcome.report.markdown, 'utf8');
    const html = await readFile(outcome.report.html, 'utf8');
    for (const name of ['truncated.wav', 'empty.wav', 'text.wav', 'silent.wav']) {
      expect(markdown).toContain(name);
      expect(html).toContain(name);
    }
    expect(markdown).toMatch(/random/i);
  });

  it("has an artefact whose probabilities are the training pipeline's", () => {
    expect(outcome.parity).toBeLessThanOrEqual(1e-4);
  });

  it('gives the same model for the same seed, and refuses an occupied directory', async () => {
    const again = await train(options('again'));
    expect(await readFile(again.models[0])).toEqual(await readFile(outcome.models[0]));
    expect(again.evaluation).toEqual(outcome.evaluation);
    await expect(train(options('again'))).rejects.toThrow(UsageError);
    const resumed = await train(options('again', { resume: true }));
    expect(resumed.evaluation).toEqual(outcome.evaluation);
  });

  it('goes on where Ctrl-C stopped it, to the same model', async () => {
    const controller = new AbortController();
    let batches = 0;
    const stopped = train(
      options('stopped', {
        signal: controller.signal,
        onProgress: ({ task }) => {
          if (task === 'train' && ++batches === 5) controller.abort();
        },
      }),
    );
    await expect(stopped).rejects.toThrow(CancelledError);
    const finished = await train(options('stopped', { resume: true }));
    expect(await readFile(finished.models[0])).toEqual(await readFile(outcome.models[0]));
  });

  it('trains adapters beside frozen weights and merges them into the model', async () => {
    const adapted = await train(
      options('lora', {
        overrides: { ...overrides, loraRank: 2, loraTargets: ['blocks.*'] },
        seed: 6,
      }),
    );
    // Merged against unmerged, over the test clips.
    expect(adapted.parity).toBeLessThanOrEqual(1e-4);
    expect(adapted.trainedParameters).toBeLessThan(adapted.parameters / 10);
    const { graph } = decodeModel(await readFile(adapted.models[0]));
    expect([...graph.initializers.keys()].filter((name) => name.includes('lora'))).toEqual([]);
    expect(await readFile(adapted.report.markdown, 'utf8')).toContain('were trained');
    const config = JSON.parse(await readFile(join(adapted.directory, 'config.json'), 'utf8'));
    expect(config.config.network.lora).toEqual({ rank: 2, alpha: 4, targets: ['blocks.*'] });
    expect(config.config.training).toMatchObject({ trainable: 'head', frozenStatistics: true });
    const wrong = train(
      options('lora-wrong', { overrides: { ...overrides, loraRank: 2, loraTargets: ['layer4.*'] } }),
    );
    await expect(wrong).rejects.toThrow("matches 'layer4.*'");
    await expect(train(options('lora-no', { overrides: { loraAlpha: 2 } }))).rejects.toThrow(
      /needs the rank/,
    );
  });

  it('cross-validates over the official folds and pools the predictions', async () => {
    const cv = await train(
      options('cv', { split: undefined, crossValidate: true, overrides: { ...overrides, epochs: 2 } }),
    );
    expect(cv.models).toHaveLength(3);
    expect(cv.predictions.rows).toHaveLength(36 + 2);
    expect(cv.evaluation.crossValidation!.folds.map(({ name }) => name)).toEqual(['1', '2', '3']);
    expect(cv.evaluation.split!.kind).toBe('cross-validation');
  });

  it('says what share of a random split leaks', async () => {
    const leaky = await train(
      options('leaky', { split: { kind: 'random' }, overrides: { ...overrides, epochs: 1 } }),
    );
    expect(leaky.evaluation.split!.leak.share).toBeGreaterThan(0.5);
    expect(await readFile(leaky.report.markdown, 'utf8')).toMatch(/leak/i);
  });

  it('says when nothing can be read', async () => {
    const broken = join(folder, 'broken');
    await writeTone(join(broken, 'a/1.wav'), new Float32Array(10));
    await writeFile(join(broken, 'a/1.wav'), 'no');
    await writeFile(join(broken, 'a/2.wav'), 'no');
    await writeTone(join(broken, 'b/3.wav'), new Float32Array(10));
    await writeFile(join(broken, 'b/3.wav'), 'no');
    await writeFile(join(broken, 'b/4.wav'), 'no');
    await expect(
      train(options('broken-run', { dataset: broken, split: { kind: 'random', testFraction: 0.5 } })),
    ).rejects.toThrow(DatasetError);
  });
});

describe('the artefact', () => {
  it('runs on bare ONNX Runtime, for any batch and any length, and says what it needs', async () => {
    const bytes = await readFile(outcome.models[0]);
    const metadata = decodeModel(bytes).metadata;
    expect(JSON.parse(metadata.get('classes')!)).toEqual(['high', 'low']);
    expect(metadata.get('sample_rate')).toBe(String(toneRate));
    const session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
    const random = new Random(99);
    for (const [batch, samples] of [
      [1, 4000],
      [3, 800],
      [2, 9000],
      [1, 1],
    ] as const) {
      const waveform = Float32Array.from({ length: batch * samples }, () => random.uniform(-0.5, 0.5));
      const { probabilities, embedding } = await session.run({
        waveform: new ort.Tensor('float32', waveform, [batch, samples]),
      });
      expect(probabilities!.dims).toEqual([batch, 2]);
      expect(embedding!.dims[0]).toBe(batch);
      for (let n = 0; n < batch; n++) {
        expect(Number(probabilities!.data[2 * n]) + Number(probabilities!.data[2 * n + 1])).toBeCloseTo(1, 5);
      }
    }
    await session.release();
  });
});

describe('classify', () => {
  it('cuts long recordings into windows and goes on past a bad file', async () => {
    const long = join(folder, 'long.wav');
    const random = new Random(3);
    const half = tone('low', 2, random);
    const whole = new Float32Array(2 * half.length);
    whole.set(half);
    whole.set(tone('high', 2, random), half.length);
    await writeTone(long, whole);
    const events: ClassifyEvent[] = [];
    for await (const event of classify({
      model: outcome.models[0],
      paths: [join(data, 'high/text.wav'), long, join(folder, 'absent.wav')],
      top: 2,
      threads: 1,
    }))
      events.push(event);
    expect(events.map((event) => event.ok)).toEqual([false, true, false]);
    const { result } = events[1] as Extract<ClassifyEvent, { ok: true }>;
    expect(result.seconds).toBeCloseTo(4, 6);
    expect(result.top.map(({ label }) => label).sort()).toEqual(['high', 'low']);
    expect(result.windows[0].start).toBe(0);
    expect(result.windows.at(-1)!.end).toBeCloseTo(4, 6);
    for (const window of result.windows) {
      const middle = (window.start + window.end) / 2;
      if (Math.abs(middle - 2) > 0.5)
        expect(window.label, `at ${middle} s`).toBe(middle < 2 ? 'low' : 'high');
    }
    expect((events[0] as Extract<ClassifyEvent, { ok: false }>).message).toContain('text.wav');
  });

  it('takes the sound files of a folder, in order', async () => {
    const files: string[] = [];
    for await (const event of classify({
      model: outcome.models[0],
      paths: [join(data, 'low')],
      threads: 1,
    })) {
      files.push(event.ok ? event.result.file : event.file);
    }
    expect(files).toHaveLength(20);
    expect([...files].sort()).toEqual(files);
  });

  it('says when there is nothing to classify, or the model is none', async () => {
    await expect(classify({ model: outcome.models[0], paths: [] }).next()).rejects.toThrow(/no sound file/);
    await expect(
      classify({ model: join(data, 'manifest.csv'), paths: [join(data, 'low/0-0.wav')] }).next(),
    ).rejects.toThrow();
  });
});

describe('evaluate', () => {
  it('takes artefacts from before there were several front ends, whose specs name no kind', async () => {
    const model = decodeModel(await readFile(outcome.models[0]));
    const info = JSON.parse(model.metadata.get('earshot')!);
    delete info.pipeline.frontEnd.kind;
    delete info.pipeline.frontEnd.version;
    const old = join(folder, 'old.onnx');
    await writeFile(
      old,
      encodeModel({ ...model, metadata: new Map([...model.metadata, ['earshot', JSON.stringify(info)]]) }),
    );
    const run = (file: string) =>
      evaluate({ model: file, dataset: data, folds: [3], threads: 1, cacheDir: join(folder, 'cache') });
    const { split: _, ...before } = (await run(old)).evaluation;
    const { split: __, ...now } = (await run(outcome.models[0])).evaluation;
    expect(before).toEqual(now);
  });

  it('scores a finished model on a labelled dataset, as training did', async () => {
    const result = await evaluate({
      model: outcome.models[0],
      dataset: data,
      folds: [3],
      threads: 1,
      seed: 5,
      cacheDir: join(folder, 'cache'),
      out: join(folder, 'evaluated'),
    });
    expect(result.evaluation.accuracy).toBe(outcome.evaluation.accuracy);
    expect(result.evaluation.confusion).toEqual(outcome.evaluation.confusion);
    // It knows from the run beside the model that none of these clips was trained on.
    expect(result.evaluation.split!.leak).toMatchObject({ clips: 0, groups: 0 });
    expect(result.notices.some(({ subject }) => subject === 'leak')).toBe(false);
    expect(JSON.parse(await readFile(join(folder, 'evaluated/evaluation.json'), 'utf8')).accuracy).toBe(
      outcome.evaluation.accuracy,
    );
  });

  it('measures the leak when clips of the training side are tested, and says when it cannot', async () => {
    const options = { dataset: data, folds: [2, 3], threads: 1, cacheDir: join(folder, 'cache') };
    const { evaluation, notices } = await evaluate({ ...options, model: outcome.models[0] });
    const trained = JSON.parse(await readFile(join(outcome.directory, 'run.json'), 'utf8')).train as string[];
    const { clips, leak } = { clips: evaluation.clips, leak: evaluation.split!.leak };
    const leaked = outcome.predictions.rows.length;
    expect(leak.clips).toBe(clips - leaked);
    expect(leak.share).toBeCloseTo(leak.clips / clips, 12);
    expect(trained.length).toBeGreaterThan(leak.clips);
    expect(notices.find(({ subject }) => subject === 'leak')!.message).toMatch(/% of the test clips/);
    const alone = join(folder, 'alone.onnx');
    await copyFile(outcome.models[0], alone);
    const unknown = await evaluate({ ...options, model: alone });
    expect(unknown.notices.find(({ subject }) => subject === 'leak')!.message).toMatch(
      /which ones is not known/,
    );
  });

  it('knows what it was trained on under other names, in another dataset, by content', async () => {
    const renamed = join(folder, 'renamed');
    const copies = {
      'low/seen.wav': 'low/0-0.wav',
      'high/seen.wav': 'high/0-0.wav',
      'low/new.wav': 'low/2-0.wav',
    };
    for (const [copy, original] of Object.entries(copies)) {
      await mkdir(join(renamed, dirname(copy)), { recursive: true });
      await copyFile(join(data, original), join(renamed, copy));
    }
    const { evaluation, notices } = await evaluate({
      model: outcome.models[0],
      dataset: renamed,
      threads: 1,
      cacheDir: join(folder, 'cache'),
    });
    // Recordings 0 were trained on, recording 2 (fold 3) was tested.
    expect(evaluation.split!.leak).toMatchObject({ clips: 2, groups: 2 });
    expect(notices.find(({ subject }) => subject === 'leak')!.message).toMatch(/66\.7 % of the test clips/);
  });

  it('names a class that the model does not know', async () => {
    const other = join(folder, 'other');
    await writeTone(join(other, 'middle/1.wav'), new Float32Array(100).fill(0.1));
    await writeTone(join(other, 'low/1.wav'), new Float32Array(100).fill(0.1));
    await expect(evaluate({ model: outcome.models[0], dataset: other })).rejects.toThrow(/class 'middle'/);
  });
});
