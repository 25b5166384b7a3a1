/**
 * @file Spectral contrast (Jiang et al. 2002): how far the peaks of an octave band stand above its valleys. Formula
 * as in librosa 0.10 `feature.spectral_contrast` (linear=False).
 */
import { ParameterError } from '../core/errors.ts';
import { powerToDb } from './decibels.ts';
import { binFrequencies } from './spectral.ts';
import type { Spectrogram } from './stft.ts';

export interface SpectralContrast {
  /** Decibels, shape [nBands + 1, nFrames], row-major; the first row is the band below fMin. */
  readonly data: Float32Array;
  readonly nBands: number;
  readonly nFrames: number;
}

/**
 * Difference in decibels between the mean of the largest and of the smallest `quantile` of each band's magnitudes;
 * both are floored 80 dB below their own maximum, as librosa does.
 * @param options.fMin upper edge of the first band in Hz, > 0, default 200; each further band is an octave
 * @param options.nBands octaves above fMin, ≥ 1, default 6
 * @param options.quantile in (0, 1), default 0.02 (always at least one bin)
 * @throws {ParameterError} when a band starts at or above the Nyquist frequency, or holds no two bins
 */
export function spectralContrast(
  magnitudes: Spectrogram,
  options: { sampleRate: number; fMin?: number; nBands?: number; quantile?: number },
): SpectralContrast {
  const { sampleRate, fMin = 200, nBands = 6, quantile = 0.02 } = options;
  if (!(fMin > 0)) throw new ParameterError(`fMin must be > 0 Hz, got ${fMin}.`);
  if (!Number.isInteger(nBands) || nBands < 1) {
    throw new ParameterError(`nBands must be an integer ≥ 1, got ${nBands}.`);
  }
  if (!(quantile > 0 && quantile < 1)) {
    throw new ParameterError(`quantile must be between 0 and 1, got ${quantile}.`);
  }
  const highest = fMin * 2 ** (nBands - 1);
  if (highest >= sampleRate / 2) {
    throw new ParameterError(
      `The highest band starts at ${highest} Hz, not below the Nyquist frequency of ${sampleRate / 2} Hz.`,
      { hint: 'Reduce fMin or nBands.' },
    );
  }
  const frequencies = binFrequencies(magnitudes, sampleRate);
  const { data, nFrames, nBins } = magnitudes;
  const peaks = new Float32Array((nBands + 1) * nFrames);
  const valleys = new Float32Array((nBands + 1) * nFrames);
  for (let band = 0; band <= nBands; band++) {
    const low = band === 0 ? 0 : fMin * 2 ** (band - 1);
    const high = fMin * 2 ** band;
    const [first, last, counted] = bandBins(frequencies, { low, high, band, nBands, nBins });
    const take = Math.max(roundHalfEven(quantile * counted), 1);
    const values = new Float64Array(last - first + 1);
    for (let t = 0; t < nFrames; t++) {
      for (let k = first; k <= last; k++) values[k - first] = data[k * nFrames + t];
      values.sort();
      valleys[band * nFrames + t] = mean(values.subarray(0, take));
      peaks[band * nFrames + t] = mean(values.subarray(Math.max(values.length - take, 0)));
    }
  }
  const peakDb = powerToDb(peaks);
  const valleyDb = powerToDb(valleys);
  return { data: peakDb.map((v, i) => v - valleyDb[i]), nBands, nFrames };
}

/** First and last bin of a band, and the number of bins that the quantile counts. */
function bandBins(
  frequencies: Float64Array,
  at: { low: number; high: number; band: number; nBands: number; nBins: number },
): [first: number, last: number, counted: number] {
  let first = frequencies.findIndex((f) => f >= at.low);
  let last = frequencies.findLastIndex((f) => f <= at.high);
  if (first <= last && first >= 0) {
    // librosa lets a band begin one bin below its edge, the last one run to the end, the others drop their top bin
    // (it counts for the quantile all the same).
    if (at.band > 0) first--;
    if (at.band === at.nBands) last = at.nBins - 1;
    const counted = last - first + 1;
    if (at.band < at.nBands) last--;
    if (last >= first) return [first, last, counted];
  }
  throw new ParameterError(
    `The band from ${at.low} to ${at.high} Hz holds too few bins: they are ${frequencies[1]} Hz apart.`,
    { hint: 'Use a larger nFft, or a larger fMin.' },
  );
}

/** Rounds halves to even, as numpy's rint does. */
function roundHalfEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function mean(values: Float64Array): number {
  let sum = 0;
  for (const v of values) sum += v;
  return sum / values.length;
}
