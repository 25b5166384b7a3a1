import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  artifactInfo,
  artifactWindowing,
  Classifier,
  meanProbabilities,
} from '../../src/approaches/index.ts';
import { encodeWav, resample } from '../../src/audio/index.ts';
import { ParameterError } from '../../src/core/index.ts';
import { type Clip, inspectDataset, openDataset } from '../../src/datasets/index.ts';
import { extractFeatures } from '../../src/extraction/index.ts';
import { logMelSpec } from '../../src/features/index.ts';
import { measureClips } from '../../src/hypotheses/measure/measureClips.ts';
import { decodeModel } from '../../src/onnx/index.ts';
import { cutWindows, windowStart } from '../../src/windows/index.ts';
import {
  type ClassifyEvent,
  classify,
  type EmbedEvent,
  embed,
  fewShot,
  indexDataset,
  similar,
} from '../../src/workflows/index.ts';
import { predictClips } from '../../src/workflows/predict.ts';
import { tinyArtifact, tinyPipeline, tinyRate } from '../support/tinyArtifact.ts';

// A small data set in which one clip holds a single sample of 1e20, as a damaged float WAV does.
const seconds = 0.7;
const wave = (seed: number) =>
  Float32Array.from(
    { length: seconds * tinyRate },
    (_, i) => 0.4 * Math.sin((i * (3 + seed)) / 9) * Math.sin(i / 900),
  );

function absurd(): Float32Array {
  const samples = wave(9);
  samples[3000] = 1e20;
  return samples;
}

let folder: string;
let model: string;
let clips: readonly Clip[];
const at = (...parts: string[]) => join(folder, ...parts);

async function write(place: string, ...channelData: readonly Float32Array[]): Promise<string> {
  await mkdir(join(at(place), '..'), { recursive: true });
  await writeFile(
    at(place),
    encodeWav({ sampleRate: tinyRate, channelData: [...channelData] }, { encoding: 'float32' }),
  );
  return at(place);
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-one-bad-clip-'));
  model = at('tiny.onnx');
  await writeFile(model, tinyArtifact());
  for (const [i, label] of ['a', 'a', 'b', 'b'].entries()) await write(`set/${label}/${i}.wav`, wave(i));
  await write('set/a/absurd.wav', absurd());
  clips = (await openDataset(at('set'))).clips;
});

afterAll(() => rm(folder, { recursive: true, force: true }));

const all = ['a/0.wav', 'a/1.wav', 'a/absurd.wav', 'b/2.wav', 'b/3.wav'];
const told = '1 sample was beyond 2^32 times full scale and was replaced by 0.';

async function classified(paths: readonly string[]): Promise<ClassifyEvent[]> {
  const events: ClassifyEvent[] = [];
  for await (const event of classify({ model, paths, threads: 1 })) events.push(event);
  return events;
}

describe('one clip with a single absurd sample', () => {
  it('is named on the training side, and its features are numbers', async () => {
    const frontEnd = logMelSpec({ sampleRate: tinyRate, nFft: 256, hopLength: 128, nMels: 8 });
    const { features, notices } = await extractFeatures(
      clips,
      { ...tinyPipeline, frontEnd },
      {
        ...{ workers: 0, cacheDir: null },
      },
    );
    expect(features.map(({ clip }) => clip.id)).toEqual(all);
    expect(features.every(({ windows }) => windows.every((w) => w.every(Number.isFinite)))).toBe(true);
    expect(notices).toEqual([{ subject: 'a/absurd.wav', message: told }]);
  });

  it('is named on the test side, and its probabilities are numbers', async () => {
    const classifier = await Classifier.open(model, { threads: 1 });
    try {
      const { rows, notices } = await predictClips(classifier, clips, { threads: 0, cacheDir: at('cache') });
      expect(rows.map(({ clip }) => clip)).toEqual(all);
      expect(rows.flatMap(({ probabilities }) => Array.from(probabilities)).every(Number.isFinite)).toBe(
        true,
      );
      expect(notices).toEqual([{ subject: 'a/absurd.wav', message: told }]);
    } finally {
      await classifier.close();
    }
  });

  it('is named by classify', async () => {
    const events = await classified([at('set')]);
    const results = events.map((event) => (event.ok ? event.result : null));
    expect(results.map((result) => result?.warnings)).toEqual([[], [], [told], [], []]);
    expect(results.every((result) => Number.isFinite(result?.top[0]?.probability))).toBe(true);
  });

  it('is named by embed, index and similar', async () => {
    const events: EmbedEvent[] = [];
    const options = { embedder: { network: model }, threads: 1 };
    for await (const event of embed({ ...options, paths: [at('set')], out: at('vectors') }))
      events.push(event);
    expect(events.map(({ state }) => state)).toEqual(Array(5).fill('written'));
    expect(events[2]).toMatchObject({ file: at('set/a/absurd.wav'), warnings: [told] });
    const index = { ...options, dataset: at('set'), out: at('index'), cacheDir: at('cache') };
    const { info, notices } = await indexDataset(index);
    expect(info.clips.map(({ id }) => id)).toEqual(all);
    expect(notices).toEqual([{ subject: 'a/absurd.wav', message: told }]);
    const found = await similar({ file: at('set/a/absurd.wav'), index: at('index'), threads: 1 });
    expect(found.warnings).toEqual([told]);
    expect(found.clips.every(({ similarity }) => Number.isFinite(similarity))).toBe(true);
  });

  it('is named by few-shot', async () => {
    for (const [i, label] of ['a', 'b', 'c', 'd'].entries()) {
      await write(`four/${label}/0.wav`, wave(2 * i));
      await write(`four/${label}/1.wav`, label === 'c' ? absurd() : wave(2 * i + 1));
    }
    await writeFile(at('four.csv'), 'class,x,y\na,0,1\nb,1,0\nc,1,1\nd,0,0\n');
    const { notices, points } = await fewShot({
      ...{
        dataset: at('four'),
        source: { kind: 'frozen', embedder: { network: 'mfcc' } },
        classVectors: at('four.csv'),
      },
      ...{ shots: [0, 1], splits: 1, draws: 1, out: at('few'), command: '', threads: 1 },
      cacheDir: at('cache'),
    });
    expect(notices).toContainEqual({ subject: 'c/1.wav', message: told });
    expect(points.flatMap(({ accuracy }) => Object.values(accuracy)).every(({ value }) => value >= 0)).toBe(
      true,
    );
  });

  it('is named by the hypotheses and by the inspection', async () => {
    const { clips: measured, notices } = await measureClips(clips, 0, { workers: 0, cacheDir: null });
    expect(measured.map(({ clip }) => clip.id)).toEqual(all);
    expect(notices).toEqual([{ subject: 'a/absurd.wav', message: told }]);
    const inspection = await inspectDataset(await openDataset(at('set')), { workers: 0 });
    expect(inspection.warnings).toEqual([{ clip: 'a/absurd.wav', message: told }]);
  });
});

describe('a model whose answer is not a number', () => {
  it('gives a failure that names the file, and no result', async () => {
    const broken = at('broken.onnx');
    await writeFile(broken, tinyArtifact(tinyPipeline, Number.NaN));
    const events: ClassifyEvent[] = [];
    for await (const event of classify({ model: broken, paths: [at('set/b')], threads: 1 }))
      events.push(event);
    expect(events).toEqual(
      ['2.wav', '3.wav'].map((name) => ({
        ...{ ok: false, file: at('set/b', name), hint: expect.any(String) },
        message: `The model's probabilities for ${at('set/b', name)} are not finite numbers.`,
      })),
    );
    const vectors: EmbedEvent[] = [];
    const options = { embedder: { network: broken }, paths: [at('set/b')], out: at('broken'), threads: 1 };
    for await (const event of embed(options)) vectors.push(event);
    expect(vectors.map(({ state }) => state)).toEqual(['failed', 'failed']);
  });
});

describe('classify', () => {
  it('says that a recording is silent, cancels out, or is shorter than a window', async () => {
    const left = wave(1);
    const paths = [
      await write('odd/silent.wav', new Float32Array(4000).fill(0.1)),
      await write(
        'odd/cancels.wav',
        left,
        left.map((x) => -x),
      ),
      await write('odd/short.wav', left.subarray(500, 1500)),
      await write('odd/good.wav', left),
    ];
    const events = await classified(paths);
    expect(events.map((event) => (event.ok ? event.result.warnings : event.message))).toEqual([
      ['It is silent: nothing but a constant is in it.'],
      ['Its channels cancel out when they are mixed down to mono: nothing but a constant is left.'],
      ['It lasts 0.125 s, less than a window of 0.250 s: the rest is filled up.'],
      [],
    ]);
  });

  it('gives, window by window of a stream, what cutting and scoring the whole recording gives, to the bit', async () => {
    const rate = 22050;
    const samples = Float32Array.from(
      { length: 9.13 * rate },
      (_, i) => Math.sin(i * i * 1e-7) * Math.sin(i / 7000),
    );
    await writeFile(
      at('long.wav'),
      encodeWav({ sampleRate: rate, channelData: [samples] }, { encoding: 'float32' }),
    );
    const [event] = await classified([at('long.wav')]);
    if (!event?.ok) throw new Error(event?.message);
    const info = artifactInfo(decodeModel(tinyArtifact()), 'tiny');
    const windowing = artifactWindowing(info);
    const heard = resample(samples, rate, tinyRate);
    const classifier = await Classifier.open(model, { threads: 1 });
    try {
      const { probabilities } = await classifier.score(cutWindows(heard, windowing));
      const { windows, top } = event.result;
      expect(windows.map((window) => window.probabilities)).toEqual(
        probabilities.map((row) => Array.from(row)),
      );
      expect(windows.map(({ start }) => start)).toEqual(
        probabilities.map((_, i) => windowStart(i, heard.length, windowing) / tinyRate),
      );
      expect(windows.at(-1)!.end).toBe(samples.length / rate);
      expect(top[0].probability).toBe(Math.max(...meanProbabilities(probabilities)));
    } finally {
      await classifier.close();
    }
  });
});

describe('a window without samples', () => {
  it('is a typed error, not one of the runtime', async () => {
    const classifier = await Classifier.open(model, { threads: 1 });
    try {
      await expect(classifier.score([new Float32Array(0)])).rejects.toThrow(ParameterError);
    } finally {
      await classifier.close();
    }
  });
});
