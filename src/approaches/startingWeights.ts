/**
 * @file What a network starts from: a file of published weights, in any of the forms they are published in, or random
 * numbers. A network that means nothing without its weights is refused without them.
 */
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import {
  ParameterError,
  Random,
  randomWeights,
  type Tensor,
  type TensorData,
  WeightsError,
} from '../core/index.ts';
import { digest, windowSamplesOf } from '../extraction/index.ts';
import { frontEndFrames } from '../features/index.ts';
import { hashFile } from '../files/index.ts';
import { fileSize, modelPath, publishedModels } from '../models/index.ts';
import {
  checkWeights,
  initializeParameters,
  type LoadedWeights,
  type LoadWeightsOptions,
  loadKerasWeights,
  loadWeights,
  type Network,
  networks,
  openl3InputReprs,
  openl3Picture,
  type ParameterSpec,
  parameterSpecs,
} from '../networks/index.ts';
import { GraphBuilder } from '../onnx/index.ts';
import { readModel } from '../runtime/index.ts';
import { readCheckpoint, readCheckpointShapes, readKerasWeights } from '../weights/index.ts';
import { createNetwork } from './importedModel.ts';
import type { NetworkRunConfig } from './runConfig.ts';

export interface StartingWeightsOptions {
  /** A file, the name of fetched weights (`earshot models list`), `random`, or null where the user named none. */
  readonly weights: string | null;
  /** Name of the published weights to take, if they were fetched, where the user named none. */
  readonly published?: string;
}

/**
 * The file of weights that a network starts from, or null for random numbers.
 * @param network its name
 * @throws {WeightsError} when it needs weights and has none, the named ones were not fetched, or there is no such file;
 *   says how to get them
 */
export async function weightsFile(network: string, options: StartingWeightsOptions): Promise<string | null> {
  const { weights, published } = options;
  if (weights === randomWeights) return null;
  const name = weights ?? published;
  const model = publishedModels.find((known) => known.name === name);
  if (weights !== null && model === undefined) {
    await requireFile(weights);
    return weights;
  }
  if (model !== undefined) {
    const path = modelPath(model);
    if ((await fileSize(path)) !== null) return path;
    if (weights !== null) {
      throw new WeightsError(`The weights ${weights} were not fetched: there is no ${path}.`, {
        hint: `Fetch them with: earshot models pull ${weights}`,
      });
    }
  }
  if (networks.find((entry) => entry.name === network)?.needsWeights !== true) return null;
  const fetchable = published ?? publishedModels.find((known) => known.network === network)?.name;
  throw new WeightsError(
    `${network} means nothing without its weights, and none were given${fetchable === undefined ? '' : ` or fetched (${fetchable})`}.`,
    {
      hint: `${fetchable === undefined ? '' : `Fetch them with: earshot models pull ${fetchable}. `}A file you have is named with --weights FILE; --weights random starts from random numbers all the same, and every report then says so.`,
    },
  );
}

/** @throws {WeightsError} unless there is such a file or folder */
async function requireFile(weights: string): Promise<void> {
  try {
    await stat(weights);
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    throw new WeightsError(
      missing
        ? `There is no weights file '${weights}', and no published weights of that name.`
        : `The weights file '${weights}' cannot be opened: ${message}.`,
      missing
        ? { hint: "Name a file, or one of the weights that 'earshot models list' shows.", cause }
        : { cause },
    );
  }
}

/**
 * SHA-256 over the content of the weights that a run's network starts from; null where there are none.
 * @throws what {@link weightsFile} throws
 */
export async function networkWeightsSha256({ network }: NetworkRunConfig): Promise<string | null> {
  if (network.imported !== undefined) return null;
  const path = await weightsFile(network.name, network);
  return path === null ? null : weightsSha256(path);
}

/**
 * SHA-256 over the content of weights, so that they are known wherever they lie.
 * @param named a file, a folder of safetensors files, or the name of fetched weights
 */
export async function weightsSha256(named: string): Promise<string> {
  const model = publishedModels.find(({ name }) => name === named);
  const path = model === undefined ? named : modelPath(model);
  const folder = /\.index\.json$/.test(path) ? dirname(path) : path;
  if (folder === path && !(await stat(path)).isDirectory()) return hashFile(path);
  const names = (await readdir(folder)).filter((name) => name.endsWith('.safetensors')).sort();
  return digest(...names, ...(await Promise.all(names.map((name) => hashFile(join(folder, name))))));
}

/**
 * Reads a file of weights into a network: safetensors (one file, or a folder with one or several) and ONNX models (such
 * as one that Earshot trained) by name, Keras's HDF5 (`.h5`, `.hdf5`, also in `.gz`) by order and shape.
 * @throws {WeightsError} when the file cannot be read or does not fit, for OpenL3 also when its name says that it is of
 *   another input representation (shapes do not tell them apart)
 */
export async function readWeights(
  network: Network,
  specs: readonly ParameterSpec[],
  path: string,
  options: Omit<LoadWeightsOptions, 'source'> = {},
): Promise<LoadedWeights> {
  const form = formOf(path);
  if (form === 'onnx') {
    const tensors = await onnxTensors(path);
    return fittingOnnx(() => loadWeights(network, specs, tensors, { ...options, source: path }));
  }
  if (form === 'safetensors') {
    const { published } = network;
    const only = published && ((name: string) => published.parameterName(name) !== null);
    const { tensors } = await readCheckpoint(path, only && { only });
    return loadWeights(network, specs, tensors, { ...options, source: path });
  }
  requireRepresentation(network, path);
  const { adaptFirstLayer: _, partial, prefix, ...others } = options;
  if (partial || prefix !== undefined)
    throw new ParameterError('Keras files are matched by order: neither partial nor prefix applies to them.');
  return loadKerasWeights(network, specs, await readKerasWeights(path), { ...others, source: path });
}

/** How weights lie in a file, by its name. */
function formOf(path: string): 'onnx' | 'keras' | 'safetensors' {
  if (/\.onnx$/i.test(path)) return 'onnx';
  return /\.(h5|hdf5|keras)(\.gz)?$/i.test(path) ? 'keras' : 'safetensors';
}

/**
 * Checks that the weights a network is to start from are there and fit it, before anything is computed: by the names and
 * shapes in the header, where the file has one.
 * @throws what {@link weightsFile} and {@link readWeights} throw, but for values that are not finite
 */
async function requireStartingWeights(
  network: Network,
  specs: readonly ParameterSpec[],
  options: StartingWeightsOptions,
): Promise<void> {
  const path = await weightsFile(network.name, options);
  if (path === null) return;
  const form = formOf(path);
  if (form === 'keras') await readWeights(network, specs, path);
  else if (form === 'safetensors')
    checkWeights(network, specs, await readCheckpointShapes(path), { source: path });
  else {
    const tensors = await onnxTensors(path);
    fittingOnnx(() => checkWeights(network, specs, tensors, { source: path }));
  }
}

/** {@link requireStartingWeights} of a run on a network of this package. */
export async function requireRunWeights(config: NetworkRunConfig): Promise<void> {
  const { pipeline } = config;
  const nFrames = frontEndFrames(windowSamplesOf(pipeline), pipeline.frontEnd);
  // A last layer of another number of classes is replaced in any case.
  const network = createNetwork(config, 2);
  const specs = parameterSpecs(network, [1, 1, pipeline.frontEnd.nMels, nFrames], new GraphBuilder());
  await requireStartingWeights(network, specs, config.network);
}

/** The float weights of an ONNX model, by their names in it. */
async function onnxTensors(path: string): Promise<Map<string, Tensor>> {
  const { graph } = await readModel(path);
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, dims, data }] of graph.initializers)
    if (dtype === 'float32' || dtype === 'float64')
      tensors.set(name, { dtype, dims, data: data as TensorData });
  return tensors;
}

/** Says of an ONNX model that does not fit what such a model could be used for. */
function fittingOnnx<T>(match: () => T): T {
  try {
    return match();
  } catch (cause) {
    if (!(cause instanceof WeightsError)) throw cause;
    throw new WeightsError(cause.message, {
      hint: 'Weights of an ONNX model are taken by name, as Earshot writes them. A model of another origin is a network of its own: train --network FILE --embedding NAME.',
      cause,
    });
  }
}

/** The published files carry the representation in their name, as the Python package expects it. */
function requireRepresentation(network: Network, path: string): void {
  if (network.name !== 'openl3') return;
  const named = /(?:^|_)(linear|mel128|mel256)(?=[_.-])/.exec(basename(path))?.[1];
  const own = openl3InputReprs.find((inputRepr) => openl3Picture(inputRepr)[0] === network.picture?.[0]);
  if (named === undefined || named === own) return;
  throw new WeightsError(
    `${path} is, by its name, of the input representation ${named}; the network is of ${own}.`,
    { hint: `Choose --input-repr ${named}, or the file for ${own}. Shapes do not tell them apart.` },
  );
}

/**
 * Random values for all parameters, and over those what the weights hold.
 * @param specs the network's parameters, as `parameterSpecs` lists them
 * @param seed of the random values
 * @returns values, and a sentence for reports: `random`, or what was loaded
 * @throws what {@link weightsFile} and {@link readWeights} throw
 */
export async function startingValues(
  network: Network,
  specs: readonly ParameterSpec[],
  seed: number,
  options: StartingWeightsOptions,
): Promise<{ values: Map<string, Tensor<'float32'>>; weights: string }> {
  const values = initializeParameters(specs, new Random(`${seed}/parameters`));
  const path = await weightsFile(network.name, options);
  if (path === null) return { values, weights: randomWeights };
  const loaded = await readWeights(network, specs, path);
  for (const [name, value] of loaded.values) values.set(name, value);
  return { values, weights: loaded.description };
}
