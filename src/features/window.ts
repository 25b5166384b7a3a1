/** @file Window functions, in float64, periodic by default: the form that spectral analysis wants. */
import { ParameterError } from '../core/errors.ts';

export type WindowName = 'hann' | 'hamming' | 'blackman' | 'rectangular';

/** Cosine-sum coefficients a₀ − a₁·cos + a₂·cos 2…, as in scipy.signal.windows (1.10). */
const cosineSums: Record<WindowName, readonly number[]> = {
  hann: [0.5, 0.5],
  hamming: [0.54, 0.46],
  blackman: [0.42, 0.5, 0.08],
  rectangular: [1],
};

/**
 * A window of `length` samples.
 * @param options.periodic true (default): one period of length `length`, for the DFT (`fftbins=True` in scipy);
 *   false: symmetric, for filter design
 * @returns shape [length], values in [0, 1] (Blackman dips to −1e-17)
 * @throws {ParameterError} for a length below 1 or an unknown name
 */
export function windowFunction(
  name: WindowName,
  length: number,
  options: { periodic?: boolean } = {},
): Float64Array {
  const coefficients = cosineSums[name];
  if (coefficients === undefined) {
    throw new ParameterError(`There is no window named "${name}".`, {
      hint: `Use one of: ${Object.keys(cosineSums).join(', ')}.`,
    });
  }
  if (!Number.isInteger(length) || length < 1) {
    throw new ParameterError(`A window needs an integer length ≥ 1, got ${length}.`);
  }
  const window = new Float64Array(length);
  if (length === 1) return window.fill(1);
  const period = (options.periodic ?? true) ? length : length - 1;
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let k = 0; k < coefficients.length; k++) {
      sum += (k % 2 === 0 ? 1 : -1) * coefficients[k] * Math.cos((2 * Math.PI * k * i) / period);
    }
    window[i] = sum;
  }
  return window;
}

/** The window centred in `nFft` samples with zeros about it, as librosa and torch do when winLength < nFft. */
export function centredWindow(name: WindowName, winLength: number, nFft: number): Float64Array {
  const window = windowFunction(name, winLength);
  if (winLength === nFft) return window;
  if (winLength > nFft) {
    throw new ParameterError(`winLength (${winLength}) must not exceed nFft (${nFft}).`);
  }
  const out = new Float64Array(nFft);
  out.set(window, (nFft - winLength) >> 1);
  return out;
}
