/** @file A network's training step with random pictures, for benchmarks of memory. */
import { sgd } from '../src/autodiff/index.ts';
import { float32, Random, sizeOf, type Tensor } from '../src/core/index.ts';
import { initializeParameters, networkByName } from '../src/networks/index.ts';
import { buildStepGraph, type StepGraph } from '../src/training/index.ts';

export interface TrainingStep {
  readonly graph: StepGraph;
  /** Parameters and optimiser state. */
  readonly resident: ReadonlyMap<string, Tensor>;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

/** SGD with momentum, clipped, everything trained. @param side of the picture; 0 for the compact network's 64 × 173 */
export function trainingStep(
  name: string,
  side: number,
  batch: number,
  checkpointActivations: boolean,
): TrainingStep {
  const [nMels, nFrames] = side === 0 ? [64, 173] : [side, side];
  const network = networkByName(name).create({
    classes: 10,
    ...(side === 0 ? {} : { pictureSize: [side, side] as const }),
  });
  const graph = buildStepGraph({
    ...{ network, batchSize: batch, nMels, nFrames, checkpointActivations },
    statistics: { mean: new Array(nMels).fill(0), deviation: new Array(nMels).fill(1) },
    optimizer: sgd({ momentum: 0.9 }),
    clipNorm: 1,
    trainable: () => true,
    frozenStatistics: false,
  });
  const random = new Random(1);
  const draw = (dims: readonly number[], uniform = false): Tensor<'float32'> =>
    float32(
      dims,
      Float32Array.from({ length: sizeOf(dims) }, () => (uniform ? random.uniform() : random.normal())),
    );
  const targets = new Float32Array(batch * 10);
  for (let i = 0; i < batch; i++) targets[i * 10 + (i % 10)] = 1 / batch;
  const zeros = [...graph.slots].map(([slot, shape]): [string, Tensor] => [
    slot,
    float32(shape, new Float32Array(sizeOf(shape))),
  ]);
  return {
    graph,
    resident: new Map([...initializeParameters(graph.parameters, random), ...zeros]),
    feeds: {
      x: draw([batch, 1, nMels, nFrames]),
      targets: float32([batch, 10], targets),
      learning_rate: float32([], [0.01]),
      ...Object.fromEntries(graph.noise.map(({ name: noise, shape }) => [noise, draw(shape, true)])),
    },
  };
}

/** The steps named on the command line, as [network, side, batch]; else those of docs/engine.md. */
export function chosenSteps(words: readonly string[]): [string, number, number][] {
  if (words.length === 0)
    return [
      ['cnn', 0, 256],
      ['resnet18', 128, 32],
      ['resnet50', 128, 48],
    ];
  const steps: [string, number, number][] = [];
  for (let i = 0; i + 2 < words.length; i += 3)
    steps.push([words[i]!, Number(words[i + 1]), Number(words[i + 2])]);
  return steps;
}
