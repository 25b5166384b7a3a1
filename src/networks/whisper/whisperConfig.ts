/**
 * @file What decides the shape of a Whisper encoder (Radford et al. 2022, "Robust Speech Recognition via Large-Scale Weak
 * Supervision"): the fields of Hugging Face's `config.json` that the encoder and the classification head read, and the
 * published sizes.
 */
import { ParameterError } from '../../core/errors.ts';

/** The encoder's and the head's part of Hugging Face's `WhisperConfig`, under the names that a program would use. */
export interface WhisperConfig {
  /** Width of the hidden states, `d_model`. */
  readonly width: number;
  /** Transformer layers, `encoder_layers`. */
  readonly layers: number;
  /** Attention heads, `encoder_attention_heads`; they divide the width. */
  readonly heads: number;
  /** Width inside the feed-forward part of a layer, `encoder_ffn_dim`. */
  readonly feedForward: number;
  /** Mel bands of the picture, `num_mel_bins`: 80, or 128 from large-v3 on. */
  readonly nMels: number;
  /** Positions there are embeddings for, `max_source_positions`: 1,500, two frames of 10 ms each. */
  readonly maxPositions: number;
  /** Width that the classification head projects every position to, `classifier_proj_size`. */
  readonly projection: number;
  /** Whether the head sees a weighted sum of all hidden states, `use_weighted_layer_sum`; otherwise the last one. */
  readonly weightedLayerSum: boolean;
}

const size = (width: number, layers: number, heads: number, nMels = 80): WhisperConfig => ({
  width,
  layers,
  heads,
  feedForward: 4 * width,
  nMels,
  maxPositions: 1500,
  projection: 256,
  weightedLayerSum: false,
});

/** The published sizes. `turbo` is large-v3-turbo, which shortened the decoder: its encoder is large-v3's shape. */
export const whisperSizes = {
  tiny: size(384, 4, 6),
  base: size(512, 6, 8),
  small: size(768, 12, 12),
  medium: size(1024, 24, 16),
  'large-v2': size(1280, 32, 20),
  'large-v3': size(1280, 32, 20, 128),
  turbo: size(1280, 32, 20, 128),
} as const satisfies Readonly<Record<string, WhisperConfig>>;

export type WhisperSize = keyof typeof whisperSizes;

/** The names of Hugging Face's fields that must be there. */
const required = {
  width: 'd_model',
  layers: 'encoder_layers',
  heads: 'encoder_attention_heads',
  feedForward: 'encoder_ffn_dim',
  nMels: 'num_mel_bins',
  maxPositions: 'max_source_positions',
} as const;

/** @throws {ParameterError} naming the first thing out of range */
export function checkWhisperConfig(config: WhisperConfig): void {
  const { weightedLayerSum: _, ...sizes } = config;
  for (const [name, value] of Object.entries(sizes)) {
    if (!Number.isInteger(value) || value < 1)
      throw new ParameterError(
        `A Whisper encoder needs a positive integer ${name}, got ${JSON.stringify(value)}.`,
      );
  }
  if (config.width % config.heads !== 0 || config.width % 2 !== 0) {
    throw new ParameterError(
      `The width of a Whisper encoder must be even and a multiple of its ${config.heads} heads, got ${config.width}.`,
    );
  }
}

/**
 * The encoder that a `config.json` of Hugging Face describes, of any of the Whisper classes.
 * @param json what JSON.parse made of the file
 * @param source how errors name it
 * @throws {ParameterError} when it describes no Whisper encoder, or one with an activation other than GELU
 */
export function parseWhisperConfig(json: unknown, source = 'config.json'): WhisperConfig {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new ParameterError(`${source} holds no object of settings.`);
  const fields = json as Readonly<Record<string, unknown>>;
  const type = fields['model_type'];
  if (type !== undefined && type !== 'whisper') {
    throw new ParameterError(`${source} describes a network of type ${JSON.stringify(type)}, not "whisper".`);
  }
  const lacking = Object.values(required).filter((field) => typeof fields[field] !== 'number');
  if (lacking.length > 0) {
    throw new ParameterError(
      `${source} does not describe a Whisper encoder: it has no ${lacking.join(', ')}.`,
      {
        hint: "The config.json of Hugging Face's Whisper checkpoints is expected.",
      },
    );
  }
  const activation = fields['activation_function'] ?? 'gelu';
  if (activation !== 'gelu') {
    throw new ParameterError(
      `${source} asks for the activation ${JSON.stringify(activation)}; Whisper's is "gelu", the only one there is here.`,
    );
  }
  const sizes = Object.fromEntries(Object.entries(required).map(([ours, theirs]) => [ours, fields[theirs]]));
  const config = {
    ...sizes,
    projection: fields['classifier_proj_size'] ?? 256,
    weightedLayerSum: fields['use_weighted_layer_sum'] === true,
  } as WhisperConfig;
  checkWhisperConfig(config);
  return config;
}

/** The fields of `config.json` that describe `config`, for Hugging Face's WhisperForAudioClassification. */
export function whisperConfigFields(config: WhisperConfig): Record<string, unknown> {
  return {
    model_type: 'whisper',
    architectures: ['WhisperForAudioClassification'],
    activation_function: 'gelu',
    ...Object.fromEntries(
      Object.entries(required).map(([ours, theirs]) => [theirs, config[ours as keyof typeof required]]),
    ),
    // The class reads the number of layers for its layer weights from here.
    num_hidden_layers: config.layers,
    scale_embedding: false,
    classifier_proj_size: config.projection,
    use_weighted_layer_sum: config.weightedLayerSum,
  };
}
