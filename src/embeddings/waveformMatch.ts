/** @file Whether two recordings hold the same sound, by their waveforms: the peak of their cross-correlation. */
import { type ComplexFft, complexFft } from '../features/index.ts';

export interface WaveformMatch {
  /** Largest |correlation| of the stretches that lie over each other, over all shifts; in [0, 1]. */
  readonly correlation: number;
  /** Seconds after the beginning of `a` at which `b` begins there. */
  readonly shiftSeconds: number;
}

/** Shorter overlaps agree by chance. */
const leastOverlapSeconds = 0.5;

let plan: ComplexFft | undefined;

/**
 * Compares two recordings at every shift. Both are differenced first (pre-emphasis 0.95), so that a hum or rumble that
 * many recordings share does not count as likeness. Recoded, filtered or louder copies of one sound still correlate;
 * other sounds, however alike they are to the ear, do not.
 * @param a mono samples at `sampleRate`, likewise `b`
 */
export function matchWaveforms(a: Float32Array, b: Float32Array, sampleRate: number): WaveformMatch {
  const least = Math.min(Math.round(leastOverlapSeconds * sampleRate), a.length, b.length);
  let best: WaveformMatch = { correlation: 0, shiftSeconds: 0 };
  if (least < 2) return best;
  let n = 2;
  while (n < a.length + b.length) n *= 2;
  const x = emphasized(a);
  const y = emphasized(b);
  const products = crossCorrelation(x, y, n);
  const energyX = energies(x);
  const energyY = energies(y);
  for (let shift = least - b.length; shift <= a.length - least; shift++) {
    const from = Math.max(0, shift);
    const to = Math.min(a.length, b.length + shift);
    const energy = (energyX[to] - energyX[from]) * (energyY[to - shift] - energyY[from - shift]);
    // A stretch of silence agrees with everything.
    if (energy < 1e-12) continue;
    const correlation = Math.min(1, Math.abs(products[(shift + n) % n]) / Math.sqrt(energy));
    if (correlation > best.correlation) best = { correlation, shiftSeconds: shift / sampleRate };
  }
  return best;
}

function emphasized(samples: Float32Array): Float64Array {
  return Float64Array.from(samples, (sample, i) => sample - 0.95 * (i === 0 ? 0 : samples[i - 1]));
}

/** Sums of squares up to each sample. */
function energies(x: Float64Array): Float64Array {
  const sums = new Float64Array(x.length + 1);
  for (let i = 0; i < x.length; i++) sums[i + 1] = sums[i] + x[i] ** 2;
  return sums;
}

/** Σ x[t + shift]·y[t] at place shift (mod n), by one transform of both signals and one back. */
function crossCorrelation(x: Float64Array, y: Float64Array, n: number): Float64Array {
  if (plan?.n !== n) plan = complexFft(n);
  const re = new Float64Array(n);
  const im = new Float64Array(n);
  re.set(x);
  im.set(y);
  plan.forward(re, im);
  const outRe = new Float64Array(n);
  const outIm = new Float64Array(n);
  for (let k = 0; k < n; k++) {
    const j = (n - k) % n;
    // Real and imaginary input part again, by their symmetries.
    const [xr, xi] = [(re[k] + re[j]) / 2, (im[k] - im[j]) / 2];
    const [yr, yi] = [(im[k] + im[j]) / 2, (re[j] - re[k]) / 2];
    outRe[k] = xr * yr + xi * yi;
    // Conjugated: the transform back is then one forwards.
    outIm[k] = -(xi * yr - xr * yi);
  }
  plan.forward(outRe, outIm);
  return outRe.map((value) => value / n);
}
