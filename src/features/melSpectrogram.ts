/** @file Mel spectrogram: energies (or magnitudes) in mel bands, not yet in decibels. */
import { ParameterError } from '../core/errors.ts';
import { type MelFilterBankOptions, melFilterBank } from './mel.ts';
import { type Spectrogram, type StftOptions, spectrogram } from './stft.ts';

export interface MelSpectrogram {
  /** Shape [nMels, nFrames], row-major, ≥ 0. */
  readonly data: Float32Array;
  readonly nMels: number;
  readonly nFrames: number;
}

/** Options of the transform and of the filters; power 2 (default) or 1, or any number > 0. */
export type MelSpectrogramOptions = StftOptions &
  Omit<MelFilterBankOptions, 'nFft'> & { nFft?: number; power?: number };

/**
 * Mel filters times |STFT|^power. For decibels, {@link logMel} is ten times faster.
 * @throws {ParameterError} for an empty signal or options out of range
 * @example
 * const mel = melSpectrogram(samples, { sampleRate: 22050, nMels: 64 });
 * const decibels = powerToDb(mel.data, { ref: 'max' });
 */
export function melSpectrogram(samples: Float32Array, options: MelSpectrogramOptions): MelSpectrogram {
  return applyMelFilters(spectrogram(samples, options), options);
}

/**
 * Mel filters applied to a spectrogram computed before.
 * @throws {ParameterError} if options.nFft is given and differs from the spectrogram's
 */
export function applyMelFilters(
  source: Spectrogram,
  options: Omit<MelFilterBankOptions, 'nFft'> & { nFft?: number },
): MelSpectrogram {
  if (options.nFft !== undefined && options.nFft !== source.nFft) {
    throw new ParameterError(
      `The spectrogram was made with nFft ${source.nFft}, the filters are asked for nFft ${options.nFft}.`,
    );
  }
  const { weights, nMels, nBins } = melFilterBank({ ...options, nFft: source.nFft });
  const { data, nFrames } = applyFilterBank(source, { weights, rows: nMels, nBins });
  return { data, nMels, nFrames };
}

/** Filters over the bins of a spectrogram: `weights` has shape [rows, nBins], row-major. */
export interface FilterBank {
  readonly weights: Float32Array;
  readonly rows: number;
  readonly nBins: number;
}

/**
 * Any filters applied to a spectrogram computed before; summed in float64.
 * @returns data of shape [rows, nFrames], row-major
 * @throws {ParameterError} for filters of another number of bins
 */
export function applyFilterBank(
  source: Spectrogram,
  { weights, rows, nBins }: FilterBank,
): { data: Float32Array; rows: number; nFrames: number } {
  if (nBins !== source.nBins) {
    throw new ParameterError(
      `The filters take spectra of ${nBins} bins; the spectrogram has ${source.nBins}.`,
    );
  }
  const { nFrames } = source;
  const data = new Float32Array(rows * nFrames);
  const row = new Float64Array(nFrames);
  for (let m = 0; m < rows; m++) {
    row.fill(0);
    for (let k = 0; k < nBins; k++) {
      const weight = weights[m * nBins + k];
      if (weight === 0) continue;
      for (let t = 0; t < nFrames; t++) row[t] += weight * source.data[k * nFrames + t];
    }
    data.set(row, m * nFrames);
  }
  return { data, rows, nFrames };
}
