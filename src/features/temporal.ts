/** @file Features taken from the waveform itself, frame by frame: as in librosa 0.10, shape [nFrames]. */
import { ParameterError } from '../core/errors.ts';
import { type PadMode, readPadded } from './padding.ts';
import { frameCount } from './stft.ts';

export interface FrameOptions {
  /** Samples in a frame, ≥ 1. Default 2048. */
  frameLength?: number;
  /** Samples between frames, ≥ 1. Default floor(frameLength / 4). */
  hopLength?: number;
  /** True (default): frames are centred on t·hopLength, the signal padded by floor(frameLength / 2) on each side. */
  center?: boolean;
}

function perFrame(
  samples: Float32Array,
  options: FrameOptions & { padMode: PadMode },
  measure: (frame: Float64Array) => number,
): Float32Array {
  const { frameLength = 2048, center = true, padMode } = options;
  const hopLength = options.hopLength ?? Math.max(1, frameLength >> 2);
  for (const [name, value] of Object.entries({ frameLength, hopLength })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ParameterError(`${name} must be an integer ≥ 1, got ${value}.`);
    }
  }
  const nFrames = frameCount(samples.length, { nFft: frameLength, hopLength, center });
  const frame = new Float64Array(frameLength);
  const before = center ? frameLength >> 1 : 0;
  return Float32Array.from({ length: nFrames }, (_, t) => {
    readPadded(frame, 0, samples, t * hopLength - before, frameLength, padMode);
    return measure(frame);
  });
}

/**
 * Share of neighbouring samples between which the sign changes, in [0, 1]; a zero counts as positive.
 * Padding repeats the edge sample, which adds no crossing.
 * @param options.threshold samples up to this magnitude count as zero, ≥ 0, default 1e-10
 * @throws {ParameterError} for an empty signal or options out of range
 */
export function zeroCrossingRate(
  samples: Float32Array,
  options: FrameOptions & { threshold?: number } = {},
): Float32Array {
  const { threshold = 1e-10 } = options;
  if (!(threshold >= 0)) throw new ParameterError(`threshold must be ≥ 0, got ${threshold}.`);
  return perFrame(samples, { ...options, padMode: 'edge' }, (frame) => {
    let crossings = 0;
    for (let i = 1; i < frame.length; i++) {
      if (frame[i - 1] < -threshold !== frame[i] < -threshold) crossings++;
    }
    return crossings / frame.length;
  });
}

/**
 * Root of the mean square of each frame; padding is zeros.
 * @throws {ParameterError} for an empty signal or options out of range
 */
export function rms(samples: Float32Array, options: FrameOptions = {}): Float32Array {
  return perFrame(samples, { ...options, padMode: 'constant' }, (frame) => {
    let squares = 0;
    for (const v of frame) squares += v * v;
    return Math.sqrt(squares / frame.length);
  });
}
