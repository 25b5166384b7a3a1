import { mkdir, mkdtemp, readdir, readFile, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { encodeWav } from '../../src/audio/index.ts';
import { DatasetError, ParameterError, UsageError } from '../../src/core/index.ts';
import { decodeNpz, readIndex } from '../../src/embeddings/index.ts';
import {
  type EmbedEvent,
  type EmbedOptions,
  embed,
  indexDataset,
  inspect,
  similar,
  train,
} from '../../src/workflows/index.ts';
import { findSoundFiles } from '../../src/workflows/soundFiles.ts';
import { melody, smallChoice, smallSize, writeSmallModel } from '../embeddings/smallNetwork.ts';
import { toneRate, writeToneDataset } from '../support/tones.ts';

// Worker threads start from TypeScript here, which takes its time on a busy machine.
vi.setConfig({ testTimeout: 180_000 });

let folder: string;
let network: string;

const at = (...parts: string[]) => join(folder, ...parts);

async function sound(place: string, samples: Float32Array, rate = 16000): Promise<string> {
  const path = at(place);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, encodeWav({ sampleRate: rate, channelData: [samples] }));
  return path;
}

async function run(options: Partial<EmbedOptions>): Promise<EmbedEvent[]> {
  const events: EmbedEvent[] = [];
  for await (const event of embed({
    ...{ paths: [at('sounds')], out: at('out'), embedder: smallChoice(network), threads: 1 },
    ...options,
  }))
    events.push(event);
  return events;
}

const states = (events: readonly EmbedEvent[]) => events.map(({ state }) => state);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-embed-workflow-'));
  network = await writeSmallModel(at('small.onnx'));
  await sound('sounds/one.wav', melody(1, 0.5));
  await sound('sounds/deep/er/two.wav', melody(2, 1.5));
  await sound('sounds/deep/three.wav', melody(3, 2));
  await writeFile(at('sounds/deep/no-sound.wav'), 'text');
  await writeFile(at('sounds/notes.txt'), 'text');
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('finding sound files', () => {
  const places = async (...paths: string[]) =>
    (await findSoundFiles(paths.map((path) => at(path)))).map(({ place }) => place);

  it('takes files, folders and patterns, each file once, and keeps what is not there', async () => {
    expect(await places('sounds')).toEqual([
      'deep/er/two.wav',
      'deep/no-sound.wav',
      'deep/three.wav',
      'one.wav',
    ]);
    expect(await places('sounds/one.wav', 'sounds', 'gone.wav')).toEqual([
      ...['one.wav', 'deep/er/two.wav', 'deep/no-sound.wav', 'deep/three.wav', 'gone.wav'],
    ]);
    expect(await places('sounds/*.wav')).toEqual(['one.wav']);
    expect(await places('sounds/**/t*.wav')).toEqual(['deep/er/two.wav', 'deep/three.wav']);
    expect(await places('sounds/d??p/[st]*.wav')).toEqual(['deep/three.wav']);
    await expect(places('sounds/*.flac')).rejects.toThrow('There is no sound file in');
  });
});

describe('embed', () => {
  it('writes a file per recording in its place, and keeps, replaces or protects what is there', async () => {
    const first = await run({});
    expect(states(first)).toEqual(['written', 'failed', 'written', 'written']);
    const outputs = ['deep/er/two.npz', 'deep/three.npz', 'one.npz'].map((name) => at('out', name));
    expect(first.flatMap((event) => (event.state === 'written' ? [event.output] : []))).toEqual(outputs);
    const { arrays } = decodeNpz(await readFile(outputs[1]));
    expect(arrays.get('embedding')!.shape).toEqual([4, smallSize]);
    expect([...arrays.get('timestamps')!.data]).toEqual([0, 0.48, 0.96, 1.44]);
    const [, , , short] = first;
    expect(short!.state === 'written' && short!.warnings.join()).toContain('less than a window');

    const [before, time] = [await readFile(outputs[0]), (await stat(outputs[0])).mtimeMs];
    // One is missing, of one the recording has changed, one was made by other hands.
    await unlink(outputs[1]);
    await sound('sounds/one.wav', melody(4, 1.2));
    expect(states(await run({}))).toEqual(['kept', 'failed', 'written', 'written']);
    expect((await stat(outputs[0])).mtimeMs).toBe(time);
    expect(decodeNpz(await readFile(outputs[2])).arrays.get('embedding')!.shape).toEqual([2, smallSize]);

    // Another hop is another configuration, which never takes the place of what is there.
    const other = { ...smallChoice(network), hopSeconds: 0.1 };
    const refused = await run({ embedder: other });
    expect(states(refused)).toEqual(['failed', 'failed', 'failed', 'failed']);
    expect(refused[0].state === 'failed' && refused[0].message).toContain('other settings');
    expect(await readFile(outputs[0])).toEqual(before);
    expect((await readdir(at('out'))).sort()).toEqual(['deep', 'one.npz']);

    // A bit of the disk's has turned: made anew, to the same bytes.
    const turned = Uint8Array.from(before);
    turned[before.length >> 1] ^= 1;
    await writeFile(outputs[0], turned);
    expect(states(await run({}))).toEqual(['written', 'failed', 'kept', 'kept']);
    expect(await readFile(outputs[0])).toEqual(before);

    await writeFile(outputs[1], 'something of mine');
    const again = await run({});
    expect(states(again)).toEqual(['kept', 'failed', 'failed', 'kept']);
    expect(again[2].state === 'failed' && again[2].message).toContain('earshot embed did not make it');
    expect(await readFile(outputs[1], 'utf8')).toBe('something of mine');
  });

  it('refuses two recordings with one output, before anything is written', async () => {
    await sound('twice/a/clip.wav', melody(5, 0.5));
    await sound('twice/b/clip.wav', melody(6, 0.5));
    const paths = [at('twice/a/clip.wav'), at('twice/b/clip.wav')];
    await expect(run({ paths, out: at('clash') })).rejects.toThrow(UsageError);
    await expect(stat(at('clash'))).rejects.toThrow();
    expect(states(await run({ paths: [at('twice')], out: at('clash') }))).toEqual(['written', 'written']);
    expect(await readdir(at('clash'))).toEqual(['a', 'b']);
    await expect(run({ paths: [at('nothing/*.wav')] })).rejects.toThrow(ParameterError);
  });

  it.each([
    [{ contentType: 'env' }, UsageError, '--content-type does not apply to the network small.onnx'],
    [{ weights: 'random' }, UsageError, '--weights does not apply'],
    [{ embedding: undefined }, UsageError, 'Name it with --embedding'],
    [{ embedding: 'none' }, ParameterError, "no tensor named 'none'"],
    [{ frontEnd: 'kapre' }, ParameterError, "no front end 'kapre'"],
    [{ network: 'resnet18' }, UsageError, 'does not apply to the network resnet18'],
    [{ network: 'resnet18', embedding: undefined, frontEnd: undefined }, UsageError, 'needs its pretrained'],
    [{ network: 'openl4' }, ParameterError, "no network 'openl4'"],
    [{ hopSeconds: 1e-6 }, ParameterError, 'hop must last at least one sample'],
  ] as const)('refuses %j', async (changes, error, words) => {
    const refused = run({ embedder: { ...smallChoice(network), ...changes } });
    await expect(refused).rejects.toThrow(error);
    await expect(refused).rejects.toThrow(words);
  });

  it('takes random weights when asked to, and says so', async () => {
    const said: string[] = [];
    const events = await run({
      paths: [at('sounds/one.wav')],
      out: at('resnet'),
      format: 'json',
      embedder: { network: 'resnet18', weights: 'random', pictureSize: 32, nMels: 32, center: true },
      onEmbedder: ({ weights }) => said.push(weights.description),
    });
    expect(said).toEqual(['Random weights: resnet18 has learnt nothing.']);
    expect(states(events)).toEqual(['written']);
    const { embedding, timestamps } = JSON.parse(await readFile(at('resnet/one.json'), 'utf8'));
    expect(embedding.map((row: number[]) => row.length)).toEqual(timestamps.map(() => 512));
    // 1.2 s and half a window of a second before it: windows at 0, 0.5, and moved back to end with the recording.
    expect(timestamps[1]).toBe(0.5);
    expect(timestamps.at(-1)).toBeCloseTo(0.7, 3);
  });

  it("gives a trained model's own embedding", async () => {
    await writeToneDataset(at('tones'));
    const { models } = await train({
      ...{ dataset: at('tones'), approach: 'cnn', out: at('run'), command: 'earshot train', threads: 1 },
      ...{ cacheDir: at('cache'), split: { kind: 'folds', testFolds: [3] } },
      overrides: { epochs: 1, sampleRate: toneRate, nMels: 32, windowSeconds: 0.5 },
    });
    const embedder = { network: models[0] };
    const [event] = await run({ paths: [at('tones/low/0-1.wav')], out: at('trained'), embedder });
    expect(event!.state).toBe('written');
    const { Classifier } = await import('../../src/approaches/index.ts');
    const { readAudio, toMono } = await import('../../src/audio/index.ts');
    const classifier = await Classifier.open(models[0], { threads: 1 });
    const samples = toMono(await readAudio(at('tones/low/0-1.wav')));
    const { embeddings } = await classifier.score([samples]);
    await classifier.close();
    const found = decodeNpz(await readFile(at('trained/0-1.npz'))).arrays.get('embedding')!.data;
    expect(found.length).toBe(embeddings[0].length);
    found.forEach((value, i) => {
      expect(Math.abs(value - embeddings[0][i])).toBeLessThan(1e-5);
    });
  });
});

/** Four recordings in two folds. Of one, a part lies in the other fold under another name, quieter and with noise. */
async function plantedDataset(root: string): Promise<string> {
  const rows = ['path,label,fold,group'];
  for (let i = 0; i < 4; i++) {
    await sound(`${root}/r${i}.wav`, melody(20 + i, 3));
    rows.push(`r${i}.wav,${i % 2 ? 'odd' : 'even'},${(i % 2) + 1},rec${i}`);
  }
  const original = melody(20, 3);
  const noise = melody(99, 2);
  const part = original.slice(8000, 40000).map((x, i) => 0.3 * x + 0.03 * noise[i]);
  await sound(`${root}/copy.wav`, part);
  rows.push('copy.wav,even,2,other name');
  // Silence is like silence, and no leak.
  for (const name of ['s1', 's2']) {
    await sound(`${root}/${name}.wav`, new Float32Array(16000));
    rows.push(`${name}.wav,even,${name[1]},${name}`);
  }
  await writeFile(at(root, 'manifest.csv'), `${rows.join('\n')}\n`);
  return at(root);
}

describe('index, similar and near duplicates', () => {
  let dataset: string;
  const shared = () => ({ threads: 1, cacheDir: at('cache') });
  const make = (out: string, changes = {}) =>
    indexDataset({ ...shared(), dataset, out: at(out), embedder: smallChoice(network), ...changes });

  beforeAll(async () => {
    dataset = await plantedDataset('planted');
  });

  it('keeps an index of the same data, replaces that of other data, refuses that of another network', async () => {
    const { info, made } = await make('index');
    expect(made).toBe(true);
    expect(info.clips.map(({ id }) => id)).toEqual(expect.arrayContaining(['copy.wav', 'r0.wav', 's1.wav']));
    const rows = info.clips.reduce((sum, { times }) => sum + times.length, 0);
    const { matrix } = await readIndex(at('index'));
    expect(matrix.length).toBe(rows * smallSize);
    expect((await make('index')).made).toBe(false);

    await sound('planted/r3.wav', melody(50, 2));
    const renewed = await make('index');
    expect(renewed.made).toBe(true);
    expect(renewed.info.dataset.fingerprint).not.toBe(info.dataset.fingerprint);
    // The old numbers are gone with the old index.
    expect((await readdir(at('index'))).length).toBe(3);

    await expect(make('index', { pooling: 'mean' })).rejects.toThrow(
      /a row per window; asked for was pooling mean/,
    );
    await plantedDataset('third');
    await sound('third/r3.wav', melody(51, 2));
    await expect(make('index', { dataset: at('third') })).rejects.toThrow(/of another dataset/);
    const other = await writeSmallModel(at('other.onnx'), 2);
    await expect(make('index', { embedder: smallChoice(other) })).rejects.toThrow(/another network/);
    await expect(make('sounds')).rejects.toThrow(UsageError);
  });

  it('finds the recording that a part was cut from, and where', async () => {
    await make('index');
    const cut = await sound('cut.wav', melody(22, 3).subarray(15360, 15360 + 15600 + 7680));
    const { clips, dataset: name } = await similar({ ...shared(), file: cut, index: at('index'), top: 2 });
    expect(name).toBe('manifest');
    expect(clips).toHaveLength(2);
    expect(clips[0]).toMatchObject({ id: 'r2.wav', label: 'even', group: 'rec2', fold: 1, same: false });
    expect(clips[0].at!.clip - clips[0].at!.query).toBeCloseTo(0.96, 6);
    expect(clips[0].at!.similarity).toBeGreaterThan(0.999);
    const self = await similar({ ...shared(), file: at('planted/r1.wav'), index: at('index'), top: 1 });
    expect(self.clips[0]).toMatchObject({ id: 'r1.wav', same: true });
    expect(self.clips[0].similarity).toBeCloseTo(1, 5);
  });

  it('does the same with one pooled row per clip', async () => {
    const { info } = await make('pooled', { pooling: 'mean-deviation' });
    expect([info.rows, info.size]).toEqual([info.clips.length, 2 * smallSize]);
    const { clips } = await similar({ ...shared(), file: at('planted/r1.wav'), index: at('pooled') });
    expect(clips[0]).toMatchObject({ id: 'r1.wav', at: null });
    expect(clips[0].similarity).toBeCloseTo(1, 5);
  });

  it('tells the same sound under another name from sounds that are merely alike', async () => {
    await make('index');
    const find = (indexes: readonly string[], more = {}) =>
      inspect({ ...shared(), dataset, nearDuplicates: { indexes, similarity: 0.5, ...more } });
    const { inspection, text } = await find([at('index')]);
    const { pairs, alike } = inspection.nearDuplicates!;
    expect(pairs).toHaveLength(1);
    expect(pairs[0]).toMatchObject({
      ...{ acrossFolds: true, acrossClasses: false, dataset: null },
    });
    expect([...pairs[0].clips].sort()).toEqual(['copy.wav', 'r0.wav']);
    expect(Math.abs(pairs[0].shiftSeconds)).toBeCloseTo(0.5, 2);
    expect(pairs[0].correlation).toBeGreaterThan(0.9);
    expect(alike).toBeGreaterThan(0);
    expect(text).toContain('The same sound under different recordings: 1');
    expect(text).toContain('in different folds');

    // Of another dataset: the same file, planted there.
    await sound('elsewhere/dog/x.wav', melody(21, 3).subarray(4000));
    await sound('elsewhere/cat/y.wav', melody(70, 3));
    await make('index2', { dataset: at('elsewhere') });
    const across = await find([at('index2'), at('index')]);
    const found = across.inspection.nearDuplicates!.pairs.filter((pair) => pair.dataset !== null);
    expect(found.map(({ clips, dataset: name }) => [...clips, name])).toEqual([
      ['r1.wav', 'dog/x.wav', 'elsewhere'],
    ]);
    await expect(find([at('index2')])).rejects.toThrow(DatasetError);
    await expect(find([at('pooled'), at('index')])).rejects.toThrow('one row per clip');
    await expect(find([at('sounds')])).rejects.toThrow('no index of embeddings');
  });

  it('notices an index that was damaged', async () => {
    const { info } = await make('damaged');
    const file = at('damaged', info.embeddings.file);
    const bytes = await readFile(file);
    bytes[bytes.length - 3] ^= 1;
    await writeFile(file, bytes);
    const look = () => similar({ ...shared(), file: at('planted/r1.wav'), index: at('damaged') });
    await expect(look()).rejects.toThrow('damaged');
    await unlink(file);
    await expect(look()).rejects.toThrow('lacks its file');
    await writeFile(at('damaged/index.json'), '{"format": 7}');
    await expect(look()).rejects.toThrow(
      'is an index of embeddings of format 7; this version of Earshot reads 1',
    );
  });
});
