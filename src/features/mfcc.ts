/** @file Mel-frequency cepstral coefficients, as in librosa 0.10 `feature.mfcc` with its default DCT. */
import { ParameterError } from '../core/errors.ts';
import { logMel } from './logMel.ts';
import { type LogMel, type LogMelSpec, logMelSpec } from './logMelSpec.ts';

export interface Mfcc {
  /** Shape [nMfcc, nFrames], row-major. */
  readonly data: Float32Array;
  readonly nMfcc: number;
  readonly nFrames: number;
}

export interface MfccOptions extends Partial<LogMelSpec> {
  sampleRate: number;
  /** Coefficients kept, 1 … nMels. Default 20. */
  nMfcc?: number;
  /** Sine lifter: coefficient n (from 1) is scaled by 1 + (lifter/2)·sin(πn/lifter). 0 (default): none. */
  lifter?: number;
}

/**
 * MFCC: orthonormal DCT-II of the log-mel decibels (topDb 80 unless set otherwise).
 * @throws {ParameterError} for an empty signal or options out of range
 * @example
 * const { data } = mfcc(samples, { sampleRate: 22050, nMfcc: 20 });
 */
export function mfcc(samples: Float32Array, options: MfccOptions): Mfcc {
  return mfccOf(logMel(samples, logMelSpec(options)), options);
}

/** MFCC of log-mel decibels computed before. */
export function mfccOf(source: LogMel, options: { nMfcc?: number; lifter?: number } = {}): Mfcc {
  const { nMels, nFrames } = source;
  const { nMfcc = 20, lifter = 0 } = options;
  if (!Number.isInteger(nMfcc) || nMfcc < 1 || nMfcc > nMels) {
    throw new ParameterError(`nMfcc must be an integer from 1 to nMels (${nMels}), got ${nMfcc}.`);
  }
  if (!(lifter >= 0)) throw new ParameterError(`lifter must be ≥ 0, got ${lifter}.`);
  const data = new Float32Array(nMfcc * nFrames);
  const row = new Float64Array(nFrames);
  for (let k = 0; k < nMfcc; k++) {
    row.fill(0);
    const lift = lifter > 0 ? 1 + (lifter / 2) * Math.sin((Math.PI * (k + 1)) / lifter) : 1;
    const weights = dctWeights(k, nMels);
    for (let m = 0; m < nMels; m++) {
      const weight = lift * weights[m];
      const at = m * nFrames;
      for (let t = 0; t < nFrames; t++) row[t] += weight * source.data[at + t];
    }
    data.set(row, k * nFrames);
  }
  return { data, nMfcc, nFrames };
}

/** Row k of the orthonormal DCT-II of n points. */
export function dctWeights(k: number, n: number): Float64Array {
  const scale = Math.sqrt((k === 0 ? 1 : 2) / n);
  return Float64Array.from({ length: n }, (_, m) => scale * Math.cos((Math.PI * k * (m + 0.5)) / n));
}
