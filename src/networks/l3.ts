/**
 * @file The audio network of Look, Listen and Learn (Arandjelović and Zisserman, 2017) in the form that OpenL3 and
 * EdgeL3 share: batch normalisation of the picture, three blocks of two 3×3 convolutions (each with batch
 * normalisation and ReLU) and 2×2 max pooling, then one more such convolution and the embedding layer. Layers are named as
 * Keras numbers them in a fresh session; batch normalisation has Keras's epsilon 1e-3 and momentum 0.99.
 */
import type { Value } from '../onnx/index.ts';
import { type BatchNormOptions, batchNorm, type ConvolutionOptions, convolution } from './blocks.ts';
import { constantInitializer, kaimingNormalFanIn, type Network, type NetworkContext } from './network.ts';

export interface L3Architecture {
  /** Filters of the three blocks. */
  readonly widths: readonly [number, number, number];
  /** Filters of the last convolution and of the embedding layer. */
  readonly embedding: number;
  /** Whether batch normalisation and ReLU follow the embedding layer. */
  readonly activated: boolean;
}

const norm: BatchNormOptions = { epsilon: 1e-3, momentum: 0.01 };

/** Channels from which Winograd's filtering is faster; measured with bench/embeddings.bench.ts. */
const MANY = 128;

/** A 3×3 convolution that keeps the size, with Keras's `he_normal` start and a bias from zero. */
const threeByThree = (x: Value, outChannels: number): ConvolutionOptions => ({
  outChannels,
  kernel: 3,
  winograd: (x.shape[1] as number) >= MANY,
  initialize: kaimingNormalFanIn,
  bias: constantInitializer(0),
});

/** Everything before the last pooling: x [N, 1, bands, frames] → [N, embedding, bands/8, frames/8] (rounded down). */
export function l3Layers(c: NetworkContext, x: Value, architecture: L3Architecture): Value {
  const { widths, embedding, activated } = architecture;
  let norms = 0;
  let convolutions = 0;
  const normalized = (y: Value) => batchNorm(c, y, `batch_normalization_${++norms}`, norm);
  const unit = (y: Value, width: number) => {
    const maps = convolution(c, y, `conv2d_${++convolutions}`, threeByThree(y, width));
    return c.g.op('Relu', [normalized(maps)]);
  };
  let y = normalized(x);
  for (const width of widths) {
    y = unit(unit(y, width), width);
    y = c.g.op('MaxPool', [y], { kernel_shape: [2, 2], strides: [2, 2] });
  }
  y = unit(y, embedding);
  y = convolution(c, y, 'audio_embedding_layer', threeByThree(y, embedding));
  return activated ? c.g.op('Relu', [normalized(y)]) : y;
}

/** Blocks as stages; `fc` is the head. */
export function l3Stages({ widths, activated }: L3Architecture): Network['stages'] {
  const last = 2 * widths.length + 1;
  return [
    { name: 'input', prefixes: ['batch_normalization_1.'] },
    ...widths.map((_, i) => ({
      name: `block${i + 1}`,
      prefixes: [1, 2].flatMap((j) => [`conv2d_${2 * i + j}.`, `batch_normalization_${2 * i + j + 1}.`]),
    })),
    { name: 'block4', prefixes: [`conv2d_${last}.`, `batch_normalization_${last + 1}.`] },
    {
      name: 'audio_embedding_layer',
      prefixes: ['audio_embedding_layer.', ...(activated ? [`batch_normalization_${last + 2}.`] : [])],
    },
    { name: 'fc', prefixes: ['fc.'] },
  ];
}
