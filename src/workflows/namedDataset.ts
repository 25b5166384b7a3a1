/** @file Datasets by what a user calls them, and how long their clips are. */
import { join } from 'node:path';
import { probeFile, readAudio } from '../audio/index.ts';
import { DatasetError } from '../core/index.ts';
import { type Clip, type Dataset, groupDuplicates, openDataset, writeDemo } from '../datasets/index.ts';
import { cacheDirectory } from '../files/index.ts';
import { fingerprintOptions, type WorkflowHooks } from './hooks.ts';

/**
 * Opens a dataset by path; `demo` is the synthetic set, written to the cache at first use. Copies of one sound are one
 * group ({@link groupDuplicates}).
 */
export async function openNamedDataset(
  name: string,
  options: { readonly subset?: 'esc10' } & Pick<WorkflowHooks, 'cacheDir' | 'onProgress' | 'signal'>,
): Promise<Dataset> {
  if (name === 'demo') {
    const place = join(options.cacheDir ?? cacheDirectory(), 'demo');
    return writeDemo(place, options.onProgress === undefined ? {} : { onProgress: options.onProgress });
  }
  const dataset = await openDataset(name, options.subset === undefined ? {} : { subset: options.subset });
  return groupDuplicates(dataset, fingerprintOptions(options));
}

/** @throws {DatasetError} for a dataset of a single class, of which nothing can be learnt */
export function requireClasses({ name, classes, root }: Dataset): void {
  if (classes.length > 1) return;
  throw new DatasetError(
    `${name} has a single class, ${classes[0] ?? 'none'}: training needs at least two to tell apart.`,
    {
      hint: `Put each class’s sounds in a folder of its own below ${root || 'the dataset'}, or give another folder.`,
    },
  );
}

/** Window length by dataset: the length its clips were cut to, else what nine in ten of a sample of clips fit in. */
export async function suggestWindowSeconds(dataset: Dataset): Promise<number> {
  if (dataset.kind === 'urbansound8k') return 4;
  if (dataset.kind === 'esc50') return 5;
  const every = Math.max(1, Math.floor(dataset.clips.length / 40));
  const lengths: number[] = [];
  for (let i = 0; i < dataset.clips.length; i += every) {
    const seconds = await lengthOf(dataset.clips[i]);
    if (seconds !== null) lengths.push(seconds);
  }
  lengths.sort((a, b) => a - b);
  const typical = lengths[Math.floor(0.9 * (lengths.length - 1))] ?? 4;
  return Math.min(10, Math.max(0.5, Math.ceil(typical * 10 - 1e-6) / 10));
}

async function lengthOf({ path, start = 0, end }: Clip): Promise<number | null> {
  try {
    if (end !== undefined) return end - start;
    const { frames, sampleRate } = await headerOf(path);
    return frames === null ? null : frames / sampleRate - start;
  } catch {
    // Reported when its features are extracted.
    return null;
  }
}

/** What the headers say; a format that only ffmpeg reads is decoded. */
async function headerOf(path: string): Promise<{ frames: number | null; sampleRate: number }> {
  try {
    return await probeFile(path);
  } catch {
    const audio = await readAudio(path);
    return { frames: audio.channelData[0].length, sampleRate: audio.sampleRate };
  }
}
