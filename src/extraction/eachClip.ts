/** @file The same task for many clips, several at a time: content hashes known before save the reading, one bad clip is an error among results. */
import { CancelledError, DecodeError, fileProblem, inLanes, type ProgressListener } from '../core/index.ts';
import { type Clip, type SoundSpan, spanTimes } from '../datasets/index.ts';
import { ContentHashes } from '../files/index.ts';

export interface EachClipOptions<T> {
  /** Where content hashes are remembered; null for nowhere. */
  readonly cacheDir: string | null;
  /** The result known for a content, or null. */
  readonly recall: (hash: string, clip: SoundSpan) => Promise<T | null>;
  /** The result made from a clip; it holds the hash of the file's content. */
  readonly make: (clip: SoundSpan) => Promise<T>;
  /** Whether an error means that nothing further can be made. */
  readonly fatal?: () => boolean;
  /** What the progress is called. */
  readonly task: string;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Of the error when `signal` stops the work. */
  readonly stopped: string;
}

/**
 * Does the task for each clip. What fails becomes an error in the clip's place, and the rest go on.
 * @throws {CancelledError} when `signal` is aborted
 */
export async function eachClip<T extends { readonly hash: string }>(
  clips: readonly Clip[],
  options: EachClipOptions<T>,
): Promise<(T | Error)[]> {
  const { recall, make, fatal = () => false, task, onProgress, signal } = options;
  const hashes = await ContentHashes.open(options.cacheDir);
  const results = new Array<T | Error>(clips.length);
  let done = 0;
  try {
    // More lanes than threads, so that a thread never waits for the next path and cached clips are read meanwhile.
    await inLanes(clips, 16, async (clip, i) => {
      if (signal?.aborted) throw new CancelledError(options.stopped);
      const { path } = clip;
      const span = { path, ...spanTimes(clip) };
      try {
        const hash = await hashes.recall(path);
        results[i] =
          (hash === null ? null : await recall(hash, span)) ??
          (await hashes.hashWith(path, () => make(span)));
      } catch (error) {
        if (error instanceof CancelledError || fatal()) throw error;
        const { message, hint } = fileProblem(path, error);
        results[i] = new DecodeError(message, { hint, cause: error });
      }
      onProgress?.({ task, done: ++done, total: clips.length, unit: 'clips' });
    });
  } finally {
    await hashes.save();
  }
  return results;
}
