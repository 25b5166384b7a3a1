/** @file CLAP's log-mel spectrogram of a window, computed with the fast kernel; and one window out of a recording. */
import { ParameterError } from '../../core/errors.ts';
import { Random } from '../../core/random.ts';
import { wholeCopies } from '../../windows/index.ts';
import { kernelFor } from '../logMel.ts';
import type { LogMel } from '../logMelSpec.ts';
import { type ClapSpec, clapBands, clapFrames, clapFullScale, clapWindow } from './clapSpec.ts';

/**
 * 10·log10(max(x, 1e-10)) of the mel power of a window at 48 kHz: 1,024-point frames every 480 samples, centred and
 * mirrored at the ends. A shorter signal is copied as many whole times as fit into 480,000 samples; zeros follow.
 * Transformed in float64.
 * @param samples mono, shape [n], 1 ≤ n ≤ 480,000, full scale ±1; a sample that is not finite makes its frames NaN
 * @returns data of shape [64, 1001], row-major
 * @throws {ParameterError} for no samples, or more than a window
 */
export function clapLogMel(samples: Float32Array, { kind, nMels, int16 }: ClapSpec): LogMel {
  const nFrames = clapFrames(samples.length);
  const filled = wholeCopies(int16 ? throughInt16(samples) : samples, clapWindow.samples);
  return { data: kernelFor(kind, clapBands)(filled), nMels, nFrames };
}

/** Samples as they come back from 16-bit integers, rounded towards zero and clipped at full scale. */
export function throughInt16(samples: Float32Array): Float32Array {
  return samples.map((v) => {
    // Products in float32, as numpy has them.
    const scaled = Math.fround(Math.fround(Math.min(1, Math.max(-1, v))) * clapFullScale);
    return Math.trunc(scaled) / clapFullScale;
  });
}

/** Which piece of a long recording is heard: its start, its middle, or one drawn with a seed. */
export type ClapCrop = 'start' | 'centre' | { readonly seed: number };

/**
 * One window out of a recording; a recording that is not longer comes back as it is. (The original draws the place anew
 * every time.)
 * @param samples mono at 48 kHz
 * @throws {ParameterError} for a crop that there is not
 */
export function clapCrop(samples: Float32Array, crop: ClapCrop): Float32Array {
  const start = clapCropStart(samples.length, crop);
  return samples.subarray(start, start + clapWindow.samples);
}

/** First sample of the window that {@link clapCrop} takes out of `samples` samples. @throws {ParameterError} as it does */
export function clapCropStart(samples: number, crop: ClapCrop): number {
  const spare = samples - clapWindow.samples;
  if (spare <= 0) return 0;
  if (crop === 'start') return 0;
  if (crop === 'centre') return spare >> 1;
  if (typeof crop === 'object') return new Random(`${crop.seed}/crop`).integer(spare + 1);
  throw new ParameterError(`There is no crop '${String(crop)}'; there are start, centre and a seed.`);
}
