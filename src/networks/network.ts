/**
 * @file What a network is: a function that appends its forward pass to a graph, asking for its parameters by name.
 * The same function serves training (parameters are graph inputs, batch statistics, running-statistics updates)
 * and inference (parameters are constants).
 */
import { GraphError, ParameterError, ShapeError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { float32, sizeOf, type Tensor } from '../core/tensor.ts';
import { formatShape, type GraphBuilder, type Value } from '../onnx/index.ts';

/**
 * How a parameter is trained: `weight` (decayed), `bias` and `norm` (trained, not decayed), `statistic`
 * (running mean or variance: carried along, never given a gradient).
 */
export type ParameterRole = 'weight' | 'bias' | 'norm' | 'statistic';

export interface ParameterSpec {
  /** The public (PyTorch) name, such as `layer1.0.conv1.weight`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly role: ParameterRole;
  /** Starting values from random numbers. */
  readonly initialize: Initializer;
  /** True or false where the parameter is trained always or never, whatever part of the network is chosen. */
  readonly trained?: boolean;
}

export type Initializer = (shape: readonly number[], random: Random) => Float32Array;

/** What a network's forward function may do besides appending nodes. */
export interface NetworkContext {
  readonly g: GraphBuilder;
  /** True while training: batch statistics, dropout. */
  readonly training: boolean;
  /**
   * True where parameters are constants and nothing is differentiated: layers may then take forms that only run faster.
   */
  readonly inference?: boolean;
  /** True if batch normalisation uses (and keeps) the running statistics even while training. */
  readonly frozenStatistics: boolean;
  /** The value of a parameter; declares it at the first call. */
  parameter(spec: ParameterSpec): Value;
  /** Says what a `statistic` becomes after this training step. */
  update(name: string, value: Value): void;
  /**
   * How many frames of each picture are the recording's own, float32 [N], each at least 1: the frames behind them come
   * of the zeros that fill the window. Absent where every frame counts.
   */
  readonly ownFrames?: () => Value;
  /** Uniform random numbers in [0, 1) of that shape, drawn anew by the trainer for every step (for dropout). */
  noise(name: string, shape: readonly number[]): Value;
}

export interface NetworkOutputs {
  /** Scores before softmax, [N, classes]. */
  readonly logits: Value;
  /** What the last linear layer sees, [N, embeddingSize]. */
  readonly embedding: Value;
}

/** How published files name parameters. */
export interface PublishedNames {
  /** The parameter that a tensor of that name is; null for one of another part of the published model. */
  parameterName(published: string): string | null;
  /** Whose names are known, as the end of "the names of". */
  readonly names: string;
}

export interface Network {
  /** For reports and metadata, such as `resnet50`. */
  readonly name: string;
  readonly classes: number;
  /** Names of parameters by stage, first to last; the last one is the head. What `--train head|last-stage` selects. */
  readonly stages: readonly { readonly name: string; readonly prefixes: readonly string[] }[];
  /** The only size [nMels, nFrames] of picture that it takes; absent where it is not fixed. */
  readonly picture?: readonly [nMels: number, nFrames: number];
  /** How published files name its parameters, where that is not by the names here. */
  readonly published?: PublishedNames;
  /**
   * Appends the head alone on an embedding [N, embeddingSize], as {@link forward} does: logits [N, classes]. Present where
   * the stage that is the head begins at the embedding, so that everything before it can be computed once when it is not
   * trained.
   */
  readonly head?: (context: NetworkContext, embedding: Value) => Value;
  /** Appends the forward pass. @param x log-mel pictures, float32 [N, 1, nMels, nFrames], normalised */
  forward(context: NetworkContext, x: Value): NetworkOutputs;
}

/** @throws {ParameterError} unless `classes` is a positive integer */
export function requireClasses(network: string, classes: number): void {
  if (!Number.isInteger(classes) || classes < 1)
    throw new ParameterError(`${network} needs a positive integer number of classes, got ${classes}.`);
}

/** @throws {ShapeError} unless x is [N, 1, nMels, nFrames] of that size */
export function requirePicture(network: string, x: Value, picture: readonly [number, number]): void {
  const expected = [1, ...picture];
  if (x.shape.length === 4 && expected.every((size, i) => x.shape[i + 1] === size)) return;
  throw new ShapeError(
    `${network} takes pictures of ${formatShape(['N', ...expected])}, got ${formatShape(x.shape)}.`,
    { hint: 'Use the front end and the window that it was trained with.' },
  );
}

/** The head of a network as a network of its own on embeddings [N, 1, size, 1]; null where it cannot be taken apart. */
export function headNetwork({ name, classes, stages, head }: Network): Network | null {
  if (head === undefined) return null;
  return {
    name,
    classes,
    stages: stages.slice(-1),
    forward(c, x) {
      const embedding = c.g.op('Flatten', [x], { axis: 1 });
      return { logits: head(c, embedding), embedding };
    },
  };
}

/** The outputs of a network whose head stands on its embedding. */
export function withHead(
  c: NetworkContext,
  embedding: Value,
  head: NonNullable<Network['head']>,
): NetworkOutputs {
  return { logits: head(c, embedding), embedding };
}

/** He (Kaiming) normal over the fan-out, as torchvision initialises convolutions. */
export const kaimingNormalFanOut: Initializer = (shape, random) => {
  const fan = shape[0] * sizeOf(shape.slice(2));
  return normal(shape, random, Math.sqrt(2 / fan));
};

/** He (Kaiming) normal over the fan-in. */
export const kaimingNormalFanIn: Initializer = (shape, random) => {
  const fan = sizeOf(shape.slice(1));
  return normal(shape, random, Math.sqrt(2 / fan));
};

/** PyTorch's default for linear and convolution layers: uniform ±1/√fanIn. */
export const uniformFanIn: Initializer = (shape, random) => {
  const bound = 1 / Math.sqrt(sizeOf(shape.slice(1)));
  return Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-bound, bound));
};

/** Uniform ±1/√fanIn for a bias, whose own shape does not tell its layer's fan-in. */
export function uniformBias(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return (shape, random) => Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-bound, bound));
}

/** Every element the same. */
export function constantInitializer(value: number): Initializer {
  return (shape) => new Float32Array(sizeOf(shape)).fill(value);
}

function normal(shape: readonly number[], random: Random, deviation: number): Float32Array {
  return Float32Array.from({ length: sizeOf(shape) }, () => random.normal(0, deviation));
}

export type ParameterValues = ReadonlyMap<string, Tensor<'float32'>>;

/**
 * Starting values for every parameter. Each has a random stream named after it, so adding a layer
 * leaves the others' values as they were.
 */
export function initializeParameters(
  specs: readonly ParameterSpec[],
  random: Random,
): Map<string, Tensor<'float32'>> {
  return new Map(
    specs.map((spec) => [
      spec.name,
      float32(spec.shape, spec.initialize(spec.shape, random.fork(spec.name))),
    ]),
  );
}

/** How many numbers parameters hold, running statistics left out. */
export function learntNumbers(specs: Iterable<ParameterSpec>): number {
  let count = 0;
  for (const { role, shape } of specs) if (role !== 'statistic') count += sizeOf(shape);
  return count;
}

/** Runs `forward` on a throw-away graph to learn which parameters the network has, in order of first use. */
export function parameterSpecs(
  network: Network,
  inputShape: readonly number[],
  g: GraphBuilder,
): ParameterSpec[] {
  const table = new ParameterTable();
  network.forward(forwardContext(g, table, inputParameter(g)), g.input('x', 'float32', inputShape));
  return table.specs;
}

/** A parameter as a graph input of its name. */
export function inputParameter(g: GraphBuilder): (spec: ParameterSpec) => Value {
  return (spec) => g.input(spec.name, 'float32', spec.shape);
}

/** A context outside training: running statistics, no noise; `create` makes each parameter's value once. */
export function forwardContext(
  g: GraphBuilder,
  table: ParameterTable,
  create: (spec: ParameterSpec) => Value,
): NetworkContext {
  return {
    g,
    training: false,
    frozenStatistics: true,
    parameter: (spec) => table.get(spec, () => create(spec)),
    update: () => {},
    noise: () => {
      throw new GraphError('A network asked for noise outside training.');
    },
  };
}

/** A context for inference: parameters become constants of the graph. */
export function inferenceContext(g: GraphBuilder, values: ParameterValues): NetworkContext {
  const context = forwardContext(g, new ParameterTable(), (spec) => {
    const value = values.get(spec.name);
    if (value === undefined) throw new ParameterError(`There is no value for parameter '${spec.name}'.`);
    return g.initializer(spec.name, value);
  });
  return { ...context, inference: true };
}

/** Parameters a forward pass has asked for: each is made once, in order of first use. */
export class ParameterTable {
  readonly specs: ParameterSpec[] = [];
  private readonly values = new Map<string, Value>();

  /** The graph value of a parameter, made by `create` at the first call. */
  get(spec: ParameterSpec, create: () => Value): Value {
    const known = this.values.get(spec.name);
    if (known !== undefined) return known;
    const value = create();
    this.specs.push(spec);
    this.values.set(spec.name, value);
    return value;
  }
}
