/** @file What the headers of a file say. Node only. */
import type { AudioProbe } from './audioData.ts';
import { openFileSource } from './fileSource.ts';
import { probeAudio } from './probeAudio.ts';

/** {@link probeAudio} for the file at `path`, of which only the headers are read. @throws {DecodeError} as it does */
export async function probeFile(path: string): Promise<AudioProbe> {
  const file = await openFileSource(path);
  try {
    return await probeAudio(file, { name: path });
  } finally {
    await file.close();
  }
}
