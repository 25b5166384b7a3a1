/** @file A signal heard through a mask over time and frequency: its short-time spectra weighted, and put together again. */
import { ParameterError } from '../core/errors.ts';
import { complexFft } from './fft.ts';
import { forEachSpectrum, frameCount, resolveStft, type StftOptions } from './stft.ts';
import { centredWindow } from './window.ts';

/**
 * Multiplies every frame's spectrum by gains and resynthesises: inverse transform, window, overlap-add, divided by the
 * sum of the squared windows (Griffin and Lim 1984, equation 6: the signal whose STFT comes nearest to the masked one).
 * Gains of 1 give the signal back to the accuracy of float32.
 * @param samples mono, shape [n], n ≥ 1
 * @param gains writes the gain of each of the floor(nFft / 2) + 1 bins of a frame, real numbers, into the array given,
 *   which is reused
 * @returns as many samples as came in
 * @throws {ParameterError} for an empty signal, options out of range, or frames so far apart that samples lie between them
 */
export function maskedStft(
  samples: Float32Array,
  options: StftOptions,
  gains: (frame: number, gains: Float64Array) => void,
): Float32Array {
  const resolved = resolveStft(options);
  const { nFft, hopLength, winLength, window, center } = resolved;
  const before = center ? nFft >> 1 : 0;
  const nFrames = frameCount(samples.length, { nFft, hopLength, center });
  const weights = centredWindow(window, winLength, nFft);
  const fft = complexFft(nFft);
  const out = new Float64Array(samples.length);
  const weight = new Float64Array(samples.length);
  const nBins = (nFft >> 1) + 1;
  const gain = new Float64Array(nBins);
  const [x, y] = [new Float64Array(nFft), new Float64Array(nFft)];
  forEachSpectrum(samples, resolved, (t, re, im) => {
    gains(t, gain);
    // The inverse by the forward transform: conjugate in, conjugate out. The signal is real, so only its real part counts.
    for (let k = 0; k < nFft; k++) {
      const bin = k < nBins ? k : nFft - k;
      const g = gain[bin];
      x[k] = g * re[bin];
      y[k] = k < nBins ? -g * im[bin] : g * im[bin];
    }
    fft.forward(x, y);
    const start = t * hopLength - before;
    const from = Math.max(0, -start);
    const to = Math.min(nFft, samples.length - start);
    for (let i = from; i < to; i++) {
      const w = weights[i];
      out[start + i] += (w * x[i]) / nFft;
      weight[start + i] += w * w;
    }
  });
  const last = center ? samples.length : Math.min(samples.length, (nFrames - 1) * hopLength + nFft);
  const result = new Float32Array(samples.length);
  for (let i = 0; i < last; i++) {
    const w = weight[i];
    if (w > 1e-9) result[i] = out[i] / w;
    else if (center) {
      throw new ParameterError(
        `Frames ${hopLength} samples apart under a window of ${winLength} leave sample ${i} out; take hopLength ≤ winLength / 2.`,
      );
    }
  }
  return result;
}
