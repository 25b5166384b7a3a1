/** @file The log-mel front end in plain TypeScript and float64: the reference, and the way where there is no SIMD. */
import { type LogMelSpec, logMelFrames } from './logMelSpec.ts';
import { melFilterBank } from './mel.ts';
import { forEachSpectrum } from './stft.ts';

/** Decibels of shape [nMels, nFrames], before topDb. */
export function plainDecibels(samples: Float32Array, spec: LogMelSpec): Float32Array {
  const nFrames = logMelFrames(samples.length, spec);
  const filters = sparseFilters(spec);
  const out = new Float32Array(spec.nMels * nFrames);
  const values = new Float64Array((spec.nFft >> 1) + 1);
  const factor = spec.power === 2 ? 10 : 20;
  forEachSpectrum(samples, spec, (t, re, im) => {
    for (let k = 0; k < values.length; k++) {
      const square = re[k]! * re[k]! + im[k]! * im[k]!;
      values[k] = spec.power === 2 ? square : Math.sqrt(square);
    }
    for (let m = 0; m < filters.length; m++) {
      const { start, weights } = filters[m]!;
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i]! * values[start + i]!;
      const decibels = factor * Math.log10(Math.max(sum, spec.amin));
      out[m * nFrames + t] = Number.isFinite(sum) ? decibels : Number.NaN;
    }
  });
  return out;
}

/** Each filter's stretch of non-zero weights. */
export function sparseFilters(spec: LogMelSpec): { start: number; weights: Float32Array }[] {
  const bank = melFilterBank(spec);
  return Array.from({ length: bank.nMels }, (_, m) => {
    const row = bank.weights.subarray(m * bank.nBins, (m + 1) * bank.nBins);
    const start = row.findIndex((w) => w !== 0);
    if (start < 0) return { start: 0, weights: new Float32Array(0) };
    return { start, weights: row.slice(start, row.findLastIndex((w) => w !== 0) + 1) };
  });
}
