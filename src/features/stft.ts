/** @file Short-time Fourier transform and the power or magnitude spectrogram made of it. */
import { ParameterError } from '../core/errors.ts';
import { realFft } from './fft.ts';
import { type PadMode, readPadded } from './padding.ts';
import { centredWindow, type WindowName } from './window.ts';

/** How a signal is cut into frames and transformed. */
export interface StftOptions {
  /** Length of the transform, integer ≥ 1, any factors. Default 2048. */
  nFft?: number;
  /** Samples between frames, integer ≥ 1. Default floor(winLength / 4). */
  hopLength?: number;
  /** Length of the window, centred in the frame, ≤ nFft. Default nFft. */
  winLength?: number;
  /** Default periodic Hann. */
  window?: WindowName;
  /** True (default): frame t is centred on sample t·hopLength, with floor(nFft/2) samples of padding each side. */
  center?: boolean;
  /** Padding when centred. Default `reflect`, as in torch.stft; librosa ≥ 0.10 takes `constant`. */
  padMode?: PadMode;
}

/** A complex spectrogram; both parts have shape [nBins, nFrames], row-major, nBins = floor(nFft/2) + 1. */
export interface ComplexSpectrogram {
  readonly real: Float32Array;
  readonly imaginary: Float32Array;
  readonly nBins: number;
  readonly nFrames: number;
  readonly nFft: number;
  readonly hopLength: number;
}

/** |STFT|^power, shape [nBins, nFrames], row-major. */
export interface Spectrogram {
  readonly data: Float32Array;
  readonly nBins: number;
  readonly nFrames: number;
  readonly nFft: number;
  readonly hopLength: number;
  readonly power: number;
}

/**
 * The number of frames that `length` samples give: 1 + floor(length / hopLength) when centred (for odd nFft one
 * sample less counts), else 1 + floor((length − nFft) / hopLength).
 * @throws {ParameterError} for an empty signal, or one shorter than nFft that is not centred
 */
export function frameCount(
  length: number,
  options: { nFft: number; hopLength: number; center: boolean },
): number {
  const { nFft, hopLength, center } = options;
  if (length === 0) throw new ParameterError('Cannot analyse an empty signal: it has no samples.');
  const padded = center ? length + 2 * (nFft >> 1) : length;
  if (padded < nFft) {
    throw new ParameterError(
      `A signal of ${length} samples is shorter than one frame of ${nFft} samples, and center is false.`,
      { hint: 'Pad the signal, use a smaller nFft, or set center: true.' },
    );
  }
  return 1 + Math.floor((padded - nFft) / hopLength);
}

/** Fills in the defaults and checks the ranges. */
export function resolveStft(options: StftOptions): Required<StftOptions> {
  const nFft = options.nFft ?? 2048;
  const winLength = options.winLength ?? nFft;
  const hopLength = options.hopLength ?? Math.max(1, winLength >> 2);
  for (const [name, value] of Object.entries({ nFft, winLength, hopLength })) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ParameterError(`${name} must be an integer ≥ 1, got ${value}.`);
    }
  }
  if (winLength > nFft) throw new ParameterError(`winLength (${winLength}) must not exceed nFft (${nFft}).`);
  const center = options.center ?? true;
  return {
    nFft,
    winLength,
    hopLength,
    window: options.window ?? 'hann',
    center,
    padMode: options.padMode ?? 'reflect',
  };
}

/** Calls `visit` with the spectrum of each frame; the arrays are reused between calls. */
export function forEachSpectrum(
  samples: Float32Array,
  options: StftOptions,
  visit: (frame: number, re: Float64Array, im: Float64Array) => void,
): void {
  const { nFft, hopLength, winLength, window, center, padMode } = resolveStft(options);
  const nFrames = frameCount(samples.length, { nFft, hopLength, center });
  const weights = centredWindow(window, winLength, nFft);
  const fft = realFft(nFft);
  const frame = new Float64Array(nFft);
  const re = new Float64Array(fft.nBins);
  const im = new Float64Array(fft.nBins);
  const before = center ? nFft >> 1 : 0;
  for (let t = 0; t < nFrames; t++) {
    readPadded(frame, 0, samples, t * hopLength - before, nFft, padMode);
    for (let i = 0; i < nFft; i++) frame[i] *= weights[i];
    fft.forward(frame, re, im);
    visit(t, re, im);
  }
}

/**
 * Short-time Fourier transform. Computed in float64, returned in float32; not scaled by the window's sum.
 * @param samples mono signal, shape [n], n ≥ 1
 * @throws {ParameterError} for an empty signal or options out of range
 * @example
 * const { real, imaginary, nBins, nFrames } = stft(samples, { nFft: 1024, hopLength: 256 });
 */
export function stft(samples: Float32Array, options: StftOptions = {}): ComplexSpectrogram {
  const { nFft, hopLength, center } = resolveStft(options);
  const nFrames = frameCount(samples.length, { nFft, hopLength, center });
  const nBins = (nFft >> 1) + 1;
  const real = new Float32Array(nBins * nFrames);
  const imaginary = new Float32Array(nBins * nFrames);
  forEachSpectrum(samples, options, (t, re, im) => {
    for (let k = 0; k < nBins; k++) {
      real[k * nFrames + t] = re[k];
      imaginary[k * nFrames + t] = im[k];
    }
  });
  return { real, imaginary, nBins, nFrames, nFft, hopLength };
}

/**
 * |STFT|^power. Computed in float64, returned in float32.
 * @param options.power 2 (default) for power, 1 for magnitude, any number > 0
 */
export function spectrogram(
  samples: Float32Array,
  options: StftOptions & { power?: number } = {},
): Spectrogram {
  const power = options.power ?? 2;
  if (!(power > 0)) throw new ParameterError(`power must be > 0, got ${power}.`);
  const { nFft, hopLength, center } = resolveStft(options);
  const nFrames = frameCount(samples.length, { nFft, hopLength, center });
  const nBins = (nFft >> 1) + 1;
  const data = new Float32Array(nBins * nFrames);
  forEachSpectrum(samples, options, (t, re, im) => {
    for (let k = 0; k < nBins; k++) {
      const square = re[k] * re[k] + im[k] * im[k];
      data[k * nFrames + t] = power === 2 ? square : power === 1 ? Math.sqrt(square) : square ** (power / 2);
    }
  });
  return { data, nBins, nFrames, nFft, hopLength, power };
}

/** Centre frequency of each bin in Hz: k·sampleRate / nFft, shape [floor(nFft/2) + 1]. */
export function fftFrequencies(options: { sampleRate: number; nFft: number }): Float64Array {
  const { sampleRate, nFft } = options;
  return Float64Array.from({ length: (nFft >> 1) + 1 }, (_, k) => (k * sampleRate) / nFft);
}
