/**
 * @file Layers of a Keras file to a network's layers: in order and by shape, since Keras numbers its default names
 * anew in every session (`conv2d_1` here is `conv2d_9` there).
 */
import { WeightsError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { permute } from '../onnx/foldMovement.ts';
import type { KerasLayer, KerasWeights } from '../weights/kerasWeights.ts';
import { toFloat32 } from '../weights/toFloat32.ts';
import { type LoadedWeights, type LoadWeightsOptions, loadWeights } from './loadWeights.ts';
import type { Network, ParameterSpec } from './network.ts';

export type LoadKerasOptions = Pick<LoadWeightsOptions, 'replaceHead' | 'source'>;

/**
 * Matches the layers of a Keras file to a network's. Layers of a front end at the file's beginning are passed over; a
 * last dense layer is the head where its size fits. Kernels are turned from Keras's layout [height, width, in, out] to
 * [out, in, height, width]; a normalisation without scale or centre gets 1 or 0.
 * @param specs the network's parameters, as `parameterSpecs` lists them
 * @throws {WeightsError} naming the file's layer, the network's, and both shapes, where a layer does not fit or lacks
 */
export function loadKerasWeights(
  network: Network,
  specs: readonly ParameterSpec[],
  weights: KerasWeights,
  options: LoadKerasOptions = {},
): LoadedWeights {
  const { source = 'The weights file', ...others } = options;
  const file = weights.layers;
  const first = file.findIndex((layer) => kindOf(layer) !== null);
  const front = first < 0 ? file : file.slice(0, first);
  const layers = first < 0 ? [] : file.slice(first);
  const headPrefixes = network.stages.at(-1)?.prefixes ?? [];
  const wanted = layersOf(specs);
  const isHead = (layer: NetworkLayer) => headPrefixes.some((prefix) => `${layer.name}.`.startsWith(prefix));
  const body = wanted.filter((layer) => !isHead(layer));

  const tensors = new Map<string, Tensor>();
  for (const [i, layer] of body.entries()) {
    const found = layers[i];
    if (found === undefined) {
      throw new WeightsError(
        `${source} does not fit ${network.name}: it holds ${layers.length} layers with weights where ${body.length} are needed; the first that it lacks is '${layer.name}'${shapeText(layer)}.`,
        { hint: 'Is it the file of another network?' },
      );
    }
    take(tensors, layer, found, { network: network.name, source });
  }
  const further = layers.slice(body.length);
  const strange = further.find((layer) => kindOf(layer) !== 'dense');
  if (strange !== undefined) {
    throw new WeightsError(
      `${source} does not fit ${network.name}: after the last layer that is needed it holds '${strange.name}' ${weightsText(strange)}.`,
      { hint: 'Is it the file of a larger network?' },
    );
  }
  const [head] = wanted.filter(isHead);
  const dense = further[0];
  const headFits = head !== undefined && dense !== undefined && misfitOf(head, dense) === null;
  if (headFits) take(tensors, head, dense, { network: network.name, source });
  const loaded = loadWeights(network, specs, tensors, { ...others, source });
  const unused = [...front, ...(headFits ? further.slice(1) : further)].map((layer) => layer.name);
  return {
    ...loaded,
    unexpected: unused,
    description:
      unused.length === 0
        ? loaded.description
        : loaded.description.replace(/\.$/, `; layers of the file unused: ${unused.join(', ')}.`),
  };
}

type Kind = 'norm' | 'convolution' | 'dense';

/** What a layer of the file is, by the names of its weights; null for what no network here has. */
function kindOf({ weights }: KerasLayer): Kind | null {
  if (weights.has('moving_mean') && weights.has('moving_variance')) return 'norm';
  const kernel = kernelOf(weights);
  if (kernel?.dims.length === 4) return 'convolution';
  return kernel?.dims.length === 2 ? 'dense' : null;
}

function kernelOf(weights: KerasLayer['weights']) {
  return weights.get('kernel') ?? weights.get('depthwise_kernel');
}

/** A network's parameters whose names agree up to the last dot. */
interface NetworkLayer {
  readonly name: string;
  readonly kind: Kind;
  /** By what stands after the last dot. */
  readonly specs: ReadonlyMap<string, ParameterSpec>;
}

function layersOf(specs: readonly ParameterSpec[]): NetworkLayer[] {
  const layers = new Map<string, Map<string, ParameterSpec>>();
  for (const spec of specs) {
    const dot = spec.name.lastIndexOf('.');
    const layer = layers.get(spec.name.slice(0, dot)) ?? new Map<string, ParameterSpec>();
    layer.set(spec.name.slice(dot + 1), spec);
    layers.set(spec.name.slice(0, dot), layer);
  }
  return [...layers].map(([name, own]) => {
    const kind = own.has('running_mean')
      ? 'norm'
      : own.get('weight')?.shape.length === 4
        ? 'convolution'
        : 'dense';
    return { name, kind, specs: own };
  });
}

/** The file's name of each parameter, and the shape it must have there. */
function expectedOf({
  kind,
  specs,
}: NetworkLayer): [name: string, spec: ParameterSpec, shape: readonly number[]][] {
  const names: Readonly<Record<string, string>> =
    kind === 'norm'
      ? { weight: 'gamma', bias: 'beta', running_mean: 'moving_mean', running_var: 'moving_variance' }
      : { weight: 'kernel', bias: 'bias' };
  return [...specs].map(([suffix, spec]) => [names[suffix], spec, kerasShape(spec.shape)]);
}

/** [out, in, height, width] as Keras has it, [height, width, in, out]; [out, in] as [in, out]. */
function kerasShape(shape: readonly number[]): readonly number[] {
  const [out, inner, ...rest] = shape;
  return shape.length < 2 ? shape : [...rest, inner!, out!];
}

/**
 * Whether a kernel is a depthwise one that fits, [height, width, channels, 1]. It is recognised by its shape: Keras 2
 * calls it `depthwise_kernel`, Keras 3 `kernel`.
 */
function isDepthwise(held: readonly number[], expected: readonly number[]): boolean {
  const [h, w, inner, out] = expected;
  return expected.length === 4 && inner === 1 && out !== 1 && same(held, [h!, w!, out!, 1]);
}

/** What does not fit: a parameter's name in the file, the shape there (null: absent) and the one needed. */
function misfitOf(
  layer: NetworkLayer,
  found: KerasLayer,
): { name: string; held: string; needed: string } | null {
  for (const [name, , shape] of expectedOf(layer)) {
    const tensor = name === 'kernel' ? kernelOf(found.weights) : found.weights.get(name);
    if (tensor === undefined) {
      if (defaults[name] !== undefined && layer.kind === 'norm') continue;
      return { name, held: 'is absent', needed: `[${shape.join(', ')}]` };
    }
    if (same(tensor.dims, shape) || (name === 'kernel' && isDepthwise(tensor.dims, shape))) continue;
    return { name, held: `has shape [${tensor.dims.join(', ')}]`, needed: `[${shape.join(', ')}]` };
  }
  return null;
}

/** What a normalisation without scale or centre does. */
const defaults: Readonly<Record<string, number>> = { gamma: 1, beta: 0 };

function take(
  tensors: Map<string, Tensor>,
  layer: NetworkLayer,
  found: KerasLayer,
  { network, source }: { readonly network: string; readonly source: string },
): void {
  if (kindOf(found) !== layer.kind) {
    throw new WeightsError(
      `${source} does not fit ${network}: where the network has '${layer.name}'${shapeText(layer)}, the file has '${found.name}' ${weightsText(found)}.`,
      { hint: 'Is it the file of another network?' },
    );
  }
  const misfit = misfitOf(layer, found);
  if (misfit !== null) {
    throw new WeightsError(
      `${source} does not fit ${network}: '${misfit.name}' of the layer '${found.name}' ${misfit.held}, ${misfit.needed} was expected for '${layer.name}'.`,
      { hint: 'Is it the file of another network or size?' },
    );
  }
  const extra = [...found.weights.keys()].find(
    (name) => name !== 'depthwise_kernel' && !expectedOf(layer).some(([expected]) => expected === name),
  );
  if (extra !== undefined) {
    throw new WeightsError(
      `${source} does not fit ${network}: the layer '${found.name}' has a '${extra}', which '${layer.name}' of the network has not.`,
      { hint: 'Is it the file of another network?' },
    );
  }
  for (const [name, spec, shape] of expectedOf(layer)) {
    const tensor = name === 'kernel' ? kernelOf(found.weights) : found.weights.get(name);
    if (tensor === undefined) {
      const data = new Float32Array(spec.shape[0]).fill(defaults[name]);
      tensors.set(spec.name, { dtype: 'float32', dims: spec.shape, data });
    } else {
      const depthwise = !same(tensor.dims, shape);
      tensors.set(spec.name, permute(toFloat32(tensor), order(tensor.dims.length, depthwise)));
    }
  }
}

function order(rank: number, depthwise: boolean): readonly number[] {
  if (rank === 4) return depthwise ? [2, 3, 0, 1] : [3, 2, 0, 1];
  return rank === 2 ? [1, 0] : [0];
}

function shapeText(layer: NetworkLayer): string {
  const [name, , shape] = expectedOf(layer)[0];
  return ` (${name} [${shape.join(', ')}])`;
}

function weightsText({ weights }: KerasLayer): string {
  return `(${[...weights].map(([name, { dims }]) => `${name} [${dims.join(', ')}]`).join(', ')})`;
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}
