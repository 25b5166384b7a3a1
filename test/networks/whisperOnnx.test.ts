/** @file A Whisper encoder that torch.onnx.export wrote (tools/fixtures/whisper.py --onnx) as a network. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { sgd } from '../../src/autodiff/index.ts';
import { float32, Random, type Tensor } from '../../src/core/index.ts';
import { isSequence } from '../../src/networks/importedSequence.ts';
import {
  embeddingCandidates,
  importedNetwork,
  initializeParameters,
  whisper,
} from '../../src/networks/index.ts';
import { decodeModel, encodeModel, GraphBuilder } from '../../src/onnx/index.ts';
import { buildStepGraph } from '../../src/training/index.ts';
import { runModel } from '../support/runModel.ts';
import { hashed, hashedParameter } from './hashedTensors.ts';
import { infer, relativeDifference, specsOf } from './runNetwork.ts';
import { configOf, fixture, statesOf } from './whisperFixture.ts';

const bytes = readFileSync(new URL('../fixtures/whisper/encoder.onnx', import.meta.url));
const model = decodeModel(bytes);
const config = configOf(fixture.cases[0].config);
const options = { name: 'encoder_model', classes: 3, embedding: 'last_hidden_state' };
const [nMels, nFrames] = [config.nMels, 2 * config.maxPositions];

it('its embedding is the mean over the positions of the encoder built here', async () => {
  expect(embeddingCandidates(model).candidates.map(({ name }) => name)).toContain('last_hidden_state');
  const network = importedNetwork(model, options);
  const x = float32([2, 1, nMels, nFrames], hashed('log-mel', [2, nMels, nFrames]).data);
  const own = specsOf(whisper({ classes: 3, config }), x.dims);
  const values = new Map(own.map(({ name, shape }) => [name, hashedParameter(name, shape)]));
  const last = (await statesOf(config, values, x)).at(-1)!;
  const [, positions, width] = last.dims as [number, number, number];
  const mean = Array.from({ length: 2 * width }, (_, i) => {
    const [n, c] = [Math.floor(i / width), i % width];
    let sum = 0;
    for (let t = 0; t < positions; t++) sum += (last.data as Float32Array)[(n * positions + t) * width + c];
    return sum / positions;
  });
  const start = initializeParameters(specsOf(network, x.dims), new Random(1));
  const { embedding } = await infer(network, start, x, ['N', 1, nMels, nFrames]);
  expect(embedding!.dims).toEqual([2, width]);
  expect(relativeDifference(embedding!.data as Float32Array, mean)).toBeLessThan(1e-4);
});

it('it is trained like every network', async () => {
  const step = buildStepGraph({
    network: importedNetwork(model, options),
    statistics: null,
    ...{ batchSize: 3, nMels, nFrames, optimizer: sgd({ momentum: 0 }), clipNorm: null },
    ...{ trainable: () => true, frozenStatistics: false },
  });
  // Two convolutions and, of each layer, four projections and two matrices of the feed-forward part.
  const matrices = step.parameters.filter(({ role }) => role === 'weight');
  expect(matrices.length).toBeGreaterThanOrEqual(2 + 2 * 6);
  const graph = encodeModel(step.model);
  const x = float32([3, 1, nMels, nFrames], hashed('sounds', [3, nMels, nFrames]).data);
  const targets = float32([3, 3], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
  let parameters: Record<string, Tensor> = Object.fromEntries(
    initializeParameters(step.parameters, new Random(1)),
  );
  const losses: number[] = [];
  for (let i = 0; i < 20; i++) {
    const feeds = { x, targets, learning_rate: float32([], [0.01]), ...parameters };
    const results = await runModel(graph, feeds);
    losses.push(Number(results['loss'].data[0]));
    const kept = Object.entries(step.keep).map(([output, name]) => [name, results[output]] as const);
    parameters = { ...parameters, ...Object.fromEntries(kept) };
  }
  expect(losses.at(-1)!).toBeLessThan(losses[0] / 2);
});

it('sequences are told from maps over time by the nodes that made them', () => {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', ['N', 6, 10]);
  const kernel = g.initializer('kernel', float32([4, 6, 3], new Float32Array(72)));
  const matrix = g.initializer('matrix', float32([4, 4], new Float32Array(16)));
  const bias = g.initializer('bias', float32([4], new Float32Array(4)));
  const maps = g.op(
    'Relu',
    [g.op('Conv', [x, kernel], { kernel_shape: [3], pads: [1, 1] })],
    {},
    { name: 'maps' },
  );
  const turned = g.op('Transpose', [maps], { perm: [0, 2, 1] }, { name: 'turned' });
  const dense = g.op('Tanh', [g.op('MatMul', [turned, matrix])], {}, { name: 'dense' });
  g.op('Add', [dense, bias], {}, { name: 'biased' });
  g.output(g.op('Transpose', [dense], { perm: [0, 2, 1] }, { name: 'back' }));
  const made = { ...model, graph: g.graph };
  expect(['maps', 'turned', 'dense', 'biased', 'back'].map((name) => isSequence(made, name))).toEqual([
    ...[false, true, true, true, false],
  ]);
});
