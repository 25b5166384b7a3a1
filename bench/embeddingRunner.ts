/**
 * @file Earshot's side of bench/embeddings.bench.ts: OpenL3's network in inference, two threads or THREADS. Arguments: input
 * representation, embedding size. Prints the batch size it took (of 1, 4 and 8 the fastest), then answers `embed N`
 * with the seconds of N batches, `batch` with its batch size and `cpu` with the seconds of processor time it has had.
 */
import { createInterface } from 'node:readline';
import { float32, Random } from '../src/core/index.ts';
import {
  inferenceContext,
  initializeParameters,
  type Openl3EmbeddingSize,
  type Openl3InputRepr,
  openl3,
  openl3Picture,
  parameterSpecs,
} from '../src/networks/index.ts';
import { GraphBuilder } from '../src/onnx/index.ts';
import { Engine } from '../src/runtime/index.ts';

const inputRepr = process.argv[2] as Openl3InputRepr;
const embeddingSize = Number(process.argv[3]) as Openl3EmbeddingSize;
const picture = openl3Picture(inputRepr);
const network = openl3({ classes: 2, inputRepr, embeddingSize });
const random = new Random(0);
const values = initializeParameters(parameterSpecs(network, [1, 1, ...picture], new GraphBuilder()), random);
const g = new GraphBuilder();
const x = g.input('x', 'float32', ['N', 1, ...picture]);
g.output(network.forward(inferenceContext(g, values), x).embedding, 'embedding');
const engine = new Engine({ threads: Number(process.env['THREADS'] ?? 2) });
const model = await engine.load(g.model());

function pictures(batch: number): Float32Array {
  return Float32Array.from({ length: batch * picture[0] * picture[1] }, () => random.uniform(-80, 0));
}

async function seconds(batch: number, data: Float32Array, n: number): Promise<number> {
  const start = performance.now();
  // The engine takes the numbers over, so each batch is a copy, as a batch of real windows would be.
  for (let i = 0; i < n; i++)
    await engine.run(model, {
      feeds: { x: float32([batch, 1, ...picture], data.slice()) },
      fetch: ['embedding'],
    });
  return (performance.now() - start) / 1000;
}

let best = { rate: 0, batch: 1, data: pictures(1) };
for (const batch of [1, 4, 8]) {
  const data = pictures(batch);
  await seconds(batch, data, 1);
  const rate = batch / (await seconds(batch, data, 1));
  if (rate > best.rate) best = { rate, batch, data };
}
console.log(`Earshot: batches of ${best.batch}`);
for await (const line of createInterface({ input: process.stdin })) {
  const [request, count] = line.split(' ');
  if (request === 'batch') console.log(best.batch);
  else if (request === 'cpu') console.log((process.cpuUsage().user + process.cpuUsage().system) / 1e6);
  else console.log(await seconds(best.batch, best.data, Number(count)));
}
await engine.close();
