/** @file Runs of the command line that are killed, and what they leave running. Linux only. */
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../bin/earshot.js', import.meta.url));

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
  /** Processes of its group that were still there `orphanGrace` later. */
  readonly orphans: number;
}

export interface RunOptions {
  readonly cwd: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** Sends this signal to the program itself, not to its children, so many milliseconds after the start. */
  readonly signalAfter?: readonly [signal: NodeJS.Signals, milliseconds: number];
  /** Closes the reader of its output after so many bytes. */
  readonly closeOutputAfter?: number;
}

/** A child must notice within this time that its parent is gone. */
const orphanGrace = 10_000;
/** Nothing here takes this long. */
const patience = 300_000;

/** Runs the program in a process group of its own until it and its children have ended. */
export async function runEarshot(words: readonly string[], options: RunOptions): Promise<Ended> {
  const { cwd, environment = {}, signalAfter, closeOutputAfter } = options;
  const started = performance.now();
  const child = spawn(process.execPath, [program, ...words], {
    cwd,
    env: { ...process.env, ...environment },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (closeOutputAfter !== undefined && stdout.length >= closeOutputAfter) child.stdout.destroy();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timers = [setTimeout(() => killGroup(child.pid!), patience)];
  if (signalAfter !== undefined) timers.push(setTimeout(() => child.kill(signalAfter[0]), signalAfter[1]));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (...ending) => resolve(ending));
  });
  for (const timer of timers) clearTimeout(timer);
  const milliseconds = performance.now() - started;
  const orphans = await remaining(child.pid!);
  return { code, signal, stdout, stderr, milliseconds, orphans };
}

function killGroup(group: number): void {
  try {
    process.kill(-group, 'SIGKILL');
  } catch {
    // All of them have ended.
  }
}

/** Processes of a group that outlive the grace; they are ended then. */
async function remaining(group: number): Promise<number> {
  const deadline = performance.now() + orphanGrace;
  for (;;) {
    const count = membersOf(group);
    if (count === 0) return 0;
    if (performance.now() > deadline) {
      killGroup(group);
      return count;
    }
    await sleep(50);
  }
}

function membersOf(group: number): number {
  let count = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // Behind the name in parentheses: state, parent, process group.
      const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      if (Number(processGroup) === group && state !== 'Z') count++;
    } catch {
      // It ended while the list was read.
    }
  }
  return count;
}
