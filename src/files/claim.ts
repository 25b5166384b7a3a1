/**
 * @file Folders that belong to one command at a time. A claim is a small file in the folder that says which process
 * holds it; that of a process which is no longer there is taken over.
 */
import { open, readdir, readFile, rm, rmdir, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { systemCode, UsageError } from '../core/index.ts';
import { fileError, makeFolder } from './folders.ts';
import { isRunning, processStart } from './processes.ts';

/**
 * Claims are numbered, and the highest one counts. Who takes over from a dead process creates the next number, which
 * only one can; removing the old file instead could remove that of another who was faster.
 */
const claimName = /^\.earshot-claim-(\d{1,9})\.json$/;

const claimRecord = z.object({
  pid: z.int().min(1),
  host: z.string(),
  /** When the process started, as its system counts it; null where it does not tell. */
  start: z.string().nullable(),
  since: z.string(),
});

export interface FolderClaim {
  /** Gives the folder free. It is removed, with those made above it, if the claim made it and nothing is in it. */
  release(): Promise<void>;
}

/** Whether a file in a folder is a claim on it, and no content. */
export function isClaim(name: string): boolean {
  return claimName.test(name);
}

/**
 * Makes a folder where it is missing, and claims it for this process.
 * @throws {UsageError} when another command, of this process or another, holds it
 * @throws {FileError} when it cannot be made or written to
 */
export async function claimFolder(path: string): Promise<FolderClaim> {
  const folder = resolve(path);
  for (let tries = 0; ; tries++) {
    const made = await makeFolder(folder);
    const undo = async () => {
      for (const one of made.reverse()) await rmdir(one).catch(() => {});
    };
    try {
      const own = await createClaim(folder, path);
      return {
        async release() {
          await rm(own, { force: true });
          await undo();
        },
      };
    } catch (error) {
      await undo();
      // Someone released it and removed the empty folder in between.
      if (systemCode(error) !== 'ENOENT' || tries === 3) {
        throw error instanceof UsageError ? error : fileError(`The folder ${path}`, 'written to', error);
      }
    }
  }
}

/** @returns the file that holds the claim */
async function createClaim(folder: string, named: string): Promise<string> {
  const numbers = (await readdir(folder)).flatMap((name) => claimName.exec(name)?.[1] ?? []).map(Number);
  const highest = Math.max(0, ...numbers);
  if (highest > 0) await requireAbandoned(join(folder, fileOf(highest)), named);
  const path = join(folder, fileOf(highest + 1));
  const record: z.input<typeof claimRecord> = {
    pid: process.pid,
    host: hostname(),
    start: processStart(process.pid),
    since: new Date().toISOString(),
  };
  try {
    const file = await open(path, 'wx');
    try {
      await file.writeFile(`${JSON.stringify(record)}\n`);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (systemCode(error) === 'EEXIST') throw inUse(named, 'another command, which has just begun');
    await rm(path, { force: true });
    throw error;
  }
  for (const number of numbers) await rm(join(folder, fileOf(number)), { force: true });
  return path;
}

function fileOf(number: number): string {
  return `.earshot-claim-${number}.json`;
}

/** @throws {UsageError} unless the process that made the claim is no longer there */
async function requireAbandoned(path: string, named: string): Promise<void> {
  let text: string;
  let age: number;
  try {
    text = await readFile(path, 'utf8');
    age = Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  const claim = claimOf(text);
  if (claim === null) {
    // Between making the file and writing to it there are microseconds; a power cut leaves it empty for good.
    if (age < 10_000) throw inUse(named, 'another command, which has just begun');
    return;
  }
  const { pid, host, start, since } = claim;
  if (host !== hostname()) {
    throw inUse(
      named,
      `process ${pid} on ${host}, since ${since}`,
      `If it is no longer there, remove ${path}.`,
    );
  }
  if (!isRunning(pid)) return;
  const now = processStart(pid);
  // Another process may have got the number since.
  if (start !== null && now !== null && start !== now) return;
  throw inUse(named, `process ${pid}, since ${since}`);
}

function claimOf(text: string): z.output<typeof claimRecord> | null {
  try {
    return claimRecord.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function inUse(
  folder: string,
  by: string,
  hint = 'Wait until it is done, or choose another folder.',
): UsageError {
  return new UsageError(`The folder ${folder} is in use by ${by}.`, { hint });
}
