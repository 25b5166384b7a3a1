/** @file What the reader of each format hands on: headers read, nothing decoded yet. */
import type { AudioProbe } from './audioData.ts';

export interface OpenedSound {
  readonly probe: AudioProbe;
  /** Complete when {@link blocks} has ended. */
  readonly warnings: string[];
  /**
   * The samples, channel by channel, from sample `from` to the end; nothing if that lies beyond. The samples do not
   * depend on `from`. Views into arrays that are not written to again.
   * @throws DecodeError, also in the middle.
   */
  blocks(from: number): AsyncGenerator<Float32Array[], void, void>;
  /** Finds out the number of samples by reading through the file, where only that tells. */
  readonly countFrames?: () => Promise<number>;
}

/** `blocks` without the first `count` samples of each channel. */
export async function* withoutFirst(
  blocks: AsyncIterable<Float32Array[]>,
  count: number,
): AsyncGenerator<Float32Array[], void, void> {
  let left = count;
  for await (const block of blocks) {
    const length = block[0].length;
    if (left === 0) yield block;
    else if (left < length) yield block.map((samples) => samples.subarray(left));
    left = Math.max(0, left - length);
  }
}
