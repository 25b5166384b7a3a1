/** @file Whether a process is still there. */
import { readFileSync } from 'node:fs';

/** Whether a process of this number runs on this machine; one that is dead and not yet taken note of does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  const state = statOf(pid)?.[0];
  return state !== 'Z' && state !== 'X';
}

/** What tells a process from a later one of the same number: when it started, in ticks since the system did (Linux). */
export function processStart(pid: number): string | null {
  // Field 22 of /proc/PID/stat; the state is field 3.
  return statOf(pid)?.[19] ?? null;
}

/** The fields of /proc/PID/stat behind the name, which may hold blanks and brackets; null where there are none. */
function statOf(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}
