/** @file Datasets by what a user calls them, and how long their clips are. */
import { join } from 'node:path';
import { readAudio } from '../audio/index.ts';
import { type Clip, type Dataset, openDataset, writeDemo } from '../datasets/index.ts';
import { cacheDirectory } from '../files/index.ts';
import type { WorkflowHooks } from './hooks.ts';

/** Opens a dataset by path; `demo` is the synthetic set, written to the cache at first use. */
export async function openNamedDataset(
  name: string,
  options: { readonly subset?: 'esc10' } & Pick<WorkflowHooks, 'cacheDir' | 'onProgress'>,
): Promise<Dataset> {
  if (name === 'demo') {
    const place = join(options.cacheDir ?? cacheDirectory(), 'demo');
    return writeDemo(place, options.onProgress === undefined ? {} : { onProgress: options.onProgress });
  }
  return openDataset(name, options.subset === undefined ? {} : { subset: options.subset });
}

/** Window length by dataset: the length its clips were cut to, else what nine in ten of a sample of clips fit in. */
export async function suggestWindowSeconds(dataset: Dataset): Promise<number> {
  if (dataset.kind === 'urbansound8k') return 4;
  if (dataset.kind === 'esc50') return 5;
  const every = Math.max(1, Math.floor(dataset.clips.length / 40));
  const lengths: number[] = [];
  for (let i = 0; i < dataset.clips.length; i += every) {
    const seconds = await lengthOf(dataset.clips[i]!);
    if (seconds !== null) lengths.push(seconds);
  }
  lengths.sort((a, b) => a - b);
  const typical = lengths[Math.floor(0.9 * (lengths.length - 1))] ?? 4;
  return Math.min(10, Math.max(0.5, Math.ceil(typical * 10 - 1e-6) / 10));
}

async function lengthOf(clip: Clip): Promise<number | null> {
  try {
    const audio = await readAudio(clip.path);
    return (audio.channelData[0]?.length ?? 0) / audio.sampleRate;
  } catch {
    // Reported when its features are extracted.
    return null;
  }
}
