/** @file A validation part of the training side, so that nothing is ever chosen by looking at the test side. */
import { type Notice, ParameterError } from '../core/index.ts';
import { type Clip, listSome } from './dataset.ts';
import { setAsideByGroup } from './groupedSplit.ts';

export interface ValidationSplit {
  /** What is left to train on. */
  readonly train: readonly Clip[];
  /** Clips to choose the epoch by; empty if no class has two recordings. */
  readonly validation: readonly Clip[];
  readonly notices: readonly Notice[];
  readonly description: string;
}

/**
 * Sets aside a part of the *training* side: the dataset's own validation clips, where it comes with a split that has
 * some; else a part by recording, each class in proportion. A class with a single recording
 * stays in training.
 * @param train the training side of a split
 * @param fraction wanted share, in [0, 1); 0 sets nothing aside. Default 0.15
 * @param seed integer; default 0
 */
export function validationSplit(
  train: readonly Clip[],
  { fraction = 0.15, seed = 0 }: { fraction?: number; seed?: number } = {},
): ValidationSplit {
  if (!(fraction >= 0 && fraction < 1)) {
    throw new ParameterError(`The validation fraction must lie in [0, 1), got ${fraction}.`);
  }
  if (fraction === 0 || train.length === 0) {
    return { train: [...train], validation: [], notices: [], description: 'no validation part' };
  }
  const given = train.filter(({ side }) => side === 'validation');
  if (given.length > 0 && given.length < train.length) {
    return {
      train: train.filter(({ side }) => side !== 'validation'),
      validation: given,
      notices: [],
      description: `validation on the dataset’s own ${given.length} validation clips`,
    };
  }
  const { kept, aside, untested } = setAsideByGroup(train, fraction, `${seed}/validation`);
  const notices: Notice[] = [];
  if (aside.length === 0) {
    notices.push({
      subject: 'validation',
      message:
        'No class has two recordings in training, so there is no validation part: the last epoch is taken.',
    });
    return { train: kept, validation: aside, notices, description: 'no validation part' };
  }
  if (untested.length > 0) {
    notices.push({
      subject: 'validation',
      message: `Kept whole in training, for want of a recording to spare: ${listSome(untested, 5)}.`,
    });
  }
  return {
    train: kept,
    validation: aside,
    notices,
    description: `validation on ${aside.length} of ${train.length} training clips, held out by recording, seed ${seed}`,
  };
}

/**
 * Sets a part of clips aside by recording, each class in proportion; a class with a single recording stays whole.
 * @param fraction wanted share, in (0, 1)
 * @throws {ParameterError} when it is not
 */
export function heldOutPart(
  clips: readonly Clip[],
  fraction: number,
  seed: number | string,
): { kept: readonly Clip[]; held: readonly Clip[] } {
  if (!(fraction > 0 && fraction < 1)) {
    throw new ParameterError(`The fraction held out must lie between 0 and 1, got ${fraction}.`);
  }
  const { kept, aside } = setAsideByGroup(clips, fraction, seed);
  return { kept, held: aside };
}
