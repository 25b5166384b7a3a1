/**
 * @file Everything the five hypotheses measure of one recording, as named blocks of numbers. Nothing in them depends on
 * the class, nor on any other recording.
 */
import { ParameterError, Random } from '../../core/index.ts';
import {
  applyFilterBank,
  type BandSpacing,
  crestFactor,
  delta,
  kurtosis,
  meanCrossingRate,
  modulationSpectrum,
  periodicity,
  powerToDb,
  quickLength,
  randomisePhases,
  riseAndFall,
  type SpacedBands,
  type Spectrogram,
  spacedBands,
  spectralContrast,
  spectrogram,
} from '../../features/index.ts';

/** What decides the numbers. */
export const measureSettings = {
  version: 1,
  /** Everything is resampled to it, Hz. */
  sampleRate: 22050,
  /** Of longer recordings the first part is measured, seconds. */
  mostSeconds: 30,
  nFft: 2048,
  hopLength: 512,
  /** Bands of every spacing. */
  bands: 40,
  /** Neighbouring bands that make a region. */
  bandsPerRegion: 5,
  /** Lowest edge of logarithmic bands, Hz. */
  lowestLog: 50,
  /** Frames that a slope is taken over. */
  deltaWidth: 5,
  /** Edges of the bands of modulation frequency, Hz. */
  modulationEdges: [0.5, 1, 2, 4, 8, 16],
  /** Shares of modulation below this are raised to it before the logarithm. */
  leastShare: 1e-3,
} as const;

const { sampleRate, nFft, hopLength, bands, bandsPerRegion } = measureSettings;

/** Neighbouring mel bands taken together. */
export const regionCount = bands / bandsPerRegion;
const modulationBands = measureSettings.modulationEdges.length - 1;

/** Descriptors of the waveform, in the order of their block. */
export const shapeNames = [
  'crest factor',
  'kurtosis',
  'zero-crossing rate',
  'attack time',
  'decay time',
  'periodicity',
] as const;

/** Octave bands of spectral contrast: below 200 Hz, and six octaves above. */
const contrastBands = 7;

/** Length of every block. Means and deviations are over the frames of a recording, decibels within 80 of its loudest. */
export const blockSizes = {
  /** Decibels of mel bands. */
  melMean: bands,
  melDeviation: bands,
  /** The same of as many bands evenly spaced in hertz, and in octaves. */
  linearMean: bands,
  linearDeviation: bands,
  logMean: bands,
  logDeviation: bands,
  /** Mean amplitude of mel bands, as shares that sum to 1: no logarithm. */
  melAmplitude: bands,
  /** Deviation of the slopes of the mel bands' decibels, by frame, and with the frames shuffled. */
  slopes: bands,
  slopesShuffled: bands,
  /** Modulation spectrum of each region's decibels, as decibels of shares, and with the frames shuffled. */
  modulation: regionCount * modulationBands,
  modulationShuffled: regionCount * modulationBands,
  /** Descriptors of the waveform; of it backwards; of it with phases drawn anew. */
  shape: shapeNames.length,
  shapeReversed: shapeNames.length,
  shapeRandomised: shapeNames.length,
  /** Spectral contrast of octave bands. */
  contrastMean: contrastBands,
  contrastDeviation: contrastBands,
  /** Mel bands' decibels with the differences between regions taken away in every frame. */
  flatMean: bands,
  flatDeviation: bands,
} as const;

export type BlockName = keyof typeof blockSizes;

export const blockNames = Object.keys(blockSizes) as BlockName[];

/** Numbers of all blocks, one after the other. */
export const measureLength = blockNames.reduce((sum, name) => sum + blockSizes[name], 0);

const banks = new Map<BandSpacing, SpacedBands>();

/** The bank of bands of a spacing. */
export function bankOf(spacing: BandSpacing): SpacedBands {
  const known = banks.get(spacing);
  if (known !== undefined) return known;
  const fMin = spacing === 'log' ? measureSettings.lowestLog : 0;
  const bank = spacedBands({ spacing, bands, sampleRate, nFft, fMin, fMax: sampleRate / 2 });
  banks.set(spacing, bank);
  return bank;
}

/**
 * Measures a recording.
 * @param samples mono at {@link measureSettings}.sampleRate, n ≥ 1, not silent
 * @param seed of the shuffled frames and the phases drawn anew
 * @returns every block, one after the other in the order of {@link blockNames}, finite
 * @throws {ParameterError} for an empty recording, or samples that are not finite
 */
export function clipMeasures(samples: Float32Array, seed: string): Float32Array {
  const signal = samples.subarray(0, measureSettings.mostSeconds * sampleRate);
  const magnitudes = spectrogram(signal, { nFft, hopLength, power: 1 });
  const power: Spectrogram = { ...magnitudes, data: magnitudes.data.map((v) => v * v), power: 2 };
  const { nFrames } = power;
  const mel = applyFilterBank(power, bankOf('mel')).data;
  const decibels = powerToDb(mel);
  const order = new Random(`${seed}/frames`).shuffle(Array.from({ length: nFrames }, (_, t) => t));
  const shuffled = takeFrames(decibels, nFrames, order);
  const contrast = spectralContrast(magnitudes, { sampleRate, nBands: contrastBands - 1 });
  const blocks: Record<BlockName, Float32Array> = {
    ...named('mel', overFrames(decibels, nFrames)),
    ...named('linear', overFrames(powerToDb(applyFilterBank(power, bankOf('linear')).data), nFrames)),
    ...named('log', overFrames(powerToDb(applyFilterBank(power, bankOf('log')).data), nFrames)),
    melAmplitude: shares(overFrames(mel.map(Math.sqrt), nFrames).mean),
    slopes: slopeDeviations(decibels, nFrames),
    slopesShuffled: slopeDeviations(shuffled, nFrames),
    modulation: modulationDecibels(decibels, nFrames),
    modulationShuffled: modulationDecibels(shuffled, nFrames),
    shape: shapeOf(signal),
    shapeReversed: shapeOf(signal.toReversed()),
    shapeRandomised: shapeOf(
      randomisePhases(signal.subarray(0, quickLength(signal.length)), new Random(`${seed}/phases`)),
    ),
    ...named('contrast', overFrames(contrast.data, nFrames)),
    ...named('flat', overFrames(flattened(decibels, nFrames), nFrames)),
  };
  const out = new Float32Array(measureLength);
  let at = 0;
  for (const name of blockNames) {
    out.set(blocks[name], at);
    at += blockSizes[name];
  }
  if (!out.every(Number.isFinite)) {
    throw new ParameterError('The recording holds samples that are not finite numbers.', {
      hint: 'Remove the file, or record it again.',
    });
  }
  return out;
}

interface OverFrames {
  readonly mean: Float32Array;
  readonly deviation: Float32Array;
}

function named<P extends string>(
  prefix: P,
  { mean, deviation }: OverFrames,
): Record<`${P}Mean` | `${P}Deviation`, Float32Array> {
  return { [`${prefix}Mean`]: mean, [`${prefix}Deviation`]: deviation } as never;
}

/** Mean and population deviation of each row. */
function overFrames(data: Float32Array, nFrames: number): OverFrames {
  const rows = data.length / nFrames;
  const mean = new Float32Array(rows);
  const deviation = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    const values = data.subarray(row * nFrames, (row + 1) * nFrames);
    let sum = 0;
    for (const v of values) sum += v;
    const centre = sum / nFrames;
    let squares = 0;
    for (const v of values) squares += (v - centre) ** 2;
    mean[row] = centre;
    deviation[row] = Math.sqrt(squares / nFrames);
  }
  return { mean, deviation };
}

function shares(values: Float32Array): Float32Array {
  let sum = 0;
  for (const v of values) sum += v;
  return sum === 0 ? values.map(() => 1 / values.length) : values.map((v) => v / sum);
}

function takeFrames(data: Float32Array, nFrames: number, order: readonly number[]): Float32Array {
  return data.map((_, i) => data[i - (i % nFrames) + order[i % nFrames]]);
}

function slopeDeviations(decibels: Float32Array, nFrames: number): Float32Array {
  const slopes = delta(decibels, { nFrames, width: measureSettings.deltaWidth, mode: 'nearest' });
  return overFrames(slopes, nFrames).deviation;
}

function modulationDecibels(decibels: Float32Array, nFrames: number): Float32Array {
  const spectrum = modulationSpectrum(regionMeans(decibels, nFrames), {
    nFrames,
    frameRate: sampleRate / hopLength,
    edges: measureSettings.modulationEdges,
  });
  return spectrum.map((share) => 10 * Math.log10(Math.max(share, measureSettings.leastShare)));
}

/** Mean decibels of each region, shape [regions, nFrames]. */
function regionMeans(decibels: Float32Array, nFrames: number): Float32Array {
  const out = new Float32Array(regionCount * nFrames);
  for (let b = 0; b < bands; b++) {
    const region = Math.floor(b / bandsPerRegion);
    for (let t = 0; t < nFrames; t++) {
      out[region * nFrames + t] += decibels[b * nFrames + t] / bandsPerRegion;
    }
  }
  return out;
}

/**
 * In every frame each region gets the frame's mean level: what differs between regions is gone, what differs within
 * them stays, and so does the course of the whole level.
 */
function flattened(decibels: Float32Array, nFrames: number): Float32Array {
  const regions = regionMeans(decibels, nFrames);
  const whole = new Float32Array(nFrames);
  for (let i = 0; i < regions.length; i++) whole[i % nFrames] += regions[i] / regionCount;
  return decibels.map((value, i) => {
    const t = i % nFrames;
    const region = Math.floor(Math.floor(i / nFrames) / bandsPerRegion);
    return value - regions[region * nFrames + t] + whole[t];
  });
}

/** Least time told apart, for the logarithm of times. */
const leastSeconds = 0.005;

/** The descriptors of {@link shapeNames}; what spans decades as a logarithm. */
function shapeOf(signal: Float32Array): Float32Array {
  const { attack, decay } = riseAndFall(signal, { sampleRate });
  return Float32Array.of(
    crestFactor(signal),
    Math.log10(kurtosis(signal)),
    meanCrossingRate(signal),
    Math.log10(Math.max(attack, leastSeconds)),
    Math.log10(Math.max(decay, leastSeconds)),
    periodicity(signal, { sampleRate }),
  );
}
