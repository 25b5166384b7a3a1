/** @file Sound files by path, as streams. Node only. */
import { ForeignFormatError } from './detectFormat.ts';
import { openWithFfmpeg } from './ffmpeg.ts';
import { openFileSource } from './fileSource.ts';
import { checkRange, openStream } from './openAudio.ts';
import type { SoundStream, TimeRange } from './soundStream.ts';

/**
 * Opens the sound file at `path` for decoding block by block; concatenated, the blocks are what `readAudio` gives.
 * Neither the length of the recording nor the size of the file matters to the memory that is taken.
 * @throws DecodeError as `readAudio` does, here or from `blocks()`; ParameterError for an impossible range
 */
export async function openSound(path: string, range: TimeRange = {}): Promise<SoundStream> {
  checkRange(range);
  const file = await openFileSource(path);
  try {
    return await openStream(file, path, range, file.close);
  } catch (error) {
    await file.close();
    if (!(error instanceof ForeignFormatError)) throw error;
    return openWithFfmpeg(path, error, range);
  }
}
