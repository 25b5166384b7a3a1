/**
 * @file From frames to decibels in bands, as data: what the log-mel front end and OpenL3's share, and all that the
 * kernel, the plain code and the nodes need to know of either.
 */
import type { LogMelSpec } from './logMelSpec.ts';
import { type MelFilterBankOptions, melFilterBank } from './mel.ts';

/** One band: the weights of bins start, start + 1, …; none where the filter falls between two bins. */
export interface BandFilter {
  readonly start: number;
  readonly weights: Float32Array;
}

/**
 * Frames of nFft samples, a periodic Hann window of winLength, |DFT|^power, band sums, then 10·log10(max(x, amin)) for
 * power 2, 20·log10 for power 1.
 */
export interface BandSpec {
  readonly nFft: number;
  readonly winLength: number;
  readonly hopLength: number;
  /** True: frame t is centred on sample t·hopLength, with floor(nFft / 2) samples of padding at both ends. */
  readonly center: boolean;
  readonly padMode: 'reflect' | 'constant';
  readonly power: 1 | 2;
  readonly amin: number;
  /**
   * What the nodes transform in. Sums in float32 leave noise some 130 dB below the loudest bin; where quieter values
   * count, it takes float64. (Kernel and plain code always transform in float64.)
   */
  readonly nodePrecision: 'float32' | 'float64';
  /** Row by row of the picture. */
  readonly filters: readonly BandFilter[];
}

/** The bands of a log-mel front end. @throws {ParameterError} for bands out of range */
export function logMelBands(spec: LogMelSpec): BandSpec {
  const { nFft, winLength, hopLength, center, padMode, power, amin } = spec;
  const nodePrecision = 'float32';
  return { nFft, winLength, hopLength, center, padMode, power, amin, nodePrecision, filters: melBands(spec) };
}

/** Mel filters as bands. @throws {ParameterError} for filters out of range */
export function melBands(options: MelFilterBankOptions): BandFilter[] {
  const { weights, nMels, nBins } = melFilterBank(options);
  return Array.from({ length: nMels }, (_, m) => sparse(weights.subarray(m * nBins, (m + 1) * nBins)));
}

/** Every bin from 0 to nFft / 2 as a band of its own. */
export function binBands(nFft: number): BandFilter[] {
  return Array.from({ length: (nFft >> 1) + 1 }, (_, start) => ({ start, weights: Float32Array.of(1) }));
}

/** Whether every band is one bin as it is: then bins need only be picked. */
export function areSingleBins(filters: readonly BandFilter[]): boolean {
  return filters.every(({ weights }) => weights.length === 1 && weights[0] === 1);
}

/** The stretch of a row from its first weight that is not zero to its last. */
function sparse(row: Float32Array): BandFilter {
  const start = row.findIndex((w) => w !== 0);
  if (start < 0) return { start: 0, weights: new Float32Array(0) };
  return { start, weights: row.slice(start, row.findLastIndex((w) => w !== 0) + 1) };
}
