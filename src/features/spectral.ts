/**
 * @file One number per frame that describes a spectrum's shape. Formulas as in librosa 0.10 `feature.spectral`; all
 * take a magnitude spectrogram (`spectrogram(samples, { power: 1 })`), so that one transform serves them all, and
 * return shape [nFrames].
 */
import { ParameterError } from '../core/errors.ts';
import { fftFrequencies, type Spectrogram } from './stft.ts';

/** Below this a frame's sum counts as silence (float32's smallest normal number, librosa's threshold). */
const silence = 1.1754943508222875e-38;

/** Calls `visit` with each frame's spectrum; the array is reused. */
function perFrame(
  source: Spectrogram,
  visit: (spectrum: Float64Array, sum: number, frame: number) => number,
): Float32Array {
  const { data, nBins, nFrames } = source;
  const spectrum = new Float64Array(nBins);
  const out = new Float32Array(nFrames);
  for (let t = 0; t < nFrames; t++) {
    let sum = 0;
    for (let k = 0; k < nBins; k++) {
      const value = data[k * nFrames + t];
      spectrum[k] = value;
      sum += value;
    }
    out[t] = visit(spectrum, sum, t);
  }
  return out;
}

function centroidOf(spectrum: Float64Array, sum: number, frequencies: Float64Array): number {
  if (sum < silence) return 0;
  let weighted = 0;
  for (let k = 0; k < spectrum.length; k++) weighted += frequencies[k] * spectrum[k];
  return weighted / sum;
}

/** Mean frequency in Hz, each bin weighted by its magnitude; 0 for a silent frame. */
export function spectralCentroid(magnitudes: Spectrogram, options: { sampleRate: number }): Float32Array {
  const frequencies = binFrequencies(magnitudes, options.sampleRate);
  return perFrame(magnitudes, (spectrum, sum) => centroidOf(spectrum, sum, frequencies));
}

/**
 * Spread about the centroid in Hz: (Σ w·|f − centroid|^p)^(1/p) with weights w that sum to 1; 0 for a silent frame.
 * @param options.p exponent > 0, default 2
 */
export function spectralBandwidth(
  magnitudes: Spectrogram,
  options: { sampleRate: number; p?: number },
): Float32Array {
  const { sampleRate, p = 2 } = options;
  if (!(p > 0)) throw new ParameterError(`p must be > 0, got ${p}.`);
  const frequencies = binFrequencies(magnitudes, sampleRate);
  return perFrame(magnitudes, (spectrum, sum) => {
    if (sum < silence) return 0;
    const centroid = centroidOf(spectrum, sum, frequencies);
    let spread = 0;
    for (let k = 0; k < spectrum.length; k++)
      spread += (spectrum[k] / sum) * Math.abs(frequencies[k] - centroid) ** p;
    return spread ** (1 / p);
  });
}

/**
 * Lowest bin frequency in Hz at or below which `rollPercent` of the frame's sum lies; 0 for a silent frame.
 * @param options.rollPercent in (0, 1), default 0.85
 */
export function spectralRolloff(
  magnitudes: Spectrogram,
  options: { sampleRate: number; rollPercent?: number },
): Float32Array {
  const { sampleRate, rollPercent = 0.85 } = options;
  if (!(rollPercent > 0 && rollPercent < 1)) {
    throw new ParameterError(`rollPercent must be between 0 and 1, got ${rollPercent}.`);
  }
  const frequencies = binFrequencies(magnitudes, sampleRate);
  return perFrame(magnitudes, (spectrum, sum) => {
    const threshold = rollPercent * sum;
    let below = 0;
    for (let k = 0; k < spectrum.length; k++) {
      below += spectrum[k];
      if (below >= threshold) return frequencies[k];
    }
    return frequencies[spectrum.length - 1];
  });
}

/**
 * Geometric over arithmetic mean of the bins raised to `power`: near 1 for noise, near 0 for tones; 1 in silence.
 * @param options.power default 2
 * @param options.amin smallest value, > 0, default 1e-10
 */
export function spectralFlatness(
  magnitudes: Spectrogram,
  options: { power?: number; amin?: number } = {},
): Float32Array {
  const { power = 2, amin = 1e-10 } = options;
  if (!(amin > 0)) throw new ParameterError(`amin must be > 0, got ${amin}.`);
  if (!(power > 0)) throw new ParameterError(`power must be > 0, got ${power}.`);
  requireMagnitudes(magnitudes);
  return perFrame(magnitudes, (spectrum) => {
    let logs = 0;
    let sum = 0;
    for (const magnitude of spectrum) {
      const value = Math.max(magnitude ** power, amin);
      logs += Math.log(value);
      sum += value;
    }
    return Math.exp(logs / spectrum.length) / (sum / spectrum.length);
  });
}

/** The bins' frequencies, after checking that the spectrogram holds magnitudes. */
export function binFrequencies(magnitudes: Spectrogram, sampleRate: number): Float64Array {
  requireMagnitudes(magnitudes);
  if (!(sampleRate > 0)) throw new ParameterError(`sampleRate must be > 0, got ${sampleRate}.`);
  return fftFrequencies({ sampleRate, nFft: magnitudes.nFft });
}

function requireMagnitudes(source: Spectrogram): void {
  if (source.power !== 1) {
    throw new ParameterError(`Expected a magnitude spectrogram, got one of power ${source.power}.`, {
      hint: 'Make it with spectrogram(samples, { power: 1 }).',
    });
  }
}
