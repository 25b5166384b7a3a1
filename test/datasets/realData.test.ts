import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  crossValidationFolds,
  inspectDataset,
  measureLeak,
  openDataset,
  splitDataset,
  validationSplit,
} from '../../src/datasets/index.ts';

/** The shared recordings lie beside the checkout where the project is developed; elsewhere these tests are skipped. */
const data = join(import.meta.dirname, '../../../shared/data');

describe.skipIf(!existsSync(join(data, 'urbansound8k-folds12')))(
  'UrbanSound8K folds 1 and 2 (needs ../shared/data)',
  () => {
    const root = join(data, 'urbansound8k-folds12');

    it('has 873 and 888 slices, as the published table', async () => {
      const dataset = await openDataset(root);
      expect(dataset).toMatchObject({ kind: 'urbansound8k', officialFolds: true, notices: [] });
      expect(dataset.classes).toHaveLength(10);
      const split = splitDataset(dataset, { kind: 'folds', trainFolds: [1], testFolds: [2] });
      expect([split.train.length, split.test.length]).toEqual([873, 888]);
      expect(split.leak.leakedClips).toBe(0);
      const gunShots = dataset.clips.filter((clip) => clip.label === 'gun_shot');
      expect(gunShots).toHaveLength(70);
    });

    it('has the overlaps in time that the table says', async () => {
      const { clips } = await openDataset(root);
      const sorted = [...clips].sort((a, b) => (a.id < b.id ? -1 : 1));
      const test = sorted.filter((_, i) => i % 5 === 0);
      const train = sorted.filter((_, i) => i % 5 !== 0);
      // Counted by a few lines of Python from the columns fsID, start and end.
      expect(measureLeak(train, test)).toMatchObject({
        testClips: 353,
        leakedClips: 342,
        overlappingClips: 268,
      });
    });

    it('leaks heavily at random, and not by recording', async () => {
      const dataset = await openDataset(root);
      const random = splitDataset(dataset, { kind: 'random', seed: 1 });
      const stratified = splitDataset(dataset, { kind: 'stratified', seed: 1 });
      const grouped = splitDataset(dataset, { kind: 'grouped', seed: 1 });
      expect(random.leak.share).toBeGreaterThan(0.9);
      expect(stratified.leak.share).toBeGreaterThan(0.9);
      expect(grouped.leak.share).toBe(0);
      for (const label of dataset.classes) {
        const all = dataset.clips.filter((clip) => clip.label === label).length;
        const share = grouped.test.filter((clip) => clip.label === label).length / all;
        expect(share, label).toBeGreaterThan(0.1);
        expect(share, label).toBeLessThan(0.3);
      }
    });

    it('spares a validation part of every class from fold 1', async () => {
      const dataset = await openDataset(root);
      const { train } = splitDataset(dataset, { kind: 'folds', trainFolds: [1], testFolds: [2] });
      const { validation, train: rest } = validationSplit(train, { fraction: 0.15, seed: 1 });
      expect(validation.length + rest.length).toBe(873);
      expect(validation.length / 873).toBeGreaterThan(0.1);
      expect(validation.length / 873).toBeLessThan(0.25);
      expect(new Set(validation.map((clip) => clip.label)).size).toBe(10);
      expect(validation.every((clip) => clip.fold === 1)).toBe(true);
    });
  },
);

describe.skipIf(!existsSync(join(data, 'esc10')))('ESC-10 (needs ../shared/data)', () => {
  it('has 400 clips in five folds of 80, none sharing a recording', async () => {
    const dataset = await openDataset(join(data, 'esc10'));
    expect(dataset).toMatchObject({ kind: 'esc50', name: 'ESC-10', notices: [] });
    expect(dataset.classes).toContain('crackling_fire');
    const splits = crossValidationFolds(dataset);
    expect(splits.map((split) => [split.train.length, split.test.length, split.leak.share])).toEqual(
      Array.from({ length: 5 }, () => [320, 80, 0]),
    );
  });
});

describe.skipIf(!existsSync(join(data, 'urbansound8k-mini')))(
  'The WAV part of UrbanSound8K (needs ../shared/data)',
  () => {
    it('is readable throughout', async () => {
      const result = await inspectDataset(await openDataset(join(data, 'urbansound8k-mini')), { workers: 2 });
      expect(result).toMatchObject({ clips: 153, unreadable: [], leaks: [] });
      expect(result.formats).toEqual([{ value: 'wav pcm-s16', clips: 153 }]);
    });
  },
);
