/** Twenty training steps of a small network against PyTorch: same weights, same batches, same settings. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { adam, adamW, type Optimizer, sgd } from '../../src/autodiff/index.ts';
import { float32, sizeOf, type Tensor } from '../../src/core/index.ts';
import { batchNorm, convolution, linear } from '../../src/networks/blocks.ts';
import type { Network } from '../../src/networks/network.ts';
import { Engine } from '../../src/runtime/index.ts';
import { buildStepGraph, hardLabel, type TargetOptions, targetMatrix } from '../../src/training/index.ts';

const CLASSES = 5;
const BATCH = 8;

interface Run {
  losses: number[];
  norms: number[];
  final: Record<string, number[]>;
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/training/parity.json', import.meta.url), 'utf8'),
) as { classWeights: number[]; runs: Record<string, Run> };

/** The fixture script's hash: numbers in [-1, 1). */
function hashed(seed: number, n: number): Float32Array {
  return Float32Array.from({ length: n }, (_, i) => {
    let h = (Math.imul(seed, 2654435761) + Math.imul(i, 2246822519) + 374761393) >>> 0;
    h = (h ^ (h >>> 15)) >>> 0;
    h = Math.imul(h, 2246822519) >>> 0;
    h = (h ^ (h >>> 13)) >>> 0;
    h = Math.imul(h, 3266489917) >>> 0;
    h = (h ^ (h >>> 16)) >>> 0;
    return h / 2 ** 31 - 1;
  });
}

const network: Network = {
  name: 'small',
  classes: CLASSES,
  stages: [{ name: 'all', prefixes: [''] }],
  forward(c, x) {
    const one = c.g.op('Relu', [
      batchNorm(c, convolution(c, x, 'conv1', { outChannels: 8, kernel: 3 }), 'bn1'),
    ]);
    const pooled = c.g.op('MaxPool', [one], { kernel_shape: [2, 2], strides: [2, 2] });
    const two = convolution(c, pooled, 'conv2', { outChannels: 16, kernel: 3, stride: 2 });
    const maps = c.g.op('Relu', [batchNorm(c, two, 'bn2')]);
    const embedding = c.g.op('Flatten', [c.g.op('GlobalAveragePool', [maps])]);
    return { embedding, logits: linear(c, embedding, 'fc', CLASSES) };
  },
};

/** PyTorch's order of named_parameters, which numbers the hash seeds. */
const order = [
  'conv1.weight',
  'bn1.weight',
  'bn1.bias',
  'conv2.weight',
  'bn2.weight',
  'bn2.bias',
  'fc.weight',
  'fc.bias',
];

function startingValues(shapes: ReadonlyMap<string, readonly number[]>): Map<string, Tensor> {
  return new Map(
    [...shapes].map(([name, shape]) => {
      if (name.endsWith('running_mean')) return [name, float32(shape, new Float32Array(sizeOf(shape)))];
      if (name.endsWith('running_var'))
        return [name, float32(shape, new Float32Array(sizeOf(shape)).fill(1))];
      const values = hashed(100 + order.indexOf(name), sizeOf(shape));
      const norm = name.startsWith('bn') && name.endsWith('weight');
      return [
        name,
        float32(
          shape,
          values.map((v) => (norm ? 1 + 0.1 * v : 0.4 * v)),
        ),
      ];
    }),
  );
}

async function steps(
  optimizer: Optimizer,
  learningRate: number,
  clipNorm: number | null,
  targets: Omit<TargetOptions, 'classes'>,
): Promise<{ losses: number[]; norms: number[]; state: Map<string, Tensor> }> {
  const graph = buildStepGraph({
    network,
    statistics: { mean: new Array(12).fill(0), deviation: new Array(12).fill(1) },
    batchSize: BATCH,
    nMels: 12,
    nFrames: 10,
    optimizer,
    clipNorm,
    trainable: () => true,
    frozenStatistics: false,
  });
  const engine = new Engine({ threads: 1 });
  try {
    await engine.put(startingValues(new Map(graph.parameters.map((p) => [p.name, p.shape]))));
    await engine.put(
      new Map([...graph.slots].map(([name, s]) => [name, float32(s, new Float32Array(sizeOf(s)))])),
    );
    const model = await engine.load(graph.model);
    const losses: number[] = [];
    const norms: number[] = [];
    for (let step = 0; step < 20; step++) {
      const x = hashed(1000 + step, BATCH * 120).map((v) => 2 * v);
      const labels = Array.from({ length: BATCH }, (_, i) => (step * 7 + 3 * i) % CLASSES);
      labels.forEach((label, i) => {
        for (let f = 0; f < 10; f++) x[i * 120 + label * 2 * 10 + f] += 2;
      });
      const matrix = targetMatrix(labels.map(hardLabel), { classes: CLASSES, ...targets });
      const scalars = Object.entries(optimizer.scalars(learningRate, step + 1));
      const out = await engine.run(model, {
        feeds: {
          x: float32([BATCH, 1, 12, 10], x),
          targets: float32([BATCH, CLASSES], matrix),
          ...Object.fromEntries(scalars.map(([name, value]) => [name, float32([], [value])])),
        },
        resident: graph.resident,
        keep: graph.keep,
        fetch: graph.fetch,
      });
      losses.push(Number(out['loss'].data[0]));
      if (out['gradient_norm'] !== undefined) norms.push(Number(out['gradient_norm'].data[0]));
    }
    return { losses, norms, state: await engine.get(graph.parameters.map((p) => p.name)) };
  } finally {
    await engine.close();
  }
}

const runs: Record<string, Parameters<typeof steps>> = {
  sgd: [sgd({ momentum: 0.9 }), 0.05, null, {}],
  nesterov: [sgd({ momentum: 0.9, nesterov: true, weightDecay: 0.01 }), 0.05, null, {}],
  adam: [adam({ weightDecay: 0.02 }), 0.01, null, {}],
  adamw: [adamW({ weightDecay: 0.1 }), 0.01, null, {}],
  clipped: [sgd({ momentum: 0.9 }), 0.1, 0.5, {}],
  smoothed: [adamW({ weightDecay: 0.1 }), 0.01, null, { labelSmoothing: 0.1 }],
  weighted: [adamW({ weightDecay: 0.1 }), 0.01, null, { classWeights: fixture.classWeights }],
};

/** Largest relative difference. */
function apart(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < a.length; i++)
    worst = Math.max(worst, Math.abs(a[i] - b[i]) / Math.max(1e-3, Math.abs(b[i])));
  return worst;
}

describe('training steps equal PyTorch', () => {
  it('has a run for every fixture', () => {
    expect(Object.keys(runs).sort()).toEqual(Object.keys(fixture.runs).sort());
  });

  for (const [name, settings] of Object.entries(runs)) {
    it(`${name}: twenty losses and the final state`, async () => {
      const expected = fixture.runs[name];
      const { losses, norms, state } = await steps(...settings);
      expect(losses).toHaveLength(20);
      expect(apart(losses, expected.losses)).toBeLessThan(1e-3);
      expect(norms).toHaveLength(expected.norms.length);
      expect(apart(norms, expected.norms)).toBeLessThan(1e-3);
      for (const [tensor, values] of Object.entries(expected.final)) {
        const own = state.get(tensor)!.data as Float32Array;
        expect(own).toHaveLength(values.length);
        const worst = Math.max(...values.map((v, i) => Math.abs(v - own[i])));
        expect(worst, tensor).toBeLessThan(2e-3);
      }
    });
  }
});
