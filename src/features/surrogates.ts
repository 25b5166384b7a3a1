/** @file Signals that keep some of a recording and lose the rest, as controls: what a measure gives of them, the rest was not needed for. */
import { ParameterError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { complexFft } from './fft.ts';

/**
 * The same spectrum over the whole recording with phases drawn anew (Theiler et al. 1992): power spectrum and
 * autocorrelation stay, the waveform's shape and its course in time go; what is left sounds like steady noise.
 * @param samples shape [n], n ≥ 1
 * @throws {ParameterError} for an empty signal
 */
export function randomisePhases(samples: Float32Array, random: Random): Float32Array {
  const n = samples.length;
  if (n === 0) throw new ParameterError('Cannot randomise an empty signal: it has no samples.');
  const fft = complexFft(n);
  const re = Float64Array.from(samples);
  const im = new Float64Array(n);
  fft.forward(re, im);
  for (let k = 1; 2 * k < n; k++) {
    const size = Math.hypot(re[k]!, im[k]!);
    const phase = random.uniform(0, 2 * Math.PI);
    re[k] = size * Math.cos(phase);
    im[k] = size * Math.sin(phase);
    re[n - k] = re[k]!;
    im[n - k] = -im[k]!;
  }
  // An inverse transform by a forward one: conjugate before; the result is real, so none after.
  for (let k = 0; k < n; k++) im[k] = -im[k]!;
  fft.forward(re, im);
  return Float32Array.from(re, (value) => value / n);
}
