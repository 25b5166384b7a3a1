/** @file Tensors from an integer hash of name and position, the same as tools/fixtures/networks.py makes them. */
import { float32, sizeOf, type Tensor } from '../../src/core/index.ts';

/** Float32 numbers in [−1, 1): 32-bit FNV-1a of the (ASCII) name, mixed with each element's index. */
export function hashed(name: string, dims: readonly number[]): Tensor<'float32'> {
  let h = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) h = Math.imul(h ^ name.charCodeAt(i), 0x01000193);
  const data = new Float32Array(sizeOf(dims));
  for (let i = 0; i < data.length; i++) {
    let z = (Math.imul(i, 0x9e3779b1) + h) | 0;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    data[i] = ((z ^ (z >>> 15)) >>> 0) / 2 ** 31 - 1;
  }
  return float32(dims, data);
}

/** Values that keep activations in range: He variance for matrices, near 1 for scales and variances. */
export function hashedParameter(name: string, dims: readonly number[]): Tensor<'float32'> {
  const u = hashed(name, dims);
  const near1 = dims.length === 1 && (name.endsWith('running_var') || name.endsWith('.weight'));
  const scale = dims.length > 1 ? Math.sqrt(6 / sizeOf(dims.slice(1))) : 0.25;
  return float32(
    dims,
    u.data.map((v) => (near1 ? 1 : 0) + scale * v),
  );
}
