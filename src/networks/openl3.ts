/**
 * @file OpenL3's audio network (Cramer et al., "Look, Listen and Learn More", 2019), as marl/openl3's models.py builds
 * it in Keras. The content type (music or env) is a matter of weights: the network is the same.
 */
import { ParameterError } from '../core/errors.ts';
import { linear } from './blocks.ts';
import { type L3Architecture, l3Layers, l3Stages } from './l3.ts';
import { type Network, requireClasses, requirePicture, withHead } from './network.ts';

export type Openl3InputRepr = 'linear' | 'mel128' | 'mel256';
export type Openl3EmbeddingSize = 512 | 6144;

/** By input representation: the picture [bands, frames] of one second, and the last pooling by embedding size. */
const representations: Readonly<
  Record<
    Openl3InputRepr,
    {
      readonly picture: readonly [number, number];
      readonly pooling: Readonly<Record<Openl3EmbeddingSize, readonly [number, number]>>;
    }
  >
> = {
  linear: { picture: [257, 197], pooling: { 6144: [8, 8], 512: [32, 24] } },
  mel128: { picture: [128, 199], pooling: { 6144: [4, 8], 512: [16, 24] } },
  mel256: { picture: [256, 199], pooling: { 6144: [8, 8], 512: [32, 24] } },
};

export const openl3InputReprs = Object.keys(representations) as Openl3InputRepr[];
export const openl3EmbeddingSizes: readonly Openl3EmbeddingSize[] = [512, 6144];

export interface Openl3Options {
  readonly classes: number;
  /** What the spectrogram shows; default `mel256`, as in the Python package. */
  readonly inputRepr?: Openl3InputRepr;
  /** Default 6144, as in the Python package. */
  readonly embeddingSize?: Openl3EmbeddingSize;
}

const architecture: L3Architecture = { widths: [64, 128, 256], embedding: 512, activated: false };

/** Size [bands, frames] of the picture of one second that a representation gives. */
export function openl3Picture(inputRepr: Openl3InputRepr): readonly [number, number] {
  return representations[inputRepr].picture;
}

/**
 * OpenL3's network. Input [N, 1, bands, frames] (linear 257×197, mel128 128×199, mel256 256×199), decibels as OpenL3's
 * front ends give them; embedding [N, embeddingSize] in Keras's order (row, column, channel); logits [N, classes] of a
 * linear layer `fc` on it.
 * @throws {ParameterError} for a representation, a size or a number of classes that there is not
 */
export function openl3(options: Openl3Options): Network {
  const { classes, inputRepr = 'mel256', embeddingSize = 6144 } = options;
  requireClasses('openl3', classes);
  if (!Object.hasOwn(representations, inputRepr)) {
    throw new ParameterError(`OpenL3 has no input representation '${inputRepr}'.`, {
      hint: `There are ${openl3InputReprs.join(', ')}.`,
    });
  }
  const { picture, pooling } = representations[inputRepr];
  const window = pooling[embeddingSize] as readonly [number, number] | undefined;
  if (window === undefined) {
    throw new ParameterError(
      `OpenL3's audio embeddings have ${openl3EmbeddingSizes.join(' or ')} numbers, not ${embeddingSize}.`,
    );
  }
  const head: Network['head'] = (c, embedding) => linear(c, embedding, 'fc', classes);
  return {
    name: 'openl3',
    classes,
    picture,
    head,
    stages: l3Stages(architecture),
    forward(c, x) {
      requirePicture(`openl3 (${inputRepr})`, x, picture);
      const maps = l3Layers(c, x, architecture);
      const pooled = c.g.op('MaxPool', [maps], { kernel_shape: window, strides: window });
      const embedding = c.g.op('Flatten', [c.g.op('Transpose', [pooled], { perm: [0, 2, 3, 1] })], {
        axis: 1,
      });
      return withHead(c, embedding, head);
    },
  };
}
