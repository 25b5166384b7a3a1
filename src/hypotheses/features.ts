/** @file Features of recordings made from what was measured: levels relative to the whole, parts put side by side. */
import { type Matrix, type Matrix64, zeros } from '../classifiers/index.ts';
import { type BandSpacing, fftFrequencies } from '../features/index.ts';
import { bankOf, measureSettings, regionCount } from './measure/clipMeasures.ts';

/**
 * Decibels of bands relative to their mean over the bands: what is left is a pattern over frequency, whatever the
 * recording's level, which depends on the microphone's distance as much as on the class.
 */
export function relative(levels: Matrix): Matrix64 {
  const out = zeros(levels.rows, levels.columns);
  for (let row = 0; row < levels.rows; row++) {
    const at = row * levels.columns;
    let sum = 0;
    for (let j = 0; j < levels.columns; j++) sum += levels.data[at + j];
    const mean = sum / levels.columns;
    for (let j = 0; j < levels.columns; j++) out.data[at + j] = levels.data[at + j] - mean;
  }
  return out;
}

/** The columns of several matrices of as many rows, one behind the other. */
export function beside(...parts: readonly Matrix[]): Matrix64 {
  const rows = parts[0].rows;
  const out = zeros(
    rows,
    parts.reduce((sum, part) => sum + part.columns, 0),
  );
  let at = 0;
  for (const part of parts) {
    for (let row = 0; row < rows; row++) {
      out.data.set(part.data.subarray(row * part.columns, (row + 1) * part.columns), row * out.columns + at);
    }
    at += part.columns;
  }
  return out;
}

/** Some of the columns. */
export function columnsOf(source: Matrix, columns: readonly number[]): Matrix64 {
  const out = zeros(source.rows, columns.length);
  for (let row = 0; row < source.rows; row++) {
    columns.forEach((column, j) => {
      out.data[row * columns.length + j] = source.data[row * source.columns + column];
    });
  }
  return out;
}

/** Centres of the bands of a spacing, Hz. */
export function bandCentres(spacing: BandSpacing): number[] {
  return [...bankOf(spacing).edges.subarray(1, -1)];
}

/** Bands of each region of neighbouring mel bands, with the frequencies it reaches from and to, Hz. */
export function melRegions(): { readonly name: string; readonly bands: readonly number[] }[] {
  const { bandsPerRegion } = measureSettings;
  const { edges } = bankOf('mel');
  return Array.from({ length: regionCount }, (_, r) => {
    const bands = Array.from({ length: bandsPerRegion }, (__, i) => r * bandsPerRegion + i);
    // Between the crossings with the neighbouring regions' bands.
    const from = r === 0 ? edges[0] : (edges[bands[0]] + edges[bands[0] + 1]) / 2;
    const last = bands.at(-1)!;
    const to = r === regionCount - 1 ? edges[last + 2] : (edges[last + 1] + edges[last + 2]) / 2;
    return { name: `${hertz(from)}–${hertz(to)} Hz`, bands };
  });
}

/** Mel bands that end at or below a frequency. */
export function bandsBelow(hz: number): number[] {
  const { edges, rows } = bankOf('mel');
  return Array.from({ length: rows }, (_, b) => b).filter((b) => edges[b + 2] <= hz);
}

/** `1200`, rounded to what matters. */
export function hertz(hz: number): string {
  return String(hz < 1000 ? Math.round(hz / 10) * 10 : Math.round(hz / 100) * 100);
}

/** Octave bands of spectral contrast, as they are named. */
export function contrastNames(): string[] {
  const { nFft, sampleRate } = measureSettings;
  const top = fftFrequencies({ sampleRate, nFft }).at(-1)!;
  return [
    'below 200 Hz',
    ...[200, 400, 800, 1600, 3200].map((f) => `${f}–${2 * f} Hz`),
    `6400–${hertz(top)} Hz`,
  ];
}
