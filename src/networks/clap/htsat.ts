/**
 * @file CLAP's audio encoder: HTSAT (Chen et al. 2022), a Swin transformer (Liu et al. 2021) on a log-mel picture that is
 * folded into a square, as Hugging Face's ClapModel names its parts. For inference: nothing drops out.
 */
import { ParameterError } from '../../core/errors.ts';
import { float32, int64 } from '../../core/tensor.ts';
import type { Value } from '../../onnx/index.ts';
import { convolution } from '../blocks.ts';
import { constantInitializer, type NetworkContext, requirePicture, uniformBias } from '../network.ts';
import type { ClapAudioConfig, ClapConfig } from './clapConfig.ts';
import { attention, dense, gelu, layerNorm, projection } from './layers.ts';

const root = 'audio_model.audio_encoder';

/**
 * Appends the encoder and its projection.
 * @param pictures log-mel decibels, float32 [N, 1, nMels, nFrames] as the front end `clap` gives them
 * @returns [N, projectionSize], not normalised
 * @throws {ShapeError} unless the pictures have that many bands, and at most specSize²/nMels frames
 */
export function clapAudioEncoder(c: NetworkContext, pictures: Value, config: ClapConfig): Value {
  const { audio } = config;
  const side = checkedSide(audio);
  requirePicture('clap', pictures, [audio.nMels, pictures.shape[3] as number]);
  let x = patches(c, foldedPicture(c, normalizedBands(c, pictures, audio), audio), audio, side);
  let [reach, channels] = [side, audio.channels];
  audio.depths.forEach((depth, i) => {
    for (let k = 0; k < depth; k++) {
      x = block(c, x, `${root}.layers.${i}.blocks.${k}`, {
        ...{ side: reach, channels, heads: audio.heads[i], shifted: k % 2 === 1, audio },
      });
    }
    if (i + 1 === audio.depths.length) return;
    x = merged(c, x, `${root}.layers.${i}.downsample`, reach, channels);
    reach /= 2;
    channels *= 2;
  });
  const tokens = layerNorm(c, x, `${root}.norm`);
  const pooled = c.g.op('ReduceMean', [tokens, c.g.ints([1])], { keepdims: 0 });
  return projection(c, pooled, 'audio_projection', config.projectionSize);
}

/** Tokens on a side at first. @throws {ParameterError} for sizes that do not divide */
function checkedSide({
  specSize,
  nMels,
  patchSize,
  patchStride,
  depths,
  heads,
  windowSize,
}: ClapAudioConfig) {
  const side = specSize / patchStride;
  const sides = depths.map((_, i) => side / 2 ** i);
  const fits =
    specSize % nMels === 0 &&
    patchSize >= patchStride &&
    (patchSize - patchStride) % 2 === 0 &&
    heads.length === depths.length &&
    sides.every((s) => Number.isInteger(s) && s >= windowSize && s % windowSize === 0);
  if (fits) return side;
  throw new ParameterError(
    `An audio encoder of picture ${specSize}, patches ${patchSize} every ${patchStride}, ${depths.length} stages and windows of ${windowSize} is not handled: the sizes must divide.`,
  );
}

/** Batch normalisation by mel band. [N, 1, nMels, nFrames] → [N, 1, nFrames, nMels] */
function normalizedBands(c: NetworkContext, pictures: Value, { nMels }: ClapAudioConfig): Value {
  const { g } = c;
  const name = `${root}.batch_norm`;
  const shape = [nMels];
  const [weight, bias, mean, variance] = (
    [
      ['weight', 'norm', 1],
      ['bias', 'norm', 0],
      ['running_mean', 'statistic', 0],
      ['running_var', 'statistic', 1],
    ] as const
  ).map(([part, role, start]) =>
    c.parameter({ name: `${name}.${part}`, shape, role, initialize: constantInitializer(start) }),
  );
  const bands = g.op('Transpose', [pictures], { perm: [0, 2, 3, 1] });
  const normal = g.op('BatchNormalization', [bands, weight!, bias!, mean!, variance!], { epsilon: 1e-5 });
  return g.op('Transpose', [normal], { perm: [0, 3, 2, 1] });
}

/**
 * Stretched to specSize²/nMels frames (bicubic, corners aligned), cut into specSize/nMels pieces in time that are put one
 * above the other: [N, 1, nFrames, nMels] → [N, 1, specSize, specSize].
 */
function foldedPicture(c: NetworkContext, x: Value, { specSize, nMels }: ClapAudioConfig): Value {
  const { g } = c;
  const pieces = specSize / nMels;
  const frames = specSize * pieces;
  const given = x.shape[2] as number;
  if (given > frames)
    throw new ParameterError(`The audio encoder takes pictures of at most ${frames} frames, got ${given}.`);
  const stretched =
    given === frames
      ? x
      : g.op('Resize', [x, null, null, g.ints([frames, nMels])], {
          axes: [2, 3],
          mode: 'cubic',
          cubic_coeff_a: -0.75,
          coordinate_transformation_mode: 'align_corners',
        });
  const cut = g.op('Reshape', [stretched, g.ints([0, pieces, specSize, nMels])]);
  const turned = g.op('Transpose', [cut], { perm: [0, 1, 3, 2] });
  return g.op('Reshape', [turned, g.ints([0, 1, specSize, specSize])]);
}

/** [N, 1, specSize, specSize] → [N, side², channels] */
function patches(c: NetworkContext, x: Value, audio: ClapAudioConfig, side: number): Value {
  const { patchSize, patchStride, channels, patchNorm } = audio;
  const pad = (patchSize - patchStride) / 2;
  const maps = convolution(c, x, `${root}.patch_embed.proj`, {
    ...{ outChannels: channels, kernel: patchSize, stride: patchStride, padding: [pad, pad, pad, pad] },
    bias: uniformBias(patchSize ** 2),
  });
  const flat = c.g.op('Reshape', [maps, c.g.ints([0, channels, side * side])]);
  const tokens = c.g.op('Transpose', [flat], { perm: [0, 2, 1] });
  return patchNorm ? layerNorm(c, tokens, `${root}.patch_embed.norm`) : tokens;
}

interface BlockShape {
  readonly side: number;
  readonly channels: number;
  readonly heads: number;
  /** Every second block moves its windows by half of one. */
  readonly shifted: boolean;
  readonly audio: ClapAudioConfig;
}

/** [N, side², channels] → the same */
function block(c: NetworkContext, x: Value, name: string, shape: BlockShape): Value {
  const { side, channels, audio } = shape;
  const { g } = c;
  const { windowSize: size, epsilon } = audio;
  // Where one window covers all, there is nothing to move.
  const shift = shape.shifted && side > size ? Math.floor(size / 2) : 0;
  const across = side / size;
  const normal = layerNorm(c, x, `${name}.layernorm_before`, epsilon);
  const square = rolled(c, g.op('Reshape', [normal, g.ints([0, side, side, channels])]), shift);
  const split = g.op('Reshape', [square, g.ints([-1, across, size, across, size, channels])]);
  const windows = g.op('Reshape', [
    g.op('Transpose', [split], { perm: [0, 1, 3, 2, 4, 5] }),
    g.ints([-1, size * size, channels]),
  ]);
  const heard = windowAttention(c, windows, `${name}.attention`, shape, shift);
  const joined = g.op('Reshape', [heard, g.ints([-1, across, across, size, size, channels])]);
  const whole = g.op('Reshape', [
    g.op('Transpose', [joined], { perm: [0, 1, 3, 2, 4, 5] }),
    g.ints([-1, side, side, channels]),
  ]);
  const back = g.op('Reshape', [rolled(c, whole, -shift), g.ints([-1, side * side, channels])]);
  const y = g.op('Add', [x, back]);
  const after = layerNorm(c, y, `${name}.layernorm_after`, epsilon);
  const inner = gelu(c, dense(c, after, `${name}.intermediate.dense`, Math.floor(audio.mlpRatio * channels)));
  return g.op('Add', [y, dense(c, inner, `${name}.output.dense`, channels)]);
}

/** Rows and columns moved back by `shift`, what falls off coming in again at the other end. */
function rolled(c: NetworkContext, x: Value, shift: number): Value {
  if (shift === 0) return x;
  const { g } = c;
  const side = x.shape[1] as number;
  const from = g.constant(
    int64(
      [side],
      Array.from({ length: side }, (_, i) => (i + shift + side) % side),
    ),
    'rolled',
  );
  return g.op('Gather', [g.op('Gather', [x, from], { axis: 1 }), from], { axis: 2 });
}

/** Attention among the tokens of each window [N · windows, size², channels], with its output layer. */
function windowAttention(
  c: NetworkContext,
  x: Value,
  name: string,
  { side, channels, heads, audio }: BlockShape,
  shift: number,
): Value {
  const { g } = c;
  const { windowSize: size, qkvBias } = audio;
  const tokens = size * size;
  const reach = 2 * size - 1;
  const table = c.parameter({
    name: `${name}.self.relative_position_bias_table`,
    shape: [reach * reach, heads],
    role: 'weight',
    initialize: constantInitializer(0),
  });
  const places = g.constant(int64([tokens, tokens], relativePositions(size)), 'relative_positions');
  const bias = g.op('Transpose', [g.op('Gather', [table, places], { axis: 0 })], { perm: [2, 0, 1] });
  const heard = attention(c, x, `${name}.self`, { tokens, channels, heads, bias: qkvBias }, (scores) => {
    const placed = g.op('Add', [scores, bias]);
    if (shift === 0) return placed;
    const windows = (side / size) ** 2;
    const mask = float32([windows, 1, tokens, tokens], shiftMask(side, size, shift));
    const byWindow = g.op('Reshape', [placed, g.ints([-1, windows, heads, tokens, tokens])]);
    const masked = g.op('Add', [byWindow, g.constant(mask, 'shift_mask')]);
    return g.op('Reshape', [masked, g.ints([-1, heads, tokens, tokens])]);
  });
  return dense(c, heard, `${name}.output.dense`, channels);
}

/** For each pair of tokens of a window, the row of the bias table: by how far they lie apart, down and across. */
function relativePositions(size: number): number[] {
  const tokens = Array.from({ length: size * size }, (_, i) => [Math.floor(i / size), i % size] as const);
  return tokens.flatMap(([row, column]) =>
    tokens.map(([r, k]) => (row - r + size - 1) * (2 * size - 1) + (column - k + size - 1)),
  );
}

/** −100 between tokens that only the rolling has brought into one window, by window: [windows, size², size²]. */
function shiftMask(side: number, size: number, shift: number): Float32Array {
  const region = (i: number) => (i < side - size ? 0 : i < side - shift ? 1 : 2);
  const across = side / size;
  const tokens = size * size;
  const mask = new Float32Array(across * across * tokens * tokens);
  for (let w = 0; w < across * across; w++) {
    const regions = Array.from({ length: tokens }, (_, t) => {
      const row = Math.floor(w / across) * size + Math.floor(t / size);
      const column = (w % across) * size + (t % size);
      return 3 * region(row) + region(column);
    });
    for (let a = 0; a < tokens; a++) {
      for (let b = 0; b < tokens; b++) {
        if (regions[a] !== regions[b]) mask[(w * tokens + a) * tokens + b] = -100;
      }
    }
  }
  return mask;
}

/** Four neighbours become one token: [N, side², channels] → [N, side²/4, 2·channels]. */
function merged(c: NetworkContext, x: Value, name: string, side: number, channels: number): Value {
  const { g } = c;
  const half = side / 2;
  const split = g.op('Reshape', [x, g.ints([0, half, 2, half, 2, channels])]);
  // The published order: down before across.
  const quarters = g.op('Transpose', [split], { perm: [0, 1, 3, 4, 2, 5] });
  const joined = g.op('Reshape', [quarters, g.ints([0, half * half, 4 * channels])]);
  return dense(c, layerNorm(c, joined, `${name}.norm`), `${name}.reduction`, 2 * channels, false);
}
