/**
 * @file The layers that convolutional networks share, with PyTorch's parameter names and semantics. Each takes the
 * network's context, its input and the layer's name, and appends nodes.
 */
import { ParameterError, ShapeError } from '../core/errors.ts';
import { batchNormalizationTraining, formatShape, isStatic, type Value } from '../onnx/index.ts';
import {
  constantInitializer,
  type Initializer,
  kaimingNormalFanOut,
  type NetworkContext,
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
  /**
   * Compute a 3×3 convolution of stride 1 with a bias by Winograd's filtering in inference (default false): faster from
   * about 128 channels on.
   */
  readonly winograd?: boolean;
}

/**
 * A 2-D convolution as `nn.Conv2d`, parameters `name.weight` [out, in/groups, kh, kw] and, where `bias` says how it
 * starts, `name.bias` [out].
 */
export function convolution(c: NetworkContext, x: Value, name: string, options: ConvolutionOptions): Value {
  const [kh, kw] = pair(options.kernel);
  const { outChannels, groups = 1 } = options;
  const weight = c.parameter({
    name: `${name}.weight`,
    shape: [outChannels, channelsOf(x, name) / groups, kh, kw],
    role: 'weight',
    initialize: options.initialize ?? kaimingNormalFanOut,
  });
  const operands = [x, weight];
  if (options.bias !== undefined)
    operands.push(
      c.parameter({ name: `${name}.bias`, shape: [outChannels], role: 'bias', initialize: options.bias }),
    );
  if (options.winograd && c.inference) return winogradConvolution(c.g, x, weight, operands[2]!);
  return c.g.op('Conv', operands, {
    ...(groups === 1 ? {} : { group: groups }),
    kernel_shape: [kh, kw],
    strides: pair(options.stride ?? 1),
    pads: options.padding ?? [kh >> 1, kw >> 1, kh >> 1, kw >> 1],
  });
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
  const { epsilon = 1e-5, momentum = 0.1 } = options;
  const shape = [channelsOf(x, name)];
  const zeros = constantInitializer(0);
  const ones = constantInitializer(1);
  const weight = c.parameter({ name: `${name}.weight`, shape, role: 'norm', initialize: ones });
  const bias = c.parameter({ name: `${name}.bias`, shape, role: 'norm', initialize: zeros });
  const meanName = `${name}.running_mean`;
  const varianceName = `${name}.running_var`;
  const mean = c.parameter({ name: meanName, shape, role: 'statistic', initialize: zeros });
  const variance = c.parameter({ name: varianceName, shape, role: 'statistic', initialize: ones });
  if (c.training && c.frozenStatistics) {
    const folded = foldedIntoConvolution(c, x, { weight, bias, mean, variance, epsilon });
    if (folded !== null) return folded;
  }
  if (!c.training || c.frozenStatistics) {
    return c.g.op('BatchNormalization', [x, weight, bias, mean, variance], { epsilon });
  }
  const batch = batchNormalizationTraining(c.g, x, weight, bias, epsilon);
  const blend = (old: Value, fresh: Value, factor: Value) =>
    c.g.op('Add', [c.g.op('Mul', [old, c.g.scalar(1 - momentum)]), c.g.op('Mul', [fresh, factor])]);
  c.update(meanName, blend(mean, batch.mean, c.g.scalar(momentum)));
  c.update(varianceName, blend(variance, batch.variance, unbiasedFactor(c, x, name, momentum)));
  return batch.output;
}

/**
 * Fixed statistics make batch normalisation a factor and a shift per channel, which a convolution just before it takes
 * into its kernel: the maps are then passed over once. (For inference the runtime does this itself.)
 */
function foldedIntoConvolution(
  c: NetworkContext,
  x: Value,
  norm: { weight: Value; bias: Value; mean: Value; variance: Value; epsilon: number },
): Value | null {
  const { g } = c;
  const node = g.graph.nodes.at(-1);
  if (node?.opType !== 'Conv' || node.outputs[0] !== x.name) return null;
  const [input, kernel, bias] = node.inputs.map((name) => g.find(name)!) as [Value, Value, Value?];
  const deviation = g.op('Sqrt', [g.op('Add', [norm.variance, g.scalar(norm.epsilon)])]);
  const factor = g.op('Div', [norm.weight, deviation]);
  const perFilter = g.op('Reshape', [factor, g.ints([-1, ...kernel.shape.slice(1).map(() => 1)])]);
  const mean = bias === undefined ? norm.mean : g.op('Sub', [norm.mean, bias]);
  const shift = g.op('Sub', [norm.bias, g.op('Mul', [mean, factor])]);
  const scaled = g.op('Mul', [kernel, perFilter]);
  const output = g.uniqueName(x.name);
  return g.addNode({ ...node, name: `${output}/node`, outputs: [output] }, [input, scaled, shift])[0]!;
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

/** Convolution, batch normalisation, ReLU. */
export function convolutionUnit(
  c: NetworkContext,
  x: Value,
  names: { readonly convolution: string; readonly norm: string },
  options: ConvolutionOptions,
  norm: BatchNormOptions = {},
): Value {
  return c.g.op('Relu', [batchNorm(c, convolution(c, x, names.convolution, options), names.norm, norm)]);
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
