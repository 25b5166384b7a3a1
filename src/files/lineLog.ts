/** @file Logs of JSON lines that are appended to over several sittings. */
import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileError, makeFolder } from './folders.ts';

export interface LineLog {
  /** Appends a value as one line. @throws {FileError} such as for a full disk: the work that it tells of ends there */
  write(value: unknown): void;
  close(): void;
}

/**
 * Opens a log, to append to it. A last line that was cut off, as by a kill or a full disk, is removed first.
 *
 * Lines are written before `write` returns. A stream would fail some time later, when nobody could be told.
 * @throws {FileError} when the file cannot be opened
 */
export async function openLineLog(path: string): Promise<LineLog> {
  await makeFolder(dirname(path));
  const trying = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw fileError(path, 'written', error);
    }
  };
  const file = trying(() => openSync(path, 'a+'));
  trying(() => removeCutLine(file));
  return {
    write: (value) => trying(() => writeFileSync(file, `${JSON.stringify(value)}\n`)),
    close: () => closeSync(file),
  };
}

/** Shortens a file to its last line break. */
function removeCutLine(file: number): void {
  const status = fstatSync(file);
  // A device or a pipe has no lines of before.
  if (!status.isFile()) return;
  const block = Buffer.alloc(65536);
  for (let end = status.size; end > 0; ) {
    const start = Math.max(0, end - block.length);
    const length = readSync(file, block, 0, end - start, start);
    const at = block.subarray(0, length).lastIndexOf('\n');
    if (at >= 0 || start === 0) {
      if (start + at + 1 < status.size) ftruncateSync(file, start + at + 1);
      return;
    }
    end = start;
  }
}
