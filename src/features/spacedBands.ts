/** @file Banks of triangular filters that differ in one thing, how their centres are spaced: mel, linear or logarithmic. */
import { ParameterError } from '../core/errors.ts';
import { hzToMel, melToHz } from './mel.ts';
import type { FilterBank } from './melSpectrogram.ts';

export type BandSpacing = 'mel' | 'linear' | 'log';

export interface SpacedBandOptions {
  readonly spacing: BandSpacing;
  /** Number of filters, ≥ 1. */
  readonly bands: number;
  /** Samples per second. */
  readonly sampleRate: number;
  readonly nFft: number;
  /** Lowest edge in Hz; above 0 where the spacing is logarithmic. */
  readonly fMin: number;
  /** Highest edge in Hz, at most sampleRate / 2. */
  readonly fMax: number;
}

/** Filters with weights that sum to 1: what they give of a power spectrogram is mean power in a band. */
export interface SpacedBands extends FilterBank {
  /** bands + 2 edges in Hz: filter b rises from edges[b], peaks at edges[b + 1], ends at edges[b + 2]. */
  readonly edges: Float64Array;
}

/**
 * A bank of triangles between edges evenly spaced in mel (Slaney's), hertz or octaves. A triangle that falls between
 * two bins takes the spectrum there by linear interpolation, so that no band is empty at any spacing.
 * @throws {ParameterError} for sizes or frequencies out of range
 */
export function spacedBands(options: SpacedBandOptions): SpacedBands {
  const { spacing, bands, sampleRate, nFft, fMin, fMax } = options;
  if (!Number.isInteger(bands) || bands < 1) {
    throw new ParameterError(`The number of bands must be an integer ≥ 1, got ${bands}.`);
  }
  if (!(fMin >= 0 && fMin < fMax && fMax <= sampleRate / 2) || (spacing === 'log' && fMin === 0)) {
    throw new ParameterError(
      `Bands need 0 ≤ fMin < fMax ≤ sampleRate / 2 (0 < fMin where they are logarithmic), got ${fMin} and ${fMax} Hz.`,
    );
  }
  const { to, from } = scales[spacing];
  const [low, high] = [to(fMin), to(fMax)];
  const edges = Float64Array.from({ length: bands + 2 }, (_, i) =>
    from(low + ((high - low) * i) / (bands + 1)),
  );
  const nBins = (nFft >> 1) + 1;
  const step = sampleRate / nFft;
  const weights = new Float32Array(bands * nBins);
  for (let b = 0; b < bands; b++) {
    const [start, peak, end] = [edges[b], edges[b + 1], edges[b + 2]];
    const row = new Float64Array(nBins);
    let sum = 0;
    for (let k = Math.max(0, Math.ceil(start / step)); k < nBins && k * step < end; k++) {
      const f = k * step;
      row[k] = Math.max(0, Math.min((f - start) / (peak - start), (end - f) / (end - peak)));
      sum += row[k];
    }
    if (sum === 0) {
      const below = Math.min(nBins - 2, Math.floor(peak / step));
      row[below + 1] = peak / step - below;
      row[below] = 1 - row[below + 1];
      sum = 1;
    }
    for (let k = 0; k < nBins; k++) weights[b * nBins + k] = row[k] / sum;
  }
  return { weights, rows: bands, nBins, edges };
}

const scales: Record<BandSpacing, { to: (hz: number) => number; from: (value: number) => number }> = {
  mel: { to: (hz) => hzToMel(hz), from: (mel) => melToHz(mel) },
  linear: { to: (hz) => hz, from: (hz) => hz },
  log: { to: Math.log2, from: (octaves) => 2 ** octaves },
};
