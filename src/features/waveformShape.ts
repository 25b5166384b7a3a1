/**
 * @file What the shape of a waveform says without its spectrum: how peaked it is, how it rises and falls, how regularly
 * it repeats. One number per recording each; all are about the mean, so that a DC offset is no shape.
 */
import { ParameterError } from '../core/errors.ts';
import { realFft } from './fft.ts';

/** About its mean: power, fourth moment and largest excursion. */
interface Moments {
  readonly mean: number;
  readonly second: number;
  readonly fourth: number;
  readonly peak: number;
}

function moments(samples: Float32Array): Moments {
  const n = samples.length;
  if (n === 0) throw new ParameterError('Cannot measure an empty signal: it has no samples.');
  let sum = 0;
  for (let i = 0; i < n; i++) sum += samples[i];
  const mean = sum / n;
  let second = 0;
  let fourth = 0;
  let peak = 0;
  for (let i = 0; i < n; i++) {
    const x = samples[i] - mean;
    const square = x * x;
    second += square;
    fourth += square * square;
    if (square > peak) peak = square;
  }
  return { mean, second: second / n, fourth: fourth / n, peak: Math.sqrt(peak) };
}

/**
 * Largest excursion over root mean square, in decibels: 0 for a square wave, 3.01 for a sine, 12 and more for noise and
 * for knocks; 0 for a constant.
 * @throws {ParameterError} for an empty signal
 */
export function crestFactor(samples: Float32Array): number {
  const { second, peak } = moments(samples);
  return second === 0 ? 0 : 20 * Math.log10(peak / Math.sqrt(second));
}

/**
 * Fourth central moment over the square of the second (Pearson's): 1 for a square wave, 1.5 for a sine, 3 for Gaussian
 * noise, large where a little of the time holds most of the energy; 3 for a constant.
 * @throws {ParameterError} for an empty signal
 */
export function kurtosis(samples: Float32Array): number {
  const { second, fourth } = moments(samples);
  return second === 0 ? 3 : fourth / second ** 2;
}

/**
 * Share of neighbouring samples between which the sign about the mean changes, in [0, 1].
 * @throws {ParameterError} for an empty signal
 */
export function meanCrossingRate(samples: Float32Array): number {
  const { mean } = moments(samples);
  let crossings = 0;
  for (let i = 1; i < samples.length; i++) if (samples[i - 1] < mean !== samples[i] < mean) crossings++;
  return crossings / samples.length;
}

/** Frames of the envelope: 20 ms long, 5 ms apart. */
const envelopeFrame = 0.02;
const envelopeHop = 0.005;

export interface RiseAndFall {
  /** Seconds from 10 % to 90 % of the envelope's largest value, on the way to it. */
  readonly attack: number;
  /** Seconds from 90 % to 10 % after it. */
  readonly decay: number;
}

/**
 * Attack and decay about the loudest moment, from the root mean square of 20 ms every 5 ms, interpolated linearly. What
 * never sinks to 10 % before the loudest moment, or after it, rises from the first frame, or falls until the last.
 * A constant has neither: 0 and 0.
 * @throws {ParameterError} for an empty signal or a rate that is not positive
 */
export function riseAndFall(samples: Float32Array, options: { sampleRate: number }): RiseAndFall {
  const { sampleRate } = options;
  if (!(sampleRate > 0)) throw new ParameterError(`sampleRate must be > 0, got ${sampleRate}.`);
  const { mean } = moments(samples);
  const length = Math.min(samples.length, Math.max(1, Math.round(envelopeFrame * sampleRate)));
  const hop = Math.max(1, Math.round(envelopeHop * sampleRate));
  const count = 1 + Math.floor((samples.length - length) / hop);
  const envelope = new Float64Array(count);
  let top = 0;
  for (let t = 0; t < count; t++) {
    let power = 0;
    for (let i = t * hop; i < t * hop + length; i++) {
      const x = samples[i] - mean;
      power += x * x;
    }
    envelope[t] = Math.sqrt(power / length);
    if (envelope[t] > envelope[top]) top = t;
  }
  if (envelope[top] === 0) return { attack: 0, decay: 0 };
  const toSeconds = hop / sampleRate;
  return {
    attack: slope(envelope.subarray(0, top + 1).toReversed()) * toSeconds,
    decay: slope(envelope.subarray(top)) * toSeconds,
  };
}

/** Frames from 90 % to 10 % of the first value. */
function slope(falling: Float64Array): number {
  const high = firstBelow(falling, 0.9 * falling[0]);
  const low = firstBelow(falling, 0.1 * falling[0]);
  return Math.max(0, low - high);
}

/** Where the values first fall below a level, between frames; the last frame if they do not. */
function firstBelow(values: Float64Array, level: number): number {
  for (let i = 1; i < values.length; i++) {
    if (values[i] < level) return i - 1 + (values[i - 1] - level) / (values[i - 1] - values[i]);
  }
  return values.length - 1;
}

/** Frames that the autocorrelation is taken in, long enough for three periods of 50 Hz, and how far apart they are. */
const periodicityFrame = 0.07;
const periodicityHop = 0.1;

/**
 * How regularly the signal repeats, in [0, 1]: the median over frames of 70 ms, ten a second, of the largest normalised
 * autocorrelation r(τ) = Σ x(i)·x(i + τ) / √(Σ x(i)²·Σ x(i + τ)²) for periods of `lowest` to `highest` hertz, counted
 * from where r first turns negative (what is merely slow is not periodic). Silent frames are left out; 0 without others.
 * @throws {ParameterError} for an empty signal, or frequencies out of order
 */
export function periodicity(
  samples: Float32Array,
  options: { sampleRate: number; lowest?: number; highest?: number },
): number {
  const { sampleRate, lowest = 50, highest = 1000 } = options;
  if (!(lowest > 0 && lowest < highest && highest <= sampleRate / 2)) {
    throw new ParameterError(
      `Periods need 0 < lowest < highest ≤ sampleRate / 2, got ${lowest} and ${highest} Hz at ${sampleRate}.`,
    );
  }
  const { peak } = moments(samples);
  const length = Math.min(samples.length, Math.round(periodicityFrame * sampleRate));
  const shortest = Math.max(1, Math.floor(sampleRate / highest));
  const longest = Math.min(Math.ceil(sampleRate / lowest), length - 2);
  const hop = Math.round(periodicityHop * sampleRate);
  const correlate = autocorrelation(length, longest);
  const found: number[] = [];
  for (let start = 0; start + length <= samples.length; start += hop) {
    const r = correlate(samples.subarray(start, start + length), 1e-4 * peak);
    if (r === null) continue;
    let from = 0;
    while (from <= longest && r[from] >= 0) from++;
    let best = 0;
    for (let lag = Math.max(from, shortest); lag <= longest; lag++) best = Math.max(best, r[lag]);
    found.push(Math.min(1, best));
  }
  if (found.length === 0) return 0;
  found.sort((a, b) => a - b);
  return (found[(found.length - 1) >> 1] + found[found.length >> 1]) / 2;
}

/** Plans normalised autocorrelations of frames up to a lag; null where no sample exceeds `silence`. */
function autocorrelation(length: number, longest: number) {
  let size = 2;
  while (size < length + Math.max(0, longest) + 1) size *= 2;
  const fft = realFft(size);
  const buffer = new Float64Array(size);
  const re = new Float64Array(fft.nBins);
  const im = new Float64Array(fft.nBins);
  const squares = new Float64Array(length + 1);
  return (frame: Float32Array, silence: number): Float64Array | null => {
    const { mean, peak } = moments(frame);
    if (!(peak > silence)) return null;
    buffer.fill(0);
    for (let i = 0; i < length; i++) {
      buffer[i] = frame[i] - mean;
      squares[i + 1] = squares[i] + buffer[i] ** 2;
    }
    fft.forward(buffer, re, im);
    // The power spectrum is real and even, so that a forward transform of it is an inverse one.
    for (let k = 0; k < fft.nBins; k++) buffer[k] = re[k] ** 2 + im[k] ** 2;
    for (let k = 1; k < size / 2; k++) buffer[size - k] = buffer[k];
    fft.forward(buffer, re, im);
    const r = new Float64Array(Math.max(0, longest + 1));
    for (let lag = 0; lag <= longest; lag++) {
      const energy = squares[length - lag] * (squares[length] - squares[lag]);
      r[lag] = energy > 0 ? re[lag] / size / Math.sqrt(energy) : 0;
    }
    return r;
  };
}
