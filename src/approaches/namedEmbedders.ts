/**
 * @file The frozen networks that can be asked for by name. A new one is an entry in the table: which options apply to
 * it, and how it is opened (front end, windowing, weights, and the function that appends the network to a graph).
 */
import { ParameterError, Random, UsageError } from '../core/index.ts';
import { chooseWindowing, type EmbedderParts } from '../embeddings/browser.ts';
import { frontEndByName, frontEndFrames } from '../features/index.ts';
import { hashFile } from '../files/index.ts';
import {
  inferenceContext,
  initializeParameters,
  loadWeights,
  type NetworkEntry,
  networks,
  parameterSpecs,
} from '../networks/index.ts';
import { GraphBuilder, type Value } from '../onnx/index.ts';
import { readSafetensors } from '../weights/index.ts';
import { type EmbedderChoice, type EmbedderOption, usualWindowing } from './embedderChoice.ts';

export interface NamedEmbedder {
  readonly name: string;
  /** One line for help texts. */
  readonly description: string;
  /** The options that apply to it; all others are refused. */
  readonly options: readonly EmbedderOption[];
  open(choice: EmbedderChoice): Promise<EmbedderParts>;
}

/** All of them. */
export const namedEmbedders: readonly NamedEmbedder[] = networks
  .filter(({ published }) => published)
  .map(pictureNetwork);

/** @throws {ParameterError} that lists the networks there are */
export function namedEmbedderByName(name: string): NamedEmbedder {
  const found = namedEmbedders.find((entry) => entry.name === name);
  if (found === undefined) {
    throw new ParameterError(`There is no network '${name}', and no such file.`, {
      hint: `There are ${namedEmbedders.map((entry) => entry.name).join(', ')}; or give the path of an ONNX model.`,
    });
  }
  return found;
}

/**
 * Which weights to take. Random ones make a network that hears nothing, so they must be asked for.
 * @returns a path, or null for random weights
 * @throws {UsageError} when none are named
 */
export function requireWeights(network: string, weights: string | undefined): string | null {
  if (weights === undefined) {
    throw new UsageError(`The network ${network} needs its pretrained weights.`, {
      hint: 'Name the file with --weights. To try things out without, --weights random.',
    });
  }
  return weights === 'random' ? null : weights;
}

/** A network made for pictures, on log-mel pictures that are each standardised by their own mean and deviation. */
function pictureNetwork(entry: NetworkEntry): NamedEmbedder {
  return {
    name: entry.name,
    description: entry.description,
    options: [
      ...(['weights', 'sampleRate', 'nMels', 'pictureSize'] as const),
      ...(['windowSeconds', 'hopSeconds', 'center'] as const),
    ],
    async open(choice) {
      const path = requireWeights(entry.name, choice.weights);
      const { sampleRate, nMels, pictureSize } = choice;
      const frontEnd = frontEndByName('log-mel').spec({
        ...(sampleRate === undefined ? {} : { sampleRate }),
        ...(nMels === undefined ? {} : { nMels }),
      });
      const windowing = chooseWindowing(
        usualWindowing(frontEnd, choice.windowSeconds),
        frontEnd.sampleRate,
        choice,
      );
      const network = entry.create({
        classes: 1,
        ...(pictureSize === undefined ? {} : { pictureSize: [pictureSize, pictureSize] as const }),
      });
      const nFrames = frontEndFrames(windowing.samples, frontEnd);
      const specs = parameterSpecs(network, [1, 1, frontEnd.nMels, nFrames], new GraphBuilder());
      const values = initializeParameters(specs, new Random('embedder'));
      let description = `Random weights: ${entry.name} has learnt nothing.`;
      if (path !== null) {
        const { tensors } = await readSafetensors(path);
        const loaded = loadWeights(network, specs, tensors, { source: path, replaceHead: true });
        for (const [name, value] of loaded.values) values.set(name, value);
        description = loaded.description;
      }
      return {
        network: entry.name,
        settings: { pictureSize: pictureSize ?? null },
        embedding: 'embedding',
        sampleRate: frontEnd.sampleRate,
        frontEnd,
        windowing,
        weights: { description, sha256: path === null ? 'random' : await hashFile(path) },
        forward: (g, x) => network.forward(inferenceContext(g, values), standardizedPicture(g, x)).embedding,
      };
    },
  };
}

/** Each picture less its mean, over its deviation. There is no training side here to take statistics from. */
function standardizedPicture(g: GraphBuilder, x: Value): Value {
  const axes = g.ints([1, 2, 3]);
  const centred = g.op('Sub', [x, g.op('ReduceMean', [x, axes])]);
  const variance = g.op('ReduceMean', [g.op('Mul', [centred, centred]), axes]);
  return g.op('Div', [centred, g.op('Sqrt', [g.op('Add', [variance, g.scalar(1e-6)])])]);
}
