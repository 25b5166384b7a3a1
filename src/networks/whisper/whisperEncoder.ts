/**
 * @file Whisper's encoder, under Hugging Face's parameter names: two convolutions over time (the second halves it), GELU
 * after each, sinusoids added, pre-norm transformer layers, a last layer norm.
 */
import { ShapeError } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import { formatShape, type Value } from '../../onnx/index.ts';
import { constantInitializer, type Initializer, type NetworkContext } from '../network.ts';
import { dense, layerNorm, multiHeadAttention } from '../transformer.ts';
import type { WhisperConfig } from './whisperConfig.ts';

/** Normal with deviation 0.02, as the public class starts matrices and kernels (biases at 0). */
export const whisperInitializer: Initializer = (shape, random) =>
  Float32Array.from({ length: sizeOf(shape) }, () => random.normal(0, 0.02));

/**
 * The positions' starting values: sines of the position at wavelengths from 2π to 2π·10,000 in a geometric series, then
 * cosines (the public class keeps them as they are, and so does training).
 */
export const sinusoids: Initializer = ([positions, width]) => {
  const half = width! >> 1;
  const step = Math.log(10_000) / (half - 1);
  const data = new Float32Array(positions! * width!);
  for (let t = 0; t < positions!; t++) {
    for (let i = 0; i < half; i++) {
      const angle = t * Math.exp(-step * i);
      data[t * width! + i] = Math.sin(angle);
      data[t * width! + half + i] = Math.cos(angle);
    }
  }
  return data;
};

export interface WhisperEncoderOptions {
  /**
   * Ones for the frames of the clip and zeros after its end, float32 [N, frames], in batches of clips padded to one
   * length. The encoder then gives each clip, up to its end, what it would give the clip alone; what comes after the end
   * means nothing. Default: every frame is heard (as published, where silence fills 30 s).
   */
  readonly frameMask?: Value;
}

export interface WhisperHidden {
  /**
   * [N, positions, width] each: what enters the first layer, what leaves each layer, the last of them normalised. One more
   * than there are layers; these are the public class's `hidden_states`.
   */
  readonly states: readonly Value[];
  /** The last of `states`: the encoder's output. */
  readonly last: Value;
  /** `frameMask` at the positions, [N, positions], where one was given. */
  readonly positionMask: Value | null;
}

/** Positions that so many frames give: the second convolution halves them. */
export function whisperPositions(frames: number): number {
  return Math.ceil(frames / 2);
}

/**
 * Appends the encoder.
 * @param x Whisper's log-mel, float32 [N, nMels, frames]; frames up to twice `maxPositions`, fewer take the first
 *   positions. N may be a name, and outside training frames may be one
 * @throws {ShapeError} when x is of another shape
 */
export function whisperEncoder(
  c: NetworkContext,
  config: WhisperConfig,
  x: Value,
  { frameMask }: WhisperEncoderOptions = {},
): WhisperHidden {
  const { g } = c;
  requireLogMel(x, config);
  const inFrames = frameMask && g.op('Unsqueeze', [frameMask, g.ints([1])]);
  const heard = (y: Value) => (inFrames === undefined ? y : g.op('Mul', [y, inFrames]));
  // Beyond a clip's end the convolutions see the zeros that they would see there if it stood alone.
  let y = convolution(c, heard(x), 'encoder.conv1', config.width, 1);
  y = convolution(c, heard(y), 'encoder.conv2', config.width, 2);
  const embedded = addPositions(c, g.op('Transpose', [y], { perm: [0, 2, 1] }), config);

  const positionMask = frameMask === undefined ? null : maskOfPositions(c, frameMask);
  const bias = positionMask === null ? undefined : maskedScores(c, positionMask, [1, 2]);
  const states = [embedded];
  let hidden = embedded;
  for (let i = 0; i < config.layers; i++) {
    if (i > 0) states.push(hidden);
    hidden = layer(c, hidden, `encoder.layers.${i}`, config, bias);
  }
  const last = layerNorm(c, hidden, 'encoder.layer_norm');
  return { states: [...states, last], last, positionMask };
}

/** @throws {ShapeError} unless x is [N, nMels, frames] with no more frames than there are positions for */
function requireLogMel(x: Value, config: WhisperConfig): void {
  const frames = x.shape[2];
  if (x.shape.length !== 3 || x.shape[1] !== config.nMels) {
    throw new ShapeError(
      `This Whisper encoder takes log-mels of [N, ${config.nMels}, frames], got ${formatShape(x.shape)}.`,
      { hint: `Use the front end '${config.nMels === 128 ? 'whisper-128' : 'whisper'}'.` },
    );
  }
  if (typeof frames === 'number' && whisperPositions(frames) > config.maxPositions) {
    throw new ShapeError(
      `This Whisper encoder hears at most ${2 * config.maxPositions} frames (${config.maxPositions / 50} s), got ${frames}.`,
      { hint: 'Cut longer recordings into windows.' },
    );
  }
}

/** `nn.Conv1d` of kernel 3 with one zero at each end, and GELU. */
function convolution(c: NetworkContext, x: Value, name: string, filters: number, stride: number): Value {
  const weight = c.parameter({
    name: `${name}.weight`,
    shape: [filters, x.shape[1] as number, 3],
    role: 'weight',
    initialize: whisperInitializer,
  });
  const bias = c.parameter({
    name: `${name}.bias`,
    shape: [filters],
    role: 'bias',
    initialize: constantInitializer(0),
  });
  const y = c.g.op('Conv', [x, weight, bias], { kernel_shape: [3], strides: [stride], pads: [1, 1] });
  return c.g.op('Gelu', [y]);
}

/** x [N, positions, width] plus the embeddings of its positions. */
function addPositions(c: NetworkContext, x: Value, { maxPositions, width }: WhisperConfig): Value {
  const { g } = c;
  const table = c.parameter({
    name: 'encoder.embed_positions.weight',
    shape: [maxPositions, width],
    role: 'weight',
    initialize: sinusoids,
    trained: false,
  });
  const positions = x.shape[1];
  if (positions === maxPositions) return g.op('Add', [x, table]);
  const end = typeof positions === 'number' ? g.ints([positions]) : g.op('Shape', [x], { start: 1, end: 2 });
  return g.op('Add', [x, g.op('Slice', [table, g.ints([0]), end, g.ints([0])])]);
}

/** A pre-norm transformer layer: attention and feed-forward, each beside the identity. */
function layer(c: NetworkContext, x: Value, name: string, config: WhisperConfig, bias?: Value): Value {
  const { g } = c;
  const project = (y: Value, part: string, outFeatures: number, withBias = true) =>
    dense(c, y, `${name}.${part}`, { outFeatures, bias: withBias, initialize: whisperInitializer });
  const heard = layerNorm(c, x, `${name}.self_attn_layer_norm`);
  const q = project(heard, 'self_attn.q_proj', config.width);
  // A bias of the keys would change all scores of a query alike: the public class has none.
  const k = project(heard, 'self_attn.k_proj', config.width, false);
  const v = project(heard, 'self_attn.v_proj', config.width);
  const mixed = multiHeadAttention(c, { q, k, v }, config.heads, bias);
  const attended = g.op('Add', [x, project(mixed, 'self_attn.out_proj', config.width)]);
  const inner = project(layerNorm(c, attended, `${name}.final_layer_norm`), 'fc1', config.feedForward);
  return g.op('Add', [attended, project(g.op('Gelu', [inner]), 'fc2', config.width)]);
}

/** The mask of frames at the positions: a position belongs to the clip when the first of its two frames does. */
export function maskOfPositions(c: NetworkContext, mask: Value): Value {
  const { g } = c;
  return g.op('Slice', [mask, g.ints([0]), g.ints([Number.MAX_SAFE_INTEGER]), g.ints([1]), g.ints([2])]);
}

/**
 * What is added to scores before a softmax: 0 for positions of the clip, −10,000 after its end, for e⁻¹⁰⁰⁰⁰ is no share
 * at all in float32.
 * @param positionMask [N, positions]
 * @param axes where the scores have axes that the mask lacks
 */
export function maskedScores(c: NetworkContext, positionMask: Value, axes: readonly number[]): Value {
  const { g } = c;
  const hidden = g.op('Mul', [g.op('Sub', [positionMask, g.scalar(1)]), g.scalar(10_000)]);
  return g.op('Unsqueeze', [hidden, g.ints(axes)]);
}

/** Stages of the encoder, first to last, for `--train`; the head's stage comes after them. */
export function whisperStages(config: WhisperConfig): { name: string; prefixes: string[] }[] {
  const layers = Array.from({ length: config.layers }, (_, i) => ({
    name: `layer${i}`,
    prefixes: [`encoder.layers.${i}.`],
  }));
  layers.at(-1)!.prefixes.push('encoder.layer_norm.');
  return [
    { name: 'stem', prefixes: ['encoder.conv1.', 'encoder.conv2.', 'encoder.embed_positions.'] },
    ...layers,
  ];
}
