/** @file How fast levels change: the spectrum of envelopes over time, in bands of modulation frequency. */
import { ParameterError } from '../core/errors.ts';
import { realFft } from './fft.ts';
import { windowFunction } from './window.ts';

export interface ModulationOptions {
  /** Frames per row of `data`, ≥ 1. */
  readonly nFrames: number;
  /** Frames per second. */
  readonly frameRate: number;
  /** Edges of the bands in Hz, ascending, at least two; a band holds its lower edge. */
  readonly edges: readonly number[];
}

/**
 * Power of each row's changes by modulation frequency, as shares of all its changes: the row less its mean, times a
 * Hann window, transformed with zeros up to at least four cycles of the lowest edge. What lies below the first edge
 * or above the last is in no band, so the shares sum to at most 1; a constant row has shares of 0.
 * @param data shape [rows, nFrames], row-major, such as decibels of mel bands
 * @returns shape [rows, edges − 1], row-major
 * @throws {ParameterError} for sizes that do not fit, or edges out of order
 */
export function modulationSpectrum(data: Float32Array, options: ModulationOptions): Float32Array {
  const { nFrames, frameRate, edges } = options;
  if (!Number.isInteger(nFrames) || nFrames < 1 || data.length % nFrames !== 0) {
    throw new ParameterError(
      `modulationSpectrum was given ${data.length} values, which are not rows of ${nFrames} frames.`,
    );
  }
  if (edges.length < 2 || !(edges[0] > 0) || edges.some((edge, i) => i > 0 && !(edge > edges[i - 1]))) {
    throw new ParameterError(`The edges must be above 0 and ascending, got ${edges.join(', ')}.`);
  }
  if (!(frameRate > 0)) throw new ParameterError(`frameRate must be > 0, got ${frameRate}.`);
  let size = 2;
  while (size < Math.max(nFrames, (4 * frameRate) / edges[0])) size *= 2;
  const fft = realFft(size);
  const window = windowFunction('hann', nFrames);
  // The band of each bin; −1 for none.
  const bandOf = Int32Array.from({ length: fft.nBins }, (_, k) => {
    const f = (k * frameRate) / size;
    return f >= edges.at(-1)! ? -1 : edges.findLastIndex((edge) => f >= edge);
  });
  const buffer = new Float64Array(size);
  const re = new Float64Array(fft.nBins);
  const im = new Float64Array(fft.nBins);
  const rows = data.length / nFrames;
  const bands = edges.length - 1;
  const out = new Float32Array(rows * bands);
  const sums = new Float64Array(bands);
  for (let row = 0; row < rows; row++) {
    const values = data.subarray(row * nFrames, (row + 1) * nFrames);
    let mean = 0;
    for (const v of values) mean += v / nFrames;
    let varies = false;
    for (let t = 0; t < nFrames; t++) {
      buffer[t] = (values[t] - mean) * window[t];
      varies ||= values[t] !== values[0];
    }
    if (!varies) continue;
    fft.forward(buffer, re, im);
    sums.fill(0);
    let total = 0;
    for (let k = 0; k < fft.nBins; k++) {
      const power = (re[k] ** 2 + im[k] ** 2) * (k === 0 || 2 * k === size ? 1 : 2);
      total += power;
      if (bandOf[k] >= 0) sums[bandOf[k]] += power;
    }
    for (let b = 0; b < bands; b++) out[row * bands + b] = total > 0 ? sums[b] / total : 0;
  }
  return out;
}
