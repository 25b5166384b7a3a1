import { copyFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/audio/index.ts';
import { Random } from '../../src/core/index.ts';
import {
  crossValidationFolds,
  type Dataset,
  fingerprint,
  groupDuplicates,
  openDataset,
  splitDataset,
} from '../../src/datasets/index.ts';
import { openNamedDataset } from '../../src/workflows/namedDataset.ts';

const fixtures = join(import.meta.dirname, '../fixtures/audio');

/** Noise of its own for each seed, as a WAV file. */
function noise(seed: number, { seconds = 0.1, gain = 0.5 } = {}): Uint8Array {
  const random = new Random(seed);
  const samples = Float32Array.from({ length: 8000 * seconds }, () => gain * random.uniform(-1, 1));
  return encodeWav({ sampleRate: 8000, channelData: [samples] });
}

/** WAV with a chunk of text behind its header: the same samples in other bytes. */
function retagged(wav: Uint8Array): Uint8Array {
  const chunk = Buffer.from('LIST\x08\0\0\0INFOxxxx', 'latin1');
  const out = Buffer.concat([wav.subarray(0, 12), chunk, wav.subarray(12)]);
  out.writeUInt32LE(out.length - 8, 4);
  return out;
}

async function folderOf(files: Record<string, Uint8Array | string>): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'earshot-duplicates-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

const grouped = async (root: string) => groupDuplicates(await openDataset(root), { cacheDir: null });

/** Sets of clips that are one group, each as its ids in order. */
function sets({ clips }: Dataset): string[] {
  const found = new Map<string, string[]>();
  for (const { id, group } of clips) found.set(group, [...(found.get(group) ?? []), id]);
  return [...found.values()].map((ids) => ids.join(' = ')).filter((set) => set.includes('='));
}

const told = ({ notices }: Pick<Dataset, 'notices'>) =>
  notices.find(({ subject }) => subject === 'duplicates')?.message ?? null;

describe('copies of a sound', () => {
  it('under other names are one group: no part of a cross-validation has one on both sides', async () => {
    const files: Record<string, Uint8Array> = {};
    for (let i = 0; i < 12; i++) {
      const label = i % 2 ? 'a' : 'b';
      files[`${label}/${i}.wav`] = noise(i);
      files[`${label}/copy_of_${i}.wav`] = noise(i);
    }
    const root = await folderOf(files);
    const plain = await openDataset(root);
    const dataset = await openNamedDataset(root, {});
    expect(sets(plain)).toEqual([]);
    expect(sets(dataset).length).toBe(12);
    for (const split of crossValidationFolds(dataset, { k: 4 })) {
      const train = new Set(split.train.map(({ id }) => id.replace('copy_of_', '')));
      expect(split.test.filter(({ id }) => train.has(id.replace('copy_of_', '')))).toEqual([]);
      expect(split.leak.share).toBe(0);
    }
    // A split that tears them apart says so.
    expect(splitDataset(dataset, { kind: 'random', seed: 1 }).leak.leakedClips).toBeGreaterThan(0);
    expect(splitDataset(plain, { kind: 'random', seed: 1 }).leak.leakedClips).toBe(0);
    expect(told(dataset)).toContain('12 files under several names');
    expect(dataset.groupSource).toContain('Copies of one sound are one group');
  });

  it('in two official folds are a leak, and counted', async () => {
    const files = Object.fromEntries(
      [1, 2].flatMap((fold) =>
        ['a', 'b'].map((label) => [`fold${fold}/${label}/x${fold}.wav`, noise(label === 'a' ? 1 : 2)]),
      ),
    );
    const dataset = await grouped(await folderOf({ ...files, 'fold2/a/new.wav': noise(3) }));
    const [first, second] = crossValidationFolds(dataset);
    expect(first!.leak).toMatchObject({ leakedClips: 2, share: 1 });
    expect(second!.leak).toMatchObject({ leakedClips: 2, testClips: 3 });
    expect(told(dataset)).toContain('2 of them lie in different folds');
  });

  it('under different labels are told', async () => {
    const dataset = await grouped(
      await folderOf({ 'a/1.wav': noise(1), 'b/2.wav': noise(1), 'b/3.wav': noise(2) }),
    );
    expect(sets(dataset)).toEqual(['a/1.wav = b/2.wav']);
    expect(told(dataset)).toContain('1 of them UNDER DIFFERENT LABELS');
  });

  it('join the recordings that they are said to be of, with all their clips', async () => {
    const root = await folderOf({
      'manifest.csv': 'path,label,group\n1.wav,a,r\n2.wav,a,r\n3.wav,a,s\n4.wav,a,s\n5.wav,b,t\n6.wav,b,u\n',
      ...Object.fromEntries([1, 2, 2, 4, 5, 6].map((seed, i) => [`${i + 1}.wav`, noise(seed)])),
    });
    const dataset = await grouped(root);
    expect(dataset.clips.map(({ group }) => group)).toEqual(['r', 'r', 'r', 'r', 't', 'u']);
  });

  it('with other headers, and in another lossless format, are the same sound', async () => {
    const bytes = await readFile(join(fixtures, 'flac-s16.flac.f32'));
    const samples = new Float32Array(new Uint8Array(bytes).buffer);
    const half = samples.length / 2;
    // The reference decode is interleaved.
    const channelData = [0, 1].map((c) => Float32Array.from({ length: half }, (_, i) => samples[2 * i + c]));
    const root = await folderOf({
      'a/1.wav': noise(1),
      'a/again.wav': retagged(noise(1)),
      'b/2.wav': noise(2),
      'b/other.wav': encodeWav({ sampleRate: 22050, channelData }),
    });
    await copyFile(join(fixtures, 'flac-s16.flac'), join(root, 'a/sound.flac'));
    expect(sets(await grouped(root))).toEqual(['a/1.wav = a/again.wav', 'a/sound.flac = b/other.wav']);
  });

  it('encoded with loss are found by spectrum and waveform', async () => {
    const root = await folderOf({ 'a/1.wav': noise(1), 'b/2.wav': noise(2) });
    // Made of one signal by tools/fixtures: Vorbis, and what decoding it must give, as WAV.
    const decoded = await readFile(join(fixtures, 'vorbis-mono.ogg.f32'));
    const samples = new Float32Array(new Uint8Array(decoded).buffer);
    // Ten of 16 bits gone: what a coarse codec leaves.
    const coarse = samples.map((x) => Math.round(x * 64) / 64);
    await writeFile(join(root, 'b/decoded.wav'), encodeWav({ sampleRate: 22050, channelData: [coarse] }));
    await copyFile(join(fixtures, 'vorbis-mono.ogg'), join(root, 'a/coded.ogg'));
    expect(sets(await grouped(root))).toEqual(['a/coded.ogg = b/decoded.wav']);
  });

  it('are not seen in silence, in empty or in broken files', async () => {
    const silence = encodeWav({ sampleRate: 8000, channelData: [new Float32Array(800).fill(0.25)] });
    const root = await folderOf({
      ...{ 'a/silent.wav': silence, 'b/silent.wav': silence, 'a/empty.wav': '', 'b/empty.wav': '' },
      ...{ 'a/error.wav': '<html>not found</html>', 'b/error.wav': '<html>not found</html>' },
      ...{ 'a/1.wav': noise(1), 'b/2.wav': noise(2) },
    });
    const dataset = await openDataset(root);
    expect(await groupDuplicates(dataset, { cacheDir: null })).toBe(dataset);
  });

  it('that begin alike and end differently are none', async () => {
    const long = (seed: number) => {
      const [head, tail] = [new Random(1), new Random(seed)];
      const samples = Float32Array.from(
        { length: 8000 * 5 },
        (_, i) => 0.5 * (i < 8000 * 4.5 ? head : tail).uniform(-1, 1),
      );
      return encodeWav({ sampleRate: 8000, channelData: [samples] });
    };
    expect(
      sets(
        await grouped(
          await folderOf({ 'a/1.wav': long(2), 'b/2.wav': long(3), 'b/3.wav': retagged(long(2)) }),
        ),
      ),
    ).toEqual(['a/1.wav = b/3.wav']);
  });

  it('are remembered by content: the second time gives the same', async () => {
    const root = await folderOf({ 'a/1.wav': noise(1), 'a/2.wav': retagged(noise(1)), 'b/3.wav': noise(3) });
    const cacheDir = await folderOf({});
    const dataset = await openDataset(root);
    const first = await groupDuplicates(dataset, { cacheDir });
    expect(JSON.parse(await readFile(join(cacheDir, 'sound-sketches.json'), 'utf8')).version).toBe(1);
    expect(await groupDuplicates(dataset, { cacheDir })).toEqual(first);
    await writeFile(join(cacheDir, 'sound-sketches.json'), '{"version":1,"sketches":{"x":{}}}');
    expect(await groupDuplicates(dataset, { cacheDir })).toEqual(first);
  });

  it('leave a dataset without any as it is, to its fingerprint', async () => {
    const root = await folderOf({ 'a/1.wav': noise(1), 'a/2.wav': noise(2), 'b/3.wav': noise(3) });
    const dataset = await openDataset(root);
    const joined = await openNamedDataset(root, {});
    expect(joined).toEqual(dataset);
    expect(await fingerprint(joined)).toBe(await fingerprint(dataset));
  });
});
