/** @file Sound files by path, whole. Node only: the browser-safe part of this folder does not import it. */
import type { AudioData } from './audioData.ts';
import { collect, defaultLimit } from './collect.ts';
import { decodeAudio } from './decodeAudio.ts';
import { ForeignFormatError } from './detectFormat.ts';
import { openWithFfmpeg } from './ffmpeg.ts';
import { openFileSource } from './fileSource.ts';
import { openStream } from './openAudio.ts';

/**
 * Reads and decodes the sound file at `path`: what `decodeAudio` reads, and AAC/M4A, WebM and others through a
 * system ffmpeg where there is one. For recordings that may be long, `openSound` does the same in blocks.
 * @throws DecodeError if the file cannot be opened, or as `decodeAudio` does.
 */
export async function readAudio(path: string, options: { maxSamples?: number } = {}): Promise<AudioData> {
  const file = await openFileSource(path);
  const maxSamples = options.maxSamples ?? defaultLimit(file.size);
  try {
    return await collect(await openStream(file, path, {}, file.close, maxSamples), path, maxSamples);
  } catch (error) {
    if (!(error instanceof ForeignFormatError)) throw error;
    return await collectFromFfmpeg(path, error, maxSamples);
  } finally {
    await file.close();
  }
}

/** The same for a file whose bytes have been read already. @throws DecodeError as `decodeAudio` does. */
export async function decodeFile(
  bytes: Uint8Array,
  path: string,
  { maxSamples = defaultLimit(bytes.length) }: { maxSamples?: number } = {},
): Promise<AudioData> {
  try {
    return await decodeAudio(bytes, { name: path, maxSamples });
  } catch (error) {
    if (!(error instanceof ForeignFormatError)) throw error;
    return collectFromFfmpeg(path, error, maxSamples);
  }
}

async function collectFromFfmpeg(
  path: string,
  cause: ForeignFormatError,
  maxSamples: number,
): Promise<AudioData> {
  const stream = await openWithFfmpeg(path, cause, {});
  try {
    return await collect(stream, path, maxSamples);
  } finally {
    await stream.close();
  }
}
