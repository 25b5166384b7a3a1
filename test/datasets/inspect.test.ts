import { copyFile, mkdir, mkdtemp, rename, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/audio/index.ts';
import { CancelledError, Random } from '../../src/core/index.ts';
import {
  type Dataset,
  fingerprint,
  inspectDataset,
  inspectionText,
  openDataset,
} from '../../src/datasets/index.ts';

let root: string;
let dataset: Dataset;

function tone(seconds: number, sampleRate: number, { offset = 0, gain = 0.5, seed = 1 } = {}): Float32Array {
  const random = new Random(seed);
  return Float32Array.from(
    { length: Math.round(seconds * sampleRate) },
    () => offset + gain * random.uniform(-0.5, 0.5),
  );
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'earshot-inspect-'));
  const rows: string[] = ['path,label,fold,group'];
  const put = async (
    path: string,
    label: string,
    fold: number,
    group: string,
    bytes: Uint8Array | string,
  ) => {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
    rows.push([path, label, fold, group].join(','));
  };
  const stereo = [tone(1, 8000, { seed: 2 }), tone(1, 8000, { seed: 3 })];
  const plain = { sampleRate: 8000, channelData: [tone(2, 8000)] };
  await put('a.wav', 'dog', 1, 'r1', encodeWav(plain));
  await put(
    'b.wav',
    'dog',
    2,
    'r1',
    encodeWav({ sampleRate: 16000, channelData: [tone(0.5, 16000)] }, { encoding: 'pcm24' }),
  );
  await put(
    'c.wav',
    'cat',
    1,
    'r2',
    encodeWav({ sampleRate: 8000, channelData: stereo }, { encoding: 'float32' }),
  );
  await put('same.wav', 'cat', 2, 'r3', encodeWav(plain));
  // The 16-bit samples of a.wav, stored as float: other bytes, equal sound.
  const rounded = plain.channelData[0].map((v) => Math.round(v * 32768) / 32768);
  await put(
    'equal.wav',
    'dog',
    1,
    'r4',
    encodeWav({ sampleRate: 8000, channelData: [rounded] }, { encoding: 'float32' }),
  );
  await put(
    'silent.wav',
    'dog',
    1,
    'r5',
    encodeWav({ sampleRate: 8000, channelData: [new Float32Array(4000)] }),
  );
  await put(
    'silent2.wav',
    'dog',
    1,
    'r6',
    encodeWav({ sampleRate: 8000, channelData: [new Float32Array(4000)] }, { encoding: 'float32' }),
  );
  await put(
    'offset.wav',
    'cat',
    1,
    'r7',
    encodeWav({ sampleRate: 8000, channelData: [tone(1, 8000, { offset: 0.05, seed: 4 })] }),
  );
  await put('text.wav', 'cat', 1, 'r8', 'no sound\n'.repeat(100));
  const whole = encodeWav({ sampleRate: 8000, channelData: [tone(1, 8000, { seed: 5 })] });
  await put('cut.wav', 'cat', 1, 'r9', whole.subarray(0, 44 + 8000));
  await writeFile(join(root, 'manifest.csv'), rows.join('\n'));
  dataset = await openDataset(root);
});

describe('inspectDataset', () => {
  it('finds what was put there', async () => {
    const result = await inspectDataset(dataset, { workers: 2 });
    expect(result.classes).toEqual([
      { label: 'cat', clips: 5, groups: 5, clipsPerFold: [4, 1] },
      { label: 'dog', clips: 5, groups: 4, clipsPerFold: [4, 1] },
    ]);
    expect(result.folds).toEqual([
      { fold: 1, clips: 8, groups: 8 },
      { fold: 2, clips: 2, groups: 2 },
    ]);
    expect(result.groups).toEqual({
      count: 9,
      clipsPerGroup: { min: 1, median: 1, max: 2 },
      withSeveralClasses: [],
    });
    expect(result.leaks).toEqual([{ group: 'r1', folds: [1, 2], clips: 2 }]);
    expect(result.sampleRates).toEqual([
      { value: 8000, clips: 8 },
      { value: 16000, clips: 1 },
    ]);
    expect(result.channels).toEqual([
      { value: 1, clips: 8 },
      { value: 2, clips: 1 },
    ]);
    expect(result.bitDepths).toEqual([
      { value: 16, clips: 5 },
      { value: 32, clips: 3 },
      { value: 24, clips: 1 },
    ]);
    expect(result.durations).toMatchObject({
      minSeconds: 0.5,
      maxSeconds: 2,
      medianSeconds: 1,
      totalSeconds: 10,
    });
    expect(result.durations!.histogram.reduce((sum, bin) => sum + bin.clips, 0)).toBe(9);
    expect(result.duplicates).toEqual([
      { same: 'content', clips: ['a.wav', 'same.wav'], acrossClasses: true, acrossFolds: true },
      { same: 'samples', clips: ['a.wav', 'same.wav', 'equal.wav'], acrossClasses: true, acrossFolds: true },
    ]);
    expect(result.unreadable.map(({ clip }) => clip)).toEqual(['text.wav']);
    expect(result.silent).toEqual(['silent.wav', 'silent2.wav']);
    expect(result.dcOffsets).toEqual([{ clip: 'offset.wav', offset: expect.closeTo(0.05, 2) }]);
    expect(result.warnings.map(({ clip }) => clip)).toEqual(['cut.wav']);
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
    expect(await inspectDataset(dataset, { workers: 0 })).toEqual(result);

    const text = inspectionText(result, { most: 1 });
    for (const line of [
      '10 clips, 2 classes, 2 folds, 9 recordings',
      '  recording r1 lies in folds 1 and 2 (2 clips)',
      'Duplicates: 2',
      'UNDER DIFFERENT LABELS',
      '  … and 1 more',
      'Unreadable: 1',
      'Silent: 2',
      '  offset.wav: 0.05',
    ]) {
      expect(text).toContain(line);
    }
  });

  it('can look at headers alone', async () => {
    const result = await inspectDataset(dataset, { workers: 0, decode: false });
    expect(result).toMatchObject({ decoded: false, silent: [], dcOffsets: [], warnings: [] });
    expect(result.unreadable.map(({ clip }) => clip)).toEqual(['text.wav']);
    expect(result.sampleRates[0]).toEqual({ value: 8000, clips: 8 });
    expect(inspectionText(result)).toContain('Only headers were read');
  });

  it('stops when asked to', async () => {
    await expect(inspectDataset(dataset, { workers: 0, signal: AbortSignal.abort() })).rejects.toThrow(
      CancelledError,
    );
  });
});

describe('fingerprint', () => {
  it('follows content, labels, folds and groups, and nothing else', async () => {
    const options = { cacheDir: null };
    const first = await fingerprint(dataset, options);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    const { clips } = dataset;
    expect(await fingerprint({ clips: [...clips].reverse() }, options)).toBe(first);

    // The same files elsewhere, with other times.
    const elsewhere = await mkdtemp(join(tmpdir(), 'earshot-inspect-'));
    for (const clip of clips) {
      await copyFile(clip.path, join(elsewhere, clip.id));
      await utimes(join(elsewhere, clip.id), 1e9, 1e9);
    }
    const moved = clips.map((clip) => ({ ...clip, path: join(elsewhere, clip.id) }));
    expect(await fingerprint({ clips: moved }, options)).toBe(first);

    const change = (part: object) =>
      fingerprint({ clips: [{ ...moved[0], ...part }, ...moved.slice(1)] }, options);
    const others = [
      await change({ label: 'cow' }),
      await change({ fold: 7 }),
      await change({ group: 'r0' }),
      await change({ id: 'z.wav' }),
    ];
    await writeFile(moved[0].path, 'other content');
    others.push(await fingerprint({ clips: moved }, options));
    await rename(moved[0].path, `${moved[0].path}.away`);
    others.push(await fingerprint({ clips: moved }, options));
    expect(new Set([first, ...others]).size).toBe(7);
  });
});
