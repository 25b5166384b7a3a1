/** @file How a picture [N, 1, nMels, nFrames] is laid out for an imported model's input. */
import { ParameterError, ShapeError } from '../core/errors.ts';
import { formatShape, type Model, type Shape, type Value } from '../onnx/index.ts';
import { resizePicture } from './blocks.ts';
import type { NetworkContext } from './network.ts';
import { type ChannelStatistics, standardizeChannels } from './networkInput.ts';

/**
 * The order of a model's picture axes after the batch: PyTorch's `mel-frames` [N, channels, nMels, nFrames] and
 * `frames-mel` [N, channels, nFrames, nMels], or Keras's with channels last. Inputs of three axes have no channels.
 */
export type PictureLayout = 'mel-frames' | 'frames-mel' | 'mel-frames-channels' | 'frames-mel-channels';

export const pictureLayouts: readonly PictureLayout[] = [
  ...(['mel-frames', 'frames-mel', 'mel-frames-channels', 'frames-mel-channels'] as const),
];

/** Where nMels, nFrames and the channels lie in a shape of that layout; channels null where there is no such axis. */
function axesOf(
  layout: PictureLayout,
  rank: number,
): { mels: number; frames: number; channels: number | null } {
  const last = layout.endsWith('channels');
  const first = rank === 3 || last ? 1 : 2;
  const [mels, frames] = layout.startsWith('mel') ? [first, first + 1] : [first + 1, first];
  return { mels, frames, channels: rank === 3 ? null : last ? 3 : 1 };
}

/** The inputs of a model that can be pictures: float32, of three or four dimensions. */
export function pictureInputs({ graph }: Model): { name: string; shape: Shape }[] {
  return graph.inputs.flatMap(({ name, dtype, shape }) =>
    dtype === 'float32' && (shape?.length === 3 || shape?.length === 4) && !graph.initializers.has(name)
      ? [{ name, shape }]
      : [],
  );
}

/** The one input of the model that can be a picture. @throws {ShapeError} where there is none, or several */
export function pictureInput(model: Model, name: string): { name: string; shape: Shape } {
  const inputs = pictureInputs(model);
  const [input] = inputs;
  if (input === undefined || inputs.length > 1) {
    const all = model.graph.inputs.map((v) => `${v.name} ${v.dtype} ${formatShape(v.shape ?? [])}`);
    throw new ShapeError(
      `The model ${name} must have one float32 input of 3 or 4 dimensions, for pictures; it has ${all.join(', ') || 'no inputs'}.`,
    );
  }
  return input;
}

/**
 * The layout in which a model takes pictures of that size, by the sizes its input fixes. Where they leave it open, the
 * first that fits in the order of {@link pictureLayouts}.
 * @throws {ShapeError} when no layout fits
 */
export function pictureLayoutOf(model: Model, name: string, nMels: number, nFrames: number): PictureLayout {
  const { shape } = pictureInput(model, name);
  const fits = (axis: number | null, size: readonly number[]) => {
    const declared = axis === null ? null : shape[axis];
    return typeof declared !== 'number' || size.includes(declared);
  };
  const found = pictureLayouts.find((layout) => {
    if (shape.length === 3 && layout.endsWith('channels')) return false;
    const { mels, frames, channels } = axesOf(layout, shape.length);
    return fits(mels, [nMels]) && fits(frames, [nFrames]) && fits(channels, [1, 3]);
  });
  if (found !== undefined) return found;
  throw new ShapeError(
    `The model ${name} takes pictures of ${formatShape(shape)}; the front end gives ${nMels} mel bands by ${nFrames} frames.`,
    {
      hint: 'Choose the front end, --n-mels and --window-seconds that the model was made for, or resize with --picture-size.',
    },
  );
}

export interface LaidOut {
  readonly layout: PictureLayout;
  /** Resized to [nMels, nFrames] of that size; null: as it comes. */
  readonly size: readonly [number, number] | null;
  readonly channels?: ChannelStatistics;
}

/**
 * Nodes that bring x [N, 1, nMels, nFrames] into the model's layout; where it wants three colour channels, each is x.
 * @throws {ParameterError} for a layout that the rank does not have, or statistics of other channels
 */
export function layOut(
  c: NetworkContext,
  x: Value,
  declared: Shape,
  { layout, size, channels: statistics }: LaidOut,
): Value {
  const { channels } = axesOf(layout, declared.length);
  if (declared.length === 3 && layout.endsWith('channels')) {
    throw new ParameterError(`The layout '${layout}' has four axes, the model's input three.`);
  }
  let picture = size === null ? x : resizePicture(c, x, size);
  if (layout.startsWith('frames')) picture = c.g.op('Transpose', [picture], { perm: [0, 1, 3, 2] });
  if (channels !== null && declared[channels] === 3)
    picture = c.g.op('Concat', [picture, picture, picture], { axis: 1 });
  picture = standardizeChannels(c.g, picture, statistics);
  if (channels === null) return c.g.op('Squeeze', [picture, c.g.ints([1])]);
  return layout.endsWith('channels') ? c.g.op('Transpose', [picture], { perm: [0, 2, 3, 1] }) : picture;
}
