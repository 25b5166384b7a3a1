/** @file What is done to a command, and what must hold afterwards. Each scenario returns what was wrong, in words. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../src/core/random.ts';
import { dataFolder, type TortureCommand } from './commands.ts';
import { type Ended, runEarshot } from './processes.ts';
import { differences, leftovers } from './trees.ts';

/** A command with the folder it works in and the result it must come to. */
export interface Bench {
  readonly command: TortureCommand;
  /** The working folder: always of the same name, since results name paths. */
  readonly cwd: string;
  /** The undisturbed result. */
  readonly expected: string;
  /** The data, copied into the working folder. */
  readonly data: string;
  /** How long the undisturbed run took. */
  readonly milliseconds: number;
}

export type Scenario = (bench: Bench, random: Random) => Promise<string[]>;

/** An empty working folder with the data in it. */
export function prepare(cwd: string, data: string): void {
  rmSync(cwd, { recursive: true, force: true });
  mkdirSync(cwd, { recursive: true });
  cpSync(data, join(cwd, dataFolder), { recursive: true, preserveTimestamps: true });
}

/** Runs a command undisturbed and keeps its result beside the working folder. */
export async function undisturbed(command: TortureCommand, cwd: string, data: string): Promise<Bench> {
  prepare(cwd, data);
  const ended = await runEarshot(command.first, { cwd, environment: command.environment });
  if (ended.code !== 0) throw new Error(`${command.name} failed undisturbed: ${ended.stderr}`);
  const expected = `${cwd}-${command.name}-expected`;
  rmSync(expected, { recursive: true, force: true });
  renameSync(join(cwd, command.output), expected);
  return { command, cwd, expected, data, milliseconds: ended.milliseconds };
}

function start(
  bench: Bench,
  words: readonly string[],
  more: Partial<Parameters<typeof runEarshot>[1]> = {},
): Promise<Ended> {
  return runEarshot(words, { cwd: bench.cwd, environment: bench.command.environment, ...more });
}

/** What must hold once the command has ended well. */
function judge(bench: Bench, ended: Ended): string[] {
  const { cwd, command, expected } = bench;
  if (ended.code !== 0) return [`it ended with ${ended.code ?? ended.signal}: ${lastLine(ended.stderr)}`];
  return [
    ...differences(expected, join(cwd, command.output)),
    ...leftovers(cwd).map((path) => `${path} was left behind`),
    ...orphanText(ended),
  ];
}

function orphanText({ orphans }: Ended): string[] {
  return orphans === 0 ? [] : [`${orphans} processes lived on`];
}

function lastLine(text: string): string {
  return text.trim().split('\n').slice(-2).join(' ');
}

/** SIGKILL at up to three random moments over the whole length of the run, then once more until it is done. */
export const killed: Scenario = async (bench, random) => {
  const wrong: string[] = [];
  prepare(bench.cwd, bench.data);
  const kills = 1 + random.integer(3);
  for (let i = 0; i < kills; i++) {
    const words = i === 0 ? bench.command.first : bench.command.again;
    const after = random.uniform(0, bench.milliseconds * 1.05);
    const ended = await start(bench, words, { signalAfter: ['SIGKILL', after] });
    wrong.push(...orphanText(ended));
    if (ended.signal === null && ended.code !== 0)
      wrong.push(`run ${i + 1} ended with ${ended.code}: ${lastLine(ended.stderr)}`);
    if (ended.code === 0) break;
  }
  return [...wrong, ...judge(bench, await start(bench, bench.command.again))];
};

/** SIGINT, SIGTERM or SIGHUP at a random moment: the work is saved, the exit code says so, and it can be resumed. */
export const interrupted: Scenario = async (bench, random) => {
  prepare(bench.cwd, bench.data);
  const signal = random.pick(['SIGINT', 'SIGTERM', 'SIGHUP'] as const);
  const after = random.uniform(0, bench.milliseconds);
  const ended = await start(bench, bench.command.first, { signalAfter: [signal, after] });
  const wrong = [
    ...orphanText(ended),
    ...leftovers(bench.cwd).filter((path) => !/\.part(\.json)?$/.test(path)),
  ];
  if (/\n\s+at .*:\d+:\d+/.test(ended.stderr))
    wrong.push(`${signal} printed a stack: ${lastLine(ended.stderr)}`);
  return [...wrong, ...judge(bench, await start(bench, bench.command.again))];
};

/** Two at once on one output: one wins, the other refuses or both come to the same; nothing is mixed. */
export const contested: Scenario = async (bench, random) => {
  prepare(bench.cwd, bench.data);
  const delayed = new Promise((resolve) => setTimeout(resolve, random.uniform(0, bench.milliseconds / 2)));
  const [first, second] = await Promise.all([
    start(bench, bench.command.first),
    delayed.then(() => start(bench, bench.command.first)),
  ]);
  const wrong = [first, second]
    .filter(({ code }) => code !== 0 && code !== 1 && code !== 2)
    .map(({ code, signal, stderr }) => `one ended with ${code ?? signal}: ${lastLine(stderr)}`);
  const winner = [first, second].find(({ code }) => code === 0);
  if (winner === undefined)
    return [...wrong, `both failed: ${lastLine(first.stderr)} | ${lastLine(second.stderr)}`];
  return [...wrong, ...judge(bench, winner)];
};

/** Cache entries cut short, changed in one byte, emptied and exchanged: noticed, and computed again. */
export const damagedCache: Scenario = async (bench, random) => {
  prepare(bench.cwd, bench.data);
  const ended = await start(bench, bench.command.first);
  if (ended.code !== 0) return [`it ended with ${ended.code}: ${lastLine(ended.stderr)}`];
  const caches = ['cache', '.earshot/cache'].map((name) => join(bench.cwd, name)).filter(existsSync);
  const files = caches.flatMap((folder) =>
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  if (files.length === 0) return [];
  for (const path of files) damage(path, random.pick(files), random);
  rmSync(join(bench.cwd, bench.command.output), { recursive: true });
  return judge(bench, await start(bench, bench.command.first));
};

function damage(path: string, other: string, random: Random): void {
  const bytes = readFileSync(path);
  const kind = random.integer(5);
  if (kind === 0) writeFileSync(path, bytes.subarray(0, random.integer(bytes.length + 1)));
  else if (kind === 1 && bytes.length > 0) {
    const at = random.integer(bytes.length);
    bytes[at] = bytes[at] ^ (1 << random.integer(8));
    writeFileSync(path, bytes);
  } else if (kind === 2) writeFileSync(path, '');
  else if (kind === 3) writeFileSync(path, readFileSync(other));
}

/** The disk is full at a random moment: a clear error without a stack, nothing damaged, and it goes on once there is room. */
export const fullDisk: Scenario = async (bench, random) => {
  if (process.getuid?.() !== 0) return [];
  const { cwd, command, data } = bench;
  prepare(cwd, data);
  const used = Number(execFileSync('du', ['-sk', bench.expected], { encoding: 'utf8' }).split('\t')[0]);
  const disk = `${cwd}-disk`;
  mkdirSync(disk, { recursive: true });
  // Data and cache stay outside: what is filled is the disk of the results.
  const kilobytes = 64 + random.integer(Math.max(1, Math.ceil(used * 1.1)));
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', disk]);
  try {
    const there = (words: readonly string[]) =>
      words.map((word, i) =>
        word === command.output && words[i - 1]?.startsWith('-') ? `${disk}/${command.output}` : word,
      );
    const environment = command.environment && { EARSHOT_MODELS: `${disk}/models` };
    const full = await runEarshot(there(command.first), { cwd, environment });
    const wrong: string[] = [...orphanText(full)];
    if (full.code === null || full.code > 2)
      wrong.push(`a full disk ended it with ${full.code ?? full.signal}`);
    if (/\n\s+at .*:\d+:\d+/.test(full.stderr))
      wrong.push(`a full disk printed a stack: ${lastLine(full.stderr)}`);
    if (full.code === 1 && !/no space|full/i.test(full.stderr))
      wrong.push(`a full disk was not named: ${lastLine(full.stderr)}`);
    execFileSync('mount', ['-o', 'remount,size=200m', disk]);
    const ended = await runEarshot(there(command.again), { cwd, environment });
    if (ended.code !== 0)
      wrong.push(`with room again it ended with ${ended.code}: ${lastLine(ended.stderr)}`);
    return wrong;
  } finally {
    execFileSync('umount', ['-l', disk]);
  }
};

/** The reader of its output goes away: no stack, no damage. */
export const brokenPipe: Scenario = async (bench) => {
  prepare(bench.cwd, bench.data);
  const ended = await start(bench, bench.command.first, { closeOutputAfter: 1 });
  const wrong = /\n\s+at .*:\d+:\d+/.test(ended.stderr)
    ? [`it printed a stack: ${lastLine(ended.stderr)}`]
    : [];
  return [...wrong, ...differences(bench.expected, join(bench.cwd, bench.command.output))];
};

/** The folder of the results cannot be written to: told in one sentence, and nothing is left. */
export const readOnly: Scenario = async (bench) => {
  if (process.getuid?.() !== 0) return [];
  prepare(bench.cwd, bench.data);
  const { output, first } = bench.command;
  const place = `${bench.cwd}-readonly`;
  mkdirSync(place, { recursive: true });
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro,size=1m', 'tmpfs', place]);
  try {
    const words = first.map((word, i) =>
      word === output && first[i - 1]?.startsWith('-') ? `${place}/${output}` : word,
    );
    const environment = bench.command.environment && { EARSHOT_MODELS: `${place}/models` };
    const ended = await runEarshot(words, { cwd: bench.cwd, environment });
    const wrong: string[] = [];
    if (ended.code !== 1 && ended.code !== 2) wrong.push(`it ended with ${ended.code ?? ended.signal}`);
    if (/\n\s+at .*:\d+:\d+/.test(ended.stderr)) wrong.push(`it printed a stack: ${lastLine(ended.stderr)}`);
    if (!/read-only|permission|cannot be written/i.test(ended.stderr))
      wrong.push(`it does not say why: ${lastLine(ended.stderr)}`);
    return wrong;
  } finally {
    execFileSync('umount', ['-l', place]);
  }
};
