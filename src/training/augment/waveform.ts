/** @file Augmentation of waveforms, before features are taken. */
import type { Random } from '../../core/index.ts';

/** Rotates the samples in time by up to `fraction` of their length, either way. */
export function timeShift(samples: Float32Array, fraction: number, random: Random): Float32Array {
  const n = samples.length;
  const shift = Math.round(random.uniform(-fraction, fraction) * n);
  const start = ((shift % n) + n) % n;
  const out = new Float32Array(n);
  out.set(samples.subarray(n - start), 0);
  out.set(samples.subarray(0, n - start), start);
  return out;
}

/** Multiplies by a gain drawn uniformly from ±`decibels`. */
export function randomGain(samples: Float32Array, decibels: number, random: Random): Float32Array {
  const factor = 10 ** (random.uniform(-decibels, decibels) / 20);
  return samples.map((x) => x * factor);
}

/** Samples of a window that are sound: without the zeros at its end that fill it up. */
export function soundLength(window: Float32Array): number {
  return window.findLastIndex((x) => x !== 0) + 1;
}

/**
 * Adds white Gaussian noise at a signal-to-noise ratio of `snr` dB; silence stays silent.
 * @param length samples that are sound ({@link soundLength}), wherever they lie: zeros that fill a window up have no part in
 *   the signal's power
 */
export function addNoise(
  samples: Float32Array,
  snr: number,
  random: Random,
  length = soundLength(samples),
): Float32Array {
  let power = 0;
  for (const x of samples) power += x * x;
  const deviation = Math.sqrt(power / Math.max(1, length) / 10 ** (snr / 10));
  return samples.map((x) => x + deviation * random.normal());
}
