/** @file The networks that bench/training.bench.ts and bench/whisper.bench.ts time; bench/rivals/step_pytorch.py has the same ones. */
import {
  batchNorm,
  channelsOf,
  cnn,
  convolution,
  linear,
  type Network,
  type NetworkContext,
  resnet,
  uniformFanIn,
  whisper,
  whisperSizes,
} from '../src/networks/index.ts';
import { yamnetPairs } from '../src/networks/yamnet.ts';
import type { Value } from '../src/onnx/index.ts';

export interface StepCase {
  readonly network: Network;
  readonly batch: number;
  /** Rows and columns of the picture. */
  readonly picture: readonly [number, number];
  readonly frozenStatistics: boolean;
  /** Pictures are taken as they are. */
  readonly raw?: boolean;
}

const classes = 10;

/** MobileNet-v1 as YAMNet has it, with batch normalisation: 3×3/2, then 13 depthwise and pointwise pairs. */
function mobilenet(): Network {
  const active = (c: NetworkContext, x: Value, name: string) =>
    c.g.op('Clip', [batchNorm(c, x, name), c.g.scalar(0), c.g.scalar(6)]);
  const depthwise = (c: NetworkContext, x: Value, name: string, stride: number) => {
    const channels = channelsOf(x, name);
    const weight = c.parameter({
      name: `${name}.weight`,
      shape: [channels, 1, 3, 3],
      role: 'weight',
      initialize: uniformFanIn,
    });
    return c.g.op('Conv', [x, weight], { group: channels, strides: [stride, stride], pads: [1, 1, 1, 1] });
  };
  return {
    name: 'mobilenet',
    classes,
    stages: [{ name: 'fc', prefixes: ['fc.'] }],
    forward(c, x) {
      const stem = { outChannels: 32, kernel: 3, stride: 2 } as const;
      let y = active(c, convolution(c, x, 'stem.conv', stem), 'stem.bn');
      yamnetPairs.forEach(([stride, filters], i) => {
        y = active(c, depthwise(c, y, `pairs.${i}.depthwise`, stride), `pairs.${i}.bn1`);
        const pointwise = { outChannels: filters, kernel: 1 } as const;
        y = active(c, convolution(c, y, `pairs.${i}.pointwise`, pointwise), `pairs.${i}.bn2`);
      });
      const embedding = c.g.op('Flatten', [c.g.op('GlobalAveragePool', [y])], { axis: 1 });
      return { logits: linear(c, embedding, 'fc', classes), embedding };
    },
  };
}

/** A pre-norm transformer encoder of Whisper-tiny's shape on [N, 1, width, positions]. */
function transformer({ layers = 4, width = 384, heads = 6 } = {}): Network {
  const norm = (c: NetworkContext, x: Value, name: string) => {
    const make = (what: string, value: number) =>
      c.parameter({
        name: `${name}.${what}`,
        shape: [width],
        role: 'norm',
        initialize: () => new Float32Array(width).fill(value),
      });
    return c.g.op('LayerNormalization', [x, make('weight', 1), make('bias', 0)], { axis: -1, epsilon: 1e-5 });
  };
  const project = (c: NetworkContext, x: Value, name: string, size: number) => {
    const weight = c.parameter({
      name: `${name}.weight`,
      shape: [x.shape.at(-1) as number, size],
      role: 'weight',
      initialize: uniformFanIn,
    });
    const bias = c.parameter({
      name: `${name}.bias`,
      shape: [size],
      role: 'bias',
      initialize: () => new Float32Array(size),
    });
    return c.g.op('Add', [c.g.op('MatMul', [x, weight]), bias]);
  };
  const attention = (c: NetworkContext, x: Value, name: string) => {
    const { g } = c;
    const [n, time] = x.shape as [number, number];
    const [q, k, v] = ['q', 'k', 'v'].map((part) =>
      g.op('Reshape', [project(c, x, `${name}.${part}`, width), g.ints([n, time, heads, width / heads])]),
    ) as [Value, Value, Value];
    const query = g.op('Mul', [q, g.scalar(1 / Math.sqrt(width / heads))]);
    const scores = g.op('MatMul', [
      g.op('Transpose', [query], { perm: [0, 2, 1, 3] }),
      g.op('Transpose', [k], { perm: [0, 2, 3, 1] }),
    ]);
    const mixed = g.op('MatMul', [
      g.op('Softmax', [scores], { axis: -1 }),
      g.op('Transpose', [v], { perm: [0, 2, 1, 3] }),
    ]);
    const joined = g.op('Reshape', [
      g.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }),
      g.ints([n, time, width]),
    ]);
    return project(c, joined, `${name}.out`, width);
  };
  return {
    name: 'transformer',
    classes,
    stages: [{ name: 'fc', prefixes: ['fc.'] }],
    forward(c, picture) {
      const { g } = c;
      let x = g.op('Transpose', [g.op('Squeeze', [picture, g.ints([1])])], { perm: [0, 2, 1] });
      for (let i = 0; i < layers; i++) {
        x = g.op('Add', [x, attention(c, norm(c, x, `layers.${i}.norm1`), `layers.${i}.attention`)]);
        const hidden = g.op('Gelu', [
          project(c, norm(c, x, `layers.${i}.norm2`), `layers.${i}.fc1`, 4 * width),
        ]);
        x = g.op('Add', [x, project(c, hidden, `layers.${i}.fc2`, width)]);
      }
      const embedding = g.op('ReduceMean', [norm(c, x, 'norm'), g.ints([1])], { keepdims: 0 });
      return { logits: linear(c, embedding, 'fc', classes), embedding };
    },
  };
}

const resnetCase = (
  name: 'resnet18' | 'resnet50',
  side: number,
  batch: number,
  frozenStatistics = false,
): StepCase => ({
  network: resnet(name, { classes, pictureSize: [side, side] }),
  batch,
  picture: [side, side],
  frozenStatistics,
});

/** Whisper-tiny's encoder under Hugging Face's head, on clips of so many frames of 10 ms. */
const whisperCase = (batch: number, frames: number): StepCase => ({
  network: whisper({ classes, config: whisperSizes.tiny }),
  batch,
  picture: [whisperSizes.tiny.nMels, frames],
  frozenStatistics: false,
  raw: true,
});

export const stepCases: Readonly<Record<string, () => StepCase>> = {
  resnet50: () => resnetCase('resnet50', 224, 8),
  'resnet50-frozen-norm': () => resnetCase('resnet50', 224, 8, true),
  resnet18: () => resnetCase('resnet18', 128, 16),
  mobilenet: () => ({ network: mobilenet(), batch: 32, picture: [96, 64], frozenStatistics: false }),
  transformer: () => ({ network: transformer(), batch: 16, picture: [384, 200], frozenStatistics: false }),
  'whisper-tiny': () => whisperCase(8, 400),
  'whisper-tiny-full': () => whisperCase(2, 3000),
  'whisper-tiny-one': () => whisperCase(1, 400),
  cnn: () => ({ network: cnn({ classes }), batch: 32, picture: [64, 173], frozenStatistics: false }),
};

/** Those of bench/training.bench.ts; bench/whisper.bench.ts has Whisper's. */
export const trainingCases = Object.keys(stepCases).filter((name) => !name.startsWith('whisper'));
