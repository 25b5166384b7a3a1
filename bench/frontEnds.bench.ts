/**
 * @file Every named front end, from a window's samples in memory to its picture: the function, and the nodes in ONNX Runtime
 * (one thread, batches of 8): `npx tsx bench/frontEnds.bench.ts`. Prints milliseconds of processor time a window, the
 * median of five rounds.
 */
import { float32, Random } from '../src/core/index.ts';
import {
  type FrontEndSpec,
  frontEndByName,
  frontEndNames,
  frontEndNodes,
  frontEndPicture,
} from '../src/features/index.ts';
import { GraphBuilder } from '../src/onnx/index.ts';
import { Engine, type LoadedModel } from '../src/runtime/index.ts';

const rounds = 5;
const batch = 8;
const batches = 12;

function cpuMs(since: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
}

/** Milliseconds of processor time a window. */
async function measure(work: () => Promise<void> | void): Promise<number> {
  // WebAssembly is compiled anew, and better, once it has run for a while.
  for (let i = 0; i < 3 * batches; i++) await work();
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = process.cpuUsage();
    for (let i = 0; i < batches; i++) await work();
    times.push(cpuMs(start) / (batch * batches));
  }
  return times.sort((a, b) => a - b)[rounds >> 1];
}

async function load(engine: Engine, spec: FrontEndSpec, samples: number): Promise<LoadedModel> {
  const g = new GraphBuilder();
  g.output(frontEndNodes(g, g.input('waveform', 'float32', ['batch', samples]), spec), 'picture');
  return engine.load(g.model());
}

const engine = new Engine({ threads: 1 });
try {
  for (const name of frontEndNames) {
    const { spec: make, window } = frontEndByName(name);
    const spec = make({});
    const samples = Math.round((window.seconds ?? 4) * spec.sampleRate);
    const random = new Random(1);
    const waveform = float32(
      [batch, samples],
      Float32Array.from({ length: batch * samples }, () => 0.1 * random.normal()),
    );
    const fast = await measure(() => {
      for (let i = 0; i < batch; i++) {
        frontEndPicture(waveform.data.subarray(i * samples, (i + 1) * samples), spec);
      }
    });
    const model = await load(engine, spec, samples);
    const nodes = await measure(async () => {
      await engine.run(model, { feeds: { waveform }, fetch: ['picture'] });
    });
    console.log(
      `${name.padEnd(26)} ${String(samples).padStart(6)} samples   function ${fast.toFixed(2).padStart(5)} ms   nodes ${nodes.toFixed(2).padStart(5)} ms`,
    );
  }
} finally {
  await engine.close();
}
