/**
 * @file Peak memory and time of training steps with and without activation checkpointing, each in a process of its own
 * (Linux: VmHWM of /proc/self/status): `npx tsx bench/memory.bench.ts [network side batch]…`, side 0 for the compact
 * network's own picture of 64 × 173. `STEPS` sets the number of steps.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Engine } from '../src/runtime/index.ts';
import { median } from './rival.ts';
import { chosenSteps, loadStep, namedStep, trainingStep } from './trainingStep.ts';

type Chosen = [name: string, side: number, batch: number, checkpointActivations: boolean];

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
async function measure(...[name, side, batch, checkpointActivations]: Chosen): Promise<Measured> {
  const engine = new Engine({ threads: 2 });
  const blockSize = await engine.blockSize();
  const step = await loadStep(
    engine,
    trainingStep(namedStep(name, side, batch), { blockSize, checkpointActivations }),
  );
  writeFileSync('/proc/self/clear_refs', '5'); // sets the high-water mark back
  const before = memory('VmRSS');
  const seconds: number[] = [];
  let loss = 0;
  for (let i = 0; i < Number(process.env['STEPS'] ?? 4); i++) {
    const began = performance.now();
    loss = await step();
    seconds.push((performance.now() - began) / 1000);
  }
  await engine.close();
  const peak = memory('VmHWM');
  return { above: peak - before, peak, seconds: median(seconds.slice(1)), loss };
}

/** The same in a process of its own. */
function measureApart(...[name, side, batch, checkpoint]: Chosen): Measured {
  const words = ['--child', name, `${side}`, `${batch}`, `${checkpoint}`];
  const { stdout, status } = spawnSync(
    process.execPath,
    ['--import', 'tsx', fileURLToPath(import.meta.url), ...words],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
  );
  if (status !== 0) throw new Error(`The measurement of ${name} ended with ${status}.`);
  return JSON.parse(stdout) as Measured;
}

const words = process.argv.slice(2);
if (words[0] === '--child') {
  const [, name, side, batch, checkpoint] = words as [string, string, string, string, string];
  console.log(JSON.stringify(await measure(name, Number(side), Number(batch), checkpoint === 'true')));
} else {
  for (const [name, side, batch] of chosenSteps(words)) {
    const plain = measureApart(name, side, batch, false);
    const again = measureApart(name, side, batch, true);
    const text = ({ above, peak, seconds, loss }: Measured) =>
      `${above.toFixed(0)} MiB above the start (${peak.toFixed(0)} in all), ${seconds.toFixed(3)} s a step, loss ${loss.toFixed(6)}`;
    console.log(`${name} ${side}, batch ${batch}`);
    console.log(`  plain:         ${text(plain)}`);
    console.log(`  checkpointing: ${text(again)}`);
    console.log(
      `  memory × ${(again.above / plain.above).toFixed(2)}, time × ${(again.seconds / plain.seconds).toFixed(2)}`,
    );
  }
}
