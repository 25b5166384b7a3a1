/** @file How a recording is cut into windows for a frozen network, as data, and the cutting. */
import { ParameterError } from '../core/errors.ts';
import { wholeCopies } from '../features/index.ts';

/** Everything that decides where windows lie and what fills them. Kept in indexes and in caches. */
export interface Windowing {
  /** Samples of a window, at the front end's rate. */
  readonly samples: number;
  /** Samples from one window to the next. */
  readonly hopSamples: number;
  /** The same in seconds, as asked for: timestamps are multiples of it. */
  readonly hopSeconds: number;
  /** Zeros put before the recording. Half a window puts the middle of the first one at the recording's start. */
  readonly leading: number;
  /**
   * What makes every sample be in a window: `zeros` behind the recording, the last window moved `back` to end with it, or
   * a last window that is `short`er than the others, as a recording shorter than a window then is too.
   */
  readonly end: 'zeros' | 'back' | 'short';
  /** How a recording shorter than a window is filled. */
  readonly pad: 'zero' | 'repeat' | 'copies';
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
  if (!(hopSamples >= 1)) {
    throw new ParameterError(
      `The hop must last at least one sample (${1 / sampleRate} s at ${sampleRate} Hz), got ${hopSeconds} s.`,
    );
  }
  const leading = center === undefined ? usual.leading : center ? Math.floor(usual.samples / 2) : 0;
  return { ...usual, hopSamples, hopSeconds, leading };
}

/** Windows that a recording of `n` samples gives; at least one. @param n number of samples, ≥ 1 */
export function windowCount(n: number, { samples, hopSamples, leading }: Windowing): number {
  return 1 + Math.ceil(Math.max(0, n + leading - samples) / hopSamples);
}

/** First sample of window `i`, counted from the first leading zero. */
function windowStart(i: number, n: number, { samples, hopSamples, leading, end }: Windowing): number {
  const start = i * hopSamples;
  return end === 'back' ? Math.min(start, Math.max(0, n + leading - samples)) : start;
}

/** Samples of window `i`: less than the others where the last one is short. */
function windowLength(i: number, n: number, { samples, hopSamples, leading, end }: Windowing): number {
  return end === 'short' ? Math.min(samples, n + leading - i * hopSamples) : samples;
}

/**
 * A time in seconds for every window: its start in the recording, or its middle where half a window of zeros leads.
 * Multiples of the hop, but for a last window that was moved back.
 */
export function windowTimes(n: number, windowing: Windowing, sampleRate: number): Float64Array {
  const { hopSamples, hopSeconds } = windowing;
  return Float64Array.from({ length: windowCount(n, windowing) }, (_, i) => {
    const start = windowStart(i, n, windowing);
    return start === i * hopSamples ? i * hopSeconds : start / sampleRate;
  });
}

/** The samples [from, to) of a recording that windows `first` to `last` (exclusive) are cut from. */
export function samplesOfWindows(
  first: number,
  last: number,
  n: number,
  windowing: Windowing,
): readonly [from: number, to: number] {
  if (n + windowing.leading <= windowing.samples) return [0, n];
  const from = windowStart(first, n, windowing) - windowing.leading;
  const to = windowStart(last - 1, n, windowing) - windowing.leading + windowing.samples;
  return [Math.min(n, Math.max(0, from)), Math.min(n, Math.max(0, to))];
}

/** A stretch of a recording: `data` are its samples from `offset` on, of `total`. */
export interface Stretch {
  readonly data: Float32Array;
  readonly offset: number;
  readonly total: number;
}

/** Window `i` of a recording, cut from a stretch that holds it whole ({@link samplesOfWindows}). */
export function cutWindow({ data, offset, total }: Stretch, i: number, windowing: Windowing): Float32Array {
  const { leading, pad } = windowing;
  const samples = windowLength(i, total, windowing);
  const window = new Float32Array(samples);
  const start = windowStart(i, total, windowing) - leading - offset;
  const from = Math.max(0, start);
  const to = Math.min(data.length, start + samples);
  if (to > from) window.set(data.subarray(from, to), from - start);
  if (pad !== 'zero' && total + leading < samples) {
    if (pad === 'copies')
      window.set(wholeCopies(window.slice(leading, leading + total), samples - leading), leading);
    else for (let at = leading + total; at < samples; at++) window[at] = window[at - total]!;
  }
  return window;
}
