/**
 * @file The parts that gradients of convolutions, max pooling and batch normalisations are made of. How each is best
 * computed depends on the layout of its neighbours. A rule that runs with `deferred` therefore appends one node of
 * Earshot's own domain that only says what is wanted, and `lower` replaces it once the whole graph is known; otherwise
 * the form for ONNX's own layout is appended at once.
 */
import type { Shape, Value, WindowOptions } from '../../onnx/index.ts';
import { algebra, dims, type VjpContext } from '../vjp.ts';
import * as pooling from './maxPooling.ts';
import * as plain from './plain.ts';

/** The domain of deferred nodes. None is left in a lowered graph. */
export const deferredDomain = 'earshot';

type Wanted =
  | 'ConvInputGradient'
  | 'ConvWeightGradient'
  | 'MaxPoolGradient'
  | 'ChannelSum'
  | 'ChannelDot'
  | 'ChannelAffine';

function defer(
  c: VjpContext,
  opType: Wanted,
  inputs: readonly (Value | null)[],
  shape: Shape,
  ints: Readonly<Record<string, readonly number[]>> = {},
): Value {
  const name = c.g.uniqueName(opType);
  const attributes = Object.fromEntries(
    Object.entries(ints).map(([key, value]) => [key, { kind: 'ints', value } as const]),
  );
  const node = {
    opType,
    domain: deferredDomain,
    name: `${name}/node`,
    inputs: [],
    outputs: [name],
    attributes,
  };
  return c.g.addNode(node, inputs, { types: [{ dtype: 'float32', shape }] })[0];
}

/** Blocked layouts exist for pictures in float32. */
function deferrable(c: VjpContext, like: Value): boolean {
  return c.deferred === true && like.dtype === 'float32' && like.shape.length === 4;
}

function geometryInts(q: plain.Geometry): Record<string, readonly number[]> {
  const { kernel, strides, dilations, pads, group, batch, channels, filters, spatial, out } = q;
  return { kernel, strides, dilations, pads, spatial, out, sizes: [group, batch, channels, filters] };
}

/** Reads back what the functions below wrote. */
export function readGeometry(ints: (name: string) => readonly number[]): plain.Geometry {
  const [group, batch, channels, filters] = ints('sizes') as [number, number, number, number];
  const [kernel, strides, dilations, pads] = [
    ints('kernel'),
    ints('strides'),
    ints('dilations'),
    ints('pads'),
  ];
  const [spatial, out] = [ints('spatial'), ints('out')];
  return { kernel, strides, dilations, pads, group, batch, channels, filters, spatial, out, ceil: false };
}

/** Gradient of a convolution's input. @param w the kernel; @param dy gradient of what came out */
export function convInputGradient(c: VjpContext, q: plain.Geometry, w: Value, dy: Value): Value {
  if (!deferrable(c, dy)) return plain.inputGradient(c, q, w, dy);
  return defer(c, 'ConvInputGradient', [dy, w], [q.batch, q.channels, ...q.spatial], geometryInts(q));
}

/** Gradient of a convolution's kernel. @param x what it slid over; @param dy gradient of what came out */
export function convWeightGradient(c: VjpContext, q: plain.Geometry, x: Value, dy: Value): Value {
  if (!deferrable(c, dy)) return plain.weightGradient(c, q, x, dy);
  const shape = [q.filters, q.channels / q.group, ...q.kernel];
  return defer(c, 'ConvWeightGradient', [x, dy], shape, geometryInts(q));
}

/**
 * Gradient of what was pooled.
 * @param x what was pooled; @param y what came out; @param dy its gradient
 * @param indices of the maxima, where the node gives them
 */
export function maxPoolGradient(
  c: VjpContext,
  o: WindowOptions,
  x: Value,
  y: Value,
  dy: Value,
  indices: Value | null,
): Value {
  if (!deferrable(c, x) || indices !== null || o.ceil) return pooling.maxPoolGradient(c, o, x, dy, indices);
  const shape = dims(c, x);
  const [batch, channels] = shape as [number, number];
  const q = { ...o, batch, channels, group: channels, filters: channels };
  const ints = geometryInts({ ...q, spatial: shape.slice(2), out: dims(c, y).slice(2) });
  return defer(c, 'MaxPoolGradient', [x, y, dy], shape, ints);
}

/** Sum over all axes but the channels', [C]. */
export function channelSum(c: VjpContext, value: Value): Value {
  if (!deferrable(c, value)) return plain.channelSum(algebra(c.g, value), value);
  return defer(c, 'ChannelSum', [value], [value.shape[1]]);
}

/** Sum of the products of two values over all axes but the channels', [C]. */
export function channelDot(c: VjpContext, a: Value, b: Value): Value {
  if (!deferrable(c, a)) return plain.channelDot(algebra(c.g, a), a, b);
  return defer(c, 'ChannelDot', [a, b], [a.shape[1]]);
}

/** x times a number per channel, plus one per channel, plus another value; the last two may be absent. */
export function channelAffine(
  c: VjpContext,
  x: Value,
  scale: Value,
  shift: Value | null = null,
  added: Value | null = null,
): Value {
  if (!deferrable(c, x)) return plain.channelAffine(c.g, x, scale, shift, added);
  return defer(c, 'ChannelAffine', [x, scale, shift, added], dims(c, x));
}
