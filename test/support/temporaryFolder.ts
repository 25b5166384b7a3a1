/** @file One folder for everything that a run of the tests writes, removed with it, whatever a test leaves behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Called by Vitest before its processes start, which inherit the variables that `tmpdir()` reads. */
export default function temporaryFolder(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-tests-'));
  for (const name of ['TMPDIR', 'TEMP', 'TMP']) process.env[name] = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}
