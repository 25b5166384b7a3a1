/** @file Sound files by path. Node only: the browser-safe part of this folder does not import it. */
import { readFile } from 'node:fs/promises';
import { DecodeError } from '../core/errors.ts';
import { type AudioData, DEFAULT_MAX_SAMPLES } from './audioData.ts';
import { decodeAudio } from './decodeAudio.ts';
import { ForeignFormatError } from './detectFormat.ts';
import { decodeWithFfmpeg } from './ffmpeg.ts';

/**
 * Reads and decodes the sound file at `path`: what `decodeAudio` reads, and AAC/M4A, WebM and others through a
 * system ffmpeg where there is one.
 * @throws DecodeError if the file cannot be opened, or as `decodeAudio` does.
 */
export async function readAudio(path: string, options: { maxSamples?: number } = {}): Promise<AudioData> {
  const maxSamples = options.maxSamples ?? DEFAULT_MAX_SAMPLES;
  return decodeFile(await openFile(path), path, { maxSamples });
}

/** The same for a file whose bytes have been read already. @throws DecodeError as `decodeAudio` does. */
export async function decodeFile(
  bytes: Uint8Array,
  path: string,
  { maxSamples = DEFAULT_MAX_SAMPLES }: { maxSamples?: number } = {},
): Promise<AudioData> {
  try {
    return await decodeAudio(bytes, { name: path, maxSamples });
  } catch (error) {
    if (!(error instanceof ForeignFormatError)) throw error;
    return decodeWithFfmpeg(path, error, maxSamples);
  }
}

async function openFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    const reasons: Record<string, [string, string]> = {
      ENOENT: ['there is no such file', 'Check the path; relative paths start at the current folder.'],
      EISDIR: ['it is a folder', 'Give the path of a sound file in it.'],
      EACCES: ['permission is denied', 'Make the file readable for this user.'],
      ERR_FS_FILE_TOO_LARGE: ['it is larger than 2 GiB', 'Cut the recording into parts.'],
    };
    const [reason, hint] = reasons[String(code)] ?? [
      error instanceof Error ? error.message : String(error),
      '',
    ];
    throw new DecodeError(`${path} could not be opened: ${reason}.`, {
      hint: hint || undefined,
      cause: error,
    });
  }
}
