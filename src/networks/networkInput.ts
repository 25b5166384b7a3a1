/**
 * @file What a network is fed: how the values of a front end's picture are scaled before the network sees them. One
 * description, kept with the network, from which every command builds the same nodes.
 */
import { ParameterError } from '../core/errors.ts';
import { float32 } from '../core/tensor.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import type { Network } from './network.ts';

/** How the values of a picture are scaled, each picture by itself. */
export type PictureScaling =
  /** (x − the picture's mean) / its standard deviation. */
  | { readonly kind: 'clip' }
  /**
   * From the picture's largest value down by `depth` (in the front end's unit), linearly to [low, high]; what is quieter
   * is low. A depth of 80 dB is how pictures of sound are usually drawn.
   */
  | { readonly kind: 'range'; readonly low: number; readonly high: number; readonly depth: number };

/** What is subtracted from each channel, and what it is then divided by: one number, or one per channel. */
export interface ChannelStatistics {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** From a front end's picture to the values that a network sees: first the scaling, then per channel. */
export interface NetworkInput {
  readonly scaling?: PictureScaling;
  readonly channels?: ChannelStatistics;
}

/** @throws {ParameterError} on values that are out of range or not finite */
export function checkNetworkInput({ scaling, channels }: NetworkInput): void {
  if (scaling?.kind === 'range') {
    const { low, high, depth } = scaling;
    if (!(Number.isFinite(low) && Number.isFinite(high) && low < high))
      throw new ParameterError(
        `A picture's range needs two numbers, the first below the second, got ${low}, ${high}.`,
      );
    if (!(depth > 0 && Number.isFinite(depth)))
      throw new ParameterError(`The depth of a picture's range must be above 0, got ${depth}.`);
  }
  if (channels === undefined) return;
  const { mean, deviation } = channels;
  if (mean.length === 0 || mean.length !== deviation.length)
    throw new ParameterError(
      `The channels have ${mean.length} means and ${deviation.length} deviations; there must be as many of both, at least one.`,
    );
  if (!mean.every(Number.isFinite) || !deviation.every((d) => Number.isFinite(d) && d > 0))
    throw new ParameterError('Means must be numbers, and deviations numbers above 0.');
}

/** Appends the scaling of pictures x [N, 1, nMels, nFrames]. */
export function scalePicture(g: GraphBuilder, x: Value, scaling: PictureScaling | undefined): Value {
  if (scaling === undefined) return x;
  const axes = g.ints([1, 2, 3]);
  if (scaling.kind === 'clip') {
    const centred = g.op('Sub', [x, g.op('ReduceMean', [x, axes])]);
    const variance = g.op('ReduceMean', [g.op('Mul', [centred, centred]), axes]);
    return g.op('Div', [centred, g.op('Sqrt', [g.op('Add', [variance, g.scalar(1e-6)])])]);
  }
  const { low, high, depth } = scaling;
  const belowPeak = g.op('Sub', [x, g.op('ReduceMax', [x, axes])]);
  const heard = g.op('Max', [belowPeak, g.scalar(-depth)]);
  return g.op('Add', [g.op('Mul', [heard, g.scalar((high - low) / depth)]), g.scalar(high)]);
}

/**
 * Appends (x − mean) / deviation per channel.
 * @param x [N, channels, height, width]
 * @throws {ParameterError} where neither one value nor one for each channel is given
 */
export function standardizeChannels(
  g: GraphBuilder,
  x: Value,
  channels: ChannelStatistics | undefined,
): Value {
  if (channels === undefined) return x;
  const count = channels.mean.length;
  if (count !== 1 && count !== x.shape[1])
    throw new ParameterError(
      `The network sees ${x.shape[1]} channels; ${count} means and deviations were given.`,
      { hint: 'Give one value, or one for each channel.' },
    );
  const of = (values: readonly number[]) => g.constant(float32([1, count, 1, 1], values), 'channels');
  return g.op('Div', [g.op('Sub', [x, of(channels.mean)]), of(channels.deviation)]);
}

/** A network that scales its pictures first. @throws {ParameterError} for statistics of several channels */
export function withInput(network: Network, input: NetworkInput | undefined): Network {
  if (input === undefined) return network;
  return {
    ...network,
    forward: (c, x) =>
      network.forward(c, standardizeChannels(c.g, scalePicture(c.g, x, input.scaling), input.channels)),
  };
}

/** The description in a few flat values, as settings of embedders and their cache keys hold it. */
export function inputSettings({ scaling, channels }: NetworkInput): Readonly<Record<string, string>> {
  return {
    ...(scaling === undefined
      ? {}
      : {
          scaling:
            scaling.kind === 'clip' ? 'clip' : `range ${scaling.low},${scaling.high} of ${scaling.depth}`,
        }),
    ...(channels === undefined
      ? {}
      : { mean: channels.mean.join(','), deviation: channels.deviation.join(',') }),
  };
}

/** The description in words, as the end of "The network sees …". */
export function inputText({ scaling, channels }: NetworkInput): string {
  const scaled =
    scaling === undefined
      ? "the front end's values as they are"
      : scaling.kind === 'clip'
        ? 'each picture less its own mean, over its own deviation'
        : `each picture's loudest ${scaling.depth} as ${scaling.low} to ${scaling.high}`;
  return channels === undefined
    ? scaled
    : `${scaled}, then per channel less ${channels.mean.join(', ')}, over ${channels.deviation.join(', ')}`;
}
