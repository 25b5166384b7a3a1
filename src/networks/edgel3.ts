/**
 * @file EdgeL3-SEA, 64 numbers (Srivastava et al., "Specialized Embedding Approximation for Edge Intelligence", 2021):
 * a small L3 network, taught by OpenL3's on the sounds of New York. As the published Keras file has it.
 */
import { linear } from './blocks.ts';
import { type L3Architecture, l3Layers, l3Stages } from './l3.ts';
import { type Network, requireClasses, requirePicture, withHead } from './network.ts';

const architecture: L3Architecture = { widths: [32, 64, 128], embedding: 64, activated: true };
const picture = [64, 50] as const;

/**
 * EdgeL3-SEA. Input [N, 1, 64, 50]: 64 mel bands of one second at 8 kHz, in decibels below the window's maximum;
 * embedding [N, 64], the largest value of each map; logits [N, classes] of a linear layer `fc` on it.
 * @throws {ParameterError} when `classes` is no positive integer
 */
export function edgel3({ classes }: { readonly classes: number }): Network {
  requireClasses('edgel3', classes);
  const head: Network['head'] = (c, embedding) => linear(c, embedding, 'fc', classes);
  return {
    name: 'edgel3',
    classes,
    picture,
    head,
    stages: l3Stages(architecture),
    forward(c, x) {
      requirePicture('edgel3', x, picture);
      const maps = l3Layers(c, x, architecture);
      const embedding = c.g.op('ReduceMax', [maps, c.g.ints([2, 3])], { keepdims: 0 });
      return withHead(c, embedding, head);
    },
  };
}
