/** @file Signals that keep some of a recording and lose the rest, as controls: what a measure gives of them, the rest was not needed for. */
import { ParameterError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import { realFft } from './fft.ts';

/**
 * The same spectrum with phases drawn anew (Theiler et al. 1992): power spectrum and autocorrelation stay, the
 * waveform's shape and its course in time go; what is left sounds like steady noise.
 * @param samples shape [n], n ≥ 1
 * @throws {ParameterError} for an empty signal
 */
export function randomisePhases(samples: Float32Array, random: Random): Float32Array {
  const n = samples.length;
  if (n === 0) throw new ParameterError('Cannot randomise an empty signal: it has no samples.');
  const fft = realFft(n);
  const signal = Float64Array.from(samples);
  const re = new Float64Array(fft.nBins);
  const im = new Float64Array(fft.nBins);
  fft.forward(signal, re, im);
  // Hartley's transform, Re − Im, is its own inverse but for the scale: a second forward transform leads back.
  signal[0] = re[0];
  if (n % 2 === 0) signal[n / 2] = re[n / 2];
  for (let k = 1; 2 * k < n; k++) {
    const size = Math.hypot(re[k], im[k]);
    const phase = random.uniform(0, 2 * Math.PI);
    signal[k] = size * (Math.cos(phase) - Math.sin(phase));
    signal[n - k] = size * (Math.cos(phase) + Math.sin(phase));
  }
  fft.forward(signal, re, im);
  return Float32Array.from({ length: n }, (_, t) =>
    2 * t <= n ? (re[t] - im[t]) / n : (re[n - t] + im[n - t]) / n,
  );
}

/** The largest 2^a·m ≤ n with m among 1, 3, 5, 9, 15, 45: at least four fifths of n, and quick to transform. */
export function quickLength(n: number): number {
  if (!(n >= 1)) throw new ParameterError(`A length must be ≥ 1, got ${n}.`);
  const lengths = [1, 3, 5, 9, 15, 45]
    .filter((m) => m <= n)
    .map((m) => m * 2 ** Math.floor(Math.log2(n / m)));
  return Math.max(...lengths);
}
