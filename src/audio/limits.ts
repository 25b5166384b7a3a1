/** @file One guard for all decoders: a few bytes can claim, or really expand to, more than any memory holds. */
import { DecodeError } from '../core/errors.ts';

/** @throws DecodeError if `frames` × `channels` exceeds `maxSamples`. */
export function checkSampleCount(frames: number, channels: number, maxSamples: number, name: string): void {
  if (frames * channels <= maxSamples) return;
  throw new DecodeError(
    `${name} would decode to ${frames} samples in each of ${channels} channels, above the limit of ${maxSamples} in all.`,
    { hint: 'Cut the recording into parts, or raise the limit with the maxSamples option.' },
  );
}
