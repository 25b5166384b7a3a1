/** @file Streams to whole recordings in memory, with a limit: a few bytes can expand to more than any memory holds. */
import { DecodeError } from '../core/errors.ts';
import { type AudioData, joinSamples } from './audioData.ts';
import type { SoundStream } from './soundStream.ts';

/** Samples of 2 GiB of float32. */
const MOST = 2 ** 29;
/** Always allowed: 256 MiB of float32. */
const ALWAYS = 2 ** 26;
/** Samples to a byte of the file that compressed sound does not exceed; digital silence does, by thousands. */
const PER_BYTE = 512;

/** The default limit for a file of `bytes` bytes. */
export function defaultLimit(bytes: number): number {
  return Math.min(MOST, Math.max(ALWAYS, PER_BYTE * bytes));
}

/** @throws DecodeError if `frames` × `channels` exceeds `maxSamples`. */
export function checkSampleCount(frames: number, channels: number, maxSamples: number, name: string): void {
  if (frames * channels <= maxSamples) return;
  throw new DecodeError(
    `${name} holds at least ${frames} samples in each of ${channels} channels, above the limit of ${maxSamples} in all for recordings held in memory.`,
    {
      hint: 'Cut the recording into parts; programs can read it as a stream (openSound) or raise the limit (maxSamples).',
    },
  );
}

/** All blocks of a stream in a row. @throws DecodeError as soon as they exceed `maxSamples`. */
export async function collect(stream: SoundStream, name: string, maxSamples: number): Promise<AudioData> {
  const { sampleRate, channels } = stream;
  const parts: Float32Array[][] = Array.from({ length: channels }, () => []);
  let frames = 0;
  for await (const block of stream.blocks()) {
    frames += block[0].length;
    checkSampleCount(frames, channels, maxSamples, name);
    for (let c = 0; c < channels; c++) parts[c].push(block[c]);
  }
  // Channel by channel, so that the parts of those that are done can go.
  const channelData = parts.map((list) => joinSamples(list.splice(0)));
  return { sampleRate, channelData, warnings: [...stream.warnings] };
}
