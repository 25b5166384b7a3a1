/**
 * @file Published weights into a network: torchvision's and timm's tensor names to parameters, the first layer from
 * colour pictures to one channel, the last layer left new where the classes differ.
 */
import { WeightsError } from '../core/errors.ts';
import { sizeOf, type Tensor } from '../core/tensor.ts';
import { toFloat32 } from '../weights/toFloat32.ts';
import type { Network, ParameterSpec, PublishedNames } from './network.ts';

export interface LoadWeightsOptions {
  /**
   * Sum the first convolution's kernels over their input channels where the file's see more channels than the
   * network's single one (default true): the layer then answers a grey picture as it answered the same picture in
   * every colour channel.
   */
  readonly adaptFirstLayer?: boolean;
  /**
   * Leave the last layer as it starts: `true` always, `false` never (an error if it does not fit), default where it
   * is absent or has another number of classes.
   */
  readonly replaceHead?: boolean;
  /**
   * Accept a file that lacks some of the parameters, as long as half of them are there (default false). What lacks
   * is listed in `missing` and keeps its starting values.
   */
  readonly partial?: boolean;
  /** What stands before every name in the file, such as `student.`; default found by itself. */
  readonly prefix?: string;
  /** How errors and the description name the tensors' origin, such as a path. */
  readonly source?: string;
}

export interface LoadedWeights {
  /** Values of the parameters that were found, to lay over the starting values. */
  readonly values: Map<string, Tensor<'float32'>>;
  /** Parameters taken as they are. */
  readonly loaded: string[];
  /** Parameters taken with their input channels summed. */
  readonly adapted: string[];
  /** Parameters of the last layer that keep their starting values. */
  readonly replaced: string[];
  /** Other parameters that the file lacks (only with `partial`). */
  readonly missing: string[];
  /** Tensors of the file that no parameter took, batch counters apart. */
  readonly unexpected: string[];
  /** A sentence for reports: what was loaded and what was changed. */
  readonly description: string;
}

/** What data-parallel training, training frameworks and detectors put before the names. */
const wrappers = ['module.', 'model.', 'backbone.', 'encoder.', 'net.'];

/** PyTorch's count of batches seen by a batch norm with momentum: not used, so neither loaded nor missed. */
const isBatchCounter = (name: string) => name.endsWith('num_batches_tracked');

/** What a file says of a tensor before its values are read. */
export interface TensorShape {
  readonly dims: readonly number[];
}

/** Which tensor of a file each parameter takes. */
interface WeightMatch<T extends TensorShape> extends Omit<LoadedWeights, 'values' | 'description'> {
  readonly taken: readonly { readonly spec: ParameterSpec; readonly held: T; readonly adapt: boolean }[];
}

/**
 * Checks by names and shapes alone that a file of weights fits a network, so that a wrong file is refused before anything
 * is computed.
 * @param published name and shape of each tensor, as a file's header has them
 * @throws {WeightsError} as {@link loadWeights}
 */
export function checkWeights(
  network: Network,
  specs: readonly ParameterSpec[],
  published: ReadonlyMap<string, TensorShape>,
  options: LoadWeightsOptions = {},
): void {
  matchWeights(network, specs, published, options);
}

/**
 * Matches named tensors to a network's parameters.
 * @param network what the parameters belong to; its last stage is the head
 * @param specs the network's parameters, as `parameterSpecs` lists them
 * @param published tensors of a safetensors file; any floating-point type
 * @throws {WeightsError} when names or shapes do not fit, or a tensor holds infinities or NaN
 */
export function loadWeights(
  network: Network,
  specs: readonly ParameterSpec[],
  published: ReadonlyMap<string, Tensor>,
  options: LoadWeightsOptions = {},
): LoadedWeights {
  const source = options.source ?? 'The weights file';
  const { taken, ...matched } = matchWeights(network, specs, published, options);
  const values = new Map<string, Tensor<'float32'>>();
  for (const { spec, held, adapt } of taken) {
    const value = finiteFloat32(spec.name, held, source);
    values.set(spec.name, adapt ? sumInputChannels(value) : value);
  }
  return { values, ...matched, description: describe(matched, source) };
}

function matchWeights<T extends TensorShape>(
  network: Network,
  specs: readonly ParameterSpec[],
  published: ReadonlyMap<string, T>,
  options: LoadWeightsOptions,
): WeightMatch<T> {
  const source = options.source ?? 'The weights file';
  const tensors = network.published === undefined ? published : renamed(published, network.published, source);
  const headPrefixes = network.stages.at(-1)?.prefixes ?? [];
  const inHead = (name: string) => headPrefixes.some((p) => name.startsWith(p));
  const body = specs.filter((s) => !inHead(s.name));
  const head = specs.filter((s) => inHead(s.name));
  const prefix = options.prefix ?? findPrefix(body, tensors, source);
  const find = (spec: ParameterSpec) => tensors.get(prefix + spec.name);

  const missing = body.filter((s) => find(s) === undefined).map((s) => s.name);
  requireMatches(network, body, missing, published, options.partial ?? false, source);

  const taken: { spec: ParameterSpec; held: T; adapt: boolean }[] = [];
  const first = specs.find((s) => s.shape.length > 2);
  for (const spec of body) {
    const held = find(spec);
    if (held === undefined) continue;
    const fits = sameDims(held.dims, spec.shape);
    const adapt = !fits && spec === first && options.adaptFirstLayer !== false && isColour(held, spec);
    if (!fits && !adapt) throw misfit(network.name, spec, held, source);
    taken.push({ spec, held, adapt });
  }

  const misfits = head.filter((s) => !sameDims(find(s)?.dims, s.shape));
  if (options.replaceHead === false && misfits.length > 0) {
    const spec = misfits[0];
    const held = find(spec);
    if (held !== undefined) throw misfit(network.name, spec, held, source);
    throw new WeightsError(`${source} holds no '${spec.name}' for the last layer of ${network.name}.`);
  }
  const newHead = options.replaceHead === true || misfits.length > 0;
  if (!newHead) for (const spec of head) taken.push({ spec, held: find(spec)!, adapt: false });
  const known = new Set(specs.map((s) => prefix + s.name));
  const names = (adapt: boolean) => taken.filter((t) => t.adapt === adapt).map(({ spec }) => spec.name);
  return {
    taken,
    loaded: names(false),
    adapted: names(true),
    replaced: newHead ? head.map((s) => s.name) : [],
    missing,
    unexpected: [...tensors.keys()].filter((n) => !known.has(n) && !isBatchCounter(n)),
  };
}

/**
 * Parameters as tensors to write: names and values as they are, and on request `num_batches_tracked` (int64) beside
 * every running variance, so that PyTorch's strict `load_state_dict` takes the file.
 */
export function exportWeights(
  values: ReadonlyMap<string, Tensor<'float32'>>,
  options: { readonly batchesTracked?: number } = {},
): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const { batchesTracked } = options;
  for (const [name, value] of values) {
    tensors.set(name, value);
    if (batchesTracked !== undefined && name.endsWith('.running_var')) {
      const counter = name.replace(/running_var$/, 'num_batches_tracked');
      tensors.set(counter, { dtype: 'int64', dims: [], data: BigInt64Array.of(BigInt(batchesTracked)) });
    }
  }
  return tensors;
}

/** Tensors under the parameters' names, without those of other parts. @throws {WeightsError} for one named twice */
function renamed<T>(
  published: ReadonlyMap<string, T>,
  names: PublishedNames,
  source: string,
): Map<string, T> {
  const from = new Map<string, string>();
  const tensors = new Map<string, T>();
  for (const [name, tensor] of published) {
    const parameter = names.parameterName(name);
    if (parameter === null) continue;
    const other = from.get(parameter);
    if (other !== undefined)
      throw new WeightsError(`${source} holds '${parameter}' twice, as '${other}' and as '${name}'.`);
    from.set(parameter, name);
    tensors.set(parameter, tensor);
  }
  return tensors;
}

/** The wrapping prefix under which most parameters are found. */
function findPrefix(
  body: readonly ParameterSpec[],
  tensors: ReadonlyMap<string, unknown>,
  source: string,
): string {
  const candidates = new Set(['']);
  for (const name of tensors.keys()) {
    let prefix = '';
    for (let next = wrapperAt(name, prefix); next !== undefined; next = wrapperAt(name, prefix)) {
      prefix += next;
      candidates.add(prefix);
    }
  }
  const scores = [...candidates].map((prefix) => ({
    prefix,
    hits: body.filter((s) => tensors.has(prefix + s.name)).length,
  }));
  scores.sort((a, b) => b.hits - a.hits);
  const [best, second] = scores;
  if (second !== undefined && best!.hits > 0 && second.hits === best!.hits) {
    throw new WeightsError(
      `${source} holds these parameters twice, under '${best!.prefix}' and under '${second.prefix}'.`,
      { hint: 'Say which to take with the option prefix.' },
    );
  }
  return best!.prefix;
}

function wrapperAt(name: string, prefix: string): string | undefined {
  return wrappers.find((w) => name.startsWith(w, prefix.length));
}

function requireMatches(
  network: Network,
  body: readonly ParameterSpec[],
  missing: readonly string[],
  tensors: ReadonlyMap<string, unknown>,
  partial: boolean,
  source: string,
): void {
  const found = body.length - missing.length;
  if (missing.length === 0 || (partial && found >= body.length / 2)) return;
  const names = [...tensors.keys()];
  const have = names.length === 0 ? 'no tensors at all' : `${names.length} tensors (${firstFew(names)})`;
  const hint =
    found === 0
      ? `The names of ${network.published?.names ?? 'torchvision and timm'} are expected. Is it the weights of another architecture?`
      : 'Is it the weights of another depth or variant? The option partial accepts a file that lacks some.';
  throw new WeightsError(
    `${source} does not fit ${network.name}: it holds ${have}, of ${body.length} parameters before the last layer it lacks ${missing.length} (${firstFew(missing)}).`,
    { hint },
  );
}

function misfit(network: string, spec: ParameterSpec, held: TensorShape, source: string): WeightsError {
  return new WeightsError(
    `${source} does not fit ${network}: '${spec.name}' has shape [${held.dims.join(', ')}] there, [${spec.shape.join(', ')}] was expected.`,
    { hint: 'Is it the weights of another depth or variant?' },
  );
}

function isColour(held: TensorShape, spec: ParameterSpec): boolean {
  return (
    spec.shape[1] === 1 &&
    (held.dims[1] ?? 0) > 1 &&
    held.dims.length === spec.shape.length &&
    held.dims.every((d, i) => i === 1 || d === spec.shape[i])
  );
}

function sumInputChannels({ dims, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [out, channels, ...kernel] = dims as [number, number, ...number[]];
  const size = sizeOf(kernel);
  const summed = new Float32Array(out * size);
  for (let o = 0; o < out; o++) {
    for (let k = 0; k < size; k++) {
      let total = 0;
      for (let i = 0; i < channels; i++) total += data[(o * channels + i) * size + k];
      summed[o * size + k] = total;
    }
  }
  return { dtype: 'float32', dims: [out, 1, ...kernel], data: summed };
}

/** A tensor of weights as float32. @throws {WeightsError} where it holds infinities or NaN, or is no float tensor */
export function finiteFloat32(name: string, tensor: Tensor, source: string): Tensor<'float32'> {
  const value = toFloat32(tensor);
  for (const v of value.data) {
    if (!Number.isFinite(v))
      throw new WeightsError(`${source}: '${name}' holds values that are infinite or not a number.`);
  }
  return value;
}

function sameDims(a: readonly number[] | undefined, b: readonly number[]): boolean {
  return a !== undefined && a.length === b.length && a.every((d, i) => d === b[i]);
}

function firstFew(names: readonly string[]): string {
  return names.slice(0, 3).join(', ') + (names.length > 3 ? ', …' : '');
}

function describe(result: Omit<LoadedWeights, 'values' | 'description'>, source: string): string {
  const { adapted, replaced, missing, unexpected } = result;
  const changes = [
    ...(adapted.length > 0 ? ['first layer summed to one channel'] : []),
    replaced.length > 0 ? 'last layer new' : 'last layer as in the file',
    ...(missing.length > 0 ? [`${missing.length} parameters new (${firstFew(missing)})`] : []),
    ...(unexpected.length > 0
      ? [`${unexpected.length} tensors of the file unused (${firstFew(unexpected)})`]
      : []),
  ];
  return `Weights from ${source}: ${changes.join(', ')}.`;
}
