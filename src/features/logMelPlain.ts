/** @file Decibels in bands in plain TypeScript and float64: the reference, and the way where there is no SIMD. */
import type { BandSpec } from './bands.ts';
import { forEachSpectrum, frameCount } from './stft.ts';

/** Decibels of shape [bands, nFrames]. */
export function plainDecibels(samples: Float32Array, spec: BandSpec): Float32Array {
  const nFrames = frameCount(samples.length, spec);
  const { filters } = spec;
  const out = new Float32Array(filters.length * nFrames);
  const values = new Float64Array((spec.nFft >> 1) + 1);
  const factor = spec.power === 2 ? 10 : 20;
  forEachSpectrum(samples, spec, (t, re, im) => {
    for (let k = 0; k < values.length; k++) {
      const square = re[k] * re[k] + im[k] * im[k];
      values[k] = spec.power === 2 ? square : Math.sqrt(square);
    }
    for (let m = 0; m < filters.length; m++) {
      const { start, weights } = filters[m];
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * values[start + i];
      const decibels = factor * Math.log10(Math.max(sum, spec.amin));
      out[m * nFrames + t] = Number.isFinite(sum) ? decibels : Number.NaN;
    }
  });
  return out;
}
