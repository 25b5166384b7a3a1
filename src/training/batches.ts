/**
 * @file Batches: which clips, in which order, augmented how. Everything random is drawn from streams named after
 * seed, epoch and batch, so a resumed run makes the very batches that the uninterrupted one would have made.
 */
import { float32, ParameterError, Random, type Tensor } from '../core/index.ts';
import type { Augmentation } from './augment/augmentation.ts';
import { type Picture, rollTime, shiftLevel, specAugment } from './augment/spectrogram.ts';
import { addNoise, randomGain, soundLength, timeShift } from './augment/waveform.ts';
import { hardLabel, type SoftLabel, type TargetOptions, targetMatrix } from './targets.ts';

/** A clip as training sees it: its windows' pictures, and its class. */
export interface TrainingClip {
  /** The front end's pictures, row-major [nMels, nFrames], one per window. */
  readonly windows: readonly Float32Array[];
  readonly label: number;
  /** Frames of each window that are the clip's own, from the first on; default all. */
  readonly ownFrames?: number;
  /** The windows' samples; needed only where waveforms are augmented. */
  readonly waveforms?: readonly Float32Array[];
}

export interface BatchOptions {
  readonly nMels: number;
  readonly nFrames: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly augmentation: Augmentation;
  readonly targets: TargetOptions;
  /** The front end, for augmentation of waveforms. */
  readonly frontEnd?: (samples: Float32Array) => Float32Array;
}

export interface Batch {
  readonly x: Tensor<'float32'>;
  /** Frames of each picture that are the clip's own, [N]; of a mixture, those of the longer one. */
  readonly ownFrames: Tensor<'float32'>;
  readonly targets: Tensor<'float32'>;
}

/** The batch size in use: never more than there are clips. */
export function effectiveBatchSize(batchSize: number, clips: number): number {
  return Math.min(batchSize, clips);
}

/** Batches in an epoch: all clips, the last batch filled up from the front of the epoch's order. */
export function batchesPerEpoch(clips: number, batchSize: number): number {
  return Math.ceil(clips / effectiveBatchSize(batchSize, clips));
}

/** The clips of every batch of an epoch, as indices. Each clip comes at least once. */
export function epochOrder(clips: number, batchSize: number, seed: number, epoch: number): number[][] {
  const order = new Random(`${seed}/epoch ${epoch}/order`).shuffle(
    Array.from({ length: clips }, (_, i) => i),
  );
  const size = effectiveBatchSize(batchSize, clips);
  return Array.from({ length: batchesPerEpoch(clips, batchSize) }, (_, b) =>
    Array.from({ length: size }, (_, i) => order[(b * size + i) % clips]),
  );
}

/** Makes one batch. */
export function makeBatch(
  clips: readonly TrainingClip[],
  indices: readonly number[],
  options: BatchOptions,
  epoch: number,
  batch: number,
): Batch {
  const { nMels, nFrames } = options;
  const size = nMels * nFrames;
  const random = new Random(`${options.seed}/epoch ${epoch}/batch ${batch}`);
  const data = new Float32Array(indices.length * size);
  const frames = new Float32Array(indices.length);
  const labels: SoftLabel[] = [];
  indices.forEach((index, i) => {
    const clip = clips[index];
    const picture = data.subarray(i * size, (i + 1) * size);
    picture.set(augmented(clip, options, random));
    frames[i] = clip.ownFrames ?? nFrames;
    labels.push(hardLabel(clip.label));
  });
  if (options.augmentation.mixup > 0) mixup(data, size, labels, frames, options.augmentation.mixup, random);
  return {
    x: float32([indices.length, 1, nMels, nFrames], data),
    ownFrames: float32([indices.length], frames),
    targets: float32([indices.length, options.targets.classes], targetMatrix(labels, options.targets)),
  };
}

/** One window of the clip, augmented; a fresh array or the clip's own if nothing changed it. */
function augmented(clip: TrainingClip, options: BatchOptions, random: Random): Float32Array {
  const a = options.augmentation;
  const window = clip.windows.length === 1 ? 0 : random.integer(clip.windows.length);
  let data: Float32Array;
  const noisy = a.noiseSnr !== null && random.uniform() < a.noiseProbability;
  if (noisy || (a.gain > 0 && a.gainOn === 'waveform')) {
    const samples = clip.waveforms?.[window];
    if (samples === undefined || options.frontEnd === undefined) {
      throw new ParameterError(
        'Noise and changes of level are made in waveforms, which were not kept with the features.',
      );
    }
    let changed = a.timeShift > 0 ? timeShift(samples, a.timeShift, random) : samples;
    if (a.gain > 0) changed = randomGain(changed, a.gain, random);
    if (noisy) changed = addNoise(changed, random.uniform(...a.noiseSnr!), random, soundLength(samples));
    data = options.frontEnd(changed);
  } else {
    data = clip.windows[window].slice();
    const picture = pictureOf(data, clip, options);
    if (a.timeShift > 0) rollTime(picture, a.timeShift, random);
    if (a.gain > 0) shiftLevel(picture, a.gain, random);
  }
  if (a.specAugment !== null) {
    specAugment(pictureOf(data, clip, options), a.specAugment, random);
  }
  return data;
}

function pictureOf(data: Float32Array, clip: TrainingClip, { nMels, nFrames }: BatchOptions): Picture {
  return { data, nMels, nFrames, ownFrames: clip.ownFrames ?? nFrames };
}

/** mixup (Zhang et al. 2018): each clip blended with another of the batch, shares drawn per clip from Beta(α, α). */
function mixup(
  data: Float32Array,
  size: number,
  labels: SoftLabel[],
  frames: Float32Array,
  alpha: number,
  random: Random,
): void {
  const partners = random.shuffle(labels.map((_, i) => i));
  const original = data.slice();
  const before = labels.map((label) => label.label);
  const lengths = frames.slice();
  partners.forEach((j, i) => {
    const drawn = random.beta(alpha, alpha);
    // The larger share stays with the clip itself, so a row keeps a main class.
    const share = Math.max(drawn, 1 - drawn);
    if (i === j) return;
    for (let k = 0; k < size; k++) {
      data[i * size + k] = share * original[i * size + k] + (1 - share) * original[j * size + k];
    }
    frames[i] = Math.max(lengths[i], lengths[j]);
    labels[i] = { label: before[i], other: before[j], share };
  });
}
