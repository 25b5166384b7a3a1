/** Gradients with activation checkpointing against those without. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { adamW, gradients, sgd } from '../../src/autodiff/index.ts';
import { planSegments } from '../../src/autodiff/segments.ts';
import { float32, Random, sizeOf, type Tensor } from '../../src/core/index.ts';
import { cnn, initializeParameters, loraNetwork, type Network, resnet } from '../../src/networks/index.ts';
import {
  decodeModel,
  encodeModel,
  GraphBuilder,
  type Model,
  prune,
  type Value,
} from '../../src/onnx/index.ts';
import { Engine } from '../../src/runtime/index.ts';
import { buildStepGraph, networkParameters, trainableParameters } from '../../src/training/index.ts';
import { runModel } from '../support/runModel.ts';
import { compose, inputShapes } from './randomGraph.ts';

const countAgain = (model: Model) =>
  model.graph.nodes.filter((node) => node.outputs[0].includes('/again')).length;

/** Largest difference, relative to the largest value. */
function apart(a: Tensor, b: Tensor): number {
  let difference = 0;
  let scale = 1e-12;
  for (let i = 0; i < b.data.length; i++) {
    difference = Math.max(difference, Math.abs(Number(a.data[i]) - Number(b.data[i])));
    scale = Math.max(scale, Math.abs(Number(b.data[i])));
  }
  return difference / scale;
}

describe('checkpointing random graphs', () => {
  let recomputed = 0;
  for (let k = 0; k < 40; k++) {
    it(`graph ${k}: the gradients are those of the plain pass`, async () => {
      const random = new Random(`checkpointed graph ${k}`);
      const feeds = Object.fromEntries(
        inputShapes.map((dims, i): [string, Tensor] => [
          `x${i}`,
          {
            dtype: 'float64',
            dims,
            data: Float64Array.from({ length: sizeOf(dims) }, () => random.uniform(-1, 1)),
          },
        ]),
      );
      const build = (checkpointActivations: boolean) => {
        const g = new GraphBuilder();
        const inputs = inputShapes.map((dims, i) => g.input(`x${i}`, 'float64', dims));
        const ends = compose(g, inputs, `rows ${k}`, 12 + (k % 25));
        const sums = ends.map((end) => g.op('ReduceSum', [end], { keepdims: 0 }));
        const loss = sums.reduce((a, b) => g.op('Add', [a, b]));
        gradients(g, loss, inputs, { checkpointActivations }).forEach((value, i) => {
          g.output(value, `dx${i}`);
        });
        return g.model();
      };
      const again = build(true);
      recomputed += countAgain(again) > 0 ? 1 : 0;
      const [expected, got] = [await runModel(build(false), feeds), await runModel(again, feeds)];
      for (const name of Object.keys(expected))
        expect(apart(got[name], expected[name]), name).toBeLessThan(1e-12);
    });
  }

  it('computed something again in most of them', () => {
    expect(recomputed).toBeGreaterThan(20);
  });
});

function step(
  network: Network,
  size: readonly [number, number],
  checkpointActivations: boolean,
  part: 'all' | 'head' = 'all',
  blockSize: number | null = null,
) {
  return buildStepGraph({
    ...{ network, blockSize, batchSize: 4, nMels: size[0], nFrames: size[1], checkpointActivations },
    statistics: { mean: new Array(size[0]).fill(0), deviation: new Array(size[0]).fill(1) },
    // In the blocked layout what is compared is the gradient itself, which Adam's scaling would blur.
    optimizer: blockSize === null ? adamW({ weightDecay: 0.01 }) : sgd(),
    clipNorm: blockSize === null ? 1 : null,
    trainable: trainableParameters(network, part, networkParameters(network, size[0], size[1])),
    frozenStatistics: false,
  });
}

function feedsOf(
  model: Model,
  network: Network,
  specs: ReturnType<typeof step>['parameters'],
): Record<string, Tensor> {
  const random = new Random(5);
  const values = initializeParameters(specs, random);
  return Object.fromEntries(
    model.graph.inputs.map(({ name, shape }): [string, Tensor] => {
      const dims = shape as number[];
      const draw = () =>
        name === 'x' ? random.normal() : name === 'targets' ? 1 / network.classes : random.uniform();
      return [name, values.get(name) ?? float32(dims, Float32Array.from({ length: sizeOf(dims) }, draw))];
    }),
  );
}

const deepCnn = cnn({ classes: 3, widths: [4, 6, 8], depth: 3, dropout: 0.4 });
const networks: [string, Network, readonly [number, number]][] = [
  ['cnn with dropout', deepCnn, [32, 40]],
  ['resnet18', resnet('resnet18', { classes: 3, pictureSize: [32, 32] }), [32, 32]],
  ['cnn with adapters', loraNetwork(deepCnn, { rank: 2, targets: ['blocks.*'] }, [1, 1, 32, 40]), [32, 40]],
];

describe('checkpointing training steps', () => {
  it.each(networks)(
    '%s: loss, parameters, state and running statistics are equal',
    async (_, network, size) => {
      const [plain, again] = [step(network, size, false), step(network, size, true)];
      expect(countAgain(plain.model)).toBe(0);
      expect(countAgain(again.model)).toBeGreaterThan(10);
      expect(again.keep).toEqual(plain.keep);
      expect(again.noise).toEqual(plain.noise);
      const feeds = feedsOf(plain.model, network, plain.parameters);
      const [expected, got] = [await runModel(plain.model, feeds), await runModel(again.model, feeds)];
      expect(Object.keys(got).sort()).toEqual(Object.keys(expected).sort());
      for (const name of Object.keys(expected))
        expect(apart(got[name], expected[name]), name).toBeLessThan(2e-6);
    },
  );

  // Maps are pooled with and without overlap, and the first one fills no block of 16.
  it.each([
    ['cnn', cnn({ classes: 3 }), [64, 48]],
    ['resnet18', resnet('resnet18', { classes: 3, pictureSize: [32, 32] }), [32, 32]],
  ] as const)('%s: gradients in the blocked layout are those of the plain pass', async (_, network, size) => {
    const engine = new Engine({ threads: 1 });
    const blockSize = await engine.blockSize();
    await engine.close();
    const [plain, again] = [
      step(network, size, false, 'all', blockSize),
      step(network, size, true, 'all', blockSize),
    ];
    // Lowering gives most of them other names.
    expect(countAgain(again.model)).toBeGreaterThan(0);
    const feeds = feedsOf(plain.model, network, plain.parameters);
    feeds['learning_rate'] = float32([], [1]);
    const [expected, got] = [await runModel(plain.model, feeds), await runModel(again.model, feeds)];
    for (const name of plain.trained) {
      const moved = (outputs: Record<string, Tensor>) => {
        const output = Object.keys(plain.keep).find((key) => plain.keep[key] === name)!;
        const data = outputs[output].data as Float32Array;
        return float32(
          feeds[name].dims,
          data.map((v, i) => v - Number(feeds[name].data[i])),
        );
      };
      expect(apart(moved(got), moved(expected)), name).toBeLessThan(1e-3);
    }
  });

  it('computes nothing again for layers that are not trained', () => {
    const head = step(deepCnn, [32, 40], true, 'head');
    expect(countAgain(head.model)).toBe(0);
  });

  it('makes running statistics from the first pass, and what is drawn at random only once', async () => {
    const { model } = step(deepCnn, [32, 40], true);
    for (const output of model.graph.outputs.filter((o) => o.name.includes('running_'))) {
      const upstream = prune({ ...model.graph, outputs: [output] });
      expect(
        upstream.nodes.every((node) => !node.outputs[0].includes('/again')),
        output.name,
      ).toBe(true);
    }
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [64, 64]);
    let y: Value = w;
    for (let i = 0; i < 8; i++) {
      const [dropped] = g.ops(
        'Dropout',
        [g.op('Sin', [y]), g.scalar(0.5), g.constant({ dtype: 'bool', dims: [], data: Uint8Array.of(1) })],
        { seed: 3 },
        { outputs: 2 },
      );
      y = g.op('Cos', [dropped!]);
    }
    const loss = g.op('ReduceSum', [y], { keepdims: 0 });
    g.output(gradients(g, loss, [w], { checkpointActivations: true })[0], 'dw');
    const nodes = g.model().graph.nodes;
    expect(countAgain(g.model())).toBeGreaterThan(0);
    expect(nodes.filter((node) => node.opType === 'Dropout')).toHaveLength(8);
  });
});

describe("ONNX Runtime's own optimisation", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'earshot-again-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('does not merge the second computation with the first', async () => {
    const { model } = step(networks[1][1], networks[1][2], true);
    const optimizedModelFilePath = join(folder, 'optimised.onnx');
    const session = await ort.InferenceSession.create(encodeModel(model), {
      logSeverityLevel: 3,
      optimizedModelFilePath,
    });
    await session.release();
    const optimised = decodeModel(new Uint8Array(await readFile(optimizedModelFilePath)));
    const count = (of: Model) => of.graph.nodes.filter((n) => /Conv$/.test(n.opType)).length;
    expect(countAgain(optimised)).toBeGreaterThan(0.8 * countAgain(model));
    expect(count(optimised)).toBe(count(model));
  });
});

describe('segments', () => {
  /** A chain of equal layers. */
  const chain = (layers: number) => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [8, 8]);
    let y: Value = w;
    for (let i = 0; i < layers; i++) y = g.op('Sin', [g.op('MatMul', [y, w])]);
    const names = new Set(['w', ...g.graph.nodes.flatMap((node) => node.outputs)]);
    return planSegments(g.graph.nodes, names, (name) => g.find(name));
  };

  it('of equal layers are about the root of their number', () => {
    for (const layers of [16, 64, 144]) {
      const segments = chain(layers);
      expect(segments.flat()).toHaveLength(2 * layers);
      // 2n values in s segments keep s − 1 boundaries and 2n/s values: least at s = √(2n).
      const root = Math.sqrt(2 * layers);
      expect(segments.length).toBeGreaterThan(0.6 * root);
      expect(segments.length).toBeLessThan(1.5 * root);
      expect(Math.max(...segments.map((s) => s.length))).toBeLessThan(1.8 * root);
    }
  });

  it('never part batch normalisation from the scratch values that it overwrites', () => {
    const { model } = step(deepCnn, [32, 40], false);
    const loss = model.graph.outputs.find((o) => o.name === 'loss')!;
    const { nodes } = prune({ ...model.graph, outputs: [loss] });
    const types = new Map<string, Value>();
    for (const node of nodes)
      for (const name of node.outputs) types.set(name, { name, dtype: 'float32', shape: [100] });
    const segments = planSegments(nodes, new Set(types.keys()), (name) => types.get(name));
    expect(segments.length).toBeGreaterThan(2);
    let normalisations = 0;
    for (const segment of segments) {
      const made = new Set(segment.flatMap((node) => node.outputs));
      for (const node of segment.filter((n) => n.opType === 'BatchNormalization')) {
        normalisations++;
        expect(node.inputs.slice(3).every((name) => made.has(name))).toBe(true);
      }
    }
    expect(normalisations).toBe(7);
  });
});
