/** @file Padding at the ends of a signal, read on the fly so that long recordings need no padded copy. */
import { ParameterError } from '../core/errors.ts';

/**
 * `reflect`: mirrored without repeating the edge sample, and mirrored again as often as needed when the signal is
 * shorter than the padding (numpy's rule); `constant`: zeros; `edge`: the edge sample repeated.
 */
export type PadMode = 'reflect' | 'constant' | 'edge';

/**
 * Copies samples [start, start + count) of the endlessly padded signal into `target` at `offset`; `start` may be
 * negative and the stretch may run beyond the end.
 * @throws {ParameterError} if `samples` is empty
 */
export function readPadded(
  target: Float32Array | Float64Array,
  offset: number,
  samples: Float32Array,
  start: number,
  count: number,
  mode: PadMode,
): void {
  const n = samples.length;
  if (n === 0) throw new ParameterError('Cannot analyse an empty signal: it has no samples.');
  const end = start + count;
  const from = Math.min(Math.max(start, 0), n);
  const to = Math.max(Math.min(end, n), from);
  for (let i = start; i < Math.min(end, 0); i++) target[offset + i - start] = paddedSample(samples, i, mode);
  if (to > from) target.set(samples.subarray(from, to), offset + from - start);
  for (let i = Math.max(start, n); i < end; i++) target[offset + i - start] = paddedSample(samples, i, mode);
}

function paddedSample(samples: Float32Array, index: number, mode: PadMode): number {
  const n = samples.length;
  if (mode === 'constant') return index < 0 || index >= n ? 0 : samples[index];
  if (mode === 'edge') return samples[Math.min(Math.max(index, 0), n - 1)];
  return samples[reflectIndex(index, n)];
}

/** Where numpy's repeated reflection finds index `i` (any integer) in a signal of `n` ≥ 1 samples. */
export function reflectIndex(i: number, n: number): number {
  if (n === 1) return 0;
  const period = 2 * (n - 1);
  const folded = ((i % period) + period) % period;
  return folded < n ? folded : period - folded;
}
