/** @file Where a run's results go, and how to go on with it when it was stopped. */
import { readdir } from 'node:fs/promises';
import { basename, extname, resolve } from 'node:path';
import { CancelledError, UsageError } from '../core/errors.ts';
import { commandText } from './commandLine.ts';

/** The first word of a run's name: the dataset's folder or file, in letters that need no quotes. */
export function datasetName(dataset: string): string {
  const full = resolve(dataset);
  const isTable = ['.csv', '.tsv'].includes(extname(full).toLowerCase());
  return basename(full, isTable ? extname(full) : '').replace(/[^\w.-]+/g, '-') || 'dataset';
}

export interface RunPlace {
  readonly out: string;
  /** The command line with its folder, as the report states it. */
  readonly command: string;
}

export interface RunName {
  /** Beginning of a default folder's name. */
  readonly stem: string;
  /** Whether the command has `--resume`; default true. */
  readonly resumes?: boolean;
}

/**
 * Does `work` in the folder of a run: `--out`, which must be empty unless `--resume` is given, else a new
 * `runs/<stem>-<n>`, which goes again where nothing was written to it. If the work is stopped, the error says how to go
 * on.
 * @throws {UsageError} when the folder holds something, is a file, or is needed and missing
 */
export async function inRunDirectory<T>(
  words: readonly string[],
  options: { out?: string; resume?: boolean },
  { stem, resumes = true }: RunName,
  work: (place: RunPlace) => Promise<T>,
): Promise<T> {
  const { out, resume } = options;
  const run = (folder: string, complete: readonly string[]) => {
    const first = complete.filter((word) => word !== '--resume');
    const place = { out: folder, command: commandText(first) };
    return resumes ? resumable(commandText([...first, '--resume']), () => work(place)) : work(place);
  };
  if (out === undefined) {
    if (resume) {
      throw new UsageError('--resume needs --out, to say which run to go on with.', {
        hint: 'Give the folder of the run, such as --out runs/demo-1.',
      });
    }
    const { reserveFolder } = await import('../workflows/reserveFolder.ts');
    const reserved = await reserveFolder('runs', stem);
    try {
      return await run(reserved.folder, [...words, '--out', reserved.folder]);
    } finally {
      await reserved.release();
    }
  }
  const instead = resumes ? ', or --resume to go on with the run in it' : '';
  if (!resume) await requireEmpty(out, `Give another --out${instead}.`);
  return run(out, words);
}

/** Runs `work`; if it is stopped, the error says how to go on. */
export async function resumable<T>(again: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof CancelledError)) throw error;
    throw new CancelledError(error.message, { hint: `Go on with: ${again}`, cause: error });
  }
}

/** @throws {UsageError} when `directory` holds something, or is a file */
export async function requireEmpty(directory: string, hint: string): Promise<void> {
  const found = await entries(directory);
  // A claim of a command that is no longer there is no content; one of a command that is there is seen later.
  if (found === null || found.every((name) => name.startsWith('.earshot-claim-'))) return;
  throw new UsageError(`The folder ${directory} is not empty; nothing was written.`, { hint });
}

/** Names in a folder, or null if it does not exist. */
async function entries(directory: string): Promise<string[] | null> {
  try {
    return await readdir(directory);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    if (code === 'ENOTDIR') {
      throw new UsageError(`${directory} is a file, or lies in one; a folder is needed there.`, {
        hint: 'Give another --out.',
      });
    }
    throw error;
  }
}
