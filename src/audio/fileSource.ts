/** @file Sound files as byte sources. Node only. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { DecodeError } from '../core/errors.ts';
import type { ByteSource } from './byteSource.ts';

export interface FileSource extends ByteSource {
  close(): Promise<void>;
}

const REASONS: Record<string, [reason: string, hint: string]> = {
  ENOENT: ['there is no such file', 'Check the path; relative paths start at the current folder.'],
  EISDIR: ['it is a folder', 'Give the path of a sound file in it.'],
  EACCES: ['permission is denied', 'Make the file readable for this user.'],
  ELOOP: ['its symbolic links form a circle', 'Mend the link, or give the path of the file itself.'],
  ENAMETOOLONG: ['the path is too long', 'Shorten the names of the file and of its folders.'],
  ENXIO: ['it is not a regular file', 'Copy its content to a file first.'],
};

/** What is meant for a file and is none. */
function missingHint(path: string): string | undefined {
  if (path === '-') return 'Sound is read from files, not from standard input: write it to a file first.';
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path))
    return 'Sound is read from files: fetch the address to a file first.';
  return undefined;
}

function openingError(path: string, error: unknown): DecodeError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const meant = code === 'ENOENT' ? missingHint(path) : undefined;
  if (meant !== undefined) return new DecodeError(`${path} is no file.`, { hint: meant, cause: error });
  const [reason, hint] = REASONS[code] ?? [error instanceof Error ? error.message : String(error), undefined];
  return new DecodeError(`${path} could not be opened: ${reason}.`, { hint, cause: error });
}

/**
 * Opens the file at `path` for reading by offset. Pipes, sockets and devices are refused, never waited for.
 * @throws DecodeError naming the path and the reason.
 */
export async function openFileSource(path: string): Promise<FileSource> {
  // Without O_NONBLOCK, opening a named pipe waits for somebody to write into it.
  const handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)).catch(
    (error: unknown) => {
      throw openingError(path, error);
    },
  );
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) {
      const kind = stat.isDirectory()
        ? REASONS.EISDIR
        : ([
            `it is a ${stat.isFIFO() ? 'named pipe' : stat.isSocket() ? 'socket' : 'device'}, not a regular file`,
            'Copy its content to a file first.',
          ] as const);
      throw new DecodeError(`${path} could not be opened: ${kind[0]}.`, { hint: kind[1] });
    }
    return {
      size: stat.size,
      async read(offset, length) {
        const wanted = Math.max(0, Math.min(length, stat.size - offset));
        const buffer = new Uint8Array(wanted);
        let done = 0;
        while (done < wanted) {
          const { bytesRead } = await handle.read(buffer, done, wanted - done, offset + done);
          if (bytesRead === 0) break; // the file became shorter meanwhile
          done += bytesRead;
        }
        return done === wanted ? buffer : buffer.subarray(0, done);
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error instanceof DecodeError ? error : openingError(path, error);
  }
}
