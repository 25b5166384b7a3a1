/** @file Making folders, and errors of the file system that name the file and say what to do. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { FileError, systemCode, systemHint } from '../core/index.ts';

/**
 * An error of the file system as one that names the path, says what was tried and keeps the hint and the cause.
 * @param tried as in `could not be ${tried}`: written, made, read
 */
export function fileError(path: string, tried: string, cause: unknown): FileError {
  if (cause instanceof FileError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const hint = systemHint(cause);
  return new FileError(`${path} could not be ${tried}: ${reason}.`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/**
 * Makes a folder and those above it that are missing, one level at a time: Node's recursive `mkdir` reports ENOENT for
 * a read-only file system, and never ends where the system denies that a parent exists, as below /proc.
 * @returns the folders that were made, outermost first
 * @throws {FileError} where one cannot be made, or a file is in the way
 */
export async function makeFolder(path: string): Promise<string[]> {
  return makeMissing(resolve(path), true);
}

/** @param again whether to try once more where the parent has appeared meanwhile: another may have made it just then */
async function makeMissing(folder: string, again: boolean): Promise<string[]> {
  try {
    await mkdir(folder);
    return [folder];
  } catch (error) {
    const code = systemCode(error);
    const parent = dirname(folder);
    if (code === 'ENOENT' && parent !== folder && again) {
      const made = (await isFolder(parent)) ? [] : await makeMissing(parent, true);
      return [...made, ...(await makeMissing(folder, false))];
    }
    // Some systems answer EROFS or EACCES for a folder that is there.
    if (await isFolder(folder)) return [];
    if (code === 'ENOENT') {
      throw new FileError(`The folder ${folder} could not be made: the system allows none in ${parent}.`, {
        hint: 'Choose another place.',
        cause: error,
      });
    }
    if (code === 'EEXIST' || code === 'ENOTDIR') {
      throw new FileError(`The folder ${folder} could not be made: a file is in its way.`, {
        hint: 'Choose another place, or remove the file.',
        cause: error,
      });
    }
    throw fileError(`The folder ${folder}`, 'made', error);
  }
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
