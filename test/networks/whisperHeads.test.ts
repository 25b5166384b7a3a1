/** @file The heads on Whisper's encoder: pooling, layer sum, padding kept out; gradients by finite differences. */
import { describe, expect, it } from 'vitest';
import { checkGradients } from '../../src/autodiff/index.ts';
import { float32, Random, type Tensor } from '../../src/core/index.ts';
import {
  inferenceContext,
  initializeParameters,
  logMelOfPicture,
  type Network,
  type ParameterValues,
  type WhisperConfig,
  type WhisperOptions,
  whisper,
  whisperEncoder,
} from '../../src/networks/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { relativeDifference, specsOf } from './runNetwork.ts';

const config: WhisperConfig = {
  ...{ width: 12, layers: 2, heads: 3, feedForward: 20, nMels: 8, maxPositions: 40, projection: 6 },
  weightedLayerSum: false,
};
const frames = 24;

const pictures = (n: number, seed = 1, length = frames): Tensor<'float32'> => {
  const random = new Random(seed);
  return float32(
    [n, 1, config.nMels, length],
    Float32Array.from({ length: n * config.nMels * length }, () => random.normal()),
  );
};

/** Random values of some size everywhere, so that no parameter hides behind its starting value. */
function valuesOf(network: Network): ParameterValues {
  const specs = specsOf(network, [1, 1, config.nMels, frames]);
  const random = new Random(3);
  return new Map(
    [...initializeParameters(specs, new Random(2))].map(([name, { dims, data }]) => [
      name,
      float32(dims, name.startsWith('encoder.embed') ? data : data.map((v) => v + 0.3 * random.normal())),
    ]),
  );
}

async function scores(network: Network, values: ParameterValues, x: Tensor, own?: readonly number[]) {
  const g = new GraphBuilder();
  const context = inferenceContext(g, values);
  const frames = own && g.input('own', 'float32', ['N']);
  const { logits, embedding } = network.forward(
    frames === undefined ? context : { ...context, ownFrames: () => frames },
    g.input('x', 'float32', ['N', ...x.dims.slice(1)]),
  );
  g.output(logits, 'logits');
  g.output(embedding, 'embedding');
  return runModel(g.model(), own === undefined ? { x } : { x, own: float32([own.length], own) });
}

const numbers = (tensor: Tensor | undefined) => Array.from(tensor!.data as Float32Array);

const variants: Omit<WhisperOptions, 'classes'>[] = (['mean', 'attention'] as const).flatMap((pooling) =>
  [false, true].flatMap((weightedLayerSum) =>
    (['clip', 'full'] as const).map((context) => ({
      config: { ...config, weightedLayerSum },
      context,
      pooling,
    })),
  ),
);
const title = (v: (typeof variants)[number]) =>
  `${v.pooling}, ${v.config.weightedLayerSum ? 'sum of layers' : 'last layer'}, ${v.context} context`;

describe.each(variants.map((v) => [title(v), v] as const))('%s', (_, options) => {
  it.each([2, 3, 10])('%i classes, batches of one and three', async (classes) => {
    const network = whisper({ classes, ...options });
    const values = valuesOf(network);
    const x = pictures(3);
    const own = [frames, 1, 9];
    const { logits, embedding } = await scores(network, values, x, own);
    expect(logits!.dims).toEqual([3, classes]);
    expect(embedding!.dims).toEqual([3, config.projection]);
    const size = config.nMels * frames;
    for (const [i, n] of own.entries()) {
      const one = float32([1, 1, config.nMels, frames], x.data.slice(i * size, (i + 1) * size));
      const alone = await scores(network, values, one, [n]);
      expect(
        relativeDifference(numbers(alone['logits']), numbers(logits).slice(i * classes, (i + 1) * classes)),
      ).toBeLessThan(1e-4);
    }
  });

  it('is computed from the hidden states as its formula says', async () => {
    const network = whisper({ classes: 3, ...options });
    const values = valuesOf(network);
    const x = pictures(1);
    const g = new GraphBuilder();
    const c = inferenceContext(g, values);
    const states = whisperEncoder(c, config, logMelOfPicture(c, g.input('x', 'float32', x.dims))).states;
    states.forEach((state, i) => {
      g.output(state, `state${i}`);
    });
    const hidden = Object.values(await runModel(g.model(), { x })).map(numbers);
    const value = (name: string) => numbers(values.get(name));
    const softmax = (s: readonly number[]) => {
      const powers = s.map((v) => Math.exp(v - Math.max(...s)));
      const sum = powers.reduce((a, b) => a + b, 0);
      return powers.map((v) => v / sum);
    };
    const shares = options.config.weightedLayerSum ? softmax(value('layer_weights')) : [0, 0, 1];
    const { width, projection } = config;
    const summed = hidden[0].map((__, i) => shares.reduce((sum, share, l) => sum + share * hidden[l][i], 0));
    const [weight, bias] = [value('projector.weight'), value('projector.bias')];
    const positions = Array.from({ length: frames / 2 }, (__, t) =>
      Array.from({ length: projection }, (___, p) =>
        summed
          .slice(t * width, (t + 1) * width)
          .reduce((sum, v, k) => sum + v * weight[p * width + k], bias[p]),
      ),
    );
    const own = 5;
    const heard = positions.slice(0, 3);
    const attended =
      options.pooling === 'attention'
        ? softmax(heard.map((row) => row.reduce((sum, v, p) => sum + v * value('pooling.weight')[p], 0)))
        : heard.map(() => 1 / heard.length);
    const expected = Array.from({ length: projection }, (__, p) =>
      heard.reduce((sum, row, t) => sum + attended[t] * row[p], 0),
    );
    // In the clip context the states themselves change with what is heard; the full one keeps them.
    const full = whisper({ classes: 3, ...options, context: 'full' });
    const { embedding } = await scores(full, values, x, [own]);
    expect(relativeDifference(numbers(embedding), expected)).toBeLessThan(1e-4);
  });
});

describe('padding', () => {
  const network = whisper({ classes: 3, config, context: 'clip', pooling: 'attention' });

  it('changes nothing in the clip context: a padded clip is what it is alone, cut at its end', async () => {
    const values = valuesOf(network);
    for (const own of [1, 2, 7, 24]) {
      const x = pictures(1, own);
      const changed = float32(
        x.dims,
        x.data.map((v, i) => (i % frames < own ? v : 100 * v + 3)),
      );
      const cut = float32(
        [1, 1, config.nMels, own],
        x.data.filter((__, i) => i % frames < own),
      );
      const padded = numbers((await scores(network, values, x, [own]))['logits']);
      expect(numbers((await scores(network, values, changed, [own]))['logits'])).toEqual(padded);
      const alone = numbers((await scores(network, values, cut))['logits']);
      expect(relativeDifference(padded, alone)).toBeLessThan(1e-5);
    }
  });

  it('is heard by the encoder in the full context, but its positions are not pooled', async () => {
    const full = whisper({ classes: 3, config, context: 'full' });
    const values = valuesOf(full);
    const x = pictures(1);
    const unmasked = numbers((await scores(full, values, x))['logits']);
    expect(numbers((await scores(full, values, x, [frames]))['logits'])).toEqual(unmasked);
    const half = numbers((await scores(full, values, x, [frames / 2]))['logits']);
    expect(relativeDifference(half, unmasked)).toBeGreaterThan(1e-3);
    const clip = whisper({ classes: 3, config, context: 'clip' });
    expect(
      relativeDifference(numbers((await scores(clip, values, x, [frames / 2]))['logits']), half),
    ).toBeGreaterThan(1e-3);
  });
});

describe('gradients through the mask', () => {
  it.each(['clip', 'full'] as const)('%s context: as differences say', async (context) => {
    const network = whisper({
      classes: 3,
      config: { ...config, weightedLayerSum: true },
      context,
      pooling: 'attention',
    });
    const values = valuesOf(network);
    const [x, own] = [pictures(2), float32([2], [9, frames])];
    const wrt = [
      ...['pooling.weight', 'layer_weights', 'projector.weight', 'encoder.conv1.weight'],
      ...['encoder.layers.0.self_attn.k_proj.weight', 'encoder.layers.1.fc1.bias'],
    ];
    const checks = await checkGradients(
      (g, inputs) => {
        const c = inferenceContext(g, values);
        const { logits } = network.forward(
          {
            ...c,
            inference: false,
            parameter: (spec) => inputs[spec.name] ?? c.parameter(spec),
            ownFrames: () => g.constant(own),
          },
          g.constant(x),
        );
        return [logits];
      },
      Object.fromEntries(wrt.map((name) => [name, values.get(name)!])),
      { evaluate: runModel, step: 3e-3 },
    );
    expect(checks).toHaveLength(3 * wrt.length);
    for (const { input, error } of checks) expect(error, input).toBeLessThan(5e-3);
  });
});
