/** @file Which augmentations a run uses, and how strong. */

export interface Augmentation {
  /** Largest rotation in time, as a fraction of the window; 0 for none. */
  readonly timeShift: number;
  /** Largest change of level in dB, either way; 0 for none. */
  readonly gain: number;
  /** Where the level is changed: in the picture (default), right for decibels alone, or in the waveform. */
  readonly gainOn?: 'picture' | 'waveform';
  /** Signal-to-noise ratios in dB between which white noise is added; null for none. Features are then recomputed. */
  readonly noiseSnr: readonly [number, number] | null;
  /** Share of clips that get noise. */
  readonly noiseProbability: number;
  readonly specAugment: {
    readonly frequencyMasks: number;
    readonly frequencyWidth: number;
    readonly timeMasks: number;
    readonly timeWidth: number;
  } | null;
  /** α of the Beta distribution that mixup draws its shares from; 0 for none. */
  readonly mixup: number;
}

export const noAugmentation: Augmentation = {
  timeShift: 0,
  gain: 0,
  noiseSnr: null,
  noiseProbability: 0,
  specAugment: null,
  mixup: 0,
};

/** Whether clips stay as they are in every epoch. */
export function changesNothing(a: Augmentation): boolean {
  return a.timeShift === 0 && a.gain === 0 && a.noiseSnr === null && a.specAugment === null && a.mixup === 0;
}

/** Whether the clips' waveforms must be kept for it. */
export function needsWaveforms(a: Augmentation): boolean {
  return a.noiseSnr !== null || (a.gain > 0 && a.gainOn === 'waveform');
}
