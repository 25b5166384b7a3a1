/**
 * @file Kernels of blocked convolutions. A kernel [O, I, h, w] is packed when it lies in memory in the order
 * [O/b, I/b, h, w, bᵢ, bₒ] that convolutions over blocked input read, under its own shape. Parameters may stay packed
 * from step to step: an update works element by element and does not mind the order.
 */
import { sizeOf, type Tensor } from '../../core/tensor.ts';
import type { Value } from '../../onnx/index.ts';
import type { Blocked } from './blocked.ts';

type Four = [number, number, number, number];

/** From ONNX's layout to the packed order. */
export function pack(blocked: Blocked, w: Value): Value {
  const [o, i, kh, kw] = w.shape as Four;
  const b = blocked.size;
  const filters = blocked.enter(blocked.reshape(w, [o / b, b, i, kh * kw]));
  if (kh * kw === 1) return blocked.reshape(filters, [o, i, 1, 1]);
  const split = blocked.reshape(filters, [o / b, i / b, b, kh * kw, b]);
  return blocked.reshape(blocked.g.op('Transpose', [split], { perm: [0, 1, 3, 2, 4] }), [o, i, kh, kw]);
}

/** From the packed order to ONNX's layout. */
export function unpack(blocked: Blocked, w: Value): Value {
  const [o, i, kh, kw] = w.shape as Four;
  const b = blocked.size;
  const split = blocked.reshape(w, [o / b, i / b, kh * kw, b, b]);
  const filters = kh * kw === 1 ? split : blocked.g.op('Transpose', [split], { perm: [0, 1, 3, 2, 4] });
  return blocked.reshape(blocked.leave(blocked.reshape(filters, [o / b, b, i * kh, kw])), [o, i, kh, kw]);
}

/** The packed gradient of a kernel from the order that {@link Blocked.weightGradient} leaves it in. */
export function packGradient(blocked: Blocked, gradient: Value): Value {
  const [c, o, kh, kw] = gradient.shape as Four;
  const b = blocked.size;
  const split = blocked.reshape(gradient, [c / b, b, o / b, kh * kw, b]);
  return blocked.reshape(blocked.g.op('Transpose', [split], { perm: [2, 0, 3, 1, 4] }), [o, c, kh, kw]);
}

/** The gradient of a kernel in ONNX's layout from the order that {@link Blocked.weightGradient} leaves it in. */
export function unpackGradient(blocked: Blocked, gradient: Value): Value {
  const [c, o, kh, kw] = gradient.shape as Four;
  const b = blocked.size;
  const split = blocked.reshape(gradient, [c, o / b, kh * kw, b]);
  const exchanged = blocked.g.op('Transpose', [split], { perm: [1, 0, 2, 3] });
  return blocked.reshape(blocked.leave(blocked.reshape(exchanged, [o / b, b, c * kh, kw])), [o, c, kh, kw]);
}

/** A packed kernel times one factor per filter, packed: the filters are channels of one blocked picture. */
export function scaleFilters(blocked: Blocked, w: Value, factor: Value): Value {
  const [o, i, kh, kw] = w.shape as Four;
  const picture = blocked.reshape(w, [1, o, i * kh * kw, 1]);
  return blocked.reshape(blocked.conv(blocked.affine(picture, factor, null)), [o, i, kh, kw]);
}

/** The packed kernel [I, O, h, w] of the input's gradient from the packed [O, I, h, w]: turned around in space. */
export function mirror(blocked: Blocked, w: Value): Value {
  const [o, i, kh, kw] = w.shape as Four;
  const b = blocked.size;
  const [filters, channels, area] = [o / b, i / b, kh * kw];
  const squares = filters * channels * area;
  // Each square of a block by a block is transposed, then the squares change places.
  const turned = blocked.enter(blocked.reshape(w, [squares, b, b, 1]));
  const order = new BigInt64Array(squares);
  for (let c = 0, at = 0; c < channels; c++)
    for (let f = 0; f < filters; f++)
      for (let k = area - 1; k >= 0; k--) order[at++] = BigInt((f * channels + c) * area + k);
  const { g } = blocked;
  const indices = g.initializer(g.uniqueName('mirrored'), { dtype: 'int64', dims: [squares], data: order });
  const rows = g.op('Gather', [blocked.reshape(turned, [squares, b * b]), indices], { axis: 0 });
  return blocked.reshape(rows, [i, o, kh, kw]);
}

/** [O, I, h, w] in the order [O/b, I, h, w, bₒ], as convolutions over few channels and depthwise ones take it. */
export function packFilters(blocked: Blocked, w: Value): Value {
  const [o, i, kh, kw] = w.shape as Four;
  const b = blocked.size;
  return blocked.reshape(blocked.enter(blocked.reshape(w, [o / b, b, i * kh, kw])), [o, i, kh, kw]);
}

/** A depthwise kernel [C, 1, h, w] turned around in space, in the order of {@link packFilters}. */
export function mirrorFilters(blocked: Blocked, w: Value): Value {
  const [c, , kh, kw] = w.shape as Four;
  if (kh === 1 && kw === 1) return packFilters(blocked, w);
  const { g, size: b } = blocked;
  const last = g.ints([-1, -1]);
  const turned = g.op('Slice', [
    blocked.reshape(packFilters(blocked, w), [c / b, kh, kw, b]),
    last,
    g.ints([-(2 ** 31), -(2 ** 31)]),
    g.ints([1, 2]),
    last,
  ]);
  return blocked.reshape(turned, [c, 1, kh, kw]);
}

/** Whether a kernel of that shape can be packed in blocks of that size. */
export function packable(shape: readonly number[], blockSize: number): boolean {
  return shape.length === 4 && shape[0] % blockSize === 0 && shape[1] % blockSize === 0;
}

/** A kernel's numbers brought from ONNX's layout to the packed order. */
export function packTensor(tensor: Tensor<'float32'>, blockSize: number): Tensor<'float32'> {
  return permuted(tensor, blockSize, (packed, plain, at, from) => {
    packed[at] = plain[from];
  });
}

/** A packed kernel's numbers in ONNX's layout. */
export function unpackTensor(tensor: Tensor<'float32'>, blockSize: number): Tensor<'float32'> {
  return permuted(tensor, blockSize, (plain, packed, at, from) => {
    plain[from] = packed[at];
  });
}

function permuted(
  tensor: Tensor<'float32'>,
  b: number,
  move: (to: Float32Array, from: Float32Array, packed: number, plain: number) => void,
): Tensor<'float32'> {
  const [o, i, kh, kw] = tensor.dims as Four;
  const area = kh * kw;
  const data = new Float32Array(sizeOf(tensor.dims));
  let at = 0;
  for (let f = 0; f < o; f += b)
    for (let c = 0; c < i; c += b)
      for (let k = 0; k < area; k++)
        for (let ci = c; ci < c + b; ci++)
          for (let fi = f; fi < f + b; fi++) move(data, tensor.data, at++, (fi * i + ci) * area + k);
  return { ...tensor, data };
}
