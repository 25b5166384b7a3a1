/** @file What the headers of a sound file say: for inspecting many files fast. Runs in Node and in browsers. */
import type { AudioProbe } from './audioData.ts';
import { type ByteSource, bytesSource } from './byteSource.ts';
import { readHeaders } from './openAudio.ts';

/**
 * Reads format, encoding, rate, channels, bits and length from the headers, without decoding. The length of Ogg
 * files is that of the last page; of MP3s, that of the Xing tag, else the frames counted. It may differ from
 * what decoding yields if the file is damaged.
 * @throws DecodeError as `decodeAudio` does.
 */
export async function probeAudio(
  bytes: Uint8Array | ByteSource,
  options: { name?: string } = {},
): Promise<AudioProbe> {
  const source = bytes instanceof Uint8Array ? bytesSource(bytes) : bytes;
  const { probe, countFrames } = await readHeaders(source, options.name ?? 'The audio data');
  return { ...probe, frames: probe.frames ?? (await countFrames?.()) ?? null };
}
