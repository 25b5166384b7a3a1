/**
 * @file What a training step would take if memory were given back at once: the largest sum of values alive together,
 * with ONNX Runtime's own order of nodes and sizes from its profile. Parameters, state and what replaces them are left
 * out. `npx tsx bench/lifetimes.bench.ts [network side batch]…`
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { decodeModel, encodeModel } from '../src/onnx/index.ts';
import { Engine } from '../src/runtime/index.ts';
import { chosenSteps, namedStep, type TrainingStep, trainingStep } from './trainingStep.ts';

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  readonly args: { readonly output_size?: string };
}

const views = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze']);

/** Bytes alive together at most, without and with checkpointing. */
async function largestLife(...[name, side, batch]: [string, number, number]): Promise<[number, number]> {
  const engine = new Engine({ threads: 2 });
  const blockSize = await engine.blockSize();
  await engine.close();
  const life = (checkpointActivations: boolean) =>
    lifeOf(trainingStep(namedStep(name, side, batch), { blockSize, checkpointActivations }));
  return [await life(false), await life(true)];
}

async function lifeOf({ graph, resident, feeds }: TrainingStep): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-lifetimes-'));
  try {
    const optimised = join(folder, 'optimised.onnx');
    const session = await ort.InferenceSession.create(encodeModel(graph.model), {
      ...{ intraOpNumThreads: 2, logSeverityLevel: 3, enableMemPattern: false },
      ...{ enableProfiling: true, profileFilePrefix: join(folder, 'profile') },
      optimizedModelFilePath: optimised,
    });
    const all = [...resident(), ...Object.entries(feeds)];
    await session.run(
      Object.fromEntries(
        all.map(([name, t]) => [name, new ort.Tensor('float32', t.data as Float32Array, t.dims)]),
      ),
    );
    session.endProfiling();
    const profile = readdirSync(folder).find((name) => name.startsWith('profile'))!;
    const events = JSON.parse(readFileSync(join(folder, profile), 'utf8')) as ProfileEvent[];
    return peakOf(events, decodeModel(new Uint8Array(readFileSync(optimised))));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function peakOf(events: readonly ProfileEvent[], { graph }: ReturnType<typeof decodeModel>): number {
  const nodes = new Map(graph.nodes.flatMap((node) => [[node.outputs[0], node] as const]));
  for (const node of graph.nodes) if (node.name !== '') nodes.set(node.name, node);
  const order = events.flatMap(({ cat, name, args }) => {
    if (cat !== 'Node' || !name.endsWith('_kernel_time')) return [];
    const node = nodes.get(name.replace('_kernel_time', ''));
    return node === undefined ? [] : [{ node, bytes: Number(args.output_size) }];
  });
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const source = new Map<string, string>();
  for (const { node } of order) {
    const [from, to] = [node.inputs[0], node.outputs[0]];
    if (views.has(node.opType) && !outputs.has(to)) source.set(to, source.get(from) ?? from);
  }
  const memoryOf = (name: string) => source.get(name) ?? name;
  const lastRead = new Map<string, number>();
  order.forEach(({ node }, i) => {
    for (const name of node.inputs) lastRead.set(memoryOf(name), i);
  });
  const held = new Map<string, number>();
  let [live, peak] = [0, 0];
  order.forEach(({ node, bytes }, i) => {
    const made = node.outputs[0];
    if (!source.has(made) && !outputs.has(made)) {
      held.set(made, bytes);
      live += bytes;
    }
    peak = Math.max(peak, live);
    for (const name of new Set([...node.inputs, made].map(memoryOf))) {
      if ((lastRead.get(name) ?? i) > i) continue;
      live -= held.get(name) ?? 0;
      held.delete(name);
    }
  });
  return peak;
}

for (const [name, side, batch] of chosenSteps(process.argv.slice(2))) {
  const [plain, again] = await largestLife(name, side, batch);
  const mega = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`;
  console.log(`${name} ${side}, batch ${batch}: plain ${mega(plain)}, checkpointing ${mega(again)}`);
}
