/** @file A window's picture under a front end of the L3 family, computed with the fast kernel. */
import { kernelFor } from '../logMel.ts';
import type { LogMel } from '../logMelSpec.ts';
import { readPadded } from '../padding.ts';
import { type L3Spec, l3Bands, l3Definition, l3DynamicRange, l3Frames } from './openl3Spec.ts';

/**
 * 10·log10 of the window's amplitudes (in mel bands or bins), less the window's largest, at least −80. Transformed in
 * float64. A window of zeros gives zeros.
 * @param samples one window: 48,000 samples at 48 kHz, for EdgeL3-SEA 8,000 at 8 kHz; full scale ±1. A sample that is
 *   not finite makes everything NaN, as the window's largest value is then not known
 * @returns data of shape [bands, nFrames], row-major, values from −80 to 0
 * @throws {ParameterError} for any other number of samples
 */
export function l3Picture(samples: Float32Array, spec: L3Spec): LogMel {
  const nFrames = l3Frames(samples.length, spec);
  const definition = l3Definition(spec.kind);
  const { before, after, mode } = definition.padding;
  let padded = samples;
  if (before + after > 0) {
    padded = new Float32Array(before + samples.length + after);
    readPadded(padded, 0, samples, -before, padded.length, mode);
  }
  const data = kernelFor(spec.kind, () => l3Bands(definition))(padded);
  relativeToLargest(data);
  return { data, nMels: spec.nMels, nFrames };
}

/** Halves decibels (see {@link l3Bands}), subtracts the largest and floors, in place. */
function relativeToLargest(decibels: Float32Array): void {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < decibels.length; i++) {
    const value = decibels[i];
    if (Number.isNaN(value)) {
      decibels.fill(Number.NaN);
      return;
    }
    if (value > largest) largest = value;
  }
  for (let i = 0; i < decibels.length; i++) {
    decibels[i] = Math.max(0.5 * (decibels[i] - largest), -l3DynamicRange);
  }
}
