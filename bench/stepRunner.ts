/**
 * @file One training step of bench/training.bench.ts as a program of its own, so that its memory can be measured:
 * `tsx bench/stepRunner.ts CASE`. Answers `train N` with the seconds of N steps and `memory` with its peak in MiB.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { sgd } from '../src/autodiff/index.ts';
import { float32, Random, sizeOf } from '../src/core/index.ts';
import { initializeParameters } from '../src/networks/index.ts';
import { Engine } from '../src/runtime/index.ts';
import { buildStepGraph } from '../src/training/index.ts';
import { stepCases } from './stepCases.ts';

const { network, batch, picture, frozenStatistics } = stepCases[process.argv[2]!]!();
const [rows, columns] = picture;
const engine = new Engine({ threads: 2 });
const step = buildStepGraph({
  blockSize: process.env['BLOCKED'] === '0' ? null : await engine.blockSize(),
  network,
  statistics: { mean: new Array(rows).fill(0), deviation: new Array(rows).fill(1) },
  batchSize: batch,
  nMels: rows,
  nFrames: columns,
  optimizer: sgd({ momentum: 0.9 }),
  clipNorm: null,
  trainable: () => true,
  frozenStatistics,
});
const random = new Random(1);
const noise = (shape: readonly number[], draw: () => number) =>
  float32(shape, Float32Array.from({ length: sizeOf(shape) }, draw));
const targets = new Float32Array(batch * network.classes);
for (let i = 0; i < batch; i++) targets[i * network.classes + (i % network.classes)] = 1 / batch;
const feeds = {
  x: noise([batch, 1, rows, columns], () => random.normal()),
  targets: float32([batch, network.classes], targets),
  learning_rate: float32([], [0.001]),
  ...Object.fromEntries(step.noise.map(({ name, shape }) => [name, noise(shape, () => random.uniform())])),
};

await engine.put(initializeParameters(step.parameters, random));
await engine.put(
  new Map([...step.slots].map(([slot, s]) => [slot, float32(s, new Float32Array(sizeOf(s)))])),
);
const model = await engine.load(step.model);
const { resident, keep, fetch } = step;
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [what, n] = line.split(' ');
  if (what === 'memory') {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'));
    console.log(Number(peak?.[1]) / 1024);
    continue;
  }
  const begin = performance.now();
  for (let i = 0; i < Number(n); i++) await engine.run(model, { feeds, resident, keep, fetch });
  console.log((performance.now() - begin) / 1000);
}
await engine.close();
