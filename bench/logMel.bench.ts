/**
 * @file Log-mel extraction (4 s at 22.05 kHz, nFft 2048, hop 512, 128 mels, decibels) from samples in memory, both
 * cores, beside torchaudio at the best of its settings, in alternating rounds: `npx tsx bench/logMel.bench.ts`.
 * Needs /usr/bin/python3 with torchaudio (or the one that PYTHON names).
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../src/core/index.ts';
import { startWorker } from '../src/parallel/worker.ts';
import { Rival } from './rival.ts';

const length = 88_200;
const clipCount = 96;
const rounds = Number(process.env.ROUNDS ?? 5);
const repeats = 4;

function makeClips(): Float32Array[] {
  const random = new Random(1);
  return Array.from({ length: clipCount }, () => {
    const hz = random.uniform(100, 5000);
    return Float32Array.from(
      { length },
      (_, i) => 0.3 * Math.sin((2 * Math.PI * hz * i) / 22050) + 0.05 * random.normal(),
    );
  });
}

/** Clips a second by the clock, and milliseconds of processor time a clip: the steadier one on a busy machine. */
interface Speed {
  clipsPerSecond: number;
  cpuMs: number;
}

/** @param work resolves to the seconds of processor time that it took */
async function measure(count: number, work: () => Promise<number>): Promise<Speed> {
  const start = performance.now();
  const cpuSeconds = await work();
  return {
    clipsPerSecond: (1000 * count) / (performance.now() - start),
    cpuMs: (1000 * cpuSeconds) / count,
  };
}

function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
}

const clips = makeClips();
const folder = mkdtempSync(join(tmpdir(), 'earshot-bench-'));
const file = join(folder, 'clips.f32');
writeFileSync(file, Buffer.concat(clips.map((c) => new Uint8Array(c.buffer))));
const rivals = [0, 1].map(() => Rival.python('log_mel_torchaudio.py', [file, String(length)]));
const half = clipCount / 2;
const workers = [0, half].map((first) =>
  startWorker(import.meta.url, 'logMelWorker', { workerData: { clips: clips.slice(first, first + half) } }),
);
try {
  console.log(await rivals[0].answer());
  await rivals[1].answer();
  const ours = async () => {
    const before = process.cpuUsage();
    await Promise.all(
      workers.map((worker) => {
        const answer = once(worker, 'message');
        worker.postMessage(repeats);
        return answer;
      }),
    );
    const used = process.cpuUsage(before);
    return (used.user + used.system) / 1e6;
  };
  const both = async (batch: number) => {
    const seconds = await Promise.all(rivals.map((rival, i) => rival.ask(`1 ${batch} ${i * half} ${half}`)));
    return seconds[0] + seconds[1];
  };
  const settings: Record<string, () => Promise<number>> = {
    'torchaudio, one by one, 2 threads': () => rivals[0].ask(`2 1 0 ${clipCount}`),
    'torchaudio, batches of 16, 2 threads': () => rivals[0].ask(`2 16 0 ${clipCount}`),
    'torchaudio, 2 processes of 1 thread, one by one': () => both(1),
    'torchaudio, 2 processes of 1 thread, batches of 16': () => both(16),
  };
  const own = 'earshot, 2 worker threads';
  const speeds = new Map<string, Speed[]>([own, ...Object.keys(settings)].map((name) => [name, []]));
  // The first round warms up.
  for (let round = 0; round <= rounds; round++) {
    const here = new Map([[own, await measure(repeats * clipCount, ours)]]);
    for (const [name, work] of Object.entries(settings)) here.set(name, await measure(clipCount, work));
    if (round > 0) for (const [name, speed] of here) speeds.get(name)!.push(speed);
  }
  const clock = (name: string) => median(speeds.get(name)!.map((s) => s.clipsPerSecond));
  const cpu = (name: string) => median(speeds.get(name)!.map((s) => s.cpuMs));
  for (const [name, values] of speeds) {
    const all = values.map((s) => s.clipsPerSecond);
    const span = `(${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)})`;
    console.log(
      `${name.padEnd(52)} ${clock(name).toFixed(0).padStart(6)} clips/s ${span.padEnd(16)} ${cpu(name).toFixed(2)} ms of processor a clip`,
    );
  }
  const names = Object.keys(settings);
  const byClock = clock(own) / Math.max(...names.map(clock));
  const byCpu = Math.min(...names.map(cpu)) / cpu(own);
  console.log(
    `ratio to torchaudio's best setting: ${byClock.toFixed(2)} by the clock, ${byCpu.toFixed(2)} by processor time`,
  );
} finally {
  for (const rival of rivals) rival.end();
  await Promise.all(workers.map((worker) => worker.terminate()));
  rmSync(folder, { recursive: true, force: true });
}
