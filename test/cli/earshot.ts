/** @file Runs the built command as a user does: a process of its own, its streams apart, in a folder of its own. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, realpathSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export const root = fileURLToPath(new URL('../../', import.meta.url));
const bin = join(root, 'bin/earshot.js');

export interface Outcome {
  /** Null if a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** Called with all of stderr so far; may send signals. */
  onStderr?: (text: string, kill: Kill) => void;
  /** Called whenever something changes in the working folder or below; may send signals. */
  onChange?: (kill: Kill) => void;
}

type Kill = (signal: NodeJS.Signals) => void;

/** Runs `earshot` with `words`. */
export function earshot(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  if (!existsSync(join(root, 'dist/program/main.js')))
    throw new Error('Run `npm run build` first: dist/ is missing.');
  const { cwd = workFolder(), onStderr, onChange } = options;
  // As in a plain shell, whatever the test runner has set.
  const { npm_command: _, NO_COLOR: __, FORCE_COLOR: ___, EARSHOT_DEBUG: ____, ...inherited } = process.env;
  const child = spawn(process.execPath, [bin, ...words], {
    cwd,
    env: { ...inherited, EARSHOT_CACHE: join(cwd, 'cache'), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill: Kill = (signal) => child.kill(signal);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    onStderr?.(stderr, kill);
  });
  const watcher = onChange && watch(cwd, { recursive: true }, () => onChange(kill));
  // What is looked at may be gone by then.
  watcher?.on('error', () => {});
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      watcher?.close();
      resolve({ code, signal, stdout, stderr });
    });
  });
}

const folders: string[] = [];

/** An empty folder, removed when the test file is done. */
export function workFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'earshot-cli-')));
  folders.push(folder);
  return folder;
}

afterAll(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});
