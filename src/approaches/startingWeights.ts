/**
 * @file What a network starts from: a file of published weights, in any of the forms they are published in, or random
 * numbers. A network that means nothing without its weights is refused without them.
 */
import { basename } from 'node:path';
import {
  ParameterError,
  Random,
  randomWeights,
  type Tensor,
  type TensorData,
  WeightsError,
} from '../core/index.ts';
import { fileSize, modelPath, publishedModels } from '../models/index.ts';
import {
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
} from '../networks/index.ts';
import { readModel } from '../runtime/index.ts';
import { readCheckpoint, readKerasWeights } from '../weights/index.ts';

export interface StartingWeightsOptions {
  /** A file, the name of fetched weights (`earshot models list`), `random`, or null where the user named none. */
  readonly weights: string | null;
  /** Name of the published weights to take, if they were fetched, where the user named none. */
  readonly published?: string;
}

/**
 * The file of weights that a network starts from, or null for random numbers.
 * @param network its name
 * @throws {WeightsError} when it needs weights and has none, or the named ones were not fetched; says how to get them
 */
export async function weightsFile(network: string, options: StartingWeightsOptions): Promise<string | null> {
  const { weights, published } = options;
  if (weights === randomWeights) return null;
  const name = weights ?? published;
  const model = publishedModels.find((known) => known.name === name);
  if (weights !== null && model === undefined) return weights;
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

/**
 * Reads a file of weights into a network: safetensors (one file, or a folder with one or several) and ONNX models (such as one that Earshot trained) by name, Keras's
 * HDF5 (`.h5`, `.hdf5`, also in `.gz`) by order and shape.
 * @throws {WeightsError} when the file cannot be read or does not fit, for OpenL3 also when its name says that it is of
 *   another input representation (shapes do not tell them apart)
 */
export async function readWeights(
  network: Network,
  specs: readonly ParameterSpec[],
  path: string,
  options: Omit<LoadWeightsOptions, 'source'> = {},
): Promise<LoadedWeights> {
  if (/\.onnx$/i.test(path)) return onnxWeights(network, specs, path, options);
  if (!/\.(h5|hdf5|keras)(\.gz)?$/i.test(path)) {
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

/** The float weights of an ONNX model, by their names in it. */
async function onnxWeights(
  network: Network,
  specs: readonly ParameterSpec[],
  path: string,
  options: Omit<LoadWeightsOptions, 'source'>,
): Promise<LoadedWeights> {
  const { graph } = await readModel(path);
  const tensors = new Map<string, Tensor>();
  for (const [name, { dtype, dims, data }] of graph.initializers)
    if (dtype === 'float32' || dtype === 'float64')
      tensors.set(name, { dtype, dims, data: data as TensorData });
  try {
    return loadWeights(network, specs, tensors, { ...options, source: path });
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
