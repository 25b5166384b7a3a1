/** @file One vector for a clip from those of its windows. */
import { ParameterError } from '../core/errors.ts';

export type Pooling = 'mean' | 'mean-deviation' | 'max';

export const poolings: readonly Pooling[] = ['mean', 'mean-deviation', 'max'];

/** Length of a pooled vector. */
export function pooledSize(size: number, pooling: Pooling): number {
  return pooling === 'mean-deviation' ? 2 * size : size;
}

/**
 * Pools windows over time: their mean; their mean followed by their standard deviation (of the population, as numpy's
 * `std`); or their largest values. Sums are taken in double precision.
 * @param rows shape [nWindows, size], row-major, at least one window
 * @throws {ParameterError} for no windows, or a length that is no multiple of `size`
 */
export function poolWindows(rows: Float32Array, size: number, pooling: Pooling): Float32Array {
  const n = rows.length / size;
  if (!Number.isInteger(n) || n < 1) {
    throw new ParameterError(
      `Pooling takes one or more windows of ${size} numbers, got ${rows.length} numbers.`,
    );
  }
  const pooled = new Float32Array(pooledSize(size, pooling));
  for (let c = 0; c < size; c++) {
    if (pooling === 'max') {
      let most = rows[c];
      for (let w = 1; w < n; w++) most = Math.max(most, rows[w * size + c]);
      pooled[c] = most;
      continue;
    }
    let sum = 0;
    for (let w = 0; w < n; w++) sum += rows[w * size + c];
    const mean = sum / n;
    pooled[c] = mean;
    if (pooling === 'mean') continue;
    let squares = 0;
    for (let w = 0; w < n; w++) squares += (rows[w * size + c] - mean) ** 2;
    pooled[size + c] = Math.sqrt(squares / n);
  }
  return pooled;
}
