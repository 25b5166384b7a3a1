/**
 * @file The filter table of the resampler: a sinc under a Kaiser window, sampled at every phase that a ratio needs.
 * Sources: J. O. Smith, "Digital Audio Resampling Home Page" (bandlimited interpolation); J. F. Kaiser's design
 * formulas as in Oppenheim & Schafer, "Discrete-Time Signal Processing", 7.5.3.
 */
import { ParameterError } from '../core/errors.ts';

/** Aim of the window design, in decibels; the tests measure what remains of it in float32. */
const STOP_BAND_DB = 140;
/** Pass-band edge as a share of the lower of the two Nyquist frequencies; the stop-band begins at 1. */
const PASS_BAND = 0.9;
/** Largest table with a row for every phase (4 MiB); ratios that need more interpolate between rows. */
const MAX_EXACT_ENTRIES = 2 ** 20;
/** Rows per input sample if interpolated: linear interpolation then errs by about −143 dB. */
const INTERPOLATED_ROWS = 4096;
/** Beyond this ratio the filter alone would be longer than any recording of use. */
export const MAX_RATIO = 1024;

export interface ResampleFilter {
  /** Output rate over input rate in lowest terms: output n lies at input position n · stride / phases. */
  phases: number;
  stride: number;
  /** Row r of `taps` coefficients weighs the samples around an input position whose fraction is r / rows. */
  table: Float32Array;
  taps: number;
  rows: number;
  /** True if rows === phases; else there is one more row, and phases lie between two. */
  exact: boolean;
  /** Samples before the (floor of the) position that the first tap falls on. */
  lead: number;
}

function greatestCommonDivisor(a: number, b: number): number {
  while (b > 0) [a, b] = [b, a % b];
  return a;
}

/** Modified Bessel function of the first kind, order 0, by its power series. */
function besselI0(x: number): number {
  const quarter = (x * x) / 4;
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= quarter / (k * k);
    sum += term;
  }
  return sum;
}

/**
 * Designs the filter for one pair of rates.
 * @throws ParameterError for rates that are not positive integers, or more than 1024 times apart.
 */
export function designResampleFilter(fromRate: number, toRate: number): ResampleFilter {
  for (const rate of [fromRate, toRate]) {
    if (!Number.isSafeInteger(rate) || rate < 1) {
      throw new ParameterError(`Sample rates for resampling must be positive integers, got ${rate}.`, {
        hint: 'Round the rate, or scale both rates so that their ratio is one of integers.',
      });
    }
  }
  if (Math.max(fromRate / toRate, toRate / fromRate) > MAX_RATIO) {
    throw new ParameterError(
      `Resampling from ${fromRate} to ${toRate} Hz is a ratio beyond ${MAX_RATIO}, which is surely a mistake.`,
    );
  }
  const divisor = greatestCommonDivisor(fromRate, toRate);
  const phases = toRate / divisor;
  const stride = fromRate / divisor;
  const scale = Math.min(1, toRate / fromRate);
  const beta = 0.1102 * (STOP_BAND_DB - 8.7);
  const transition = Math.PI * scale * (1 - PASS_BAND);
  const half = (STOP_BAND_DB - 7.95) / (2.285 * transition) / 2;
  const lead = Math.ceil(half) - 1;
  const taps = 16 * Math.ceil((2 * (lead + 1)) / 16);
  const exact = phases * taps <= MAX_EXACT_ENTRIES;
  const rows = exact ? phases : Math.ceil(INTERPOLATED_ROWS * scale);
  const table = new Float32Array((exact ? rows : rows + 1) * taps);
  const cutoff = (scale * (1 + PASS_BAND)) / 2;
  const row = new Float64Array(taps);
  const atCentre = besselI0(beta);
  for (let r = 0; r * taps < table.length; r++) {
    let sum = 0;
    for (let k = 0; k < taps; k++) {
      const t = k - lead - r / rows;
      const relative = t / half;
      const inside = 1 - relative * relative;
      const window = inside > 0 ? besselI0(beta * Math.sqrt(inside)) / atCentre : 0;
      const angle = Math.PI * cutoff * t;
      row[k] = window * (Math.abs(angle) < 1e-9 ? 1 : Math.sin(angle) / angle);
      sum += row[k];
    }
    // Every phase passes a constant unchanged; else the phases would differ and modulate it.
    for (let k = 0; k < taps; k++) table[r * taps + k] = row[k] / sum;
  }
  return { phases, stride, table, taps, rows, exact, lead };
}
