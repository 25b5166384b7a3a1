/**
 * @file A recording cut into windows as the Python package openl3 does it (0.4, `core.py`): mean of channels, rate of the
 * front end, half a window of zeros before the first sample, zeros at the end, timestamps.
 */
import { type AudioData, toMono } from '../../audio/audioData.ts';
import { resample } from '../../audio/resample.ts';
import { ParameterError } from '../../core/errors.ts';
import { cutWindow, type Windowing, windowCount, windowTimes } from '../../windows/index.ts';
import { l3Picture } from './openl3Picture.ts';
import { checkL3Spec, type L3Spec, l3Definition } from './openl3Spec.ts';

export interface L3WindowOptions {
  /** Seconds from one window to the next, > 0; default 0.1. */
  readonly hopSeconds?: number;
  /** True (default): half a window of zeros goes first, so that a timestamp is the middle of its window. */
  readonly center?: boolean;
}

/** The windows of one recording. */
export interface L3Windows {
  readonly count: number;
  /** Seconds, i·hopSeconds: the middle of window i where centred, else its start. */
  readonly timestamps: Float64Array;
  /** Whole sentences: the recording is shorter than a window, or silent. */
  readonly warnings: readonly string[];
  /** Window i as samples at the front end's rate, shape [windowSamples]; a view where no zeros are in it. */
  samples(i: number): Float32Array;
  /**
   * The network's input for windows from ≤ i < to (default all), shape [to − from, bands, nFrames, 1], row-major; without
   * the last axis the same numbers are [to − from, 1, bands, nFrames].
   */
  inputs(from?: number, to?: number): Float32Array;
}

/**
 * Cuts a recording into windows: window i begins at sample i·⌊hopSeconds · rate⌋ of the (centred) signal, and there are
 * as many as it takes to cover every sample, the last filled up with zeros; at least one.
 *
 * Resampling is Earshot's own; the number of samples it leaves is that of resampy 0.2, ⌊n · rate / from⌋, so that the
 * number of windows is the package's.
 * @param audio any rate, any number of channels
 * @throws {ParameterError} for a recording without samples, a hop of less than a sample, or a spec out of range
 * @example
 * const spec = l3Spec('openl3-mel256-kapre');
 * const windows = l3Windows(await decodeAudio(bytes), spec);
 * for (let i = 0; i < windows.count; i += 32) windows.inputs(i, Math.min(i + 32, windows.count));
 */
export function l3Windows(
  audio: Pick<AudioData, 'channelData' | 'sampleRate'>,
  spec: L3Spec,
  { hopSeconds = 0.1, center = true }: L3WindowOptions = {},
): L3Windows {
  checkL3Spec(spec);
  const { sampleRate, windowSamples, nFrames } = l3Definition(spec.kind);
  const hop = Math.floor(hopSeconds * sampleRate);
  if (!(hop >= 1 && Number.isFinite(hop))) {
    throw new ParameterError(
      `The hop must last at least one sample at ${sampleRate} Hz (${1 / sampleRate} s), got ${hopSeconds} s.`,
      { hint: 'The usual hop is 0.1 s.' },
    );
  }
  const mono = toMono(audio);
  if (mono.length === 0) throw new ParameterError('The recording is empty: it has no samples.');
  const heard = atRate(mono, audio.sampleRate, sampleRate);
  const warnings: string[] = [];
  if (mono.every((v) => v === 0)) warnings.push('The recording is silent: all its samples are zero.');
  if (heard.length < windowSamples) {
    warnings.push(
      `The recording is shorter than a window (${windowSamples / sampleRate} s): zeros were added at its end.`,
    );
  }
  const windowing: Windowing = {
    ...{ samples: windowSamples, hopSamples: hop, hopSeconds },
    ...{ leading: center ? Math.floor(windowSamples / 2) : 0, end: 'zeros', pad: 'zero' },
  };
  const count = windowCount(heard.length, windowing);
  const samples = (i: number) => cutWindow(heard, i, windowing);
  return {
    count,
    timestamps: windowTimes(heard.length, windowing, sampleRate),
    warnings,
    samples,
    inputs(from = 0, to = count) {
      const size = spec.nMels * nFrames;
      const data = new Float32Array(Math.max(0, to - from) * size);
      for (let i = from; i < to; i++) data.set(l3Picture(samples(i), spec).data, (i - from) * size);
      return data;
    },
  };
}

/** As many samples as resampy 0.2 leaves, with its arithmetic. */
function atRate(mono: Float32Array, from: number, to: number): Float32Array {
  if (from === to) return mono;
  const length = Math.floor(mono.length * (to / from));
  if (length < 1) {
    throw new ParameterError(
      `A recording of ${mono.length} samples at ${from} Hz is shorter than one sample at ${to} Hz.`,
    );
  }
  return resample(mono, from, to).subarray(0, length);
}
