/**
 * @file A short signal made as long as a window by whole copies of it: as many as fit, then zeros (CLAP's `repeatpad`;
 * ⌊n / length⌋ copies, the last one included where the length divides n).
 */
import { ParameterError } from '../core/errors.ts';

/**
 * `samples` itself where it has `n` samples or more; else n samples: whole copies, then zeros.
 * @throws {ParameterError} for an empty signal
 */
export function wholeCopies(samples: Float32Array, n: number): Float32Array {
  const { length } = samples;
  if (length === 0) throw new ParameterError('An empty signal cannot be repeated: it has no samples.');
  if (length >= n) return samples;
  const filled = new Float32Array(n);
  for (let at = 0; at + length <= n; at += length) filled.set(samples, at);
  return filled;
}
