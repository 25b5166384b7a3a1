/** @file A folder with a name that counts up, for a run that was given none. */
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFolder } from '../files/index.ts';

export interface ReservedFolder {
  readonly folder: string;
  /** Removes what was made for it and is still empty. */
  release(): Promise<void>;
}

/**
 * Makes `<parent>/<stem>-<n>`, with n one above the highest there is. Making it is what reserves it: of two commands
 * that begin together one finds the number taken, and counts on.
 * @throws {FileError} when it cannot be made
 */
export async function reserveFolder(parent: string, stem: string): Promise<ReservedFolder> {
  const above = await makeFolder(parent);
  const numbers = (await readdir(parent)).map((entry) => {
    const end = entry.slice(stem.length + 1);
    return entry.startsWith(`${stem}-`) && /^\d+$/.test(end) ? Number(end) : 0;
  });
  for (let n = Math.max(0, ...numbers) + 1; ; n++) {
    const folder = join(parent, `${stem}-${n}`);
    const own = await makeFolder(folder);
    if (own.length === 0) continue;
    return {
      folder,
      async release() {
        for (const made of [...above, ...own].reverse()) await rmdir(made).catch(() => {});
      },
    };
  }
}
