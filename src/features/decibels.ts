/** @file Decibels, as in librosa 0.10 `power_to_db` and `amplitude_to_db`. */
import { ParameterError } from '../core/errors.ts';

export interface DecibelOptions {
  /** The value that becomes 0 dB: a number > 0, or `max` for the largest value present. Default 1. */
  ref?: number | 'max';
  /** Values below are raised to it before the logarithm, > 0. Default 1e-10 (power), 1e-5 (amplitude). */
  amin?: number;
  /** Floor at (largest decibel − topDb), ≥ 0; null for none. Default 80. */
  topDb?: number | null;
}

/**
 * 10·log10(max(power, amin)) − 10·log10(max(ref, amin)), floored at topDb below its maximum.
 * @param power any shape, ≥ 0; what is below 0 is as nothing and is raised to amin
 * @throws {ParameterError} for amin ≤ 0, topDb < 0 or ref ≤ 0
 */
export function powerToDb(power: Float32Array, options: DecibelOptions = {}): Float32Array {
  return toDecibels(power, (v) => v, 10, options.amin ?? 1e-10, options);
}

/**
 * 20·log10(max(|amplitude|, amin)) − 20·log10(max(ref, amin)), floored at topDb below its maximum.
 * @param amplitude any shape
 * @throws {ParameterError} for amin ≤ 0, topDb < 0 or ref ≤ 0
 */
export function amplitudeToDb(amplitude: Float32Array, options: DecibelOptions = {}): Float32Array {
  return toDecibels(amplitude, Math.abs, 20, options.amin ?? 1e-5, options);
}

function toDecibels(
  values: Float32Array,
  magnitude: (value: number) => number,
  factor: number,
  amin: number,
  options: DecibelOptions,
): Float32Array {
  const { ref = 1, topDb = 80 } = options;
  if (!(amin > 0)) throw new ParameterError(`amin must be > 0, got ${amin}.`);
  if (topDb !== null && !(topDb >= 0)) throw new ParameterError(`topDb must be ≥ 0 or null, got ${topDb}.`);
  if (ref !== 'max' && !(ref > 0)) throw new ParameterError(`ref must be > 0 or 'max', got ${ref}.`);
  let largest = 0;
  for (const v of values) largest = Math.max(largest, magnitude(v));
  const reference = factor * Math.log10(Math.max(ref === 'max' ? largest : ref, amin));
  // The maximum of the decibels is the decibel of the maximum, so one pass suffices.
  const ceiling = factor * Math.log10(Math.max(largest, amin)) - reference;
  const floor = topDb === null ? Number.NEGATIVE_INFINITY : ceiling - topDb;
  const out = new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    out[i] = Math.max(factor * Math.log10(Math.max(magnitude(values[i]), amin)) - reference, floor);
  }
  return out;
}
