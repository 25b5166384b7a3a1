/**
 * @file The audio network of Look, Listen and Learn (Arandjelović and Zisserman, 2017) in the form that OpenL3 and
 * EdgeL3 share: batch normalisation of the picture, three blocks of two 3×3 convolutions (each with batch
 * normalisation and ReLU) and 2×2 max pooling, then one more such convolution and the embedding layer. Layers are named as
 * Keras numbers them in a fresh session; batch normalisation has Keras's epsilon 1e-3 and momentum 0.99.
 */
import type { Value } from '../onnx/index.ts';
import { type BatchNormOptions, batchNorm, convolutionUnit } from './blocks.ts';
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

/** Everything before the last pooling: x [N, 1, bands, frames] → [N, embedding, bands/8, frames/8] (rounded down). */
export function l3Layers(c: NetworkContext, x: Value, architecture: L3Architecture): Value {
  const { widths, embedding, activated } = architecture;
  const last = 2 * widths.length + 2;
  /** The n-th layer, n from 1: a 3×3 convolution that keeps the size, with Keras's `he_normal` start and a bias from zero. */
  const layer = (y: Value, n: number, outChannels: number): Value => {
    const plain = n === last && !activated;
    return convolutionUnit(
      c,
      y,
      {
        convolution: n === last ? 'audio_embedding_layer' : `conv2d_${n}`,
        norm: `batch_normalization_${n + 1}`,
      },
      {
        ...{ outChannels, kernel: 3, initialize: kaimingNormalFanIn, bias: constantInitializer(0) },
        ...{ norm: plain ? null : norm, relu: !plain },
        // Both layers of each of the three blocks are pooled after the second.
        pool: n < last - 1 && n % 2 === 0,
        winograd: (y.shape[1] as number) >= MANY,
      },
    );
  };
  let y = batchNorm(c, x, 'batch_normalization_1', norm);
  widths.forEach((width, i) => {
    y = layer(layer(y, 2 * i + 1, width), 2 * i + 2, width);
  });
  return layer(layer(y, last - 1, embedding), last, embedding);
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
