/** @file The folder of a run: whose it is, whether it is free, and whether a run in it may be gone on with. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { TrainingError, UsageError } from '../core/index.ts';
import { canonicalJson } from '../extraction/index.ts';
import { claimFolder, isClaim, readRecord } from '../files/index.ts';

/** Does `work` in a folder that is claimed meanwhile; see {@link claimFolder} for what it throws. */
export async function inClaimedFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const claim = await claimFolder(folder);
  try {
    return await work();
  } finally {
    await claim.release();
  }
}

/**
 * Does `work` in the folder of a run, which is claimed meanwhile. The folder is made, and goes again where the work
 * fails before it has written anything.
 * @param resume whether a run in it is to be gone on with
 * @throws {UsageError} when it holds something and `resume` is not set, and when another command is at work in it
 * @throws {FileError} when it cannot be made
 */
export async function inRunFolder<T>(folder: string, resume: boolean, work: () => Promise<T>): Promise<T> {
  if (!resume) await requireFree(folder);
  return inClaimedFolder(folder, async () => {
    // Another command may have been at work, and done, in between.
    if (!resume) await requireFree(folder);
    return work();
  });
}

/** @throws {UsageError} for a folder that holds anything but claims */
async function requireFree(folder: string): Promise<void> {
  const entries = await contents(folder);
  if (entries.length === 0) return;
  const isRun = entries.includes(configFile);
  throw new UsageError(`The directory '${folder}' ${isRun ? 'holds a run already' : 'is not empty'}.`, {
    hint: isRun ? 'Add --resume to go on with it, or choose another --out.' : 'Choose another --out.',
  });
}

/** What is in a folder besides claims; nothing where there is none. @throws {UsageError} where it is a file */
export async function contents(folder: string): Promise<string[]> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') {
      throw new UsageError(`${folder} is a file, or lies in one; a folder is needed there.`, {
        hint: 'Choose another --out.',
      });
    }
    throw error;
  });
  return entries.filter((name) => !isClaim(name));
}

/** What a run's folder says of its settings. Written first, and never over that of another run. */
export const configFile = 'config.json';

/** What a run is told from others by. */
export interface RunIdentity {
  /** Digest over settings, data, split and the content of weights. */
  readonly fingerprint: string;
  /** The settings, for a message that says which of them differs. */
  readonly config: unknown;
  /** Fingerprint of the data. */
  readonly data: string;
}

const storedRun = z.looseObject({
  startedAt: z.string(),
  /** Absent in folders of before it was written. */
  fingerprint: z.string().optional(),
  config: z.unknown(),
  dataset: z.looseObject({ fingerprint: z.string() }),
});

/**
 * The run in a folder, to be gone on with; null where the folder is empty. Nothing is written.
 * @throws {TrainingError} when it is another run, or its `config.json` cannot be read
 * @throws {UsageError} when the folder holds something else than a run
 */
export async function runToResume(
  folder: string,
  wanted: RunIdentity,
): Promise<z.output<typeof storedRun> | null> {
  const path = join(folder, configFile);
  const stored = await readRecord(path, storedRun, {
    what: 'the settings of an Earshot run',
    hint: 'Restore it, or choose another --out.',
    error: TrainingError,
  });
  if (stored === null) {
    const [other] = await contents(folder);
    if (other === undefined) return null;
    throw new UsageError(
      `There is no run in ${folder} to go on with: it holds ${other}, but no ${configFile}.`,
      {
        hint: 'Choose another --out.',
      },
    );
  }
  if (isSame(stored, wanted)) return stored;
  const setting = difference(stored.config, asJson(wanted.config));
  const what =
    setting !== null
      ? `a run with other settings (${setting})`
      : stored.dataset.fingerprint !== wanted.data
        ? 'a run on other data'
        : 'a run with other settings, other weights or another split';
  throw new TrainingError(`${folder} holds ${what}; nothing in it was changed.`, {
    hint: 'Resume with the options and the data of that run, or choose another --out.',
  });
}

function isSame(stored: z.output<typeof storedRun>, wanted: RunIdentity): boolean {
  if (stored.fingerprint !== undefined) return stored.fingerprint === wanted.fingerprint;
  return (
    stored.dataset.fingerprint === wanted.data &&
    canonicalJson(stored.config) === canonicalJson(asJson(wanted.config))
  );
}

function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}

/** The first setting that differs, such as `training.epochs: 15 there, 3 here`; null where none does. */
function difference(there: unknown, here: unknown, path = ''): string | null {
  if (isRecord(there) && isRecord(here)) {
    for (const key of new Set([...Object.keys(there), ...Object.keys(here)])) {
      const found = difference(there[key], here[key], path === '' ? key : `${path}.${key}`);
      if (found !== null) return found;
    }
    return null;
  }
  if (canonicalJson(there ?? null) === canonicalJson(here ?? null)) return null;
  return `${path}: ${shown(there)} there, ${shown(here)} here`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (value === undefined) return 'not set';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
