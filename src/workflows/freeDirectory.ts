/** @file Whether a run may write to a folder. */
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../core/index.ts';

/**
 * @param resume whether a run in it is to be gone on with
 * @throws {UsageError} for a folder that holds something otherwise
 */
export async function requireFreeDirectory(directory: string, resume: boolean): Promise<void> {
  if (resume) return;
  const entries = await readdir(directory).catch(() => [] as string[]);
  if (entries.length === 0) return;
  const isRun = await access(join(directory, 'config.json')).then(
    () => true,
    () => false,
  );
  throw new UsageError(`The directory '${directory}' ${isRun ? 'holds a run already' : 'is not empty'}.`, {
    hint: isRun ? 'Add --resume to go on with it, or choose another --out.' : 'Choose another --out.',
  });
}
