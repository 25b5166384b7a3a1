/**
 * @file How a recording is cut into windows, as data, and what follows from it by arithmetic alone: how many there are
 * and where they lie. Training, classification, embedders and model files all cut by this description.
 */
import { ParameterError } from '../core/errors.ts';

/**
 * What becomes of a recording that is shorter than a window: followed by zeros (`zero`), repeated from its start up to the
 * window's end (`repeat`), as many whole copies as fit and then zeros (`copies`), or left as it is: because nothing fills it
 * (`none`), or because the network is told how much of its window is sound (`mask`).
 */
export type Filling = 'zero' | 'repeat' | 'copies' | 'none' | 'mask';

/** Everything that decides where windows lie and what fills them. Kept in indexes, in caches and (as a pipeline) in models. */
export interface Windowing {
  /** Samples in a window, ≥ 1. */
  readonly samples: number;
  /** Samples from one window to the next, ≥ 1. */
  readonly hopSamples: number;
  /** The same in seconds, as asked for: timestamps are multiples of it. */
  readonly hopSeconds: number;
  /** Zeros in front of the recording. Half a window puts the middle of the first one at the recording's start. */
  readonly leading: number;
  /**
   * How the last samples get into a window: with `zeros` behind the recording, by moving the last window `back` to end with
   * it, or in a last window that is `short`er than the others, as a recording shorter than a window then is too.
   */
  readonly end: 'zeros' | 'back' | 'short';
  readonly pad: Filling;
  /**
   * Samples by which a recording may reach beyond a window without getting another one for them; they are not heard.
   * Absent: 0. Never more than a hop less one sample.
   */
  readonly tolerance?: number;
}

/**
 * The share of a window that new pipelines tolerate: a lossy codec's 5.001 s of a clip of 5 s are one window, not two that
 * lie 22 samples apart. Models and indexes made before there was a tolerance carry none and cut as they did.
 */
export const usualTolerance = 0.005;

/** Windows as training and models cut them. */
export interface WindowChoices {
  /** Hertz. */
  readonly sampleRate: number;
  /** Samples in a window. */
  readonly samples: number;
  /** Share of a window that the next one repeats, in [0, 1). */
  readonly overlap: number;
  readonly pad: Filling;
  /** Share of a window, see {@link usualTolerance}; absent: 0. */
  readonly tolerance?: number;
}

/**
 * The windowing of training and of models: no leading zeros, the last window moved back to end with the recording.
 * @throws {ParameterError} for a length below one sample, or an overlap or tolerance outside [0, 1)
 */
export function overlappingWindows(choices: WindowChoices): Windowing {
  const { sampleRate, samples, overlap, pad, tolerance = 0 } = choices;
  if (!Number.isInteger(samples) || samples < 1)
    throw new ParameterError(`A window needs a whole number of samples ≥ 1, got ${samples}.`);
  if (!(overlap >= 0 && overlap < 1))
    throw new ParameterError(`The overlap must lie in [0, 1), got ${overlap}.`);
  if (!(tolerance >= 0 && tolerance < 1))
    throw new ParameterError(`The tolerance must lie in [0, 1), got ${tolerance}.`);
  const hopSamples = Math.max(1, Math.round(samples * (1 - overlap)));
  return {
    ...{ samples, hopSamples, hopSeconds: hopSamples / sampleRate },
    ...{ leading: 0, end: 'back', pad },
    ...(tolerance > 0 ? { tolerance: Math.floor(samples * tolerance) } : {}),
  };
}

/** What a user may set of a windowing. */
export interface WindowingChoices {
  readonly hopSeconds?: number;
  /** Whether timestamps are the windows' middles, from 0 on, rather than their starts. */
  readonly center?: boolean;
}

/**
 * A windowing with some choices put in. The hop becomes ⌊seconds · rate⌋ samples, as in the openl3 package.
 * @throws {ParameterError} for a hop shorter than a sample
 */
export function chooseWindowing(usual: Windowing, sampleRate: number, choices: WindowingChoices): Windowing {
  const { hopSeconds = usual.hopSeconds, center } = choices;
  const hopSamples =
    choices.hopSeconds === undefined ? usual.hopSamples : Math.floor(hopSeconds * sampleRate + 1e-6);
  if (!(hopSamples >= 1 && Number.isFinite(hopSamples))) {
    throw new ParameterError(
      `The hop must last at least one sample (${1 / sampleRate} s at ${sampleRate} Hz), got ${hopSeconds} s.`,
    );
  }
  const leading = center === undefined ? usual.leading : center ? Math.floor(usual.samples / 2) : 0;
  return { ...usual, hopSamples, hopSeconds, leading };
}

/** Windows that a recording of `n` samples gives; at least one. @param n number of samples, ≥ 1 */
export function windowCount(n: number, windowing: Windowing): number {
  const { samples, hopSamples, leading, tolerance = 0 } = windowing;
  const beyond = n + leading - samples - Math.min(tolerance, hopSamples - 1);
  return 1 + Math.ceil(Math.max(0, beyond) / hopSamples);
}

/** First sample of window `i` of a recording of `n` samples; negative where zeros lead. */
export function windowStart(i: number, n: number, windowing: Windowing): number {
  const { samples, hopSamples, leading, end } = windowing;
  const start = i * hopSamples;
  return (end === 'back' ? Math.min(start, Math.max(0, n + leading - samples)) : start) - leading;
}

/**
 * A time in seconds for every window: its start in the recording, or its middle where half a window of zeros leads.
 * Multiples of the hop, but for a last window that was moved back.
 */
export function windowTimes(n: number, windowing: Windowing, sampleRate: number): Float64Array {
  const { hopSamples, hopSeconds, leading } = windowing;
  return Float64Array.from({ length: windowCount(n, windowing) }, (_, i) => {
    const start = windowStart(i, n, windowing) + leading;
    return start === i * hopSamples ? i * hopSeconds : start / sampleRate;
  });
}
