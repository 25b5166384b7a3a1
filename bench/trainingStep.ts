/** @file A training step on random pictures, for benchmarks: SGD with momentum, everything trained. */
import { sgd } from '../src/autodiff/index.ts';
import { float32, Random, sizeOf, type Tensor } from '../src/core/index.ts';
import {
  inferenceContext,
  initializeParameters,
  networkByName,
  parameterSpecs,
} from '../src/networks/index.ts';
import { GraphBuilder } from '../src/onnx/index.ts';
import type { Engine, LoadedModel } from '../src/runtime/index.ts';
import { buildStepGraph, type StepGraph } from '../src/training/index.ts';
import type { StepCase } from './stepCases.ts';

export interface TrainingStep {
  readonly graph: StepGraph;
  /** Parameters and optimiser state, made one at a time, so that no second set of them weighs on the measurement. */
  readonly resident: () => Iterable<[string, Tensor]>;
  readonly feeds: Readonly<Record<string, Tensor>>;
}

export interface TrainingStepOptions {
  /** {@link Engine.blockSize} */
  readonly blockSize: number | null;
  readonly checkpointActivations?: boolean;
}

export function trainingStep(
  { network, batch, picture: [nMels, nFrames], frozenStatistics, raw = false }: StepCase,
  options: TrainingStepOptions,
): TrainingStep {
  const graph = buildStepGraph({
    ...{ network, batchSize: batch, nMels, nFrames, frozenStatistics, ...options },
    statistics: raw ? null : { mean: new Array(nMels).fill(0), deviation: new Array(nMels).fill(1) },
    optimizer: sgd({ momentum: 0.9 }),
    clipNorm: null,
    trainable: () => true,
  });
  const random = new Random(1);
  const draw = (dims: readonly number[], uniform = false): Tensor<'float32'> =>
    float32(
      dims,
      Float32Array.from({ length: sizeOf(dims) }, () => (uniform ? random.uniform() : random.normal())),
    );
  const { classes } = network;
  const targets = new Float32Array(batch * classes);
  for (let i = 0; i < batch; i++) targets[i * classes + (i % classes)] = 1 / batch;
  function* resident(): Iterable<[string, Tensor]> {
    for (const spec of graph.parameters) yield* initializeParameters([spec], random);
    for (const [slot, shape] of graph.slots) yield [slot, float32(shape, new Float32Array(sizeOf(shape)))];
  }
  return {
    graph,
    resident,
    feeds: {
      x: draw([batch, 1, nMels, nFrames]),
      targets: float32([batch, classes], targets),
      learning_rate: float32([], [0.001]),
      ...Object.fromEntries(graph.noise.map(({ name, shape }) => [name, draw(shape, true)])),
    },
  };
}

/** Puts a step into an engine. @returns a function that takes the step once and tells the loss */
export async function loadStep(
  engine: Engine,
  { graph, resident, feeds }: TrainingStep,
): Promise<() => Promise<number>> {
  for (const tensor of resident()) await engine.put(new Map([tensor]), { transfer: true });
  const model: LoadedModel = await engine.load(graph.model);
  return async () => {
    const { keep, fetch } = graph;
    const { loss } = await engine.run(model, { feeds, resident: graph.resident, keep, fetch });
    return Number(loss!.data[0]);
  };
}

/** A network in inference, its parameters constants: as in a model file, without front end. */
export async function loadForward(
  engine: Engine,
  { network, batch, picture }: StepCase,
): Promise<() => Promise<unknown>> {
  const random = new Random(1);
  const dims = [batch, 1, ...picture];
  const g = new GraphBuilder();
  const values = initializeParameters(parameterSpecs(network, dims, new GraphBuilder()), random);
  const x = g.input('x', 'float32', ['N', 1, ...picture]);
  g.output(network.forward(inferenceContext(g, values), x).logits, 'logits');
  const model = await engine.load(g.model());
  const data = Float32Array.from({ length: sizeOf(dims) }, () => random.normal());
  return () => engine.run(model, { feeds: { x: float32(dims, data.slice()) }, fetch: ['logits'] });
}

/** A network by name; side 0 of the picture stands for the compact network's own of 64 × 173. */
export function namedStep(name: string, side: number, batch: number): StepCase {
  const picture = side === 0 ? ([64, 173] as const) : ([side, side] as const);
  const size = side === 0 ? {} : { pictureSize: picture };
  const network = networkByName(name).create({ classes: 10, ...size });
  return { network, batch, picture, frozenStatistics: false };
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
    steps.push([words[i], Number(words[i + 1]), Number(words[i + 2])]);
  return steps;
}
