/**
 * @file A network made from any ONNX model: its nodes are replayed up to a named tensor, its weights become parameters,
 * and a new head stands on top. Batch normalisation keeps the model's statistics where statistics are frozen.
 */
import { ParameterError, ShapeError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { sortedNodes } from '../onnx/checkGraph.ts';
import {
  formatShape,
  importGraph,
  isStatic,
  type Model,
  type Node,
  replayGraph,
  type Value,
} from '../onnx/index.ts';
import { linear } from './blocks.ts';
import { freshInitializer, untied } from './importedInitializers.ts';
import { learningNorms, normMomenta } from './importedNorm.ts';
import { layOut, type PictureLayout, pictureInput } from './importedPicture.ts';
import { isSequence } from './importedSequence.ts';
import {
  type Network,
  type NetworkContext,
  type ParameterRole,
  type ParameterSpec,
  withHead,
} from './network.ts';
import { type NetworkInput, scalePicture } from './networkInput.ts';

export interface ImportedNetworkOptions {
  /** For reports and metadata, such as the file's name. */
  readonly name: string;
  readonly classes: number;
  /**
   * Tensor of the model that the head sees: [N, size]; or feature maps [N, channels, …] or a sequence [N, positions, size],
   * which are averaged.
   */
  readonly embedding: string;
  /** How the model's picture lies; default `mel-frames`, as networks here take it. */
  readonly picture?: PictureLayout;
  /** Resize pictures to [nMels, nFrames] of that size first; default null: as they come. */
  readonly pictureSize?: readonly [number, number] | null;
  /** Start from random numbers, not from the model's weights; default false. */
  readonly fromScratch?: boolean;
  /** How pictures are scaled before they are resized, and their channels after; default: as they come. */
  readonly input?: NetworkInput;
}

/** Operands that set how an operator works, rather than being worked on: no parameters. */
const settings: Readonly<Record<string, readonly number[]>> = {
  Clip: [1, 2],
  Dropout: [1],
  OneHot: [2],
  Pad: [2],
  Pow: [1],
  Range: [0, 1, 2],
  Resize: [1, 2],
};

const normalizations = new Set([
  ...['BatchNormalization', 'LayerNormalization', 'InstanceNormalization'],
  ...['GroupNormalization', 'RMSNormalization'],
]);

/** The role of an initializer by where it is used; null where it is no parameter there. */
function roleAt(node: Node, slot: number, tensor: Tensor): ParameterRole | null {
  if (settings[node.opType]?.includes(slot)) return null;
  if (node.opType === 'BatchNormalization' && slot > 2) return 'statistic';
  if (normalizations.has(node.opType)) return 'norm';
  return tensor.dims.length > 1 ? 'weight' : 'bias';
}

/**
 * The parameters on the way to `embedding`: float32 initializers of more than one element that are worked on, with
 * their values as starting values. Matrices and kernels are weights, vectors biases, scales of normalisations `norm`,
 * means and variances of batch normalisations `statistic`.
 */
function parametersOf(model: Model, embedding: string, fromScratch: boolean): Map<string, ParameterSpec> {
  const { graph } = model;
  const nodes = sortedNodes(graph);
  const needed = new Set([embedding]);
  const way: Node[] = [];
  for (const node of [...nodes].reverse()) {
    if (!node.outputs.some((name) => needed.has(name))) continue;
    way.push(node);
    for (const name of node.inputs) needed.add(name);
  }
  // PyTorch writes equal tensors once and refers to them by Identity.
  const meant = new Map<string, string>();
  const specs = new Map<string, ParameterSpec>();
  for (const node of way.reverse()) {
    if (node.opType === 'Identity') {
      const [source, target] = [node.inputs[0], node.outputs[0]];
      meant.set(target, meant.get(source) ?? source);
      continue;
    }
    node.inputs.forEach((read, slot) => {
      const name = meant.get(read) ?? read;
      const tensor = graph.initializers.get(name);
      if (tensor === undefined || tensor.dtype !== 'float32' || tensor.data.length < 2 || specs.has(name))
        return;
      const role = roleAt(node, slot, tensor);
      if (role === null) return;
      const data = tensor.data as Float32Array;
      const initialize = fromScratch ? freshInitializer(node, slot, tensor) : () => data.slice();
      specs.set(name, { name, shape: tensor.dims, role, initialize });
    });
  }
  return specs;
}

/** One stage per layer: parameters whose names agree up to the last dot, in order of first use. */
function stagesOf(names: Iterable<string>): { name: string; prefixes: string[] }[] {
  const stages = new Map<string, string>();
  for (const name of names) {
    const dot = name.lastIndexOf('.');
    if (dot > 0) stages.set(name.slice(0, dot), `${name.slice(0, dot)}.`);
    else stages.set(name, name);
  }
  return [...stages].map(([name, prefix]) => ({ name, prefixes: [prefix] }));
}

/** The part of a model up to a tensor, without a head. */
export interface ImportedBody {
  /** The parameters on the way, with the model's weights as starting values. */
  readonly specs: ReadonlyMap<string, ParameterSpec>;
  /** Appends it. @param x pictures, float32 [N, 1, nMels, nFrames] @returns [N, size] */
  embed(c: NetworkContext, x: Value): Value;
}

/**
 * A model up to its tensor `embedding`; maps are averaged.
 * @throws {ParameterError} when the model has no such tensor
 * @throws {GraphError} when the model is malformed
 */
export function importedBody(given: Model, options: Omit<ImportedNetworkOptions, 'classes'>): ImportedBody {
  const {
    name,
    embedding,
    picture = 'mel-frames',
    pictureSize = null,
    input = {},
    fromScratch = false,
  } = options;
  const model = fromScratch ? untied(given) : given;
  if (!model.graph.nodes.some((node) => node.outputs.includes(embedding)))
    throw new ParameterError(`The model ${name} computes no tensor named '${embedding}'.`);
  const specs = parametersOf(model, embedding, fromScratch);
  return {
    specs,
    embed(c, x) {
      const laidOut = layOut(c, scalePicture(c.g, x, input.scaling), pictureInput(model, name).shape, {
        ...{ layout: picture, size: pictureSize },
        ...(input.channels === undefined ? {} : { channels: input.channels }),
      });
      const value = replay(c, model, specs, embedding, laidOut, name);
      return flattened(c, value, embedding, value.shape.length === 3 && isSequence(model, embedding));
    },
  };
}

/**
 * A network that computes `embedding` as the model does and classifies it with a new linear layer, `head`.
 * Its parameters start from the model's weights; its stages are the model's layers, then the head.
 * @throws {ParameterError} when the model has no such tensor, or `classes` is no positive integer
 * @throws {GraphError} when the model is malformed
 */
export function importedNetwork(model: Model, options: ImportedNetworkOptions): Network {
  const { name, classes } = options;
  if (!Number.isInteger(classes) || classes < 1)
    throw new ParameterError(`${name} needs a positive integer number of classes, got ${classes}.`);
  const { specs, embed } = importedBody(model, options);
  let head = 'head';
  while ([...specs.keys()].some((parameter) => parameter.startsWith(`${head}.`))) head = `new_${head}`;
  const onEmbedding: Network['head'] = (c, embedding) => linear(c, embedding, head, classes);
  return {
    name,
    classes,
    stages: [...stagesOf(specs.keys()), { name: head, prefixes: [`${head}.`] }],
    head: onEmbedding,
    forward: (c, x) => withHead(c, embed(c, x), onEmbedding),
  };
}

/** Appends the model's nodes up to `embedding`, fed with `x`. */
function replay(
  c: NetworkContext,
  model: Model,
  specs: ReadonlyMap<string, ParameterSpec>,
  embedding: string,
  x: Value,
  name: string,
): Value {
  const imported = importGraph(model, { bind: boundBy(model, x, name), tensors: [embedding] });
  return replayGraph(imported, embedding, c.g, x, {
    what: name,
    ...(c.training && !c.frozenStatistics ? { replace: learningNorms(c, normMomenta(model)) } : {}),
    constantOf: (read, tensor) => {
      const spec = specs.get(read);
      return spec === undefined ? c.g.constant(tensor, 'imported') : c.parameter(spec);
    },
  });
}

/** Sizes for the open dimensions of the model's picture input. @throws {ShapeError} where a fixed one differs */
function boundBy(model: Model, x: Value, name: string): Record<string, number> {
  const { shape } = pictureInput(model, name);
  const bind: Record<string, number> = {};
  shape.forEach((declared, axis) => {
    const given = x.shape[axis];
    const expected = typeof declared === 'number' ? declared : bind[declared];
    if (expected !== undefined && expected !== given) {
      throw new ShapeError(
        `The model ${name} takes pictures of ${formatShape(shape)}, not of ${formatShape(x.shape)}.`,
        axis === 0 && typeof declared === 'number'
          ? { hint: 'Export the model with a named batch dimension, so that it takes batches of any size.' }
          : {},
      );
    }
    if (typeof declared === 'string' && typeof given === 'number') bind[declared] = given;
  });
  return bind;
}

/**
 * [N, size] of an embedding, of feature maps, whose further axes are averaged, or of a sequence [N, positions, size], whose
 * positions are.
 */
function flattened(c: NetworkContext, value: Value, name: string, sequence: boolean): Value {
  const { shape } = value;
  if (shape.length < 2 || !isStatic(shape.slice(1))) {
    throw new ShapeError(
      `The embedding '${name}' must be [N, size] or [N, channels, …], got ${formatShape(shape)}.`,
    );
  }
  if (shape.length === 2) return value;
  const averaged = sequence ? [1] : shape.map((_, i) => i).slice(2);
  return c.g.op('ReduceMean', [value, c.g.ints(averaged)], { keepdims: 0 });
}
