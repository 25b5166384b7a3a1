/** @file Turns at a path: who comes second waits until the first is done, where `claimFolder` would refuse. A file beside the
 * path holds the owner's number. */
import { randomBytes } from 'node:crypto';
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { CancelledError } from '../core/index.ts';
import { isRunning } from './processes.ts';

/** Claims that this process holds, by their token. */
const held = new Set<string>();

/** Milliseconds between two looks at a claim of somebody else's. */
const patience = 200;

/**
 * Waits until nobody else holds `path`, then claims it. The claim of a process that is no longer there is taken over.
 * @returns gives the claim back
 * @throws {CancelledError} when stopped by `signal` while it waits
 */
export async function takeTurn(path: string, signal?: AbortSignal): Promise<() => Promise<void>> {
  const file = `${path}.lock`;
  const token = `${process.pid} ${randomBytes(8).toString('hex')}`;
  for (;;) {
    if (signal?.aborted) throw new CancelledError(`The wait for ${path} was stopped.`);
    try {
      await writeFile(file, token, { flag: 'wx' });
      held.add(token);
      return async () => {
        held.delete(token);
        if ((await ownerOf(file)) === token) await rm(file, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    const owner = await ownerOf(file);
    if (owner === null) continue;
    if (isAlive(owner) || (owner === '' && (await isFresh(file))))
      await pause(patience, undefined, signal === undefined ? {} : { signal }).catch(() => {});
    else await takeAway(file, owner);
  }
}

/** Between making the file and writing to it there are microseconds; a power cut leaves it empty for good. */
async function isFresh(file: string): Promise<boolean> {
  const made = await stat(file).catch(() => null);
  return made !== null && Date.now() - made.mtimeMs < 10_000;
}

async function ownerOf(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null);
}

function isAlive(token: string): boolean {
  const pid = Number(token.split(' ')[0]);
  // A number that came round again is this process's own only for a claim that it holds.
  if (pid === process.pid) return held.has(token);
  return Number.isSafeInteger(pid) && pid > 0 && isRunning(pid);
}

/** Removes the claim of a dead owner, and of no other that may have come in its place meanwhile. */
async function takeAway(file: string, owner: string): Promise<void> {
  const aside = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  try {
    await rename(file, aside);
  } catch {
    return;
  }
  if ((await ownerOf(aside)) !== owner) await link(aside, file).catch(() => {});
  await rm(aside, { force: true });
}
