/**
 * @file YAMNet (Plakal and Ellis, Google): MobileNet-v1 on patches of log-mel frames, as the public yamnet.py builds it
 * in Keras. Layers have its names with dots for slashes; batch normalisation has epsilon 1e-4 and, there, no scale (here
 * it is a parameter that is 1 after loading).
 */
import type { Value } from '../onnx/index.ts';
import { type BatchNormOptions, type ConvolutionOptions, convolutionUnit, linear } from './blocks.ts';
import {
  kaimingNormalFanIn,
  type Network,
  type NetworkContext,
  requireClasses,
  requirePicture,
  withHead,
} from './network.ts';

/** Pairs of a depthwise and a pointwise convolution: stride of the first, filters of the second. */
export const yamnetPairs: readonly (readonly [stride: 1 | 2, filters: number])[] = [
  [1, 64],
  [2, 128],
  [1, 128],
  [2, 256],
  [1, 256],
  [2, 512],
  [1, 512],
  [1, 512],
  [1, 512],
  [1, 512],
  [1, 512],
  [2, 1024],
  [1, 1024],
];

const norm: BatchNormOptions = { epsilon: 1e-4, momentum: 0.01 };

/** Mel bands and frames of a patch, as the front end gives them. */
const picture = [64, 96] as const;

/**
 * YAMNet. Input [N, 1, 64, 96]: mel bands by frames, as the front end `yamnet` gives them (Keras's network has the frames
 * first: the picture is turned inside); embedding [N, 1024], the mean over what is left of time and frequency; logits
 * [N, classes]. With 521 classes the head takes the published file's, and the sigmoid of the logits are AudioSet's scores.
 * @throws {ParameterError} when `classes` is no positive integer
 */
export function yamnet({ classes }: { readonly classes: number }): Network {
  requireClasses('yamnet', classes);
  const head: Network['head'] = (c, embedding) => linear(c, embedding, 'fc', classes);
  return {
    name: 'yamnet',
    classes,
    picture,
    head,
    stages: [
      ...Array.from({ length: yamnetPairs.length + 1 }, (_, i) => ({
        name: `layer${i + 1}`,
        prefixes: [`layer${i + 1}.`],
      })),
      { name: 'fc', prefixes: ['fc.'] },
    ],
    forward(c, x) {
      requirePicture('yamnet', x, picture);
      let y = c.g.op('Transpose', [x], { perm: [0, 1, 3, 2] });
      y = unit(c, y, 'layer1.conv', { outChannels: 32, kernel: 3, stride: 2 });
      yamnetPairs.forEach(([stride, outChannels], i) => {
        const groups = y.shape[1] as number;
        const layer = `layer${i + 2}`;
        y = unit(c, y, `${layer}.depthwise_conv`, { outChannels: groups, kernel: 3, stride, groups });
        y = unit(c, y, `${layer}.pointwise_conv`, { outChannels, kernel: 1 });
      });
      const embedding = c.g.op('Flatten', [c.g.op('GlobalAveragePool', [y])], { axis: 1 });
      return withHead(c, embedding, head);
    },
  };
}

function unit(c: NetworkContext, x: Value, name: string, options: ConvolutionOptions): Value {
  const padding = samePadding(x, options);
  return convolutionUnit(
    c,
    x,
    { convolution: name, norm: `${name}.bn` },
    { ...options, initialize: kaimingNormalFanIn, padding, norm },
  );
}

/** TensorFlow's padding `same`: the output has ⌈size/stride⌉ rows; an odd zero goes to the bottom and the right. */
function samePadding(x: Value, options: ConvolutionOptions): [number, number, number, number] {
  const kernel = options.kernel as number;
  const stride = (options.stride ?? 1) as number;
  const [vertical, horizontal] = x.shape.slice(2).map((size) => {
    const n = size as number;
    return Math.max(0, (Math.ceil(n / stride) - 1) * stride + kernel - n);
  });
  const before = [vertical! >> 1, horizontal! >> 1] as const;
  return [before[0], before[1], vertical! - before[0], horizontal! - before[1]];
}
