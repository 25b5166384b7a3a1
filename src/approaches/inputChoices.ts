/** @file What a user may say of the pictures a network is fed with, for training and for embedding alike. */
import { ParameterError, UsageError } from '../core/index.ts';
import { type FrontEndName, frontEndByName } from '../features/index.ts';
import { checkNetworkInput, type NetworkInput } from '../networks/index.ts';

/** Side of a square picture, or [height, width]. */
export type PictureSize = number | readonly [height: number, width: number];

export interface InputChoices {
  /**
   * `bands`: by the mean and deviation of each mel band over the training side; `clip`: each picture by its own; `none`:
   * the front end's values.
   */
  readonly pictureScaling?: 'bands' | 'clip' | 'none';
  /** Each picture's loudest 80 dB as values from the first to the second. */
  readonly pictureRange?: readonly [low: number, high: number];
  /** Subtracted from the scaled picture: one value, or one per channel. */
  readonly pictureMean?: readonly number[];
  /** What it is divided by then. */
  readonly pictureDeviation?: readonly number[];
}

/** How an ONNX model's pictures are scaled where nothing is said: by no training side, so in every command alike. */
export const modelScaling = 'clip';

/** Times ten in amplitude, four times: 80 dB. */
const tenfoldsOfRange = 4;

/** What is fed, resolved: by statistics of the training side, or by a description that is complete in itself. */
export interface ChosenInput {
  readonly standardize: boolean;
  readonly input?: NetworkInput;
}

/**
 * What a network is fed by these choices.
 * @param usual the scaling where nothing is said
 * @throws {UsageError} for choices that exclude each other
 * @throws {ParameterError} on a value out of range
 */
export function chooseInput(
  choices: InputChoices & { readonly standardize?: boolean },
  usual: NonNullable<InputChoices['pictureScaling']>,
  frontEnd: FrontEndName,
): ChosenInput {
  const { standardize, pictureScaling, pictureRange, pictureMean, pictureDeviation } = choices;
  const said = [
    ...(standardize === undefined ? [] : [standardize ? '--standardize' : '--no-standardize']),
    ...(pictureScaling === undefined ? [] : ['--picture-scaling']),
    ...(pictureRange === undefined ? [] : ['--picture-range']),
  ];
  if (said.length > 1) {
    throw new UsageError(`${said.join(' and ')} each say how pictures are scaled.`, {
      hint: 'Give one of them.',
    });
  }
  const stated = pictureMean !== undefined || pictureDeviation !== undefined;
  const scaling =
    pictureRange !== undefined
      ? 'range'
      : standardize !== undefined
        ? standardize
          ? 'bands'
          : 'none'
        : // Stated statistics take the place of measured ones.
          (pictureScaling ?? (stated ? 'none' : usual));
  if (stated && scaling === 'bands') {
    throw new UsageError(
      'Pictures are standardised by the training side or by a stated mean and deviation, not both.',
      { hint: 'Leave one of them out.' },
    );
  }
  const input: NetworkInput = {
    ...(scaling === 'clip' ? { scaling: { kind: 'clip' } } : {}),
    ...(pictureRange === undefined
      ? {}
      : {
          scaling: {
            kind: 'range',
            low: pictureRange[0],
            high: pictureRange[1],
            depth: tenfoldsOfRange * frontEndByName(frontEnd).perTenfold,
          },
        }),
    ...(stated ? { channels: statedChannels(pictureMean, pictureDeviation) } : {}),
  };
  checkNetworkInput(input);
  return {
    standardize: scaling === 'bands',
    ...(Object.keys(input).length === 0 ? {} : { input }),
  };
}

/** A mean without a deviation is only subtracted; one value serves all channels of the other. */
function statedChannels(mean: readonly number[] = [0], deviation: readonly number[] = [1]) {
  const count = Math.max(mean.length, deviation.length);
  const spread = (values: readonly number[]) =>
    values.length === 1 ? new Array<number>(count).fill(values[0]) : values;
  return { mean: spread(mean), deviation: spread(deviation) };
}

/**
 * What a network is fed where there is no training side.
 * @throws {UsageError} where the statistics of one are asked for
 */
export function chooseFrozenInput(
  choices: InputChoices,
  usual: 'clip' | 'none',
  frontEnd: FrontEndName,
): NetworkInput {
  if (choices.pictureScaling === 'bands') {
    throw new UsageError('There is no training side here whose bands pictures could be standardised by.', {
      hint: 'Scale each picture by itself (--picture-scaling clip or --picture-range), state --picture-mean and --picture-deviation, or name a model.onnx that was trained so: it holds its statistics.',
    });
  }
  return chooseInput(choices, usual, frontEnd).input ?? {};
}

/** [height, width] of a choice. @throws {ParameterError} unless it is of positive whole numbers */
export function sizeOfPicture(size: PictureSize): readonly [number, number] {
  const both = typeof size === 'number' ? ([size, size] as const) : size;
  if (!both.every((n) => Number.isInteger(n) && n > 0))
    throw new ParameterError(`A picture's size must be positive whole numbers, got ${both.join(' × ')}.`);
  return both;
}
