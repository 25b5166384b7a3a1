/**
 * @file Training step and inference of a ResNet beside PyTorch, in alternating rounds of one run:
 * `npx tsx bench/resnet.bench.ts [resnet50] [224] [8]`. Needs /usr/bin/python3 (or PYTHON) with torchvision.
 */
import { sgd } from '../src/autodiff/index.ts';
import { float32, Random, sizeOf } from '../src/core/index.ts';
import { inferenceContext, initializeParameters, networkByName } from '../src/networks/index.ts';
import { GraphBuilder } from '../src/onnx/index.ts';
import { Engine } from '../src/runtime/index.ts';
import { buildStepGraph } from '../src/training/index.ts';
import { median, Rival } from './rival.ts';

const name = process.argv[2] ?? 'resnet50';
const side = Number(process.argv[3] ?? 224);
const batch = Number(process.argv[4] ?? 8);
const rounds = Number(process.env['ROUNDS'] ?? 5);
const steps = Number(process.env['STEPS'] ?? 2);

const network = networkByName(name).create({ classes: 10, pictureSize: [side, side] });
const graph = buildStepGraph({
  network,
  statistics: { mean: new Array(side).fill(0), deviation: new Array(side).fill(1) },
  batchSize: batch,
  nMels: side,
  nFrames: side,
  optimizer: sgd({ momentum: 0.9 }),
  clipNorm: null,
  trainable: () => true,
  frozenStatistics: false,
});
const random = new Random(1);
const parameters = initializeParameters(graph.parameters, random);
const x = float32(
  [batch, 1, side, side],
  Float32Array.from({ length: batch * side * side }, () => random.normal()),
);
const targets = new Float32Array(batch * 10);
for (let i = 0; i < batch; i++) targets[i * 10 + (i % 10)] = 1 / batch;

const rival = new Rival('resnet_torchvision.py', [name, String(side), String(batch)]);
console.log(
  `rival: PyTorch ${(await rival.answer()).slice(6)}, 2 threads, OPENBLAS_CORETYPE=SkylakeX, malloc trimming off`,
);
const engine = new Engine({ threads: 2 });
await engine.put(parameters);
await engine.put(
  new Map([...graph.slots].map(([slot, s]) => [slot, float32(s, new Float32Array(sizeOf(s)))])),
);
const stepModel = await engine.load(graph.model);
const g = new GraphBuilder();
const input = g.input('x', 'float32', ['N', 1, side, side]);
g.output(network.forward(inferenceContext(g, parameters), input).logits, 'logits');
const forwardModel = await engine.load(g.model());

const train = () =>
  engine.run(stepModel, {
    feeds: { x, targets: float32([batch, 10], targets), learning_rate: float32([], [0.01]) },
    resident: graph.resident,
    keep: graph.keep,
    fetch: graph.fetch,
  });
const infer = () => engine.run(forwardModel, { feeds: { x }, fetch: ['logits'] });

const seconds = async (run: () => Promise<unknown>, n: number) => {
  const begin = performance.now();
  for (let i = 0; i < n; i++) await run();
  return (performance.now() - begin) / 1000;
};

for (const [what, run, n] of [
  ['train', train, steps],
  ['infer', infer, 2 * steps],
] as const) {
  await run();
  await run();
  await rival.ask(`${what} 2`);
  const own: number[] = [];
  const other: number[] = [];
  for (let r = 0; r < rounds; r++) {
    const mine = async () => own.push((n * batch) / (await seconds(run, n)));
    const theirs = async () => other.push((n * batch) / (await rival.ask(`${what} ${n}`)));
    // Who goes first changes every round.
    if (r % 2 === 0) {
      await mine();
      await theirs();
    } else {
      await theirs();
      await mine();
    }
  }
  const ratios = own.map((v, i) => v / other[i]!);
  console.log(
    `${name} ${side}² batch ${batch} ${what}: Earshot ${median(own).toFixed(2)}, PyTorch ${median(other).toFixed(2)} images/s; ` +
      `ratio ${median(ratios).toFixed(2)} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} over ${rounds} rounds)`,
  );
}
rival.end();
await engine.close();
