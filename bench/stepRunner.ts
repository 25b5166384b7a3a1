/**
 * @file One case of bench/training.bench.ts or bench/whisper.bench.ts as a program of its own, so that its memory can be
 * measured: `tsx bench/stepRunner.ts CASE`. Answers `train N` with the seconds of N training steps, `forward N` with those
 * of N passes of inference, and `memory` with its peak in MiB.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Engine } from '../src/runtime/index.ts';
import { stepCases } from './stepCases.ts';
import { loadForward, loadStep, trainingStep } from './trainingStep.ts';

const engine = new Engine({ threads: 2 });
const blockSize = process.env['BLOCKED'] === '0' ? null : await engine.blockSize();
const stepCase = stepCases[process.argv[2]]();
/** Loaded when first asked for: the other would only take memory. */
const work = new Map<string, () => Promise<unknown>>();

async function load(what: string): Promise<() => Promise<unknown>> {
  return what === 'forward'
    ? loadForward(engine, stepCase)
    : loadStep(engine, trainingStep(stepCase, { blockSize }));
}

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [what, n] = line.split(' ');
  if (what === 'memory') {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    console.log(Number(peak?.[1]) / 1024);
    continue;
  }
  const once = work.get(what!) ?? (await load(what!));
  work.set(what!, once);
  const begin = performance.now();
  for (let i = 0; i < Number(n); i++) await once();
  console.log((performance.now() - begin) / 1000);
}
await engine.close();
