/** @file A dataset's fingerprint: changes when a sound, a label, a fold or a group does, and with nothing else. */
import { createHash } from 'node:crypto';
import type { ProgressListener } from '../core/index.ts';
import { CancelledError } from '../core/index.ts';
import { ContentHashes, cacheDirectory } from '../files/index.ts';
import { type Clip, compareText } from './dataset.ts';

export interface FingerprintOptions {
  /** Folder where content hashes are remembered; null for none. Default: the cache folder. */
  readonly cacheDir?: string | null;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/**
 * SHA-256 (64 hexadecimal digits) over one line per clip, sorted by id: the JSON array
 * `[id, label, fold, group, SHA-256 of the file's content]`, and the side behind it where the dataset has a split. Independent of where the dataset lies, of the order of
 * its clips and of file times. A file that cannot be read counts as the content `unreadable`. Hashes are remembered
 * by size and modification time, so that a second call costs one `stat` per clip.
 */
export async function fingerprint(
  dataset: { readonly clips: readonly Clip[] },
  { cacheDir = cacheDirectory(), onProgress, signal }: FingerprintOptions = {},
): Promise<string> {
  const hashes = await ContentHashes.open(cacheDir);
  const total = dataset.clips.length;
  const lines = new Array<string>(total);
  let next = 0;
  let done = 0;
  const work = async () => {
    while (next < total) {
      if (signal?.aborted) throw new CancelledError('The fingerprint was stopped before it was complete.');
      const i = next++;
      const clip = dataset.clips[i]!;
      const content = await hashes.hash(clip.path).catch(() => 'unreadable');
      const side = clip.side === undefined ? [] : [clip.side];
      lines[i] = JSON.stringify([clip.id, clip.label, clip.fold, clip.group, content, ...side]);
      onProgress?.({ task: 'Fingerprinting the data', done: ++done, total, unit: 'clips' });
    }
  };
  try {
    // A few at once: reading waits on the disk.
    await Promise.all(Array.from({ length: 8 }, work));
  } finally {
    await hashes.save();
  }
  const hash = createHash('sha256').update('earshot-dataset-1\n');
  for (const line of lines.sort(compareText)) hash.update(`${line}\n`);
  return hash.digest('hex');
}
