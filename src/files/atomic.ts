/** @file Files that are either whole or absent: written under a temporary name, then renamed. */
import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileError, makeFolder } from './folders.ts';
import { isRunning } from './processes.ts';

export interface AtomicWriteOptions {
  /**
   * Wait until the bytes are on the disk before renaming (default true). False is for files that carry their own
   * checksum and can be made again, such as cache entries: many small files are then written several times faster.
   */
  readonly sync?: boolean;
}

/**
 * Writes `data` to `path` atomically (temporary name in the same folder, fsync, rename); makes parent folders.
 * @throws {FileError} naming the file, with what to do about a full disk, a read-only place and the like
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: AtomicWriteOptions = {},
): Promise<void> {
  await writeAtomic(path, (file) => file.writeFile(data), options);
}

/**
 * The same for a file that is written in pieces. What `write` throws that is not of the file system is thrown as it is.
 * @throws {FileError} as {@link writeFileAtomic}
 */
export async function writeAtomic(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  { sync = true }: AtomicWriteOptions = {},
): Promise<void> {
  await makeFolder(dirname(path));
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, 'w');
    try {
      await write(file);
      if (sync) await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw fileError(path, 'written', error);
  }
}

/** A name beside a file for what is not to outlive the process: {@link removeAbandoned} knows it. */
export function temporaryName(path: string): string {
  return `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
}

/** Writes a value as indented JSON, atomically. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await writeFileAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Removes what writes of processes that are no longer there left in a folder: they were killed before the renaming. */
export async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [] as string[])) {
    const writer = /\.(\d+)\.[0-9a-f]{8}\.tmp$/.exec(name)?.[1];
    if (writer !== undefined && !isRunning(Number(writer))) await rm(join(folder, name), { force: true });
  }
}
