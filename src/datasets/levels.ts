/** @file How loud a signal is, and whether there is anything in it. */

/** A signal whose excursion from its mean stays below this (−80 dB of full scale) counts as silent. */
export const silencePeak = 1e-4;

/** A mean beyond this share of full scale (−40 dB) counts as a DC offset. */
export const notableDcOffset = 0.01;

export interface Levels {
  /** Mean of the samples; 1 is full scale. */
  readonly dcOffset: number;
  /** Largest excursion from the mean. */
  readonly peak: number;
  /** Root mean square about the mean. */
  readonly rms: number;
}

/** Levels of mono samples; all 0 for none. */
export function measureLevels(samples: Float32Array): Levels {
  const n = samples.length;
  if (n === 0) return { dcOffset: 0, peak: 0, rms: 0 };
  let sum = 0;
  for (let i = 0; i < n; i++) sum += samples[i]!;
  const mean = sum / n;
  let peak = 0;
  let squares = 0;
  for (let i = 0; i < n; i++) {
    const x = samples[i]! - mean;
    squares += x * x;
    const size = Math.abs(x);
    if (size > peak) peak = size;
  }
  return { dcOffset: mean, peak, rms: Math.sqrt(squares / n) };
}

/** True if nothing but (perhaps) a constant is in it. */
export function isSilent(levels: Levels): boolean {
  return !(levels.peak > silencePeak);
}
