/** @file Whisper's weights under the names they are published with, and what is said where they do not fit. */
import { describe, expect, it } from 'vitest';
import { float32, type Tensor } from '../../src/core/index.ts';
import {
  type LoadWeightsOptions,
  loadWeights,
  parseWhisperConfig,
  type WhisperConfig,
  whisper,
  whisperConfigFields,
  whisperConfigOfTensors,
  whisperParameterName,
  whisperPositions,
  whisperSizes,
} from '../../src/networks/index.ts';
import { hashed, hashedParameter } from './hashedTensors.ts';
import { specsOf } from './runNetwork.ts';
import { configOf, expectState, fixture, statesOf } from './whisperFixture.ts';

type Tensors = Map<string, Tensor<'float32'>>;

const tensorsOf = (names: Record<string, readonly number[]>): Tensors =>
  new Map(Object.entries(names).map(([name, dims]) => [name, hashedParameter(name, dims)]));

function load(config: WhisperConfig, tensors: Tensors, options: LoadWeightsOptions = {}, classes = 3) {
  const network = whisper({ classes, config });
  const specs = specsOf(network, [1, 1, config.nMels, 2 * config.maxPositions]);
  return loadWeights(network, specs, tensors, { source: 'w.safetensors', ...options });
}

const reduced = configOf(fixture.cases[0].config);
const published = fixture.names.reduced;
/** The reduced classifier has layer weights. */
const weighted = { ...reduced, weightedLayerSum: true };

describe("OpenAI's names", () => {
  it.each(fixture.openai)('width $config.width, $frames frames: the encoder as in PyTorch', async (c) => {
    const config = configOf(c.config);
    // A decoder beside it is not asked for.
    const tensors = new Map([
      ...tensorsOf(c.names),
      ['decoder.ln.weight', float32([1], [Number.NaN])] as const,
    ]);
    const { values, replaced, unexpected, missing } = load(config, tensors);
    expect([missing, unexpected]).toEqual([[], []]);
    expect(replaced.sort()).toEqual([
      ...['classifier.bias', 'classifier.weight', 'projector.bias', 'projector.weight'],
    ]);
    const picture = float32(
      [c.batch, 1, config.nMels, c.frames],
      hashed('log-mel', [c.batch, config.nMels, c.frames]).data,
    );
    const last = (await statesOf(config, values, picture)).at(-1)!;
    expect(last.dims).toEqual([c.batch, whisperPositions(c.frames), config.width]);
    expectState(last, c.last, 'last state');
  });

  it("of every tensor are told from Hugging Face's", () => {
    const names = Object.keys(fixture.openai[0].names).map(whisperParameterName);
    const encoder = Object.keys(published).filter((name) => name.startsWith('encoder.'));
    expect([...names].sort()).toEqual(encoder.sort());
    // What is one of Hugging Face's names stays as it is.
    for (const name of Object.keys(published)) expect(whisperParameterName(name)).toBe(name);
  });
});

describe("Hugging Face's names", () => {
  it.each([
    ['', 'a classifier'],
    ['model.', 'a speech recogniser'],
  ])("'%s': %s", (prefix) => {
    const tensors: Tensors = new Map(
      [...tensorsOf(published)].map(([name, tensor]) => [
        name.startsWith('encoder.') ? prefix + name : name,
        tensor,
      ]),
    );
    tensors.set('model.decoder.layers.0.encoder_attn.k_proj.weight', float32([1], [1]));
    tensors.set('proj_out.weight', float32([1], [1]));
    const { values, loaded, unexpected, description } = load(weighted, tensors);
    expect(loaded.sort()).toEqual(Object.keys(published).sort());
    expect(unexpected).toEqual([]);
    for (const [name, value] of values)
      expect(value.data).toEqual(hashedParameter(name, published[name]).data);
    expect(description).toBe('Weights from w.safetensors: last layer as in the file.');
  });

  it('a head for other classes is new', () => {
    const { replaced } = load(weighted, tensorsOf(published), {}, 7);
    expect(replaced).toContain('classifier.weight');
  });

  it('an encoder alone is found too', () => {
    const bare: Tensors = new Map(
      [...tensorsOf(published)]
        .filter(([name]) => name.startsWith('encoder.'))
        .map(([name, tensor]) => [name.slice('encoder.'.length), tensor]),
    );
    expect(load(reduced, bare).missing).toEqual([]);
  });
});

describe('what does not fit', () => {
  it('a tensor that is missing, of another shape, twice there, or no number', () => {
    const without = tensorsOf(published);
    without.delete('encoder.layers.1.fc2.bias');
    expect(() => load(weighted, without)).toThrow(/lacks 1 \(encoder\.layers\.1\.fc2\.bias\)/);
    const misshapen = tensorsOf({ ...published, 'encoder.conv2.weight': [16, 8, 3] });
    expect(() => load(weighted, misshapen)).toThrow(
      /'encoder\.conv2\.weight' has shape \[16, 8, 3\] there, \[16, 16, 3\] was expected/,
    );
    const twice = tensorsOf({ ...published, 'model.encoder.conv1.bias': [16] });
    expect(() => load(weighted, twice)).toThrow(
      /holds 'encoder\.conv1\.bias' twice, as 'encoder\.conv1\.bias' and as 'model\.encoder\.conv1\.bias'/,
    );
    const infinite = tensorsOf(published);
    infinite.set('encoder.conv1.bias', float32([16], new Float32Array(16).fill(Number.POSITIVE_INFINITY)));
    expect(() => load(weighted, infinite)).toThrow(/infinite or not a number/);
  });

  it('another network says whose names are known', () => {
    const resnet = tensorsOf({ 'conv1.weight': [64, 3, 7, 7], 'fc.bias': [10], 'layer1.0.bn1.bias': [64] });
    expect(() => load(weighted, resnet)).toThrow(/it holds 3 tensors \(conv1\.weight, fc\.bias/);
    try {
      load(weighted, new Map([['fc.bias', float32([1], [0])]]));
      expect.unreachable();
    } catch (error) {
      expect((error as { hint?: string }).hint).toMatch(
        /names of Hugging Face's checkpoints and of OpenAI's/,
      );
    }
  });

  it('a tensor that no parameter took is told', () => {
    const extra = tensorsOf({ ...published, 'encoder.layers.2.fc1.bias': [24] });
    expect(load(weighted, extra).unexpected).toEqual(['encoder.layers.2.fc1.bias']);
  });
});

describe('the shape of an encoder', () => {
  it("is read off tiny's tensors, under either names", () => {
    expect(whisperConfigOfTensors(tensorsOf(fixture.names.tiny), 'w')).toEqual(whisperSizes.tiny);
    expect(whisperConfigOfTensors(tensorsOf(fixture.openai.at(-1)!.names), 'w')).toEqual(whisperSizes.tiny);
  });

  it('is not guessed where heads could be of any width, nor of something else', () => {
    expect(() => whisperConfigOfTensors(tensorsOf(published), 'w')).toThrow(
      /16 wide; how many attention heads/,
    );
    expect(() => whisperConfigOfTensors(new Map(), 'w')).toThrow(/holds no Whisper encoder/);
  });

  it('goes through config.json and back', () => {
    for (const config of [...Object.values(whisperSizes), weighted])
      expect(parseWhisperConfig(JSON.parse(JSON.stringify(whisperConfigFields(config))))).toEqual(config);
  });

  it('is refused where the config describes something else', () => {
    const fields = whisperConfigFields(whisperSizes.tiny);
    expect(() => parseWhisperConfig([])).toThrow(/holds no object/);
    expect(() => parseWhisperConfig({ ...fields, model_type: 'wav2vec2' })).toThrow(
      /type "wav2vec2", not "whisper"/,
    );
    expect(() => parseWhisperConfig({ ...fields, d_model: undefined })).toThrow(/it has no d_model/);
    expect(() => parseWhisperConfig({ ...fields, activation_function: 'relu' })).toThrow(/activation "relu"/);
    expect(() => parseWhisperConfig({ ...fields, encoder_attention_heads: 7 })).toThrow(
      /multiple of its 7 heads/,
    );
    expect(() => parseWhisperConfig({ ...fields, encoder_layers: 0 })).toThrow(/positive integer layers/);
  });
});
