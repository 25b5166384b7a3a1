/**
 * @file A compact convolutional network for log-mel pictures, meant to be trained from scratch on a CPU with a
 * thousand clips. The picture is made small at the very start (a convolution of stride 2, then pooling), so that the
 * wide convolutions run on small maps; then come stages of convolutions, batch normalisation and ReLU, each stage at
 * half the resolution of the one before.
 */
import { ParameterError, ShapeError } from '../core/errors.ts';
import { formatShape, type Value } from '../onnx/index.ts';
import {
  type ConvolutionOptions,
  channelsOf,
  convolutionUnit,
  dropout,
  linear,
  resizePicture,
} from './blocks.ts';
import { type Network, type NetworkContext, withHead } from './network.ts';

/** How the last maps become one vector: the mean over time and frequency, the largest value, or both added. */
export type CnnPooling = 'mean' | 'max' | 'mean+max';

export interface CnnOptions {
  readonly classes: number;
  /** Channels of the input picture; default 1. */
  readonly inChannels?: number;
  /** Size [height, width] to which the picture is resized in the graph; default: left as it is. */
  readonly pictureSize?: readonly [number, number];
  /**
   * Subtract each picture's own mean first (default true), so that a recording's level, which says more about the
   * microphone than about the sound, does not matter.
   */
  readonly subtractLevel?: boolean;
  /** Channels of each stage; default [24, 48, 96, 192]. Before every stage but the first the maps are halved. */
  readonly widths?: readonly number[];
  /** Convolutions in each stage after the first; default 1. */
  readonly depth?: number;
  /** Kernel of the first convolution; odd, default 5. */
  readonly stemKernel?: number;
  /** Stride of the first convolution: 2 makes everything after it four times cheaper; default 2. */
  readonly stemStride?: 1 | 2;
  /** Kernel of the others; odd, default 3. */
  readonly kernel?: number;
  /** How maps are halved between stages, 2×2 to 1; default 'max'. */
  readonly downsampling?: 'max' | 'mean';
  /** Probability of dropout before the last layer; default 0.2. */
  readonly dropout?: number;
  /** Default 'mean+max'. */
  readonly pooling?: CnnPooling;
}

type Settings = CnnOptions & Required<Omit<CnnOptions, 'pictureSize'>>;

function resolve(options: CnnOptions): Settings {
  return {
    classes: options.classes,
    pictureSize: options.pictureSize,
    inChannels: options.inChannels ?? 1,
    subtractLevel: options.subtractLevel ?? true,
    widths: options.widths ?? [24, 48, 96, 192],
    depth: options.depth ?? 1,
    stemKernel: options.stemKernel ?? 5,
    stemStride: options.stemStride ?? 2,
    kernel: options.kernel ?? 3,
    downsampling: options.downsampling ?? 'max',
    dropout: options.dropout ?? 0.2,
    pooling: options.pooling ?? 'mean+max',
  };
}

/**
 * The compact network. Input [N, inChannels, nMels, nFrames], the picture of any known size;
 * embedding [N, last width]; logits [N, classes]. Parameters: `blocks.I.convJ.weight`, `blocks.I.bnJ.…`, `fc.…`.
 * @throws {ParameterError} on options out of range
 */
export function cnn(options: CnnOptions): Network {
  const o = resolve(options);
  check(o);
  const head: Network['head'] = (c, embedding) =>
    linear(c, dropout(c, embedding, 'dropout', o.dropout), 'fc', o.classes);
  return {
    name: 'cnn',
    classes: o.classes,
    head,
    stages: [
      ...o.widths.map((_, i) => ({ name: `blocks.${i}`, prefixes: [`blocks.${i}.`] })),
      { name: 'fc', prefixes: ['fc.'] },
    ],
    forward(c, x) {
      if (channelsOf(x, 'blocks.0.conv1') !== o.inChannels) {
        throw new ParameterError(`cnn was built for ${o.inChannels} channels, its input has ${x.shape[1]}.`);
      }
      const picture = o.pictureSize === undefined ? x : resizePicture(c, x, o.pictureSize);
      const levelled = o.subtractLevel ? withoutLevel(c, picture) : picture;
      const stem = { outChannels: o.widths[0], kernel: o.stemKernel, stride: o.stemStride };
      let y = unit(c, levelled, 'blocks.0', 1, { ...stem, padding: stemPadding(levelled, o) });
      const halving = o.downsampling === 'max' ? 'MaxPool' : 'AveragePool';
      for (let i = 1; i < o.widths.length; i++) {
        y = c.g.op(halving, [y], { kernel_shape: [2, 2], strides: [2, 2] });
        for (let j = 1; j <= o.depth; j++) {
          y = unit(c, y, `blocks.${i}`, j, { outChannels: o.widths[i], kernel: o.kernel });
        }
      }
      const embedding = c.g.op('Flatten', [pool(c, y, o.pooling)], { axis: 1 });
      return withHead(c, embedding, head);
    },
  };
}

function withoutLevel(c: NetworkContext, x: Value): Value {
  return c.g.op('Sub', [x, c.g.op('ReduceMean', [x, c.g.ints([1, 2, 3])], { keepdims: 1 })]);
}

/**
 * Zeros around the picture such that the stem's maps can be halved without a remainder at every stage: no frames are
 * lost, and the gradient of pooling over whole tiles is the cheap one.
 */
function stemPadding(x: Value, o: Settings): [number, number, number, number] {
  const half = o.stemKernel >> 1;
  const tile = 2 ** (o.widths.length - 1);
  const [bottom, right] = x.shape.slice(2).map((size) => {
    if (typeof size !== 'number') {
      throw new ShapeError(`cnn needs pictures of a known size, got ${formatShape(x.shape)}.`, {
        hint: 'Give the number of mel bands and frames; only the batch size may stay open.',
      });
    }
    const out = Math.ceil(size / o.stemStride / tile) * tile;
    return Math.max(0, o.stemStride * (out - 1) + o.stemKernel - size - half);
  });
  return [half, half, bottom!, right!];
}

function unit(c: NetworkContext, x: Value, block: string, index: number, options: ConvolutionOptions): Value {
  return convolutionUnit(
    c,
    x,
    { convolution: `${block}.conv${index}`, norm: `${block}.bn${index}` },
    options,
  );
}

function pool(c: NetworkContext, maps: Value, pooling: CnnPooling): Value {
  const mean = () => c.g.op('GlobalAveragePool', [maps]);
  const max = () => c.g.op('ReduceMax', [maps, c.g.ints([2, 3])], { keepdims: 1 });
  if (pooling === 'mean') return mean();
  return pooling === 'max' ? max() : c.g.op('Add', [mean(), max()]);
}

function check(o: Settings): void {
  const positive: [string, number][] = [
    ['classes', o.classes],
    ['inChannels', o.inChannels],
    ['depth', o.depth],
    ...o.widths.map((w, i): [string, number] => [`widths[${i}]`, w]),
  ];
  for (const [what, n] of positive) {
    if (!Number.isInteger(n) || n < 1)
      throw new ParameterError(`cnn needs a positive integer ${what}, got ${n}.`);
  }
  if (o.widths.length === 0) throw new ParameterError('cnn needs at least one stage: widths is empty.');
  for (const [what, n] of [
    ['stemKernel', o.stemKernel],
    ['kernel', o.kernel],
  ] as const) {
    if (!Number.isInteger(n) || n < 1 || n % 2 === 0)
      throw new ParameterError(`cnn needs an odd ${what}, got ${n}.`);
  }
  if (!['mean', 'max', 'mean+max'].includes(o.pooling)) {
    throw new ParameterError(`cnn pools by 'mean', 'max' or 'mean+max', not by '${o.pooling}'.`);
  }
  if (!['max', 'mean'].includes(o.downsampling)) {
    throw new ParameterError(`cnn halves its maps by 'max' or 'mean', not by '${o.downsampling}'.`);
  }
  if (!(o.dropout >= 0 && o.dropout < 1))
    throw new ParameterError(`cnn needs a dropout probability in [0, 1), got ${o.dropout}.`);
}
