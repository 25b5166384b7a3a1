/**
 * @file One training step of bench/training.bench.ts as a program of its own, so that its memory can be measured:
 * `tsx bench/stepRunner.ts CASE`. Answers `train N` with the seconds of N steps and `memory` with its peak in MiB.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Engine } from '../src/runtime/index.ts';
import { stepCases } from './stepCases.ts';
import { loadStep, trainingStep } from './trainingStep.ts';

const engine = new Engine({ threads: 2 });
const blockSize = process.env['BLOCKED'] === '0' ? null : await engine.blockSize();
const step = await loadStep(engine, trainingStep(stepCases[process.argv[2]!]!(), { blockSize }));
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [what, n] = line.split(' ');
  if (what === 'memory') {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    console.log(Number(peak?.[1]) / 1024);
    continue;
  }
  const begin = performance.now();
  for (let i = 0; i < Number(n); i++) await step();
  console.log((performance.now() - begin) / 1000);
}
await engine.close();
