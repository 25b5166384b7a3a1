/**
 * @file Peak memory and time of training steps with and without activation checkpointing, each in a process of its own
 * (Linux: VmHWM of /proc/self/status): `npx tsx bench/memory.bench.ts [network side batch]…`, side 0 for the compact
 * network's own picture of 64 × 173. `STEPS` sets the number of steps.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { sgd } from '../src/autodiff/index.ts';
import { float32, Random, sizeOf, type Tensor } from '../src/core/index.ts';
import { initializeParameters, networkByName } from '../src/networks/index.ts';
import { Engine } from '../src/runtime/index.ts';
import { buildStepGraph } from '../src/training/index.ts';
import { median } from './rival.ts';

interface Measured {
  /** MiB above what the process held before its first step, and in all. */
  readonly above: number;
  readonly peak: number;
  /** Seconds of a step. */
  readonly seconds: number;
  readonly loss: number;
}

const memory = (key: 'VmHWM' | 'VmRSS') =>
  Number(new RegExp(`${key}:\\s*(\\d+)`).exec(readFileSync('/proc/self/status', 'utf8'))![1]) / 1024;

/** Some steps in this process. */
async function measure(
  name: string,
  side: number,
  batch: number,
  checkpointActivations: boolean,
): Promise<Measured> {
  const [nMels, nFrames] = side === 0 ? [64, 173] : [side, side];
  const network = networkByName(name).create({
    classes: 10,
    ...(side === 0 ? {} : { pictureSize: [side, side] as const }),
  });
  const optimizer = sgd({ momentum: 0.9 });
  const graph = buildStepGraph({
    ...{ network, optimizer, batchSize: batch, nMels, nFrames, checkpointActivations },
    statistics: { mean: new Array(nMels).fill(0), deviation: new Array(nMels).fill(1) },
    clipNorm: 1,
    trainable: () => true,
    frozenStatistics: false,
  });
  const random = new Random(1);
  const draw = (dims: readonly number[], uniform = false): Tensor<'float32'> =>
    float32(
      dims,
      Float32Array.from({ length: sizeOf(dims) }, () => (uniform ? random.uniform() : random.normal())),
    );
  const targets = new Float32Array(batch * 10);
  for (let i = 0; i < batch; i++) targets[i * 10 + (i % 10)] = 1 / batch;
  const feeds = {
    x: draw([batch, 1, nMels, nFrames]),
    targets: float32([batch, 10], targets),
    learning_rate: float32([], [0.01]),
    ...Object.fromEntries(graph.noise.map(({ name: noise, shape }) => [noise, draw(shape, true)])),
  };
  const engine = new Engine({ threads: 2 });
  await engine.put(initializeParameters(graph.parameters, random));
  await engine.put(
    new Map([...graph.slots].map(([slot, s]) => [slot, float32(s, new Float32Array(sizeOf(s)))])),
  );
  const model = await engine.load(graph.model);
  writeFileSync('/proc/self/clear_refs', '5'); // sets the high-water mark back
  const before = memory('VmRSS');
  const seconds: number[] = [];
  let loss = 0;
  for (let step = 0; step < Number(process.env['STEPS'] ?? 4); step++) {
    const began = performance.now();
    const { resident, keep, fetch } = graph;
    const out = await engine.run(model, { feeds, resident, keep, fetch });
    seconds.push((performance.now() - began) / 1000);
    loss = Number(out['loss']!.data[0]);
  }
  await engine.close();
  const peak = memory('VmHWM');
  return { above: peak - before, peak, seconds: median(seconds.slice(1)), loss };
}

const [mode, ...rest] = process.argv.slice(2);
if (mode === '--child') {
  const [name, side, batch, checkpoint] = rest as [string, string, string, string];
  console.log(JSON.stringify(await measure(name, Number(side), Number(batch), checkpoint === 'true')));
} else {
  const chosen =
    mode === undefined
      ? ['cnn', '0', '256', 'resnet18', '128', '32', 'resnet50', '128', '48']
      : [mode, ...rest];
  for (let i = 0; i + 2 < chosen.length; i += 3) {
    const run = (checkpoint: boolean): Measured => {
      const words = [
        '--import',
        'tsx',
        fileURLToPath(import.meta.url),
        '--child',
        ...chosen.slice(i, i + 3),
        `${checkpoint}`,
      ];
      const { stdout, status } = spawnSync(process.execPath, words, {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      if (status !== 0) throw new Error(`The measurement of ${chosen[i]} ended with ${status}.`);
      return JSON.parse(stdout) as Measured;
    };
    const plain = run(false);
    const again = run(true);
    const text = ({ above, peak, seconds, loss }: Measured) =>
      `${above.toFixed(0)} MiB above the start (${peak.toFixed(0)} in all), ${seconds.toFixed(3)} s a step, loss ${loss.toFixed(6)}`;
    console.log(`${chosen[i]} ${chosen[i + 1]}, batch ${chosen[i + 2]}`);
    console.log(`  plain:         ${text(plain)}`);
    console.log(`  checkpointing: ${text(again)}`);
    console.log(
      `  memory × ${(again.above / plain.above).toFixed(2)}, time × ${(again.seconds / plain.seconds).toFixed(2)}`,
    );
  }
}
