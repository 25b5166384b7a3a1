/**
 * @file Ten thousand short files through `earshot embed`: memory sampled all the way, killed with SIGKILL in the middle,
 * gone on with by the same command, and every row counted: `npm run build && npx tsx bench/embedMany.bench.ts`.
 * FILES sets their number; NETWORK, FRONT_END and EMBEDDING name another network than the small one made here.
 * Memory is read from /proc, so it takes Linux.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeWav } from '../src/audio/index.ts';
import { float32, Random } from '../src/core/index.ts';
import { decodeNpz } from '../src/embeddings/index.ts';
import { encodeModel, GraphBuilder } from '../src/onnx/index.ts';

const count = Number(process.env['FILES'] ?? 10_000);
const rate = 16000;
/** Every so many files one is no sound. */
const badEvery = 1000;
const work = mkdtempSync(join(tmpdir(), 'earshot-many-'));
const earshot = fileURLToPath(new URL('../bin/earshot.js', import.meta.url));
const network = process.env['NETWORK'] ?? smallNetwork(join(work, 'small.onnx'));
const words = [
  ...['embed', join(work, 'sounds'), '--network', network, '-o', join(work, 'out'), '--json'],
  ...['--embedding', process.env['EMBEDDING'] ?? 'embedding'],
  ...['--front-end', process.env['FRONT_END'] ?? 'yamnet'],
];

/** Three convolutions on YAMNet's pictures: the point is the way of the files, not the network. */
function smallNetwork(path: string): string {
  const random = new Random(1);
  const g = new GraphBuilder({ name: 'small' });
  let x = g.input('log_mel', 'float32', ['N', 1, 96, 64]);
  for (const [from, to] of [
    [1, 16],
    [16, 32],
    [32, 64],
  ] as const) {
    const data = Float32Array.from({ length: to * from * 9 }, () => random.normal() / Math.sqrt(9 * from));
    const kernel = g.initializer(`kernel${to}`, float32([to, from, 3, 3], data));
    x = g.op('Relu', [g.op('Conv', [x, kernel], { strides: [2, 2], pads: [1, 1, 1, 1] })]);
  }
  g.output(g.op('Flatten', [g.op('GlobalAveragePool', [x])], { axis: 1 }), 'embedding');
  writeFileSync(path, encodeModel(g.model()));
  return path;
}

/** Half a second to two seconds of noise and tone each, in folders of a thousand. @returns windows of each place */
function makeSounds(): Map<string, number> {
  const random = new Random(7);
  const windows = new Map<string, number>();
  for (let i = 0; i < count; i++) {
    const place = `${String(Math.floor(i / 1000)).padStart(2, '0')}/${String(i).padStart(5, '0')}`;
    const path = join(work, 'sounds', `${place}.wav`);
    mkdirSync(join(path, '..'), { recursive: true });
    if (i % badEvery === badEvery - 1) {
      writeFileSync(path, 'no sound');
      continue;
    }
    const n = rate / 2 + random.integer(1.5 * rate);
    const step = (2 * Math.PI * random.uniform(100, 4000)) / rate;
    const samples = Float32Array.from(
      { length: n },
      (_, t) => 0.4 * Math.sin(step * t) + random.uniform(-0.1, 0.1),
    );
    writeFileSync(path, encodeWav({ sampleRate: rate, channelData: [samples] }));
    windows.set(place, 1 + Math.ceil(Math.max(0, n - 15600) / 7680));
  }
  return windows;
}

interface Ran {
  /** MiB, every quarter of a second. */
  readonly memory: number[];
  readonly seconds: number;
  readonly code: number | null;
  readonly stdout: string;
}

function run(stopAt: number): Promise<Ran> {
  const began = performance.now();
  const child: ChildProcess = spawn(process.execPath, [earshot, ...words], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const memory: number[] = [];
  let stdout = '';
  child.stdout!.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr!.resume();
  const timer = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      memory.push(Number(/VmRSS:\s*(\d+)/.exec(status)?.[1] ?? 0) / 1024);
    } catch {
      // It has just ended.
    }
    if (memory.length % 4 === 0 && outputs().length >= stopAt) child.kill('SIGKILL');
  }, 250);
  return new Promise((resolve) => {
    child.on('close', (code) => {
      clearInterval(timer);
      resolve({ memory, code, stdout, seconds: (performance.now() - began) / 1000 });
    });
  });
}

function outputs(): string[] {
  return readdirSync(join(work, 'out'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.npz'),
  );
}

const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');

/** Median of each fifth of a run, and its highest value. */
function course(memory: readonly number[]): string {
  const settled = memory.slice(Math.min(12, memory.length >> 2));
  const fifths = Array.from({ length: 5 }, (_, i) => {
    const part = settled.slice(
      Math.floor((i * settled.length) / 5),
      Math.floor(((i + 1) * settled.length) / 5),
    );
    return [...part].sort((a, b) => a - b)[part.length >> 1] ?? 0;
  });
  return `${fifths.map((mib) => mib.toFixed(0)).join(', ')} MiB by fifths of the time, at most ${Math.max(...memory).toFixed(0)}`;
}

function check(what: string, found: number, expected: number): void {
  console.log(`${found === expected ? 'ok' : 'WRONG'}: ${what}: ${found} of ${expected}`);
  if (found !== expected) process.exitCode = 1;
}

try {
  const windows = makeSounds();
  const bad = count - windows.size;
  mkdirSync(join(work, 'out'), { recursive: true });
  const first = await run(Math.round(windows.size * 0.45));
  const left = outputs();
  console.log(
    `killed after ${first.seconds.toFixed(1)} s with ${left.length} files written; ${course(first.memory)}`,
  );
  check('whole files among them', left.filter((name) => rowsOf(name) !== null).length, left.length);
  const before = new Map(left.map((name) => [name, statSync(join(work, 'out', name)).mtimeMs]));

  const second = await run(Number.POSITIVE_INFINITY);
  console.log(`gone on: ${second.seconds.toFixed(1)} s; ${course(second.memory)}`);
  const { files, failures } = JSON.parse(second.stdout) as {
    files: { state: string }[];
    failures: unknown[];
  };
  const states = (state: string) => files.filter((file) => file.state === state).length;
  check('kept from before', states('kept'), left.length);
  check('written', states('written'), windows.size - left.length);
  check('bad files reported', failures.length, bad);
  check(
    'kept files untouched',
    left.filter((name) => statSync(join(work, 'out', name)).mtimeMs === before.get(name)).length,
    left.length,
  );
  const all = outputs();
  check('files in the end', all.length, windows.size);
  check(
    'files with the right number of rows',
    all.filter((name) => rowsOf(name) === windows.get(name.slice(0, -4))).length,
    windows.size,
  );
  check(
    'rows',
    all.reduce((sum, name) => sum + (rowsOf(name) ?? 0), 0),
    [...windows.values()].reduce((a, b) => a + b, 0),
  );
  const strays = readdirSync(join(work, 'out'), { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.tmp'),
  );
  check('temporary files left behind', strays.length, 0);

  const whole = new Map(all.map((name) => [name, hash(join(work, 'out', name))]));
  rmSync(join(work, 'out'), { recursive: true });
  mkdirSync(join(work, 'out'));
  const third = await run(Number.POSITIVE_INFINITY);
  console.log(
    `in one go: ${third.seconds.toFixed(1)} s, ${(windows.size / third.seconds).toFixed(0)} files/s; ${course(third.memory)}`,
  );
  check(
    'files equal, byte by byte, to those of the interrupted run',
    outputs().filter((name) => hash(join(work, 'out', name)) === whole.get(name)).length,
    windows.size,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}

function rowsOf(name: string): number | null {
  try {
    return decodeNpz(readFileSync(join(work, 'out', name))).arrays.get('embedding')!.shape[0];
  } catch {
    return null;
  }
}
