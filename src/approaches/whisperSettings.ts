/** @file What decides the network of the approach `whisper`: the encoder's shape, how much it hears, and its head. */
import { ParameterError, UsageError } from '../core/index.ts';
import type { WhisperContext } from '../features/index.ts';
import {
  checkWhisperConfig,
  type WhisperConfig,
  type WhisperPooling,
  whisperSizes,
} from '../networks/index.ts';
import { whisperSeconds } from './whisperCheckpoint.ts';

/** The network's settings, as a run keeps them. */
export interface WhisperSettings {
  readonly config: WhisperConfig;
  readonly context: WhisperContext;
  readonly pooling: WhisperPooling;
}

/** What a user may set of the approach `whisper`. */
export interface WhisperChoices {
  /** A published size, or a reduced one; default `mini` from random weights, else what the weights come with. */
  readonly size?: WhisperShape;
  /** The shape that weights come with (`config.json`). */
  readonly config?: WhisperConfig;
  /** Default `clip`. */
  readonly context?: WhisperContext;
  readonly pooling?: WhisperPooling;
  /** The head sees a learnt sum of all hidden states, not the last alone. */
  readonly layerSum?: boolean;
}

/**
 * Shapes beside the published ones, for training from random weights: `mini` has an eightieth of tiny's matrices, so
 * that a thousand clips of four seconds train it in minutes on a CPU.
 */
const reducedSizes = {
  mini: {
    width: 96,
    layers: 2,
    heads: 4,
    feedForward: 192,
    nMels: 80,
    maxPositions: 1500,
    projection: 96,
    weightedLayerSum: false,
  },
} as const satisfies Readonly<Record<string, WhisperConfig>>;

export const whisperShapes: Readonly<Record<WhisperShape, WhisperConfig>> = {
  ...reducedSizes,
  ...whisperSizes,
};

export type WhisperShape = keyof typeof reducedSizes | keyof typeof whisperSizes;

/**
 * The settings from the user's choices.
 * @param random whether the network starts from random weights
 * @throws {ParameterError} when weights come without their shape
 */
export function whisperSettings(choices: WhisperChoices, random: boolean): WhisperSettings {
  const { size, context = 'clip', pooling = 'mean', layerSum } = choices;
  const shape = choices.config ?? whisperShapes[size ?? (random ? 'mini' : ('' as WhisperShape))];
  if (shape === undefined) {
    throw new ParameterError(
      size === undefined
        ? 'The weights come without a config.json, so the size of the encoder is not known.'
        : `There is no Whisper encoder of the size '${size}'.`,
      { hint: `Name it with --whisper-size: ${Object.keys(whisperShapes).join(', ')}.` },
    );
  }
  const config = layerSum === undefined ? shape : { ...shape, weightedLayerSum: layerSum };
  checkWhisperConfig(config);
  return { config, context, pooling };
}

/**
 * Length of the windows that the encoder hears.
 * @param asked by the user
 * @param suggested by the dataset
 * @throws {UsageError} when a length is asked for that is not the full context's
 */
export function whisperWindow(
  { context, config }: WhisperSettings,
  asked: number | undefined,
  suggested: number,
): number {
  const longest = whisperSeconds(config);
  if (asked !== undefined && (context === 'full' ? asked !== longest : asked > longest)) {
    throw new UsageError(
      `This Whisper encoder hears ${longest} s; windows of ${asked} s are ${context === 'full' ? 'another context' : 'too long'}.`,
      {
        hint:
          context === 'full'
            ? 'Leave --window-seconds out, or choose --context clip.'
            : `Choose ${longest} s or less.`,
      },
    );
  }
  return context === 'full' ? longest : (asked ?? Math.min(longest, suggested));
}
