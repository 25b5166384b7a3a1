/** @file A recording as a stream of windows: decoded, mixed down, resampled and cut as it is read. */
import type { SoundFacts } from '../audio/index.ts';
import { openSpan, type SoundSpan } from '../datasets/soundSpan.ts';
import { WindowCutter, type Windowing } from '../windows/index.ts';

export interface WindowStreamOptions {
  /** Hertz. */
  readonly sampleRate: number;
  readonly windowing: Windowing;
}

/** The windows of one recording. Close it when done. */
export interface WindowStream {
  /** Each window is an array of its own; iterate once. @throws {DecodeError} when the recording turns out to be of no use */
  windows(): AsyncGenerator<Float32Array, void, void>;
  /** Share of the file that has been read, 0 to 1. */
  readonly progress: number;
  /** Complete with the last window, as are the warnings and the samples. */
  facts(): SoundFacts;
  readonly warnings: readonly string[];
  /** Samples at the rate of the windows. */
  readonly samples: number;
  close(): Promise<void>;
}

/**
 * Opens a recording, or a stretch of one, for windows; memory does not know how long it is.
 * @throws {DecodeError} when it cannot be opened
 */
export async function openWindows(
  span: SoundSpan,
  { windowing, sampleRate }: WindowStreamOptions,
): Promise<WindowStream> {
  const sound = await openSpan(span, { sampleRate });
  const cutter = new WindowCutter(windowing);
  return {
    async *windows() {
      for await (const block of sound.blocks()) yield* cutter.push(block);
      yield* cutter.flush();
    },
    get progress() {
      return sound.progress;
    },
    get warnings() {
      return sound.warnings;
    },
    get samples() {
      return cutter.samples;
    },
    facts: sound.facts,
    close: sound.close,
  };
}

/** Length of a recording in seconds, as decoded. */
export function soundSeconds({ samples, sampleRate }: Pick<SoundFacts, 'samples' | 'sampleRate'>): number {
  return samples / sampleRate;
}

/** Items of a stream, `size` at a time, the last time fewer. */
export async function* inBatches<T>(items: AsyncIterable<T>, size: number): AsyncGenerator<T[], void, void> {
  let batch: T[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}
