/**
 * @file Whisper's encoder, its head and the gradients of both beside PyTorch's float64 computation of the same layers
 * (tools/fixtures/whisper.py), at a reduced shape and at tiny's, in the full context and in a clip's own.
 */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { float32, Random, type Tensor } from '../../src/core/index.ts';
import {
  forwardContext,
  initializeParameters,
  inputParameter,
  loraNetwork,
  type Network,
  ParameterTable,
  whisper,
  whisperPositions,
  whisperSizes,
} from '../../src/networks/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { hashed, hashedParameter } from './hashedTensors.ts';
import { infer, relativeDifference, specsOf, train } from './runNetwork.ts';
import {
  configOf,
  expectState,
  type FixtureCase,
  fixture,
  probe,
  statesOf,
  unpack,
} from './whisperFixture.ts';

const networkOf = (c: FixtureCase) => whisper({ classes: c.classes, config: configOf(c.config, c.weighted) });

const pictureOf = (c: Pick<FixtureCase, 'config' | 'batch' | 'frames'>): Tensor<'float32'> =>
  float32([c.batch, 1, c.config.mels, c.frames], hashed('log-mel', [c.batch, c.config.mels, c.frames]).data);

const hashedValues = (network: Network, input: readonly number[]) =>
  new Map(specsOf(network, input).map((s) => [s.name, hashedParameter(s.name, s.shape)]));

const title = (c: Pick<FixtureCase, 'config' | 'batch' | 'frames'>) =>
  `width ${c.config.width}, ${c.batch} × ${c.frames} frames`;

describe('the encoder beside PyTorch', () => {
  it.each(fixture.cases.map((c) => [title(c), c] as const))(
    '%s: hidden states and logits within 1e-4',
    { timeout: 60_000 },
    async (_, c) => {
      const network = networkOf(c);
      const x = pictureOf(c);
      const values = hashedValues(network, x.dims);
      const states = await statesOf(configOf(c.config), values, x);
      expect(states).toHaveLength(c.config.layers + 1);
      for (const [i, state] of states.entries()) {
        expect(state.dims).toEqual([c.batch, whisperPositions(c.frames), c.config.width]);
        expectState(state, c.states[i], `state ${i}`);
      }
      const { logits, embedding } = await infer(network, values, x, ['N', ...x.dims.slice(1)]);
      expect(embedding!.dims).toEqual([c.batch, c.config.projection]);
      expect(relativeDifference(logits!.data as Float32Array, c.logits)).toBeLessThan(1e-4);
    },
  );

  it('gives the same for a named number of frames', async () => {
    const c = fixture.cases[1];
    const values = hashedValues(networkOf(c), pictureOf(c).dims);
    const fixed = await statesOf(configOf(c.config), values, pictureOf(c));
    const named = await statesOf(configOf(c.config), values, pictureOf(c), {
      shape: ['N', 1, c.config.mels, 'frames'],
    });
    expect(
      relativeDifference(named.at(-1)!.data as Float32Array, [...(fixed.at(-1)!.data as Float32Array)]),
    ).toBeLessThan(1e-6);
  });

  it('hears in a padded batch what it hears in each clip alone', async () => {
    const { config } = fixture.cases[0];
    const lengths = [23, 40, 8];
    const longest = Math.max(...lengths);
    const values = hashedValues(networkOf(fixture.cases[0]), [1, 1, config.mels, longest]);
    const x = hashed('padded', [lengths.length, 1, config.mels, longest]);
    const mask = float32(
      [lengths.length, longest],
      lengths.flatMap((n) => Array.from({ length: longest }, (_, t) => (t < n ? 1 : 0))),
    );
    const [together] = (await statesOf(configOf(config), values, x, { frameMask: mask })).slice(-1);
    for (const [i, n] of lengths.entries()) {
      const alone = float32(
        [1, 1, config.mels, n],
        Array.from({ length: config.mels }, (_, band) => [
          ...x.data.subarray((i * config.mels + band) * longest, (i * config.mels + band) * longest + n),
        ]).flat(),
      );
      const [state] = (await statesOf(configOf(config), values, alone)).slice(-1);
      const size = together!.dims[1] * config.width;
      const heard = (together!.data as Float32Array).subarray(
        i * size,
        i * size + whisperPositions(n) * config.width,
      );
      expect(relativeDifference(heard, [...(state!.data as Float32Array)]), `clip ${i}`).toBeLessThan(1e-5);
    }
  });
});

describe('gradients beside PyTorch', () => {
  it.each(fixture.cases.map((c) => [title(c), c] as const))(
    '%s: of every parameter within 1e-3',
    { timeout: 90_000 },
    async (_, c) => {
      const network = networkOf(c);
      const x = pictureOf(c);
      const g = new GraphBuilder();
      const table = new ParameterTable();
      const context = { ...forwardContext(g, table, inputParameter(g)), training: true };
      const { logits } = network.forward(context, g.input('x', 'float32', x.dims));
      const cotangent = g.constant(hashed('cotangent', [c.batch, c.classes]));
      const loss = g.op('ReduceSum', [g.op('Mul', [logits, cotangent])], { keepdims: 0 });
      const trained = table.specs.filter((s) => s.trained !== false);
      const made = gradients(
        g,
        loss,
        trained.map((s) => g.find(s.name)!),
      );
      made.forEach((value: Value, i) => {
        g.output(value, `d.${trained[i].name}`);
      });
      const values = hashedValues(network, x.dims);
      const results = await runModel(g.model(), { x, ...Object.fromEntries(values) });

      expect(trained.map((s) => s.name).sort()).toEqual(Object.keys(c.gradients).sort());
      for (const [name, expected] of Object.entries(c.gradients)) {
        const got = results[`d.${name}`];
        if ('values' in expected) {
          expect(
            relativeDifference(got.data as Float32Array, [...unpack(expected.values)]),
            name,
          ).toBeLessThan(1e-3);
          continue;
        }
        for (const [i, value] of expected.probes.entries()) {
          const difference = Math.abs(probe(`${name} ${i}`, got) - value);
          // A single position attends to itself alone: queries and keys then have no gradient at all.
          expect(difference, `${name}, probe ${i}`).toBeLessThan(0.5e-3 * expected.norm + 1e-9);
        }
      }
    },
  );
});

describe('parameters', () => {
  const sorted = (names: Record<string, readonly number[]>) =>
    Object.fromEntries(Object.entries(names).sort(([a], [b]) => (a < b ? -1 : 1)));

  it.each([
    ['tiny', whisper({ classes: 10, config: whisperSizes.tiny }), [1, 1, 80, 400]],
    ['reduced', networkOf({ ...fixture.cases[1], classes: 3 }), [1, 1, 8, 40]],
  ] as const)('%s has the names and shapes of the public class', (size, network, input) => {
    const names = Object.fromEntries(specsOf(network, input).map((s) => [s.name, [...s.shape]]));
    expect(sorted(names)).toEqual(sorted(fixture.names[size]));
  });

  it('every parameter belongs to exactly one stage', () => {
    const network = networkOf(fixture.cases[1]);
    for (const { name } of specsOf(network, [1, 1, 8, 40])) {
      const stages = network.stages.filter((s) => s.prefixes.some((p) => name.startsWith(p)));
      expect(stages, name).toHaveLength(1);
    }
  });

  it('positions start as sinusoids and are not trained', () => {
    const specs = specsOf(whisper({ classes: 2, config: whisperSizes.tiny }), [1, 1, 80, 400]);
    const spec = specs.find((s) => s.name === 'encoder.embed_positions.weight')!;
    expect(spec.trained).toBe(false);
    const table = initializeParameters([spec], new Random(1)).get(spec.name)!;
    expect(Math.abs(probe('sinusoids', table) - fixture.sinusoids.probe)).toBeLessThan(
      1e-6 * fixture.sinusoids.norm,
    );
    const reduced = { ...configOf(fixture.cases[0].config) };
    const small = specsOf(whisper({ classes: 2, config: reduced }), [1, 1, 8, 40]);
    const start = initializeParameters(small, new Random(1)).get('encoder.embed_positions.weight')!.data;
    const rows = [0, 1, 19].flatMap((t) => [...start.subarray(t * 16, (t + 1) * 16)]);
    expect(relativeDifference(rows, fixture.sinusoids.rows)).toBeLessThan(1e-6);
  });

  it('low-rank adapters find the attention projections', () => {
    const targets = ['encoder.layers.*.self_attn.q_proj.weight', 'encoder.layers.*.self_attn.v_proj.weight'];
    const network = loraNetwork(networkOf(fixture.cases[0]), { rank: 2, targets }, [1, 1, 8, 40]);
    expect(network.adapted).toEqual(
      [0, 1].flatMap((i) => ['q', 'v'].map((p) => `encoder.layers.${i}.self_attn.${p}_proj.weight`)),
    );
  });
});

describe('what does not fit', () => {
  const config = configOf(fixture.cases[0].config);
  const forward = (shape: number[]) =>
    train(
      whisper({ classes: 2, config }),
      new Map(),
      float32(shape, new Float32Array(shape.reduce((a, b) => a * b))),
    );

  it('says how many bands and frames the encoder takes', async () => {
    await expect(forward([1, 1, 9, 40])).rejects.toThrow(/takes log-mels of \[N, 8, frames\]/);
    await expect(forward([1, 1, 8, 42])).rejects.toThrow(/at most 40 frames/);
    expect(() => whisper({ classes: 0, config })).toThrow(/positive integer number of classes/);
    expect(() => whisper({ classes: 2, config: { ...config, heads: 3 } })).toThrow(/multiple of its 3 heads/);
  });
});
