/** @file Compares results with what they should be. */
import type { Tensor } from '../../src/core/index.ts';
import type { TensorType, ValueInfo } from '../../src/onnx/index.ts';
import type { Feeds } from './runner.ts';

/** float16's bits as a number. */
function fromFloat16(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

export function numbersOf(tensor: Tensor): number[] {
  const numbers = Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  return tensor.dtype === 'float16' ? numbers.map(fromFloat16) : numbers;
}

/** How `got` differs from `expected`, beyond rounding; empty where it does not. */
export function difference(got: Tensor, expected: Tensor): string {
  if (got.dtype !== expected.dtype) return `is ${got.dtype}, should be ${expected.dtype}`;
  if (got.dims.join() !== expected.dims.join()) return `is of [${got.dims}], should be of [${expected.dims}]`;
  const [a, b] = [numbersOf(got), numbersOf(expected)];
  const [relative, absolute] = got.dtype === 'float16' ? [1e-2, 1e-3] : [1e-3, 1e-5];
  for (const [i, value] of a.entries()) {
    const wanted = b[i];
    if (Object.is(value, wanted) || value === wanted || (Number.isNaN(value) && Number.isNaN(wanted)))
      continue;
    if (Math.abs(value - wanted) <= absolute + relative * Math.abs(wanted)) continue;
    return `element ${i} is ${value}, should be ${wanted}`;
  }
  return '';
}

/** How an inferred type differs from a result; a name fits any size, but everywhere the same one. */
export function typeMismatch(
  inferred: TensorType,
  got: Tensor,
  inputs: readonly ValueInfo[],
  feeds: Feeds,
): string {
  const text = `inferred ${inferred.dtype}[${inferred.shape}], is ${got.dtype}[${got.dims}]`;
  if (inferred.dtype !== got.dtype || inferred.shape.length !== got.dims.length) return text;
  const sizes = new Map<string, number>();
  for (const { name, shape } of inputs) {
    shape?.forEach((d, axis) => {
      if (typeof d === 'string' && feeds[name] !== undefined) sizes.set(d, feeds[name].dims[axis]);
    });
  }
  const fits = inferred.shape.every((d, axis) => {
    const size = typeof d === 'number' ? d : sizes.get(d);
    return size === undefined || size === got.dims[axis];
  });
  return fits ? '' : text;
}
