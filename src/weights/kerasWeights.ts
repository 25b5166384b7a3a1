/**
 * @file Reads weights as Keras writes them to HDF5, by `save_weights` (groups at the root) and by `save` (the same below
 * `model_weights`), Keras 1 to 2 and Keras 3's `.h5`. A group per layer; the attribute `layer_names` gives the order of
 * the layers, `weight_names` that of a layer's weights. Runs in browsers.
 */
import type { Dataset, Group } from 'h5wasm';
import { WeightsError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { gunzip, isGzip } from './gunzip.ts';
import { datasetBytes, floatTensor, textAttribute, withHdf5 } from './hdf5.ts';

/** One layer with weights. */
export interface KerasLayer {
  /** The layer's name in the file, such as `conv2d_3` or `layer2/depthwise_conv/bn`. */
  readonly name: string;
  /**
   * By the name within the layer (`kernel`, `bias`, `gamma`, `moving_mean`, …), in the file's order and in Keras's
   * layout (kernels [height, width, in, out]).
   */
  readonly weights: ReadonlyMap<string, Tensor<'float32' | 'float64'>>;
}

export interface KerasWeights {
  /** Layers that have weights, in the model's order; those of a model inside the model one by one. */
  readonly layers: readonly KerasLayer[];
  /** What the file says of the Keras that wrote it, or null. */
  readonly kerasVersion: string | null;
}

export interface DecodeKerasOptions {
  /** How errors name the bytes, such as a path. */
  readonly source?: string;
  /**
   * Most bytes that the file may have decompressed, and that all its weights may have. Default 2³⁰ (1 GiB) for weights,
   * {@link gzipLimit} for what a gzip file grows to.
   */
  readonly maxBytes?: number;
}

/**
 * Decodes a Keras weights file, plain or in gzip (`.h5.gz`). The HDF5 library is loaded at the first call.
 * @throws {WeightsError} when the bytes are no whole Keras weights file, or hold more than `maxBytes`
 */
export async function decodeKerasWeights(
  bytes: Uint8Array,
  options: DecodeKerasOptions = {},
): Promise<KerasWeights> {
  const { source = 'The data', maxBytes = 2 ** 30 } = options;
  const limit = options.maxBytes ?? gzipLimit(bytes.length);
  const plain = isGzip(bytes) ? await gunzip(bytes, limit, source) : bytes;
  return withHdf5(plain, source, (root) => {
    const top = weightsGroup(root, source);
    const budget = { left: maxBytes, source };
    const layers = listAttribute(top, 'layer_names')!.flatMap((name) => {
      const group = top.get(name);
      if (!isGroup(group))
        throw new WeightsError(`${source} names a layer '${name}', but holds none of that name.`);
      return layersOf(group, name, budget);
    });
    return { layers, kerasVersion: textAttribute(top, 'keras_version')?.[0] ?? null };
  });
}

/**
 * Bytes that a gzip file of weights may grow to: 16 MiB, and 16 times its own size. Trained weights are close to noise and
 * hardly shrink at all, so whatever grows more is something else.
 */
export function gzipLimit(packedBytes: number): number {
  return Math.min(2 ** 30, 2 ** 24 + 16 * packedBytes);
}

/** The group with `layer_names`. */
function weightsGroup(root: Group, source: string): Group {
  if (listAttribute(root, 'layer_names') !== null) return root;
  const names = root.keys();
  const inner = names.includes('model_weights') ? root.get('model_weights') : null;
  if (isGroup(inner) && listAttribute(inner, 'layer_names') !== null) return inner;
  if (names.includes('layers') || names.includes('_layer_checkpoint_dependencies')) {
    throw new WeightsError(`${source} is a Keras 3 file of the form .weights.h5, which names no layers.`, {
      hint: "Save the model as HDF5 in Python: model.save('model.h5').",
    });
  }
  const held =
    names.length === 0 ? 'nothing' : names.slice(0, 5).join(', ') + (names.length > 5 ? ', …' : '');
  throw new WeightsError(
    `${source} is an HDF5 file, but holds no weights of Keras: neither the root nor a group 'model_weights' lists layer_names. It holds ${held}.`,
  );
}

/** A list in one attribute, or in `NAME0`, `NAME1`, … as Keras divides those of more than 64 kB; null without any. */
function listAttribute(group: Group, name: string): string[] | null {
  const whole = textAttribute(group, name);
  if (whole !== null) return whole;
  const parts: string[][] = [];
  for (let part = textAttribute(group, `${name}0`); part !== null; ) {
    parts.push(part);
    part = textAttribute(group, `${name}${parts.length}`);
  }
  return parts.length === 0 ? null : parts.flat();
}

/**
 * The layers that a group holds: one, or, of a model inside the model, several. Their weights are told apart by what
 * stands before the last slash (`conv2d_1/kernel:0`); a model lists what is trained first and statistics afterwards.
 */
function layersOf(
  group: Group,
  layer: string,
  budget: { left: number; readonly source: string },
): KerasLayer[] {
  const { source } = budget;
  const layers = new Map<string, Map<string, Tensor<'float32' | 'float64'>>>();
  for (const path of listAttribute(group, 'weight_names') ?? []) {
    const dataset = group.get(path);
    if (!isDataset(dataset))
      throw new WeightsError(
        `${source}: layer '${layer}' names a weight '${path}' that the file does not hold.`,
      );
    budget.left -= datasetBytes(dataset);
    if (!(budget.left >= 0)) {
      throw new WeightsError(
        `${source} claims more weights than are accepted: with '${path}' of shape [${dataset.shape?.join(', ')}] the limit is passed.`,
        { hint: 'If it is what it should be, raise the option maxBytes.' },
      );
    }
    const tensor = floatTensor(dataset);
    // Counters and states of random generators are no weights.
    if (tensor === null) continue;
    const cut = path.lastIndexOf('/');
    const owner = cut < 0 ? layer : path.slice(0, cut);
    const weights = layers.get(owner) ?? new Map<string, Tensor<'float32' | 'float64'>>();
    weights.set(path.slice(cut + 1).replace(/:\d+$/, ''), tensor);
    layers.set(owner, weights);
  }
  // A layer by itself has the group's name, whatever its weights say.
  const single = layers.size === 1;
  return [...layers].map(([owner, weights]) => ({ name: single ? layer : owner, weights }));
}

function isGroup(entity: ReturnType<Group['get']>): entity is Group {
  return entity !== null && 'keys' in entity;
}

function isDataset(entity: ReturnType<Group['get']>): entity is Dataset {
  return entity !== null && 'slice' in entity;
}
