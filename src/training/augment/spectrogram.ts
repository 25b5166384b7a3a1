/** @file Augmentation of log-mel pictures, in place on a copy of row-major [nMels, nFrames]. */
import type { Random } from '../../core/index.ts';

export interface Picture {
  readonly data: Float32Array;
  readonly nMels: number;
  readonly nFrames: number;
}

/** Rotates the picture in time by up to `fraction` of its length, either way. */
export function rollTime(p: Picture, fraction: number, random: Random): void {
  const { data, nMels, nFrames } = p;
  const shift = Math.round(random.uniform(-fraction, fraction) * nFrames);
  const start = ((shift % nFrames) + nFrames) % nFrames;
  if (start === 0) return;
  const row = new Float32Array(nFrames);
  for (let m = 0; m < nMels; m++) {
    const band = data.subarray(m * nFrames, (m + 1) * nFrames);
    row.set(band.subarray(nFrames - start), 0);
    row.set(band.subarray(0, nFrames - start), start);
    band.set(row);
  }
}

/** Adds a constant drawn uniformly from ±`decibels`: on decibel features, exactly a gain of the waveform. */
export function shiftLevel(p: Picture, decibels: number, random: Random): void {
  const offset = random.uniform(-decibels, decibels);
  for (let i = 0; i < p.data.length; i++) p.data[i]! += offset;
}

export interface SpecAugmentOptions {
  readonly frequencyMasks: number;
  /** Widest mask, in mel bands. */
  readonly frequencyWidth: number;
  readonly timeMasks: number;
  /** Widest mask, in frames. */
  readonly timeWidth: number;
}

/**
 * SpecAugment's masking (Park et al. 2019): blocks of bands and of frames replaced by the picture's own mean, so that
 * a mask is neither louder nor softer than the recording.
 */
export function specAugment(p: Picture, o: SpecAugmentOptions, random: Random): void {
  const { data, nMels, nFrames } = p;
  let fill = 0;
  for (const value of data) fill += value / data.length;
  for (let k = 0; k < o.frequencyMasks; k++) {
    const width = random.integer(Math.min(o.frequencyWidth, nMels) + 1);
    const first = random.integer(nMels - width + 1);
    data.fill(fill, first * nFrames, (first + width) * nFrames);
  }
  for (let k = 0; k < o.timeMasks; k++) {
    const width = random.integer(Math.min(o.timeWidth, nFrames) + 1);
    const first = random.integer(nFrames - width + 1);
    for (let m = 0; m < nMels; m++) data.fill(fill, m * nFrames + first, m * nFrames + first + width);
  }
}
