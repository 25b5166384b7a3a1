/** @file Where a run's results go, and how to go on with it when it was stopped. */
import { readdir } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { CancelledError, UsageError } from '../core/errors.ts';
import { commandText } from './commandLine.ts';

/** The first word of a run's name: the dataset's folder or file, in letters that need no quotes. */
export function datasetName(dataset: string): string {
  const full = resolve(dataset);
  const isTable = ['.csv', '.tsv'].includes(extname(full).toLowerCase());
  return basename(full, isTable ? extname(full) : '').replace(/[^\w.-]+/g, '-') || 'dataset';
}

/** `runs/<stem>-<n>`, with n one above the highest there is. */
export async function nextDirectory(stem: string, parent = 'runs'): Promise<string> {
  const taken = (await entries(parent)) ?? [];
  const numbers = taken.map((entry) => {
    const end = entry.slice(stem.length + 1);
    return entry.startsWith(`${stem}-`) && /^\d+$/.test(end) ? Number(end) : 0;
  });
  return join(parent, `${stem}-${Math.max(0, ...numbers) + 1}`);
}

interface RunDirectory {
  out: string;
  /** The command line with its folder, as the report states it. */
  command: string;
  /** The command line that goes on with the run. */
  again: string;
}

/**
 * The folder of a run: `--out`, which must be empty unless `--resume` is given, else one that is free.
 * @throws {UsageError} when the folder holds something, is a file, or is needed and missing
 */
export async function runDirectory(
  words: readonly string[],
  options: { out?: string; resume?: boolean },
  free: () => Promise<string>,
): Promise<RunDirectory> {
  if (options.resume && options.out === undefined) {
    throw new UsageError('--resume needs --out, to say which run to go on with.', {
      hint: 'Give the folder of the run, such as --out runs/demo-1.',
    });
  }
  const out = options.out ?? (await free());
  if (!options.resume)
    await requireEmpty(out, 'Give another --out, or --resume to go on with the run in it.');
  const complete = options.out === undefined ? [...words, '--out', out] : words;
  const first = complete.filter((word) => word !== '--resume');
  return { out, command: commandText(first), again: commandText([...first, '--resume']) };
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
  if (found === null || found.length === 0) return;
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
