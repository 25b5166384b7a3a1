/** @file Onset strength: the spectral flux of log-mel decibels, as in librosa 0.10 `onset.onset_strength`. */
import { ParameterError } from '../core/errors.ts';
import { logMel } from './logMel.ts';
import { type LogMel, type LogMelSpec, logMelSpec } from './logMelSpec.ts';

export interface OnsetStrengthOptions extends Partial<LogMelSpec> {
  sampleRate: number;
  /** Frames between those compared, ≥ 1. Default 1. */
  lag?: number;
}

/**
 * Mean over mel bands of the rise in decibels since `lag` frames before; falls count as 0. The result is delayed
 * by floor(nFft / (2·hopLength)) frames when centred, so that a peak lies at its onset, and starts with zeros.
 * @returns shape [nFrames], ≥ 0
 * @throws {ParameterError} for an empty signal or options out of range
 */
export function onsetStrength(samples: Float32Array, options: OnsetStrengthOptions): Float32Array {
  const spec = logMelSpec(options);
  const shift = spec.center ? Math.floor(spec.nFft / (2 * spec.hopLength)) : 0;
  return fluxOf(logMel(samples, spec), options.lag ?? 1, shift);
}

function fluxOf({ data, nMels, nFrames }: LogMel, lag: number, shift: number): Float32Array {
  if (!Number.isInteger(lag) || lag < 1) throw new ParameterError(`lag must be an integer ≥ 1, got ${lag}.`);
  const out = new Float32Array(nFrames);
  for (let t = lag; t + shift < nFrames; t++) {
    let sum = 0;
    for (let m = 0; m < nMels; m++) sum += Math.max(0, data[m * nFrames + t] - data[m * nFrames + t - lag]);
    out[t + shift] = sum / nMels;
  }
  return out;
}
