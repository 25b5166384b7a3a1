import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEmbedder } from '../../src/approaches/index.ts';
import { encodeWav, resample } from '../../src/audio/index.ts';
import { CancelledError, DatasetError, float32, RuntimeError, type Tensor } from '../../src/core/index.ts';
import type { Clip } from '../../src/datasets/index.ts';
import {
  type EmbeddedFile,
  type EmbeddedRecording,
  Embedder,
  type EmbedRecordingsOptions,
  embedDataset,
  embedRecordings,
  poolWindows,
} from '../../src/embeddings/index.ts';
import { yamnetLogMel } from '../../src/features/index.ts';
import { Engine } from '../../src/runtime/index.ts';
import { runModel } from '../support/runModel.ts';
import { melody, smallChoice, smallModel, smallSize, writeSmallModel } from './smallNetwork.ts';

let folder: string;
let engine: Engine;
let embedder: Embedder;
const sounds = new Map<string, Float32Array>();

const path = (name: string) => join(folder, name);

async function all(
  names: readonly string[],
  options: EmbedRecordingsOptions = {},
  by = embedder,
): Promise<EmbeddedFile[]> {
  const found: EmbeddedFile[] = [];
  for await (const file of embedRecordings(names.map(path), by, { workers: 0, ...options })) found.push(file);
  return found;
}

async function one(name: string, options: EmbedRecordingsOptions = {}): Promise<EmbeddedRecording> {
  const [file] = await all([name], options);
  if (file!.state !== 'embedded') throw new Error(JSON.stringify(file));
  return file!.recording;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-embed-'));
  const network = await writeSmallModel(path('small.onnx'));
  // 70 s are more windows than are held at a time.
  for (const [name, seconds] of Object.entries({ a: 0.2, b: 0.975, c: 3.3, d: 1.2, e: 2, long: 70 })) {
    const samples = melody(name.length + seconds, seconds);
    sounds.set(`${name}.wav`, samples);
    await writeFile(
      path(`${name}.wav`),
      encodeWav({ sampleRate: 16000, channelData: [samples] }, { encoding: 'float32' }),
    );
  }
  await writeFile(path('text.wav'), 'no sound at all, only text. '.repeat(40));
  await writeFile(path('empty.wav'), encodeWav({ sampleRate: 16000, channelData: [new Float32Array(0)] }));
  engine = new Engine({ threads: 1 });
  embedder = await Embedder.load(await openEmbedder(smallChoice(network)), engine);
});

afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

/** By hand: windows of 15,600 samples every 7,680, zeros behind the end, each through front end and model alone. */
async function byHand(samples: Float32Array): Promise<Float32Array[]> {
  const count = 1 + Math.ceil(Math.max(0, samples.length - 15600) / 7680);
  const rows: Float32Array[] = [];
  for (let i = 0; i < count; i++) {
    const window = new Float32Array(15600);
    window.set(samples.subarray(i * 7680, i * 7680 + 15600));
    const { data } = yamnetLogMel(window);
    const picture = Float32Array.from({ length: 96 * 64 }, (_, at) => data[(at % 64) * 96 + (at >> 6)]);
    const { embedding } = await runModel(smallModel(), { log_mel: float32([1, 1, 96, 64], picture) });
    rows.push(embedding!.data as Float32Array);
  }
  return rows;
}

describe('embedding recordings', () => {
  it.each(['a.wav', 'b.wav', 'c.wav'])('gives what front end and network give by hand: %s', async (name) => {
    const { embedding, timestamps, levels, seconds } = await one(name);
    const samples = sounds.get(name)!;
    const expected = await byHand(samples);
    expect(timestamps).toEqual(Float64Array.from(expected, (_, i) => i * 0.48));
    expect(seconds).toBeCloseTo(samples.length / 16000, 6);
    expect(embedding.length).toBe(expected.length * smallSize);
    expected
      .flatMap((row) => [...row])
      .forEach((value, i) => {
        expect(Math.abs(embedding[i] - value)).toBeLessThan(1e-5);
      });
    const first = samples.subarray(0, 15600).reduce((sum, value) => sum + value * value, 0);
    expect(levels[0]).toBeCloseTo(Math.sqrt(first / 15600), 5);
  });

  it('gives a long recording all its windows, as if it had been cut in one piece', async () => {
    const { embedding, timestamps } = await one('long.wav');
    expect(timestamps.length).toBe(1 + Math.ceil((70 * 16000 - 15600) / 7680));
    const expected = await byHand(sounds.get('long.wav')!.subarray(63 * 7680, 67 * 7680 + 15600));
    const found = embedding.subarray(63 * smallSize, 68 * smallSize);
    expected
      .flatMap((row) => [...row])
      .forEach((value, i) => {
        expect(Math.abs(found[i] - value)).toBeLessThan(1e-5);
      });
  });

  it('does not depend on the company, the batches, the workers or the memory: the same bytes', async () => {
    const names = ['c.wav', 'a.wav', 'long.wav', 'b.wav', 'd.wav', 'e.wav'];
    const alone = await Promise.all(names.map((name) => one(name)));
    for (const options of [{ workers: 2 }, { workers: 0, memory: 1 }]) {
      const together = await all(names, options);
      expect(together.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4, 5]);
      together.forEach((file, i) => {
        expect(file.state === 'embedded' && file.recording.embedding).toEqual(alone[i].embedding);
      });
    }
    for (const name of ['a.wav', 'c.wav'])
      expect((await one(name, { batchSize: 3 })).embedding.length).toBe(
        alone[names.indexOf(name)].embedding.length,
      );
  });

  it('resamples and mixes down: stereo at 44.1 kHz sounds as mono at 16', async () => {
    const mono = resample(sounds.get('c.wav')!, 16000, 44100);
    await writeFile(
      path('stereo.wav'),
      encodeWav(
        { sampleRate: 44100, channelData: [mono.map((x) => 1.5 * x), mono.map((x) => 0.5 * x)] },
        { encoding: 'float32' },
      ),
    );
    const [stereo, original] = [await one('stereo.wav'), await one('c.wav')];
    expect(stereo.timestamps).toEqual(original.timestamps);
    const worst = Math.max(...stereo.embedding.map((x, i) => Math.abs(x - original.embedding[i])));
    expect(worst).toBeLessThan(0.02);
  });

  it('tells what cannot be read, and goes on', async () => {
    const files = await all(['text.wav', 'a.wav', 'gone.wav', 'empty.wav', 'b.wav']);
    expect(files.map(({ state }) => state)).toEqual(['failed', 'embedded', 'failed', 'failed', 'embedded']);
    const messages = files.map((file) => (file.state === 'failed' ? file.message : ''));
    expect(messages[0]).toContain('text.wav');
    expect(messages[2]).toContain('gone.wav');
    expect(messages[3]).toMatch(/empty\.wav .* without a single sample/);
  });

  it('leaves out what is known, without opening it', async () => {
    const asked: string[] = [];
    const files = await all(['a.wav', 'text.wav'], {
      known: async (index, hash) => {
        asked.push(await hash());
        return index === 1;
      },
    });
    expect(files.map(({ state }) => state)).toEqual(['embedded', 'known']);
    expect(asked.every((hash) => /^[0-9a-f]{64}$/.test(hash))).toBe(true);
  });

  it('stops when asked to, and when the network fails', async () => {
    const stop = new AbortController();
    const stopped = (async () => {
      for await (const _ of embedRecordings(Array(200).fill(path('c.wav')), embedder, {
        workers: 0,
        signal: stop.signal,
      }))
        stop.abort();
    })();
    await expect(stopped).rejects.toThrow(CancelledError);
    const broken = await Embedder.load(embedder, {
      load: async () => null,
      run: async (): Promise<Record<string, Tensor>> => {
        throw new Error('out of memory');
      },
    });
    await expect(all(['a.wav', 'b.wav'], {}, broken)).rejects.toThrow(RuntimeError);
  });
});

describe('a dataset as a matrix', () => {
  const clip = (id: string, i: number): Clip => ({
    ...{ id, path: path(id), label: i % 2 === 0 ? 'even' : 'odd', fold: i, group: `recording ${i >> 1}` },
  });

  it('has one pooled row per readable clip, and the second time does not run the network', async () => {
    const cacheDir = path('cache');
    const clips = ['a.wav', 'text.wav', 'c.wav', 'd.wav'].map(clip);
    const first = await embedDataset({ clips }, embedder, 'mean', { cacheDir, workers: 0 });
    expect(first.labels).toEqual(['even', 'even', 'odd']);
    expect(first.groups).toEqual(['recording 0', 'recording 1', 'recording 1']);
    expect(first.folds).toEqual([0, 2, 3]);
    expect(first.failures.map(({ subject }) => subject)).toEqual(['text.wav']);
    const windows = (await one('c.wav')).embedding;
    expect(first.matrix.subarray(smallSize, 2 * smallSize)).toEqual(poolWindows(windows, smallSize, 'mean'));
    expect(first.fromCache).toBe(0);

    const idle = await Embedder.load(embedder, {
      load: async () => null,
      run: async (): Promise<Record<string, Tensor>> => {
        throw new Error('The network ran again.');
      },
    });
    // Found by content: copies elsewhere count.
    await copyFile(path('c.wav'), path('copy.wav'));
    const again = [clip('a.wav', 0), clip('copy.wav', 1)];
    const second = await embedDataset({ clips: again }, idle, 'mean-deviation', { cacheDir, workers: 0 });
    expect(second.fromCache).toBe(2);
    expect(second.size).toBe(2 * smallSize);
    expect(second.matrix.subarray(2 * smallSize)).toEqual(poolWindows(windows, smallSize, 'mean-deviation'));
    expect((await readdir(join(cacheDir, 'embeddings'))).length).toBeGreaterThan(0);
  });

  it('is refused when not one clip can be read', async () => {
    const clips = [clip('text.wav', 0)];
    await expect(embedDataset({ clips }, embedder, 'max', { cacheDir: null, workers: 0 })).rejects.toThrow(
      DatasetError,
    );
  });
});
