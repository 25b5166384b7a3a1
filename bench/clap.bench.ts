/**
 * @file CLAP's audio encoder at its published size (random weights: no published ones can be had here), a window of 10 s
 * at a time, on all threads: `npx tsx bench/clap.bench.ts`. Prints the median of five runs, the front end beside it, and
 * what ten prompts cost.
 */
import { float32, int64, Random } from '../src/core/index.ts';
import { clapLogMel, clapSpec } from '../src/features/index.ts';
import {
  clapAudioEncoder,
  clapConfig,
  clapTextEncoder,
  forwardContext,
  inferenceContext,
  initializeParameters,
  inputParameter,
  ParameterTable,
} from '../src/networks/index.ts';
import { GraphBuilder } from '../src/onnx/index.ts';
import { Engine } from '../src/runtime/index.ts';

const config = clapConfig({}, 'the defaults');
const pictures = ['N', 1, 64, 1001] as const;
const tokens = 12;

function values() {
  const g = new GraphBuilder();
  const table = new ParameterTable();
  const c = forwardContext(g, table, inputParameter(g));
  clapAudioEncoder(c, g.input('x', 'float32', pictures), config);
  const ids = g.input('ids', 'int64', ['N', tokens]);
  clapTextEncoder(c, ids, g.input('mask', 'int64', ['N', tokens]), config);
  return initializeParameters(table.specs, new Random(1));
}

async function median(work: () => Promise<unknown>): Promise<number> {
  await work();
  const times: number[] = [];
  for (let i = 0; i < 5; i++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.sort((a, b) => a - b)[2];
}

const random = new Random(2);
const waveform = Float32Array.from({ length: 480000 }, () => 0.1 * random.normal());
const picture = clapLogMel(waveform, clapSpec).data;
console.log(`front end: ${(await median(async () => clapLogMel(waveform, clapSpec))).toFixed(0)} ms`);
const weights = values();
const engine = new Engine({});
try {
  const audio = new GraphBuilder();
  const x = audio.input('x', 'float32', pictures);
  audio.output(clapAudioEncoder(inferenceContext(audio, weights), x, config), 'embeds');
  const sound = await engine.load(audio.model());
  for (const n of [1, 8]) {
    const batch = new Float32Array(n * picture.length);
    for (let i = 0; i < n; i++) batch.set(picture, i * picture.length);
    const feeds = { x: float32([n, 1, 64, 1001], batch) };
    const ms = await median(() => engine.run(sound, { feeds, fetch: ['embeds'] }));
    console.log(`audio encoder, ${n} at a time: ${(ms / n).toFixed(0)} ms a window of 10 s`);
  }
  await engine.unload(sound);
  const text = new GraphBuilder();
  const [ids, mask] = ['ids', 'mask'].map((name) => text.input(name, 'int64', ['N', tokens]));
  text.output(clapTextEncoder(inferenceContext(text, weights), ids!, mask!, config), 'embeds');
  const words = await engine.load(text.model());
  const dims = [10, tokens];
  const feeds = {
    ids: int64(dims, new Array<number>(120).fill(9)),
    mask: int64(dims, new Array<number>(120).fill(1)),
  };
  const ms = await median(() => engine.run(words, { feeds, fetch: ['embeds'] }));
  console.log(`text encoder: ${ms.toFixed(0)} ms for ten prompts of ${tokens} tokens`);
} finally {
  await engine.close();
}
console.log(`memory: ${(process.resourceUsage().maxRSS / 1e6).toFixed(1)} GB at most`);
