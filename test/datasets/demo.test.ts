import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAudio } from '../../src/audio/index.ts';
import { DatasetError, ParameterError } from '../../src/core/index.ts';
import { openDataset, splitDataset, synthesizeDemo, writeDemo } from '../../src/datasets/index.ts';
import { extractClip } from '../../src/extraction/index.ts';
import { logMelSpec } from '../../src/features/index.ts';

const small = { recordingsPerClass: 2, slicesPerRecording: 3, seconds: 0.5, sampleRate: 16000, folds: 2 };

describe('the synthetic set', () => {
  it('has ten classes, slices in recordings, recordings in folds', () => {
    const { dataset, waveforms } = synthesizeDemo(small);
    expect(dataset).toMatchObject({ kind: 'synthetic', synthetic: true, officialFolds: true });
    expect(dataset.classes).toEqual([
      'air_conditioner',
      'car_horn',
      'children_playing',
      'dog_bark',
      'drilling',
      'engine_idling',
      'gun_shot',
      'jackhammer',
      'siren',
      'street_music',
    ]);
    expect(dataset.clips).toHaveLength(60);
    expect(new Set(dataset.clips.map((clip) => clip.group)).size).toBe(20);
    for (const label of dataset.classes) {
      for (const fold of [1, 2]) {
        expect(dataset.clips.filter((clip) => clip.label === label && clip.fold === fold)).toHaveLength(3);
      }
    }
    for (const [id, samples] of waveforms) {
      expect(samples, id).toHaveLength(8000);
      const peak = samples.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
      expect(peak, id).toBeGreaterThan(0.003);
      expect(peak, id).toBeLessThan(1);
    }
    const split = splitDataset(dataset, { kind: 'folds', testFolds: [1] });
    expect(split.leak.share).toBe(0);
    expect(splitDataset(dataset, { kind: 'random', seed: 1 }).leak.share).toBeGreaterThan(0.5);
  });

  it('repeats with its seed, changes with another, and a recording does not depend on how many there are', () => {
    const id = (d: ReturnType<typeof synthesizeDemo>) =>
      d.dataset.clips.find((clip) => clip.group === '908000')!.id;
    const one = synthesizeDemo(small);
    const more = synthesizeDemo({ ...small, recordingsPerClass: 3 });
    const other = synthesizeDemo({ ...small, seed: 1 });
    expect(synthesizeDemo(small).waveforms).toEqual(one.waveforms);
    expect(more.waveforms.get(id(more))).toEqual(one.waveforms.get(id(one)));
    expect(other.waveforms.get(id(other))).not.toEqual(one.waveforms.get(id(one)));
  });

  it('cuts overlapping slices from one recording', () => {
    const { waveforms, dataset } = synthesizeDemo(small);
    const [a, b] = dataset.clips.filter((clip) => clip.group === '903001');
    expect(waveforms.get(a!.id)!.slice(4000)).toEqual(waveforms.get(b!.id)!.slice(0, 4000));
    expect(b!.source).toEqual({ startSeconds: 0.25, endSeconds: 0.75 });
  });

  it('can be learnt, is no walk-over, and flatters a classifier that has heard the recordings', () => {
    const demo = synthesizeDemo({
      seconds: 1,
      sampleRate: 16000,
      recordingsPerClass: 10,
      slicesPerRecording: 3,
      folds: 5,
    });
    const frontEnd = logMelSpec({ sampleRate: 16000, nFft: 512, nMels: 32 });
    const pipeline = { sampleRate: 16000, windowSeconds: 1, pad: 'repeat', overlap: 0, frontEnd } as const;
    // Nearest neighbour on the mean and deviation of each band: as simple as can be.
    const features = new Map(
      [...demo.waveforms].map(([id, samples]) => {
        const { data, nMels, nFrames } = extractClip({ sampleRate: 16000, channelData: [samples] }, pipeline);
        const vector: number[] = [];
        for (let m = 0; m < nMels; m++) {
          const row = data.subarray(m * nFrames, (m + 1) * nFrames);
          const mean = row.reduce((sum, v) => sum + v, 0) / nFrames;
          vector.push(mean, Math.sqrt(row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / nFrames));
        }
        return [id, vector];
      }),
    );
    const distance = (a: number[], b: number[]) => a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0);
    const accuracy = (spec: Parameters<typeof splitDataset>[1]) => {
      const { train, test } = splitDataset(demo.dataset, spec);
      const right = test.filter((clip) => {
        const mine = features.get(clip.id)!;
        const near = train.reduce((best, other) =>
          distance(mine, features.get(other.id)!) < distance(mine, features.get(best.id)!) ? other : best,
        );
        return near.label === clip.label;
      });
      return right.length / test.length;
    };
    const honest = [1, 2, 3, 4, 5].map((fold) => accuracy({ kind: 'folds', testFolds: [fold] }));
    const mean = honest.reduce((a, b) => a + b, 0) / 5;
    expect(mean).toBeGreaterThan(0.25);
    expect(mean).toBeLessThan(0.8);
    expect(accuracy({ kind: 'random', seed: 0 }) - mean).toBeGreaterThan(0.15);
  });

  it('is written as an UrbanSound8K-like folder that opens as synthetic', async () => {
    const root = join(await mkdtemp(join(tmpdir(), 'earshot-demo-')), 'set');
    const written = await writeDemo(root, small);
    const opened = await openDataset(root);
    expect(opened).toEqual(written);
    expect(opened).toMatchObject({ kind: 'synthetic', synthetic: true, officialFolds: true, notices: [] });
    const { dataset, waveforms } = synthesizeDemo(small);
    const strip = (d: typeof opened) =>
      d.clips.map(({ path: _, source, ...clip }) => ({ ...clip, start: source!.startSeconds }));
    expect(strip(opened)).toEqual(strip(dataset));
    const { channelData, sampleRate } = await readAudio(opened.clips[7].path);
    expect(sampleRate).toBe(16000);
    const wanted = waveforms.get(opened.clips[7].id)!;
    const error = channelData[0].reduce((most, v, i) => Math.max(most, Math.abs(v - wanted[i])), 0);
    expect(error).toBeLessThanOrEqual(0.5 / 32768 + 1e-9);
    expect(await readFile(join(root, 'earshot-demo.json'), 'utf8')).toContain(
      'computed by Earshot, not recorded',
    );

    // The same again leaves the files alone; a torn set is mended; other options and other folders are refused.
    await writeFile(opened.clips[0].path, 'touched');
    await writeDemo(root, small);
    expect(await readFile(opened.clips[0].path, 'utf8')).toBe('touched');
    await rm(opened.clips[1].path);
    expect((await writeDemo(root, small)).clips).toHaveLength(60);
    await expect(writeDemo(root, { ...small, seed: 5 })).rejects.toThrow(/made with other options/);
    const other = await mkdtemp(join(tmpdir(), 'earshot-demo-'));
    await writeFile(join(other, 'thesis.docx'), '');
    await expect(writeDemo(other, small)).rejects.toThrow(DatasetError);
  });

  it('refuses options out of range', () => {
    for (const wrong of [
      { recordingsPerClass: 0 },
      { seconds: -1 },
      { sampleRate: 100 },
      { seed: 0.5 },
      { folds: 1.5 },
    ]) {
      expect(() => synthesizeDemo(wrong)).toThrow(ParameterError);
    }
  });
});
