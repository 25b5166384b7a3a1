/** CLAP's encoders as graphs, beside PyTorch's (tools/fixtures/clap.py), at a reduced shape and with windows that shift. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { float32, int64, ParameterError, ShapeError, WeightsError } from '../../src/core/index.ts';
import { clapLogMel, clapSpec } from '../../src/features/index.ts';
import {
  clapAudioEncoder,
  clapConfig,
  clapLogitScale,
  clapTextEncoder,
  forwardContext,
  inferenceContext,
  inputParameter,
  ParameterTable,
} from '../../src/networks/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { expected, tinyClap, tinySound, tinyTensors } from '../support/clap.ts';
import { runModel } from '../support/runModel.ts';

const config = clapConfig(JSON.parse(readFileSync(join(tinyClap, 'config.json'), 'utf8')), 'config.json');

function differences(got: ArrayLike<number>, wanted: readonly number[]): number {
  expect(got.length).toBe(wanted.length);
  return Math.max(...wanted.map((w, i) => Math.abs(got[i] - w)));
}

describe("CLAP's audio encoder", () => {
  it('gives the embeddings of PyTorch, for a batch', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['N', 1, 64, 1001]);
    g.output(clapAudioEncoder(inferenceContext(g, tinyTensors()), x, config), 'embeds');
    const pictures = expected.sounds.map(
      ({ name }) => clapLogMel(tinySound(name), { ...clapSpec, int16: name.endsWith('16-bit') }).data,
    );
    const flat = Float32Array.from(pictures.flatMap((picture) => Array.from(picture)));
    const { embeds } = await runModel(g.model(), { x: float32([pictures.length, 1, 64, 1001], flat) });
    expect(embeds!.dims).toEqual([pictures.length, 12]);
    const wanted = expected.audioEmbeds.flat();
    expect(differences(embeds!.data as Float32Array, wanted)).toBeLessThan(1e-4);
    // They are no constants: sounds lie far further apart than the difference allowed.
    expect(differences(expected.audioEmbeds[0], expected.audioEmbeds[1])).toBeGreaterThan(0.05);
  });

  it('refuses other pictures, and shapes that do not divide', () => {
    const build = (frames: number, changes = {}) => {
      const g = new GraphBuilder();
      const c = forwardContext(g, new ParameterTable(), inputParameter(g));
      const changed = { ...config, audio: { ...config.audio, ...changes } };
      return clapAudioEncoder(c, g.input('x', 'float32', ['N', 1, 64, frames]), changed);
    };
    expect(build(1024).shape[1]).toBe(12);
    expect(() => build(1025)).toThrow(ParameterError);
    expect(() => build(1001, { nMels: 128 })).toThrow(ShapeError);
    expect(() => build(1001, { windowSize: 5 })).toThrow(/must divide/);
  });
});

describe("CLAP's text encoder", () => {
  it('gives the embeddings of PyTorch, whatever prompts are padded to', async () => {
    const values = tinyTensors();
    const run = async (ids: readonly (readonly number[])[], tokens: number) => {
      const g = new GraphBuilder();
      const [input, mask] = ['input_ids', 'attention_mask'].map((name) =>
        g.input(name, 'int64', ['N', tokens]),
      );
      g.output(clapTextEncoder(inferenceContext(g, values), input!, mask!, config), 'embeds');
      const flat = (f: (id: number | undefined) => number) =>
        int64(
          [ids.length, tokens],
          ids.flatMap((row) => Array.from({ length: tokens }, (_, i) => f(row[i]))),
        );
      const feeds = {
        input_ids: flat((id) => id ?? 1),
        attention_mask: flat((id) => (id === undefined ? 0 : 1)),
      };
      return (await runModel(g.model(), feeds))['embeds'].data as Float32Array;
    };
    expect(differences(await run(expected.ids, 77), expected.textEmbeds.flat())).toBeLessThan(1e-4);
    const short = expected.ids[5];
    expect(short.length).toBeLessThan(5);
    expect(differences(await run([short], short.length), expected.textEmbeds[5])).toBeLessThan(1e-4);
    expect(differences(expected.textEmbeds[0], expected.textEmbeds[1])).toBeGreaterThan(0.05);
  });

  it('refuses more tokens than it has positions for', () => {
    const g = new GraphBuilder();
    const c = forwardContext(g, new ParameterTable(), inputParameter(g));
    const [ids, mask] = ['ids', 'mask'].map((name) => g.input(name, 'int64', ['N', 81]));
    expect(() => clapTextEncoder(c, ids!, mask!, config)).toThrow(/at most 80 tokens/);
  });
});

describe("CLAP's shape", () => {
  it('is, where config.json says nothing, that of clap-htsat-unfused: 153,492,890 numbers to train', () => {
    const g = new GraphBuilder();
    const table = new ParameterTable();
    const c = forwardContext(g, table, inputParameter(g));
    const published = clapConfig({ model_type: 'clap' }, 'config.json');
    clapAudioEncoder(c, g.input('x', 'float32', ['N', 1, 64, 1001]), published);
    clapTextEncoder(c, g.input('ids', 'int64', ['N', 3]), g.input('mask', 'int64', ['N', 3]), published);
    clapLogitScale(c);
    const count = table.specs
      .filter(({ role }) => role !== 'statistic')
      .reduce((n, { shape }) => n + shape.reduce((a, b) => a * b, 1), 0);
    // Of the two factors on similarities, one is used here.
    expect(count + 1).toBe(153_492_890);
    expect(published.initialLogitScale).toBeCloseTo(14.2857, 4);
  });

  it('has the names of the published files, all of them', () => {
    const g = new GraphBuilder();
    const table = new ParameterTable();
    const c = forwardContext(g, table, inputParameter(g));
    clapAudioEncoder(c, g.input('x', 'float32', ['N', 1, 64, 1001]), config);
    clapTextEncoder(c, g.input('ids', 'int64', ['N', 3]), g.input('mask', 'int64', ['N', 3]), config);
    clapLogitScale(c);
    const used = Object.fromEntries(table.specs.map(({ name, shape }) => [name, [...shape]]));
    const { logit_scale_t: _, ...others } = expected.tensors;
    expect(used).toEqual(others);
  });

  it('is refused for fusion models, other models, and what is no shape', () => {
    const wrong = (json: unknown) => () => clapConfig(json, 'config.json');
    expect(wrong({ audio_config: { enable_fusion: true } })).toThrow(/fusion model/);
    expect(wrong({ model_type: 'clip' })).toThrow(WeightsError);
    expect(wrong({ audio_config: { depths: [2, 0] } })).toThrow(/audio_config\.depths must be a list/);
    expect(wrong({ audio_config: { patch_stride: [4, 2] } })).toThrow(/the same both ways/);
    expect(wrong({ text_config: { hidden_act: 'relu' } })).toThrow(/text_config\.hidden_act must be "gelu"/);
    expect(wrong({ text_config: [] })).toThrow(/no object at text_config/);
    expect(wrong(null)).toThrow(WeightsError);
  });
});
