/** @file YAMNet's log-mel spectrogram of a waveform, computed in float64. */
import { realFft } from '../fft.ts';
import type { LogMel } from '../logMelSpec.ts';
import { windowFunction } from '../window.ts';
import {
  yamnetBands,
  yamnetFrame,
  yamnetFrames,
  yamnetLogOffset,
  yamnetMelFilters,
  yamnetSpec,
} from './yamnetSpec.ts';

/** What does not depend on the signal; made at the first call. */
let tables: ReturnType<typeof makeTables> | undefined;

function makeTables() {
  const { nFft, winLength } = yamnetFrame;
  const fft = realFft(nFft);
  return {
    fft,
    window: windowFunction('hann', winLength),
    filters: yamnetMelFilters().map((row) => {
      const start = row.findIndex((w) => w !== 0);
      return { start, weights: row.slice(start, row.findLastIndex((w) => w !== 0) + 1) };
    }),
    frame: new Float64Array(nFft),
    re: new Float64Array(fft.nBins),
    im: new Float64Array(fft.nBins),
    magnitude: new Float64Array(fft.nBins),
  };
}

/**
 * ln(mel magnitude + 0.001) of a mono waveform at 16 kHz, frames of 25 ms every 10 ms, none of them padded. A signal
 * shorter than a patch (15,600 samples) is followed by zeros.
 * @param samples shape [n], n ≥ 1, full scale ±1; a sample that is not finite makes its frames NaN
 * @returns data of shape [64, nFrames], row-major, nFrames ≥ 96
 * @throws {ParameterError} for an empty signal
 */
export function yamnetLogMel(samples: Float32Array): LogMel {
  const nFrames = yamnetFrames(samples.length);
  tables ??= makeTables();
  const { fft, window, filters, frame, re, im, magnitude } = tables;
  const { nMels } = yamnetBands;
  const data = new Float32Array(nMels * nFrames);
  for (let t = 0; t < nFrames; t++) {
    const from = t * yamnetFrame.hopLength;
    // Beyond the window the frame stays zero.
    for (let i = 0; i < window.length; i++) frame[i] = (samples[from + i] ?? 0) * window[i];
    fft.forward(frame, re, im);
    for (let k = 0; k < magnitude.length; k++) magnitude[k] = Math.sqrt(re[k] * re[k] + im[k] * im[k]);
    for (let m = 0; m < nMels; m++) {
      const { start, weights } = filters[m];
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += weights[i] * magnitude[start + i];
      data[m * nFrames + t] = Math.log(sum + yamnetLogOffset);
    }
  }
  return { data, nMels: yamnetSpec.nMels, nFrames };
}
