/**
 * @file Residual networks of 18, 34 and 50 layers (He et al., "Deep Residual Learning for Image Recognition", 2015),
 * with the parameter names and details of torchvision 0.14: stride on the 3×3 convolution of a bottleneck,
 * batch-norm epsilon 1e-5 and momentum 0.1, 3×3 max pooling after the stem, He initialisation over the fan-out.
 */
import { ParameterError } from '../core/errors.ts';
import type { Value } from '../onnx/index.ts';
import { batchNorm, channelsOf, convolution, convolutionUnit, linear, resizePicture } from './blocks.ts';
import { type Network, type NetworkContext, withHead } from './network.ts';

export type ResnetName = 'resnet18' | 'resnet34' | 'resnet50';

interface Architecture {
  /** Blocks in layer1 to layer4. */
  readonly depths: readonly [number, number, number, number];
  readonly bottleneck: boolean;
}

const architectures: Readonly<Record<ResnetName, Architecture>> = {
  resnet18: { depths: [2, 2, 2, 2], bottleneck: false },
  resnet34: { depths: [3, 4, 6, 3], bottleneck: false },
  resnet50: { depths: [3, 4, 6, 3], bottleneck: true },
};

export interface ResnetOptions {
  readonly classes: number;
  /** Channels of the input picture; default 1 (a log-mel picture), 3 for torchvision's own. */
  readonly inChannels?: number;
  /** Size [height, width] to which the picture is resized in the graph; default: left as it is. */
  readonly pictureSize?: readonly [number, number];
}

/**
 * A residual network. Input [N, inChannels, H, W] of any size from about 32×32; embedding [N, 512] (2048 for
 * `resnet50`), the mean over the last feature maps; logits [N, classes].
 * @throws {ParameterError} when `classes` or `inChannels` is no positive integer
 */
export function resnet(name: ResnetName, options: ResnetOptions): Network {
  const { classes, inChannels = 1, pictureSize } = options;
  for (const [what, n] of Object.entries({ classes, inChannels })) {
    if (!Number.isInteger(n) || n < 1)
      throw new ParameterError(`${name} needs a positive integer ${what}, got ${n}.`);
  }
  const architecture = architectures[name];
  const head: Network['head'] = (c, embedding) => linear(c, embedding, 'fc', classes);
  return {
    name,
    classes,
    head,
    stages: [
      { name: 'stem', prefixes: ['conv1.', 'bn1.'] },
      ...[1, 2, 3, 4].map((i) => ({ name: `layer${i}`, prefixes: [`layer${i}.`] })),
      { name: 'fc', prefixes: ['fc.'] },
    ],
    forward(c, x) {
      if (channelsOf(x, 'conv1') !== inChannels) {
        throw new ParameterError(
          `${name} was built for ${inChannels} channels, its input has ${x.shape[1]}.`,
        );
      }
      const picture = pictureSize === undefined ? x : resizePicture(c, x, pictureSize);
      const pooled = c.g.op('GlobalAveragePool', [layers(c, picture, architecture)]);
      return withHead(c, c.g.op('Flatten', [pooled], { axis: 1 }), head);
    },
  };
}

/** Everything before pooling: the last feature maps. */
function layers(c: NetworkContext, x: Value, { depths, bottleneck }: Architecture): Value {
  const stem = { outChannels: 64, kernel: 7, stride: 2 };
  let y = convolutionUnit(c, x, { convolution: 'conv1', norm: 'bn1' }, stem);
  y = c.g.op('MaxPool', [y], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  const block = bottleneck ? bottleneckBlock : basicBlock;
  depths.forEach((depth, i) => {
    for (let j = 0; j < depth; j++) {
      y = block(c, y, `layer${i + 1}.${j}`, 64 << i, i > 0 && j === 0 ? 2 : 1);
    }
  });
  return y;
}

/** Two 3×3 convolutions beside the identity. */
function basicBlock(c: NetworkContext, x: Value, name: string, width: number, stride: number): Value {
  let y = unit(c, x, name, 1, { outChannels: width, kernel: 3, stride });
  y = convolution(c, y, `${name}.conv2`, { outChannels: width, kernel: 3 });
  return join(c, batchNorm(c, y, `${name}.bn2`), x, name, width, stride);
}

/** 1×1 down, 3×3 (here the stride), 1×1 up to four times the width, beside the identity. */
function bottleneckBlock(c: NetworkContext, x: Value, name: string, width: number, stride: number): Value {
  let y = unit(c, x, name, 1, { outChannels: width, kernel: 1 });
  y = unit(c, y, name, 2, { outChannels: width, kernel: 3, stride });
  y = convolution(c, y, `${name}.conv3`, { outChannels: 4 * width, kernel: 1 });
  return join(c, batchNorm(c, y, `${name}.bn3`), x, name, 4 * width, stride);
}

function unit(
  c: NetworkContext,
  x: Value,
  block: string,
  index: number,
  options: Parameters<typeof convolutionUnit>[3],
): Value {
  return convolutionUnit(
    c,
    x,
    { convolution: `${block}.conv${index}`, norm: `${block}.bn${index}` },
    options,
  );
}

/** ReLU of the sum of a block's branch and its input, the latter projected by a 1×1 convolution where shapes differ. */
function join(
  c: NetworkContext,
  branch: Value,
  x: Value,
  name: string,
  outChannels: number,
  stride: number,
): Value {
  let shortcut = x;
  if (stride !== 1 || x.shape[1] !== outChannels) {
    shortcut = convolution(c, x, `${name}.downsample.0`, { outChannels, kernel: 1, stride });
    shortcut = batchNorm(c, shortcut, `${name}.downsample.1`);
  }
  return c.g.op('Relu', [c.g.op('Add', [branch, shortcut])]);
}
