/** @file Augmentation of log-mel pictures, in place on a copy of row-major [nMels, nFrames]. */
import type { Random } from '../../core/index.ts';

export interface Picture {
  readonly data: Float32Array;
  readonly nMels: number;
  readonly nFrames: number;
  /** Frames from the first on that are the recording's own, where the others are masked; default all. */
  readonly ownFrames?: number;
}

/** Rotates the recording in the picture in time by up to `fraction` of its length, either way. */
export function rollTime(p: Picture, fraction: number, random: Random): void {
  const { data, nMels, nFrames, ownFrames = nFrames } = p;
  const shift = Math.round(random.uniform(-fraction, fraction) * ownFrames);
  const start = ((shift % ownFrames) + ownFrames) % ownFrames;
  if (start === 0) return;
  const row = new Float32Array(ownFrames);
  for (let m = 0; m < nMels; m++) {
    const band = data.subarray(m * nFrames, m * nFrames + ownFrames);
    row.set(band.subarray(ownFrames - start), 0);
    row.set(band.subarray(0, ownFrames - start), start);
    band.set(row);
  }
}

/** Adds a constant drawn uniformly from ±`decibels`: on decibel features, exactly a gain of the waveform. */
export function shiftLevel(p: Picture, decibels: number, random: Random): void {
  const offset = random.uniform(-decibels, decibels);
  for (let i = 0; i < p.data.length; i++) p.data[i] += offset;
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
 * a mask is neither louder nor softer than the recording. Where the recording does not fill the picture, blocks of
 * frames lie within it and are narrower by its share.
 */
export function specAugment(p: Picture, o: SpecAugmentOptions, random: Random): void {
  const { data, nMels, nFrames, ownFrames = nFrames } = p;
  const size = nMels * ownFrames;
  let fill = 0;
  for (let m = 0; m < nMels; m++) for (let t = 0; t < ownFrames; t++) fill += data[m * nFrames + t] / size;
  const timeWidth = Math.round((Math.min(o.timeWidth, nFrames) * ownFrames) / nFrames);
  for (let k = 0; k < o.frequencyMasks; k++) {
    const width = random.integer(Math.min(o.frequencyWidth, nMels) + 1);
    const first = random.integer(nMels - width + 1);
    data.fill(fill, first * nFrames, (first + width) * nFrames);
  }
  for (let k = 0; k < o.timeMasks; k++) {
    const width = random.integer(timeWidth + 1);
    const first = random.integer(ownFrames - width + 1);
    for (let m = 0; m < nMels; m++) data.fill(fill, m * nFrames + first, m * nFrames + first + width);
  }
}
