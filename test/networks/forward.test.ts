/** @file Forward passes beside torchvision's and PyTorch's, in float64 there: see tools/fixtures/networks.py. */
import { describe, expect, it } from 'vitest';
import { float32, type Tensor } from '../../src/core/index.ts';
import { cnn, loadWeights, type Network, resizePicture, resnet } from '../../src/networks/index.ts';
import { GraphBuilder, printGraph } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { type ForwardCase, fixture } from './fixture.ts';
import { hashed, hashedParameter } from './hashedTensors.ts';
import { columns, infer, relativeDifference, specsOf, train } from './runNetwork.ts';

const probe = (name: string, t: Tensor) => {
  const p = hashed(`probe ${name}`, t.dims).data;
  return (t.data as Float32Array).reduce((sum, v, i) => sum + v * p[i], 0);
};

async function compare(network: Network, values: Map<string, Tensor<'float32'>>, expected: ForwardCase) {
  const x = hashed('input', expected.input);
  const inference = await infer(network, values, x);
  expect(relativeDifference(columns(inference['logits'], 20), expected.logits)).toBeLessThan(1e-4);
  expect(relativeDifference(columns(inference['embedding'], 20), expected.embedding)).toBeLessThan(1e-4);

  const training = await train(network, values, x);
  expect(relativeDifference(columns(training.logits, 20), expected.trainingLogits)).toBeLessThan(1e-4);
  expect([...training.statistics.keys()].sort()).toEqual(Object.keys(expected.statistics).sort());
  for (const [name, value] of Object.entries(expected.statistics)) {
    const t = training.statistics.get(name)!;
    expect(Math.abs(probe(name, t) - value), name).toBeLessThan(1e-4 * Math.sqrt(t.data.length));
  }

  // Frozen statistics make a training pass an inference pass, and leave nothing to update.
  const frozen = await train(network, values, x, { frozenStatistics: true });
  expect(relativeDifference(columns(frozen.logits, 20), expected.logits)).toBeLessThan(1e-4);
  expect(frozen.statistics.size).toBe(0);
}

it('numbers are hashed as in Python', () => {
  expect(Array.from(hashed('layer1.0.conv1.weight', [5]).data)).toEqual(fixture.hashed.map(Math.fround));
});

describe('ResNets beside torchvision', () => {
  it.each(fixture.resnets.map((c) => [`${c.network} on [${c.input.join(', ')}]`, c] as const))(
    '%s: inference, training mode and running statistics',
    async (_, expected) => {
      const network = resnet(expected.network, { classes: 1000, inChannels: expected.input[1] });
      const specs = specsOf(network, expected.input);
      // The file is always torchvision's colour one; a grey network takes its first layer summed.
      const tensors = new Map(
        Object.entries(fixture.names[expected.network]).map(([name, dims]) => [
          name,
          hashedParameter(name, dims),
        ]),
      );
      const { values, adapted } = loadWeights(network, specs, tensors);
      expect(adapted).toEqual(expected.input[1] === 1 ? ['conv1.weight'] : []);
      await compare(network, values, expected);
    },
  );
});

describe('the compact network beside the same in PyTorch', () => {
  it.each(fixture.cnns.map((c) => [JSON.stringify(c.options), c] as const))('%s', async (_, expected) => {
    const network = cnn({ classes: 7, dropout: 0, ...expected.options });
    const specs = specsOf(network, expected.input);
    const names = Object.fromEntries(specs.map((s) => [s.name, [...s.shape]]));
    expect(names).toEqual(
      Object.fromEntries(Object.entries(expected.names).filter(([n]) => !n.endsWith('num_batches_tracked'))),
    );
    const values = new Map(specs.map((s) => [s.name, hashedParameter(s.name, s.shape)]));
    await compare(network, values, expected);
  });
});

describe('batches of any size', () => {
  const network = cnn({ classes: 3, widths: [4, 6], dropout: 0 });
  const x = hashed('input', [3, 1, 20, 24]);
  const values = new Map(specsOf(network, x.dims).map((s) => [s.name, hashedParameter(s.name, s.shape)]));

  it('a named batch size gives the same logits', async () => {
    const fixed = await infer(network, values, x);
    const named = await infer(network, values, x, ['N', 1, 20, 24]);
    expect(
      relativeDifference(named['logits'].data as Float32Array, [...(fixed['logits'].data as Float32Array)]),
    ).toBe(0);
  });

  it('a named batch size gives the same running statistics', async () => {
    const fixed = await train(network, values, x);
    const named = await train(network, values, x, { shape: ['N', 1, 20, 24] });
    expect(named.statistics.size).toBe(4);
    for (const [name, t] of fixed.statistics) {
      const difference = relativeDifference(named.statistics.get(name)!.data as Float32Array, [
        ...(t.data as Float32Array),
      ]);
      expect(difference, name).toBeLessThan(1e-6);
    }
  });

  it('one value per channel cannot be trained on, and says so', async () => {
    const one = resnet('resnet18', { classes: 2 });
    const tiny = hashed('input', [1, 1, 32, 32]);
    const start = new Map(specsOf(one, tiny.dims).map((s) => [s.name, hashedParameter(s.name, s.shape)]));
    await expect(train(one, start, tiny)).rejects.toThrow(/one value per channel/);
    const inferred = await infer(one, start, tiny);
    expect(inferred['logits'].dims).toEqual([1, 2]);
  });
});

it('the compact network does not hear the level of a recording', async () => {
  const network = cnn({ classes: 3, widths: [4, 6] });
  const x = hashed('input', [2, 1, 20, 24]);
  const values = new Map(specsOf(network, x.dims).map((s) => [s.name, hashedParameter(s.name, s.shape)]));
  const quiet = await infer(network, values, x);
  const loud = await infer(
    network,
    values,
    float32(
      x.dims,
      x.data.map((v) => v + 3),
    ),
  );
  const expected = [...(quiet['logits'].data as Float32Array)];
  expect(relativeDifference(loud['logits'].data as Float32Array, expected)).toBeLessThan(1e-5);
});

it('the compact network takes pictures of any size, with any kernel', async () => {
  for (const [h, w] of [
    [1, 1],
    [7, 200],
    [64, 173],
    [33, 18],
  ] as const) {
    for (const stemKernel of [1, 3, 7]) {
      const network = cnn({ classes: 3, widths: [2, 3, 4], stemKernel, downsampling: 'mean' });
      const x = hashed('input', [2, 1, h, w]);
      const values = new Map(specsOf(network, x.dims).map((s) => [s.name, hashedParameter(s.name, s.shape)]));
      const { logits } = await infer(network, values, x);
      expect(logits!.dims).toEqual([2, 3]);
      expect((logits!.data as Float32Array).every(Number.isFinite)).toBe(true);
    }
  }
});

describe('dropout', () => {
  it('zeroes where the noise is below p and scales the rest; inference has none', async () => {
    const network = cnn({ classes: 4, widths: [4, 8], dropout: 0.4 });
    const x = hashed('input', [2, 1, 16, 16]);
    const values = new Map(specsOf(network, x.dims).map((s) => [s.name, hashedParameter(s.name, s.shape)]));
    const u = hashed('noise', [2, 8]).data.map((v) => (v + 1) / 2);
    const noise = { 'noise.dropout': float32([2, 8], u) };
    const { logits, embedding } = await train(network, values, x, { noise });
    const w = values.get('fc.weight')!.data;
    const b = values.get('fc.bias')!.data;
    const e = embedding.data as Float32Array;
    const expected: number[] = [];
    for (let n = 0; n < 2; n++) {
      for (let k = 0; k < 4; k++) {
        let sum = b[k];
        for (let i = 0; i < 8; i++) {
          if (u[n * 8 + i] >= 0.4) sum += (e[n * 8 + i] / 0.6) * w[k * 8 + i];
        }
        expected.push(sum);
      }
    }
    expect([...u].filter((v) => v < 0.4).length).toBeGreaterThan(2);
    expect(relativeDifference(logits.data as Float32Array, expected)).toBeLessThan(1e-5);
    const graph = new GraphBuilder();
    const context = {
      g: graph,
      training: false,
      frozenStatistics: true,
      parameter: (s: { name: string; shape: readonly number[] }) =>
        graph.find(s.name) ?? graph.input(s.name, 'float32', s.shape),
      update: () => {},
      noise: () => {
        throw new Error('noise in inference');
      },
    };
    network.forward(context, graph.input('x', 'float32', [2, 1, 16, 16]));
  });
});

describe('resizing', () => {
  it.each(fixture.resized)('to $size as PyTorch does', async ({ size, values }) => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['N', 2, 5, 7]);
    const context = {
      g,
      training: false,
      frozenStatistics: true,
      parameter: () => x,
      update: () => {},
      noise: () => x,
    };
    g.output(resizePicture(context, x, size), 'y');
    const { y } = await runModel(g.model(), { x: hashed('picture', [1, 2, 5, 7]) });
    expect(y!.dims).toEqual([1, 2, ...size]);
    expect(relativeDifference(y!.data as Float32Array, values)).toBeLessThan(1e-5);
  });

  it('is left out at the right size, and happens inside the network otherwise', async () => {
    const network = resnet('resnet18', { classes: 2, pictureSize: [40, 48] });
    const values = new Map(
      specsOf(network, [1, 1, 40, 48]).map((s) => [s.name, hashedParameter(s.name, s.shape)]),
    );
    const text = (size: [number, number]) => {
      const g = new GraphBuilder();
      const x = g.input('x', 'float32', ['N', 1, ...size]);
      network.forward(
        {
          g,
          training: false,
          frozenStatistics: true,
          parameter: (s) => g.find(s.name) ?? g.input(s.name, 'float32', s.shape),
          update: () => {},
          noise: () => x,
        },
        x,
      );
      return printGraph(g.graph);
    };
    expect(text([40, 48])).not.toContain('Resize');
    expect(text([64, 173])).toContain('Resize');
    const { logits } = await infer(network, values, hashed('input', [2, 1, 64, 173]));
    expect(logits!.dims).toEqual([2, 2]);
  });
});
