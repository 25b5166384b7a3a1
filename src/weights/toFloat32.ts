/** @file Half-precision numbers to float32. Runs in browsers. */
import { WeightsError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';

let halves: Float32Array | undefined;

/** The value of every float16 bit pattern (IEEE 754 binary16). */
function halfTable(): Float32Array {
  if (halves === undefined) {
    halves = new Float32Array(65536);
    for (let bits = 0; bits < 65536; bits++) {
      const sign = bits & 0x8000 ? -1 : 1;
      const exponent = (bits >> 10) & 31;
      const fraction = bits & 1023;
      if (exponent === 0) halves[bits] = sign * fraction * 2 ** -24;
      else if (exponent === 31) halves[bits] = fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
      else halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
    }
  }
  return halves;
}

/** bfloat16 bits as float32: the upper half of each number, so exact. */
export function widenBfloat16(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = bits[i] << 16;
  return new Float32Array(out.buffer);
}

/**
 * A floating-point tensor as float32: itself if it is one, float16 widened (exact), float64 rounded.
 * @throws {WeightsError} for integers and booleans, which are no weights
 */
export function toFloat32(tensor: Tensor): Tensor<'float32'> {
  const { dims, dtype } = tensor;
  if (dtype === 'float32') return tensor as Tensor<'float32'>;
  if (dtype === 'float64')
    return { dtype: 'float32', dims, data: new Float32Array(tensor.data as Float64Array) };
  if (dtype === 'float16') {
    const table = halfTable();
    const bits = tensor.data as Uint16Array;
    const data = new Float32Array(bits.length);
    for (let i = 0; i < bits.length; i++) data[i] = table[bits[i]];
    return { dtype: 'float32', dims, data };
  }
  throw new WeightsError(`A tensor of ${dtype} cannot serve as floating-point weights.`);
}
