/** @file Whisper's encoder under a classification head, as a network: Hugging Face's WhisperForAudioClassification. */
import { ShapeError } from '../../core/errors.ts';
import { formatShape, type Value } from '../../onnx/index.ts';
import { type Network, type NetworkContext, requireClasses } from '../network.ts';
import { checkWhisperConfig, type WhisperConfig } from './whisperConfig.ts';
import { whisperEncoder, whisperStages } from './whisperEncoder.ts';
import { whisperHead, whisperHeadStage } from './whisperHead.ts';

export interface WhisperOptions {
  readonly classes: number;
  readonly config: WhisperConfig;
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
export function whisper({ classes, config }: WhisperOptions): Network {
  requireClasses('whisper', classes);
  checkWhisperConfig(config);
  return {
    name: 'whisper',
    classes,
    stages: [...whisperStages(config), whisperHeadStage],
    forward(c, x) {
      const hidden = whisperEncoder(c, config, logMelOfPicture(c, x));
      return whisperHead(c, config, hidden, classes);
    },
  };
}
