/**
 * @file The layers that convolutional networks share, with PyTorch's parameter names and semantics. Each takes the
 * network's context, its input and the layer's name, and appends nodes.
 */
import { ParameterError, ShapeError } from '../core/errors.ts';
import {
  batchNormalizationTraining,
  formatShape,
  type GraphBuilder,
  isStatic,
  type Value,
} from '../onnx/index.ts';
import {
  constantInitializer,
  type Initializer,
  kaimingNormalFanOut,
  type NetworkContext,
  type ParameterRole,
  uniformBias,
  uniformFanIn,
} from './network.ts';
import { winogradConvolution } from './winograd.ts';

type Pair = number | readonly [height: number, width: number];

const pair = (p: Pair): readonly [number, number] => (typeof p === 'number' ? [p, p] : p);

export interface ConvolutionOptions {
  readonly outChannels: number;
  readonly kernel: Pair;
  readonly stride?: Pair;
  /** Zeros [top, left, bottom, right]; default half the kernel on each side (stride 1 keeps the size if it is odd). */
  readonly padding?: readonly [top: number, left: number, bottom: number, right: number];
  readonly initialize?: Initializer;
  /** How a bias starts; default: there is none. */
  readonly bias?: Initializer;
  /** Groups of channels that do not see each other; default 1. As many as channels: a depthwise convolution. */
  readonly groups?: number;
}

/**
 * A 2-D convolution as `nn.Conv2d`, parameters `name.weight` [out, in/groups, kh, kw] and, where `bias` says how it
 * starts, `name.bias` [out].
 */
export function convolution(c: NetworkContext, x: Value, name: string, options: ConvolutionOptions): Value {
  const { groups = 1, stride, padding } = options;
  const [kh, kw] = pair(options.kernel);
  return c.g.op('Conv', [x, ...convolutionParameters(c, x, name, options)], {
    ...(groups === 1 ? {} : { group: groups }),
    kernel_shape: [kh, kw],
    strides: pair(stride ?? 1),
    pads: padding ?? [kh >> 1, kw >> 1, kh >> 1, kw >> 1],
  });
}

function convolutionParameters(
  c: NetworkContext,
  x: Value,
  name: string,
  { outChannels, kernel, groups = 1, initialize, bias }: ConvolutionOptions,
): readonly [kernel: Value] | readonly [kernel: Value, bias: Value] {
  const weight = c.parameter({
    name: `${name}.weight`,
    shape: [outChannels, channelsOf(x, name) / groups, ...pair(kernel)],
    role: 'weight',
    initialize: initialize ?? kaimingNormalFanOut,
  });
  if (bias === undefined) return [weight];
  return [
    weight,
    c.parameter({ name: `${name}.bias`, shape: [outChannels], role: 'bias', initialize: bias }),
  ];
}

export interface BatchNormOptions {
  /** Added to the variance; default 1e-5. */
  readonly epsilon?: number;
  /** Weight of the new batch in the running statistics (PyTorch's sense); default 0.1. */
  readonly momentum?: number;
}

/**
 * Batch normalisation over N, H and W as `nn.BatchNorm2d`. While training (unless statistics are frozen) it
 * normalises by the batch's mean and population variance, and tells the context the new running statistics:
 * (1 − momentum)·old + momentum·batch, the variance with Bessel's correction M/(M − 1), M values per channel.
 * @throws {ShapeError} while training if each channel has a single value (as PyTorch does): nothing to normalise by
 */
export function batchNorm(c: NetworkContext, x: Value, name: string, options: BatchNormOptions = {}): Value {
  const { momentum = 0.1 } = options;
  const norm = normParameters(c, channelsOf(x, name), name, options);
  const { weight, bias, mean, variance, epsilon } = norm;
  if (c.training && c.frozenStatistics) {
    const folded = foldedIntoConvolution(c, x, norm);
    if (folded !== null) return folded;
  }
  if (!c.training || c.frozenStatistics) {
    return c.g.op('BatchNormalization', [x, weight, bias, mean, variance], { epsilon });
  }
  const learnt = learningBatchNorm(c, x, name, norm, momentum);
  c.update(`${name}.running_mean`, learnt.mean);
  c.update(`${name}.running_var`, learnt.variance);
  return learnt.output;
}

/**
 * Batch normalisation by the batch's own mean and population variance, and what the running statistics become: (1 −
 * momentum)·old + momentum·batch, the variance with Bessel's correction.
 * @throws {ShapeError} if each channel has a single value
 */
export function learningBatchNorm(
  c: NetworkContext,
  x: Value,
  name: string,
  { weight, bias, mean, variance, epsilon }: NormParameters,
  momentum: number,
): { readonly output: Value; readonly mean: Value; readonly variance: Value } {
  const batch = batchNormalizationTraining(c.g, x, weight, bias, epsilon);
  const blend = (old: Value, fresh: Value, factor: Value) =>
    c.g.op('Add', [c.g.op('Mul', [old, c.g.scalar(1 - momentum)]), c.g.op('Mul', [fresh, factor])]);
  return {
    output: batch.output,
    mean: blend(mean, batch.mean, c.g.scalar(momentum)),
    variance: blend(variance, batch.variance, unbiasedFactor(c, x, name, momentum)),
  };
}

export interface NormParameters {
  readonly weight: Value;
  readonly bias: Value;
  readonly mean: Value;
  readonly variance: Value;
  readonly epsilon: number;
}

function normParameters(
  c: NetworkContext,
  channels: number,
  name: string,
  { epsilon = 1e-5 }: BatchNormOptions,
): NormParameters {
  const declare = (what: string, role: ParameterRole, value: number) =>
    c.parameter({ name: `${name}.${what}`, shape: [channels], role, initialize: constantInitializer(value) });
  return {
    weight: declare('weight', 'norm', 1),
    bias: declare('bias', 'norm', 0),
    mean: declare('running_mean', 'statistic', 0),
    variance: declare('running_var', 'statistic', 1),
    epsilon,
  };
}

/**
 * Fixed statistics make batch normalisation a factor and a shift per channel, which a convolution just before it takes
 * into its kernel: the maps are then passed over once. (For inference the runtime does this itself.)
 */
function foldedIntoConvolution(c: NetworkContext, x: Value, norm: NormParameters): Value | null {
  const { g } = c;
  const node = g.graph.nodes.at(-1);
  if (node?.opType !== 'Conv' || node.outputs[0] !== x.name) return null;
  const [input, kernel, bias] = node.inputs.map((name) => g.find(name)!) as [Value, Value, Value?];
  const output = g.uniqueName(x.name);
  const folded = foldedParameters(g, kernel, bias, norm);
  return g.addNode({ ...node, name: `${output}/node`, outputs: [output] }, [input, ...folded])[0];
}

/** Kernel and bias of the convolution that does what one and a batch normalisation with fixed statistics do. */
function foldedParameters(
  g: GraphBuilder,
  kernel: Value,
  bias: Value | undefined,
  norm: NormParameters,
): [kernel: Value, bias: Value] {
  const deviation = g.op('Sqrt', [g.op('Add', [norm.variance, g.scalar(norm.epsilon)])]);
  const factor = g.op('Div', [norm.weight, deviation]);
  const perFilter = g.op('Reshape', [factor, g.ints([-1, ...kernel.shape.slice(1).map(() => 1)])]);
  const mean = bias === undefined ? norm.mean : g.op('Sub', [norm.mean, bias]);
  const shift = g.op('Sub', [norm.bias, g.op('Mul', [mean, factor])]);
  return [g.op('Mul', [kernel, perFilter]), shift];
}

/** momentum · M/(M − 1): a constant where the batch's shape is known, else computed from it. */
function unbiasedFactor(c: NetworkContext, x: Value, name: string, momentum: number): Value {
  const { g } = c;
  const channels = channelsOf(x, name);
  if (isStatic(x.shape)) {
    const m = x.shape.reduce((n, d) => n * d, 1) / channels;
    if (m < 2) {
      throw new ShapeError(
        `Batch normalisation '${name}' trains on ${formatShape(x.shape)}, one value per channel: it needs more.`,
        { hint: 'Use a larger batch or a larger picture, or leave out a last batch of a single clip.' },
      );
    }
    return g.scalar((momentum * m) / (m - 1));
  }
  const size = g.op('Cast', [g.op('Size', [x])], { to: 1 });
  const m = g.op('Mul', [size, g.scalar(1 / channels)]);
  // One value per channel has variance 0: any finite factor serves.
  const others = g.op('Max', [g.op('Sub', [m, g.scalar(1)]), g.scalar(1)]);
  return g.op('Div', [g.op('Mul', [m, g.scalar(momentum)]), others]);
}

export interface UnitOptions extends ConvolutionOptions {
  /** Of the batch normalisation; null for none (default: with PyTorch's constants). */
  readonly norm?: BatchNormOptions | null;
  /** Whether ReLU follows; default true. */
  readonly relu?: boolean;
  /** Whether 2×2 max pooling of stride 2 follows; default false. */
  readonly pool?: boolean;
  /**
   * Compute a 3×3 convolution of stride 1 with a bias by Winograd's filtering in inference (default false): faster from
   * about 128 channels on.
   */
  readonly winograd?: boolean;
}

/** Convolution, batch normalisation, ReLU and pooling. */
export function convolutionUnit(
  c: NetworkContext,
  x: Value,
  names: { readonly convolution: string; readonly norm: string },
  options: UnitOptions,
): Value {
  const { norm = {}, relu = true, pool = false } = options;
  if (options.winograd && c.inference) {
    let [kernel, bias] = convolutionParameters(c, x, names.convolution, options);
    if (norm !== null) {
      const { outChannels } = options;
      [kernel, bias] = foldedParameters(c.g, kernel, bias, normParameters(c, outChannels, names.norm, norm));
    }
    return winogradConvolution(c.g, x, kernel, bias!, { relu, pool });
  }
  let y = convolution(c, x, names.convolution, options);
  if (norm !== null) y = batchNorm(c, y, names.norm, norm);
  if (relu) y = c.g.op('Relu', [y]);
  return pool ? c.g.op('MaxPool', [y], { kernel_shape: [2, 2], strides: [2, 2] }) : y;
}

/** A fully connected layer (`nn.Linear`): `name.weight` [out, in] and `name.bias`, on x [N, in]. */
export function linear(c: NetworkContext, x: Value, name: string, outFeatures: number): Value {
  const inFeatures = channelsOf(x, name);
  const weight = c.parameter({
    name: `${name}.weight`,
    shape: [outFeatures, inFeatures],
    role: 'weight',
    initialize: uniformFanIn,
  });
  const bias = c.parameter({
    name: `${name}.bias`,
    shape: [outFeatures],
    role: 'bias',
    initialize: uniformBias(inFeatures),
  });
  return c.g.op('Gemm', [x, weight, bias], { transB: 1 });
}

/**
 * Dropout (inverted): while training each value is zeroed with probability `p` and the others scaled by 1/(1 − p).
 * @throws {ShapeError} while training if the shape is not known, as the trainer draws the noise
 */
export function dropout(c: NetworkContext, x: Value, name: string, p: number): Value {
  if (!(p >= 0 && p < 1)) throw new ParameterError(`A dropout probability must be in [0, 1), got ${p}.`);
  if (!c.training || p === 0) return x;
  if (!isStatic(x.shape)) {
    throw new ShapeError(
      `Dropout '${name}' needs a known batch size while training, got ${formatShape(x.shape)}.`,
    );
  }
  const { g } = c;
  const kept = g.op('GreaterOrEqual', [c.noise(name, x.shape), g.scalar(p)]);
  const mask = g.op('Mul', [g.op('Cast', [kept], { to: 1 }), g.scalar(1 / (1 - p))]);
  return g.op('Mul', [x, mask]);
}

/** Bilinear resizing of pictures [N, C, H, W] (pixel centres at half integers, no anti-aliasing); a no-op at that size. */
export function resizePicture(c: NetworkContext, x: Value, size: readonly [number, number]): Value {
  if (!size.every((d) => Number.isInteger(d) && d > 0)) {
    throw new ParameterError(`A picture size must be two positive integers, got [${size.join(', ')}].`);
  }
  if (x.shape[2] === size[0] && x.shape[3] === size[1]) return x;
  const resized = c.g.op('Resize', [x, null, null, c.g.ints(size)], {
    axes: [2, 3],
    mode: 'linear',
    coordinate_transformation_mode: 'half_pixel',
  });
  return resized;
}

/** The size of axis 1, which every layer must know. */
export function channelsOf(x: Value, layer: string): number {
  const channels = x.shape[1];
  if (typeof channels !== 'number') {
    throw new ShapeError(
      `Layer '${layer}' must know how many channels it gets, got ${formatShape(x.shape)}.`,
    );
  }
  return channels;
}
