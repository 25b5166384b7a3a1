/**
 * @file The shape of a CLAP model, as Hugging Face's config.json says it. What the file leaves out has the value that
 * transformers gives it (configuration_clap.py).
 */
import { WeightsError } from '../../core/errors.ts';

/** The HTSAT audio encoder: a Swin transformer on a spectrogram folded into a square. */
export interface ClapAudioConfig {
  /** Side of the square picture. */
  readonly specSize: number;
  readonly nMels: number;
  readonly patchSize: number;
  readonly patchStride: number;
  /** Channels of the first stage; each further stage has twice as many. */
  readonly channels: number;
  /** Blocks of each stage. */
  readonly depths: readonly number[];
  /** Attention heads of each stage. */
  readonly heads: readonly number[];
  /** Side of an attention window, in tokens. */
  readonly windowSize: number;
  readonly mlpRatio: number;
  readonly qkvBias: boolean;
  readonly patchNorm: boolean;
  readonly epsilon: number;
}

/** The RoBERTa text encoder. */
export interface ClapTextConfig {
  readonly vocabularySize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  readonly intermediateSize: number;
  readonly positions: number;
  readonly tokenTypes: number;
  readonly epsilon: number;
  readonly padToken: number;
}

export interface ClapConfig {
  readonly audio: ClapAudioConfig;
  readonly text: ClapTextConfig;
  /** Numbers in an embedding. */
  readonly projectionSize: number;
  /** What cosines are multiplied with before training. */
  readonly initialLogitScale: number;
}

/**
 * The shape that a config.json describes.
 * @param json its content
 * @param source how errors name it
 * @throws {WeightsError} for what is not CLAP, for fusion models, and for values that are not handled
 */
export function clapConfig(json: unknown, source: string): ClapConfig {
  const top = fields(json, source, '');
  const kind = top.value('model_type', 'clap');
  if (kind !== 'clap') {
    throw new WeightsError(`${source} is of a model of type ${JSON.stringify(kind)}, not of CLAP.`, {
      hint: 'Published CLAP models are listed by: earshot models list',
    });
  }
  const audio = fields(top.value('audio_config', {}), source, 'audio_config.');
  const text = fields(top.value('text_config', {}), source, 'text_config.');
  if (audio.value('enable_fusion', false) !== false) {
    throw new WeightsError(
      `${source} describes a fusion model, which hears long recordings in four pictures at once.`,
      {
        hint: 'Only unfused models are handled, such as clap-htsat-unfused.',
      },
    );
  }
  for (const [part, name, only] of [
    [audio, 'hidden_act', 'gelu'],
    [text, 'hidden_act', 'gelu'],
    [audio, 'projection_hidden_act', 'relu'],
    [text, 'projection_hidden_act', 'relu'],
    [audio, 'patch_embed_input_channels', 1],
    [audio, 'flatten_patch_embeds', true],
  ] as const) {
    part.only(name, only);
  }
  return {
    audio: {
      specSize: audio.square('spec_size', 256),
      nMels: audio.size('num_mel_bins', 64),
      patchSize: audio.square('patch_size', 4),
      patchStride: audio.square('patch_stride', 4),
      channels: audio.size('patch_embeds_hidden_size', 96),
      depths: audio.sizes('depths', [2, 2, 6, 2]),
      heads: audio.sizes('num_attention_heads', [4, 8, 16, 32]),
      windowSize: audio.square('window_size', 8),
      mlpRatio: audio.number('mlp_ratio', 4),
      qkvBias: audio.value('qkv_bias', true) === true,
      patchNorm: audio.value('enable_patch_layer_norm', true) === true,
      epsilon: audio.number('layer_norm_eps', 1e-5),
    },
    text: {
      vocabularySize: text.size('vocab_size', 50265),
      hiddenSize: text.size('hidden_size', 768),
      layers: text.size('num_hidden_layers', 12),
      heads: text.size('num_attention_heads', 12),
      intermediateSize: text.size('intermediate_size', 3072),
      positions: text.size('max_position_embeddings', 514),
      tokenTypes: text.size('type_vocab_size', 1),
      epsilon: text.number('layer_norm_eps', 1e-12),
      padToken: text.size('pad_token_id', 1, 0),
    },
    projectionSize: top.size('projection_dim', 512),
    initialLogitScale: top.number('logit_scale_init_value', 1 / 0.07),
  };
}

/** Reads the fields of an object, each with what it is where it lacks. */
function fields(json: unknown, source: string, path: string) {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new WeightsError(`${source} holds no object${path === '' ? '' : ` at ${path.slice(0, -1)}`}.`);
  }
  const held = json as Readonly<Record<string, unknown>>;
  const value = (name: string, fallback: unknown): unknown => held[name] ?? fallback;
  const refuse = (name: string, expected: string): never => {
    throw new WeightsError(
      `${source}: ${path}${name} must be ${expected}, got ${JSON.stringify(held[name])}.`,
    );
  };
  const isSize = (v: unknown, least = 1): v is number => Number.isSafeInteger(v) && (v as number) >= least;
  return {
    value,
    only(name: string, expected: unknown): void {
      if (value(name, expected) !== expected)
        refuse(name, `${JSON.stringify(expected)}, as in the published models`);
    },
    number(name: string, fallback: number): number {
      const v = value(name, fallback);
      return typeof v === 'number' && v > 0 && Number.isFinite(v) ? v : refuse(name, 'a number above 0');
    },
    size(name: string, fallback: number, least = 1): number {
      const v = value(name, fallback);
      return isSize(v, least) ? v : refuse(name, `a whole number of at least ${least}`);
    },
    sizes(name: string, fallback: readonly number[]): readonly number[] {
      const v = value(name, fallback);
      return Array.isArray(v) && v.length > 0 && v.every((n) => isSize(n))
        ? (v as number[])
        : refuse(name, 'a list of whole numbers');
    },
    /** One number, or two equal ones. */
    square(name: string, fallback: number): number {
      const v = value(name, fallback);
      const [a, b] = Array.isArray(v) ? (v as unknown[]) : [v, v];
      return isSize(a) && a === b ? a : refuse(name, 'a whole number, the same both ways');
    },
  };
}
