/** @file What is in the files of a dataset, as hashes: read once, and remembered between runs. */
import { CancelledError, inLanes, type ProgressListener } from '../core/index.ts';
import { ContentHashes, cacheDirectory } from '../files/index.ts';

export interface FileContentOptions {
  /** Folder where content hashes are remembered; null for none. Default: the cache folder. */
  readonly cacheDir?: string | null;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** SHA-256 by path; null for a file that cannot be read. @param task what the progress is called */
export async function fileContents(
  paths: Iterable<string>,
  task: string,
  { cacheDir = cacheDirectory(), onProgress, signal }: FileContentOptions = {},
): Promise<Map<string, string | null>> {
  const hashes = await ContentHashes.open(cacheDir);
  const contents = new Map<string, string | null>();
  try {
    // A few at once: reading waits on the disk.
    await eachOf([...new Set(paths)], { lanes: 8, task, onProgress, signal }, async (path) => {
      contents.set(path, await hashes.hash(path).catch(() => null));
    });
  } finally {
    await hashes.save();
  }
  return contents;
}

interface EachOptions extends Pick<FileContentOptions, 'onProgress' | 'signal'> {
  /** How many are worked on at a time. */
  readonly lanes: number;
  readonly task: string;
}

/** Does some work for each item, a few at a time. @throws {CancelledError} when `signal` is aborted */
export async function eachOf<T>(
  items: readonly T[],
  { lanes, task, onProgress, signal }: EachOptions,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let done = 0;
  await inLanes(items, lanes, async (item) => {
    if (signal?.aborted) throw new CancelledError(`${task} was stopped before it was complete.`);
    await work(item);
    onProgress?.({ task, done: ++done, total: items.length, unit: 'files' });
  });
}
