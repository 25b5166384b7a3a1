/**
 * @file Differences over time: the derivative of the least-squares polynomial through a sliding stretch of frames
 * (Savitzky and Golay 1964), as in librosa 0.10 `feature.delta` on scipy's `savgol_filter`.
 */
import { ParameterError } from '../core/errors.ts';

export interface DeltaOptions {
  /** Frames per row of `data`. */
  nFrames: number;
  /** Frames in a stretch, odd, ≥ 3 and > order. Default 9. */
  width?: number;
  /** Order of the derivative and degree of the polynomial, ≥ 1. Default 1. */
  order?: number;
  /**
   * At the ends: `interp` (default, librosa's) takes the derivative of the polynomial through the first or last
   * `width` frames; `nearest` repeats the edge frame. `nearest` with width 5 is torchaudio's `compute_deltas`.
   */
  mode?: 'interp' | 'nearest';
}

/**
 * The order-th derivative by frame of each row.
 * @param data shape [rows, nFrames], row-major
 * @returns the same shape
 * @throws {ParameterError} for options out of range, or fewer frames than `width` in mode `interp`
 */
export function delta(data: Float32Array, options: DeltaOptions): Float32Array {
  const { nFrames, width = 9, order = 1, mode = 'interp' } = options;
  check(data, options, width, order, mode);
  const half = (width - 1) / 2;
  const weights = derivativeWeights(width, order);
  const out = new Float32Array(data.length);
  for (let row = 0; row < data.length; row += nFrames) {
    for (let t = 0; t < nFrames; t++) {
      const start = mode === 'nearest' ? t - half : Math.min(Math.max(t - half, 0), nFrames - width);
      let sum = 0;
      for (let i = 0; i < width; i++) {
        sum += weights[i] * data[row + Math.min(Math.max(start + i, 0), nFrames - 1)];
      }
      out[row + t] = sum;
    }
  }
  return out;
}

function check(
  data: Float32Array,
  { nFrames }: DeltaOptions,
  width: number,
  order: number,
  mode: string,
): void {
  if (!Number.isInteger(nFrames) || nFrames < 1 || data.length % nFrames !== 0) {
    throw new ParameterError(
      `delta was given ${data.length} values, which are not rows of ${nFrames} frames.`,
    );
  }
  if (!Number.isInteger(width) || width < 3 || width % 2 === 0) {
    throw new ParameterError(`width must be an odd integer ≥ 3, got ${width}.`);
  }
  if (!Number.isInteger(order) || order < 1 || order >= width) {
    throw new ParameterError(`order must be an integer from 1 to width − 1 (${width - 1}), got ${order}.`);
  }
  if (mode !== 'interp' && mode !== 'nearest') {
    throw new ParameterError(`mode must be 'interp' or 'nearest', got '${mode}'.`);
  }
  if (mode === 'interp' && width > nFrames) {
    throw new ParameterError(
      `In mode 'interp', width (${width}) must not exceed the ${nFrames} frames there are.`,
      {
        hint: "Use a smaller odd width, or mode: 'nearest'.",
      },
    );
  }
}

/**
 * Weights on the `width` frames of a stretch that give the order-th derivative of the least-squares polynomial of
 * degree `order`. With that degree the derivative is the same all over the stretch: order! times the leading
 * coefficient, which is found with polynomials orthogonal on the stretch (Gram–Schmidt).
 */
export function derivativeWeights(width: number, order: number): Float64Array {
  const half = (width - 1) / 2;
  const x = Float64Array.from({ length: width }, (_, i) => i - half);
  const basis: Float64Array[] = [];
  for (let degree = 0; degree <= order; degree++) {
    const p = x.map((v) => v ** degree);
    for (const b of basis) {
      const overlap = dot(p, b) / dot(b, b);
      for (let i = 0; i < width; i++) p[i] -= overlap * b[i];
    }
    basis.push(p);
  }
  // The monic polynomial of degree `order`: its coefficient in the fit is the fit's leading coefficient.
  const leading = basis[order];
  const norm = dot(leading, leading);
  let factorial = 1;
  for (let i = 2; i <= order; i++) factorial *= i;
  return leading.map((v) => (factorial * v) / norm);
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
