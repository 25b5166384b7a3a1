/** @file Whisper's encoder under a classification head, as a network: Hugging Face's WhisperForAudioClassification. */
import { ShapeError } from '../../core/errors.ts';
import { float32 } from '../../core/tensor.ts';
import type { WhisperContext } from '../../features/index.ts';
import { formatShape, type Value } from '../../onnx/index.ts';
import { type Network, type NetworkContext, requireClasses } from '../network.ts';
import { checkWhisperConfig, type WhisperConfig } from './whisperConfig.ts';
import { maskOfPositions, whisperEncoder, whisperStages } from './whisperEncoder.ts';
import { type WhisperPooling, whisperHead, whisperHeadStage } from './whisperHead.ts';
import { whisperParameterName } from './whisperNames.ts';

export interface WhisperOptions {
  readonly classes: number;
  readonly config: WhisperConfig;
  /**
   * What the encoder hears: `clip` (default), the picture up to the clip's end, attention and convolutions too; `full`,
   * all of the picture, as published, where silence fills up 30 s. Where padding is masked, the head pools the clip's own
   * positions alone in both.
   */
  readonly context?: WhisperContext;
  /** Default `mean`, Hugging Face's. */
  readonly pooling?: WhisperPooling;
}

/** Pictures [N, 1, nMels, frames] as the log-mels [N, nMels, frames] that the encoder takes. */
export function logMelOfPicture(c: NetworkContext, x: Value): Value {
  if (x.shape.length !== 4 || x.shape[1] !== 1) {
    throw new ShapeError(`Whisper takes pictures of [N, 1, nMels, frames], got ${formatShape(x.shape)}.`);
  }
  return c.g.op('Squeeze', [x, c.g.ints([1])]);
}

/**
 * The network. Input [N, 1, nMels, frames] as the front end `whisper` (128 bands: `whisper-128`) gives it, not
 * standardised: 3,000 frames in the full context, the clip's own otherwise. Embedding [N, projection], the mean of the
 * projected positions; logits [N, classes].
 * @throws {ParameterError} when `classes` is no positive integer or the config is out of range
 */
export function whisper({ classes, config, context = 'clip', pooling = 'mean' }: WhisperOptions): Network {
  requireClasses('whisper', classes);
  checkWhisperConfig(config);
  return {
    name: 'whisper',
    classes,
    stages: [...whisperStages(config), whisperHeadStage],
    published: { parameterName: whisperParameterName, names: "Hugging Face's checkpoints and of OpenAI's" },
    forward(c, x) {
      const logMel = logMelOfPicture(c, x);
      const frameMask = ownFramesMask(c, logMel);
      if (frameMask === null || context === 'clip') {
        const hidden = whisperEncoder(c, config, logMel, frameMask === null ? {} : { frameMask });
        return whisperHead(c, config, hidden, classes, pooling);
      }
      const hidden = whisperEncoder(c, config, logMel);
      const positionMask = maskOfPositions(c, frameMask);
      return whisperHead(c, config, { ...hidden, positionMask }, classes, pooling);
    },
  };
}

/** Ones for the frames that are a clip's own and zeros behind them, [N, frames]; null where every frame counts. */
function ownFramesMask(c: NetworkContext, logMel: Value): Value | null {
  const own = c.ownFrames?.();
  if (own === undefined) return null;
  const frames = logMel.shape[2];
  if (typeof frames !== 'number') {
    throw new ShapeError(
      `To mask padding the number of frames must be known, got ${formatShape(logMel.shape)}.`,
    );
  }
  const { g } = c;
  const places = g.constant(
    float32(
      [1, frames],
      Float32Array.from({ length: frames }, (_, i) => i),
    ),
    'frames',
  );
  return g.op('Cast', [g.op('Less', [places, g.op('Unsqueeze', [own, g.ints([1])])])], { to: 1 });
}
