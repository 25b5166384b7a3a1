/** @file From the bytes of a sound file to samples, whatever the format. Runs in Node and in browsers. */
import { ParameterError } from '../core/errors.ts';
import type { AudioData, DecodeOptions } from './audioData.ts';
import { bytesSource } from './byteSource.ts';
import { collect, defaultLimit } from './collect.ts';
import { openStream } from './openAudio.ts';

/**
 * Decodes a WAV, FLAC, Ogg (Vorbis, Opus, FLAC) or MP3 file. The format is told by the content. Codecs are
 * loaded when first needed. What is wrong but readable (truncation, lying lengths, NaN) is in `warnings`.
 * @throws DecodeError naming the file, what was found and what to do: empty, not audio, damaged beyond use, or a
 *   format that only ffmpeg reads.
 */
export async function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): Promise<AudioData> {
  if (!(bytes instanceof Uint8Array)) {
    throw new ParameterError('decodeAudio needs the bytes of a file as a Uint8Array.', {
      hint: 'Wrap an ArrayBuffer: new Uint8Array(buffer). To read from a path, use readAudio.',
    });
  }
  const name = options.name ?? 'The audio data';
  const maxSamples = options.maxSamples ?? defaultLimit(bytes.length);
  const stream = await openStream(bytesSource(bytes), name, {}, async () => {}, maxSamples);
  return collect(stream, name, maxSamples);
}
