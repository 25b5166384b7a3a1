/**
 * Batch normalisations of imported models that learn their statistics: the same steps as those of a network built of the
 * house's own layers, whose running statistics are held to PyTorch's. And models taken without their weights.
 */
import { describe, expect, it } from 'vitest';
import { sgd } from '../../src/autodiff/index.ts';
import { float32, Random, sizeOf, type Tensor } from '../../src/core/index.ts';
import {
  batchNorm,
  convolution,
  importedNetwork,
  initializeParameters,
  linear,
  type Network,
  parameterSpecs,
} from '../../src/networks/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { buildStepGraph } from '../../src/training/index.ts';
import { float, int, ints, madeModel, node } from '../onnx/madeModel.ts';
import { runModel } from '../support/runModel.ts';

const [N, mels, frames, classes] = [4, 8, 10, 3];
const random = new Random(2);
const noise = (...dims: number[]) =>
  float32(
    dims,
    Float32Array.from({ length: sizeOf(dims) }, () => random.normal()),
  );
const filled = (value: number, n: number) => float32([n], new Float32Array(n).fill(value));

/** Convolution, batch normalisation twice over; the second norm's variance is the first one's, as PyTorch writes equals. */
const model = madeModel({
  opset: 14,
  inputs: { mel: ['float32', ['N', 1, mels, frames]] },
  outputs: { embedding: 'float32' },
  initializers: {
    'conv1.weight': noise(4, 1, 3, 3),
    'bn1.weight': float32([4], [1, 0.5, 2, 1]),
    'bn1.bias': noise(4),
    'bn1.running_mean': noise(4),
    'bn1.running_var': float32([4], [1, 2, 0.5, 1]),
    'conv2.weight': noise(4, 4, 3, 3),
    'bn2.weight': filled(1.5, 4),
    'bn2.bias': noise(4),
    'bn2.running_mean': noise(4),
  },
  nodes: [
    node('Identity', ['bn1.running_var'], ['bn2.running_var']),
    node('Conv', ['mel', 'conv1.weight'], ['a'], { pads: ints(1, 1, 1, 1) }),
    node(
      'BatchNormalization',
      ['a', 'bn1.weight', 'bn1.bias', 'bn1.running_mean', 'bn1.running_var'],
      ['b'],
      {
        epsilon: float(1e-3),
        momentum: float(0.99),
      },
    ),
    node('Relu', ['b'], ['c']),
    node('Conv', ['c', 'conv2.weight'], ['d'], { pads: ints(1, 1, 1, 1) }),
    node(
      'BatchNormalization',
      ['d', 'bn2.weight', 'bn2.bias', 'bn2.running_mean', 'bn2.running_var'],
      ['e'],
      {
        epsilon: float(1e-3),
        momentum: float(0.99),
      },
    ),
    node('GlobalAveragePool', ['e'], ['pooled']),
    node('Flatten', ['pooled'], ['embedding']),
  ],
});

const options = { name: 'model', classes, embedding: 'embedding' };

/** The same of the house's own layers. */
const ours: Network = {
  name: 'ours',
  classes,
  stages: [{ name: 'head', prefixes: ['head.'] }],
  forward(c, x) {
    const norm = { epsilon: 1e-3, momentum: 0.01 };
    let y = convolution(c, x, 'conv1', { outChannels: 4, kernel: 3 });
    y = c.g.op('Relu', [batchNorm(c, y, 'bn1', norm)]);
    y = batchNorm(c, convolution(c, y, 'conv2', { outChannels: 4, kernel: 3 }), 'bn2', norm);
    const embedding = c.g.op('Flatten', [c.g.op('GlobalAveragePool', [y])], { axis: 1 });
    return { logits: linear(c, embedding, 'head', classes), embedding };
  },
};

const specsOf = (network: Network) => parameterSpecs(network, [N, 1, mels, frames], new GraphBuilder());

/** Some steps of SGD on the same batch: the parameters after them, and the losses. */
async function steps(network: Network, initial: ReadonlyMap<string, Tensor>, frozenStatistics = false) {
  const step = buildStepGraph({
    ...{ network, statistics: null, batchSize: N, nMels: mels, nFrames: frames, frozenStatistics },
    ...{ optimizer: sgd({ momentum: 0 }), clipNorm: null, trainable: () => true },
  });
  const draw = new Random(4);
  const x = float32(
    [N, 1, mels, frames],
    Float32Array.from({ length: N * mels * frames }, () => draw.normal()),
  );
  const targets = float32(
    [N, classes],
    Float32Array.from({ length: N * classes }, (_, i) => (i % (classes + 1) === 0 ? 1 / N : 0)),
  );
  let parameters = new Map(initial);
  const losses: number[] = [];
  for (let i = 0; i < 3; i++) {
    const rates = Object.fromEntries(step.scalars.map(({ input }) => [input, float32([], [0.1])]));
    const results = await runModel(step.model, { x, targets, ...rates, ...Object.fromEntries(parameters) });
    losses.push(Number(results['loss'].data[0]));
    parameters = new Map(parameters);
    for (const [output, name] of Object.entries(step.keep)) parameters.set(name, results[output]);
  }
  return { parameters, losses };
}

describe('batch normalisation of an imported model', () => {
  it('learns weights and running statistics as the layer of the house does', async () => {
    // With tensors apart, so that both networks have the same parameters.
    const network = importedNetwork(model, { ...options, fromScratch: true });
    const initial = initializeParameters(specsOf(network), new Random(6));
    for (const [name, { dims, dtype, data }] of model.graph.initializers)
      if (dtype === 'float32') initial.set(name, { dtype, dims, data: data as Float32Array });
    const [theirs, own] = [await steps(network, initial), await steps(ours, initial)];
    theirs.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(own.losses[i], 5);
    });
    expect([...theirs.parameters.keys()].sort()).toEqual(
      specsOf(ours)
        .map(({ name }) => name)
        .sort(),
    );
    for (const [name, { data }] of own.parameters) {
      const got = theirs.parameters.get(name)!.data;
      expect(
        initial.get(name)!.data.some((v, i) => v !== got[i]),
        name,
      ).toBe(true);
      for (let i = 0; i < data.length; i++) expect(Number(got[i]), name).toBeCloseTo(Number(data[i]), 4);
    }
  });

  it('keeps its statistics where they are frozen, and goes by them', async () => {
    const network = importedNetwork(model, options);
    const initial = initializeParameters(specsOf(network), new Random(6));
    const { parameters, losses } = await steps(network, initial, true);
    for (const name of ['bn1.running_mean', 'bn1.running_var', 'bn2.running_mean'])
      expect(parameters.get(name)!.data).toEqual(initial.get(name)!.data);
    expect(losses[0]).not.toBeCloseTo((await steps(network, initial)).losses[0], 3);
  });
});

describe('a model without its weights', () => {
  const scratch = (seed: number) =>
    initializeParameters(
      specsOf(importedNetwork(model, { ...options, fromScratch: true })),
      new Random(seed),
    );

  it('starts from the seed: norms at rest, kernels anew, equal tensors as layers of their own', () => {
    const [a, again, b] = [scratch(1), scratch(1), scratch(2)];
    expect(again).toEqual(a);
    expect(a.get('conv1.weight')!.data).not.toEqual(b.get('conv1.weight')!.data);
    expect(a.get('conv1.weight')!.data).not.toEqual(model.graph.initializers.get('conv1.weight')!.data);
    for (const bn of ['bn1', 'bn2']) {
      expect([...a.get(`${bn}.weight`)!.data]).toEqual([1, 1, 1, 1]);
      expect([...a.get(`${bn}.bias`)!.data]).toEqual([0, 0, 0, 0]);
      expect([...a.get(`${bn}.running_mean`)!.data]).toEqual([0, 0, 0, 0]);
      expect([...a.get(`${bn}.running_var`)!.data]).toEqual([1, 1, 1, 1]);
    }
  });

  it('has weights of the usual size, by the fan-in of the layer that reads them', () => {
    const wide = madeModel({
      opset: 14,
      inputs: { x: ['float32', ['N', 1, 8, 8]] },
      outputs: { y: 'float32' },
      initializers: {
        conv: noise(64, 1, 5, 5),
        depth: noise(64, 1, 3, 3),
        bias: noise(64),
        gemm: noise(40, 64),
        matmul: noise(40, 300),
        scale: noise(300),
        table: noise(300, 10),
      },
      nodes: [
        node('Conv', ['x', 'conv', 'bias'], ['a'], { pads: ints(2, 2, 2, 2) }),
        node('Conv', ['a', 'depth'], ['b'], { group: int(64) }),
        node('GlobalAveragePool', ['b'], ['c']),
        node('Flatten', ['c'], ['d']),
        node('Gemm', ['d', 'gemm'], ['e'], { transB: int(1) }),
        node('MatMul', ['e', 'matmul'], ['f']),
        node('Mul', ['f', 'scale'], ['g']),
        node('MatMul', ['g', 'table'], ['y']),
      ],
    });
    const network = importedNetwork(wide, { name: 'wide', classes: 2, embedding: 'y', fromScratch: true });
    const specs = parameterSpecs(network, [1, 1, 8, 8], new GraphBuilder());
    const values = initializeParameters(specs, new Random(3));
    const variance = (name: string) => {
      const { data } = values.get(name)!;
      return data.reduce((sum, v) => sum + v * v, 0) / data.length;
    };
    expect(variance('conv') / (2 / 25)).toBeCloseTo(1, 0);
    expect(variance('depth') / (2 / 9)).toBeCloseTo(1, 0);
    // Uniform within ±b has variance b²/3.
    expect(variance('gemm') * 3 * 64).toBeCloseTo(1, 1);
    expect(variance('matmul') * 3 * 40).toBeCloseTo(1, 1);
    expect(variance('table') * 3 * 300).toBeCloseTo(1, 1);
    expect(variance('bias')).toBe(0);
    expect(variance('scale')).toBe(1);
  });
});
