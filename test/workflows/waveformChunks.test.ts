import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { mfccVectors } from '../../src/approaches/index.ts';
import { encodeWav } from '../../src/audio/index.ts';
import { joined, Random } from '../../src/core/index.ts';
import type { Clip } from '../../src/datasets/index.ts';
import { type ClipPipeline, extractFeatures, shortNotices } from '../../src/extraction/index.ts';
import { VectorMaker, vectorRows } from '../../src/workflows/vectorRows.ts';
import { WholeClips, waveformChunks } from '../../src/workflows/waveformChunks.ts';
import { tone, toneRate, writeTone } from '../support/tones.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-chunks-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const pipeline: ClipPipeline = {
  ...{ sampleRate: toneRate, windowSeconds: 0.25, pad: 'zero', overlap: 0.5, frontEnd: null },
};
const hooks = () => ({ threads: 0, cacheDir: join(folder, 'cache') });

async function clipOf(id: string, seconds: number): Promise<Clip> {
  const path = join(folder, `${id}.wav`);
  await writeTone(path, tone('low', seconds, new Random(id)));
  return { id, path, label: 'low', group: id, fold: 1 };
}

it('keeps the vectors of two stretches of one file apart in the cache', async () => {
  const path = join(folder, 'two.wav');
  const samples = new Float32Array(2 * toneRate);
  samples.set(tone('low', 1, new Random(1)));
  samples.set(tone('high', 1, new Random(1)), toneRate);
  await writeTone(path, samples);
  const stretch = (id: string, start: number): Clip => {
    return { id, path, start, end: start + 1, label: id, group: 'two', fold: 1 };
  };
  const cutting: ClipPipeline = { ...pipeline, windowSeconds: 1, overlap: 0 };
  const options = { threads: 1, cacheDir: join(folder, 'stretches') };
  const maker = await VectorMaker.load(mfccVectors, cutting, options);
  try {
    for (const run of ['made', 'from the cache']) {
      const clips = [stretch('first', 0), stretch('second', 1)];
      const { matrix } = await vectorRows(clips, mfccVectors, cutting, maker, options);
      expect(matrix.rows, run).toBe(2);
      const [first, second] = [0, 1].map((i) =>
        [...matrix.data].slice(i * matrix.columns, (i + 1) * matrix.columns),
      );
      expect(first, run).not.toEqual(second);
    }
  } finally {
    await maker.close();
  }
});

describe('clips as waveforms at constant memory', () => {
  it('gives a long clip in parts that together are its windows, to the bit, among short ones', async () => {
    const clips = [await clipOf('a', 0.4), await clipOf('b', 3.1), await clipOf('c', 0.1)];
    const whole = new WholeClips<Float32Array>();
    const made = new Map<string, readonly Float32Array[]>();
    const most = 8 * 0.25 * toneRate;
    let [parts, largest, short] = [0, 0, 0];
    for await (const chunk of waveformChunks(clips, pipeline, hooks(), 'Test', most)) {
      expect(chunk.failures).toEqual([]);
      short += chunk.short;
      for (const features of chunk.features) {
        const { waveforms = [], clip, part } = features;
        if (part !== undefined) parts++;
        largest = Math.max(largest, waveforms.length);
        const own = whole.add(features, waveforms);
        if (own.length > 0) made.set(clip.id, own);
      }
    }
    const { features, short: alike } = await extractFeatures(clips, pipeline, {
      ...{ workers: 0, cacheDir: null, keepWaveforms: true },
    });
    expect(parts).toBe(3);
    expect(largest).toBe(8);
    expect([...made.keys()]).toEqual(['a', 'b', 'c']);
    for (const { clip, waveforms = [] } of features)
      expect(joined([...made.get(clip.id)!])).toEqual(joined(waveforms));
    expect([short, alike]).toEqual([1, 1]);
  });

  it('makes nothing of a long clip that turns out to be damaged, and goes on with the next', async () => {
    const clips = [await clipOf('d', 2), await clipOf('e', 2)];
    // A window in the middle that no front end makes finite numbers of would fail likewise; this one fails to open.
    await truncate(clips[0].path, 20);
    const failed: string[] = [];
    const whole = new WholeClips<Float32Array>();
    const done: string[] = [];
    for await (const chunk of waveformChunks(clips, pipeline, hooks(), 'Test', 4 * 0.25 * toneRate)) {
      failed.push(...chunk.failures.map(({ clip }) => clip.id));
      for (const features of chunk.features)
        if (whole.add(features, features.waveforms ?? []).length > 0) done.push(features.clip.id);
    }
    expect(failed).toEqual(['d']);
    expect(done).toEqual(['e']);
  });

  it('drops the parts of a clip that failed before its last one', () => {
    const whole = new WholeClips<number>();
    expect(whole.add({ part: { first: 0, last: false } }, [1, 2])).toEqual([]);
    expect(whole.add({}, [7])).toEqual([7]);
    expect(whole.add({ part: { first: 0, last: false } }, [3])).toEqual([]);
    expect(whole.add({ part: { first: 1, last: true } }, [4])).toEqual([3, 4]);
  });

  it('counts clips shorter than a window in one sentence, as the pipeline fills them', async () => {
    expect(shortNotices(312, 888, { ...pipeline, windowSeconds: 1, pad: 'repeat' })).toEqual([
      {
        subject: 'clips',
        message: '312 of 888 clips last less than a window of 1.000 s: they are repeated to fill it.',
      },
    ]);
    expect(shortNotices(0, 888, pipeline)).toEqual([]);
    // A clip as long as a window at another rate is not short of it.
    const path = join(folder, 'rate.wav');
    const samples = Float32Array.from({ length: 11_025 }, (_, i) => Math.sin(i));
    await writeFile(path, encodeWav({ sampleRate: 44_100, channelData: [samples] }));
    const clip = { id: 'r', path, label: 'low', group: 'r', fold: 1 };
    const { short } = await extractFeatures([clip], pipeline, { workers: 0, cacheDir: null });
    expect(short).toBe(0);
  });
});
