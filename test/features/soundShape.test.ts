import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import {
  type BandSpacing,
  complexFft,
  crestFactor,
  kurtosis,
  meanCrossingRate,
  modulationSpectrum,
  periodicity,
  quickLength,
  randomisePhases,
  riseAndFall,
  spacedBands,
} from '../../src/features/index.ts';
import { largestDifference, sampleRate, signals } from './fixture.ts';

interface Fixture {
  versions: Record<string, string>;
  shapes: {
    signal: string;
    crestFactor: number;
    kurtosis: number;
    meanCrossingRate: number;
    attack: number;
    decay: number;
    periodicity: number;
  }[];
  modulations: { rows: number[]; nFrames: number; frameRate: number; edges: number[]; shares: number[] }[];
  banks: {
    spacing: BandSpacing;
    bands: number;
    nFft: number;
    fMin: number;
    fMax: number;
    centres: number[];
    squares: number[];
    largest: number[];
  }[];
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/features/descriptors.json', import.meta.url), 'utf8'),
) as Fixture;

const sine = (hz: number, n = 22050) =>
  Float32Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * hz * i) / sampleRate));
const noise = (n: number, seed = 1) => {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.normal());
};

describe(`shape of the waveform against numpy ${fixture.versions['numpy']}`, () => {
  it.each(fixture.shapes)('$signal', (expected) => {
    const samples = signals[expected.signal];
    const { attack, decay } = riseAndFall(samples, { sampleRate });
    expect(crestFactor(samples)).toBeCloseTo(expected.crestFactor, 8);
    expect(kurtosis(samples) / expected.kurtosis).toBeCloseTo(1, 9);
    expect(meanCrossingRate(samples)).toBeCloseTo(expected.meanCrossingRate, 12);
    expect(attack).toBeCloseTo(expected.attack, 6);
    expect(decay).toBeCloseTo(expected.decay, 6);
    expect(periodicity(samples, { sampleRate })).toBeCloseTo(expected.periodicity, 8);
  });
});

describe('shape of the waveform in closed form', () => {
  it('knows sine, square and noise', () => {
    expect(crestFactor(sine(100))).toBeCloseTo(20 * Math.log10(Math.SQRT2), 3);
    expect(kurtosis(sine(100))).toBeCloseTo(1.5, 3);
    const square = sine(100).map((v) => (v < 0 ? -0.3 : 0.3));
    expect(crestFactor(square)).toBeCloseTo(0, 2);
    expect(kurtosis(square)).toBeCloseTo(1, 2);
    expect(kurtosis(noise(200_000))).toBeCloseTo(3, 1);
    expect(meanCrossingRate(sine(441))).toBeCloseTo(882 / sampleRate, 3);
    expect(periodicity(sine(200), { sampleRate })).toBeGreaterThan(0.999);
    expect(periodicity(noise(22050), { sampleRate })).toBeLessThan(0.2);
  });
  it('does not mind gain and offset', () => {
    const samples = signals['clicks'];
    const moved = samples.map((v) => 0.25 * v + 0.5);
    expect(crestFactor(moved)).toBeCloseTo(crestFactor(samples), 3);
    expect(kurtosis(moved) / kurtosis(samples)).toBeCloseTo(1, 4);
    expect(riseAndFall(moved, { sampleRate }).decay).toBeCloseTo(
      riseAndFall(samples, { sampleRate }).decay,
      4,
    );
  });
  it('finds τ·ln 9 for an exponential decay, and the same as attack when time runs backwards', () => {
    for (const tau of [0.1, 0.3]) {
      const falling = noise(2 * sampleRate, 3).map(
        (v, i) => Math.sign(v) * Math.exp(-i / (tau * sampleRate)),
      );
      const { attack, decay } = riseAndFall(falling, { sampleRate });
      expect(Math.abs(decay / (tau * Math.log(9)) - 1)).toBeLessThan(0.01);
      expect(attack).toBe(0);
      const back = riseAndFall(falling.toReversed(), { sampleRate });
      expect(Math.abs(back.attack / decay - 1)).toBeLessThan(0.02);
      expect(back.decay).toBeLessThan(0.006);
    }
  });
  it('has an answer for silence, a constant and a single sample', () => {
    for (const samples of [new Float32Array(5000), new Float32Array(5000).fill(0.3), Float32Array.of(0.2)]) {
      expect(crestFactor(samples)).toBe(0);
      expect(kurtosis(samples)).toBe(3);
      expect(meanCrossingRate(samples)).toBe(0);
      expect(riseAndFall(samples, { sampleRate })).toEqual({ attack: 0, decay: 0 });
      expect(periodicity(samples, { sampleRate })).toBe(0);
    }
    const empty = new Float32Array(0);
    for (const measure of [crestFactor, kurtosis, meanCrossingRate]) {
      expect(() => measure(empty)).toThrow(/no samples/);
    }
    expect(() => riseAndFall(empty, { sampleRate })).toThrow(/no samples/);
    expect(() => periodicity(sine(100), { sampleRate, lowest: 900, highest: 100 })).toThrow(/Periods/);
  });
});

describe('phases drawn anew', () => {
  it.each([4096, 2205, 1999, 2, 1])('keep the magnitude of every bin of %i samples', (n) => {
    const samples = signals['mixture'].slice(0, n);
    const got = randomisePhases(samples, new Random(5));
    const magnitudes = (x: Float32Array) => {
      const [re, im] = [Float64Array.from(x), new Float64Array(n)];
      complexFft(n).forward(re, im);
      return Array.from(re, (v, k) => Math.hypot(v, im[k]));
    };
    expect(largestDifference(magnitudes(got), magnitudes(samples))).toBeLessThan(1e-4);
    if (n > 2) expect(largestDifference(got, samples)).toBeGreaterThan(0.01);
  });
  it('make noise of knocks, the same for the same seed', () => {
    const samples = noise(40_000).map((v, i) => (i % 8000 < 200 ? v : 0.001 * v));
    expect(kurtosis(samples)).toBeGreaterThan(50);
    const got = randomisePhases(samples, new Random(1));
    expect(Math.abs(kurtosis(got) - 3)).toBeLessThan(0.3);
    expect(randomisePhases(samples, new Random(1))).toEqual(got);
    expect(randomisePhases(samples, new Random(2))).not.toEqual(got);
  });
});

describe('lengths that are quick to transform', () => {
  it('are products of small primes, at least four fifths of what there is', () => {
    for (let n = 1; n < 3000; n++) {
      const length = quickLength(n);
      expect(length).toBeLessThanOrEqual(n);
      expect(length).toBeGreaterThanOrEqual(0.8 * n);
      let rest = length;
      for (const p of [2, 3, 5]) while (rest % p === 0) rest /= p;
      expect(rest).toBe(1);
    }
    expect(quickLength(88200)).toBe(81920);
    expect(() => quickLength(0)).toThrow(/length/);
  });
});

describe('modulation spectrum', () => {
  it.each(fixture.modulations)('$nFrames frames at $frameRate Hz', ({ rows, shares, ...options }) => {
    expect(largestDifference(modulationSpectrum(Float32Array.from(rows), options), shares)).toBeLessThan(
      1e-6,
    );
  });
  it('finds a level that goes up and down four times a second', () => {
    const [nFrames, frameRate] = [200, 50];
    const row = Float32Array.from(
      { length: nFrames },
      (_, t) => -30 + 6 * Math.sin((2 * Math.PI * 4.4 * t) / frameRate),
    );
    const shares = modulationSpectrum(row, { nFrames, frameRate, edges: [0.5, 1, 2, 4, 8, 16] });
    expect(shares[3]).toBeGreaterThan(0.9);
    expect(modulationSpectrum(row, { nFrames, frameRate, edges: [0.1, 26] })[0]).toBeGreaterThan(0.99);
  });
  it('refuses what does not fit', () => {
    const row = new Float32Array(10);
    expect(() => modulationSpectrum(row, { nFrames: 3, frameRate: 1, edges: [1, 2] })).toThrow(/rows of 3/);
    expect(() => modulationSpectrum(row, { nFrames: 5, frameRate: 1, edges: [2, 1] })).toThrow(/ascending/);
    expect(() => modulationSpectrum(row, { nFrames: 5, frameRate: 0, edges: [1, 2] })).toThrow(/frameRate/);
  });
});

describe(`bands of equal number at other spacings against torchaudio ${fixture.versions['torchaudio']} and numpy`, () => {
  it.each(fixture.banks)('$spacing $bands of $nFft', ({ centres, squares, largest, ...options }) => {
    const { weights, rows, nBins } = spacedBands({ ...options, sampleRate });
    const sums = (power: number) =>
      Array.from({ length: rows }, (_, b) => {
        let sum = 0;
        for (let k = 0; k < nBins; k++)
          sum += weights[b * nBins + k] * ((k * sampleRate) / options.nFft) ** power;
        return sum;
      });
    const relative = (got: number[], expected: number[]) =>
      Math.max(...got.map((v, i) => Math.abs(v / expected[i] - 1)));
    expect(relative(sums(1), centres)).toBeLessThan(1e-4);
    expect(relative(sums(2), squares)).toBeLessThan(1e-4);
    const most = Array.from({ length: rows }, (_, b) =>
      Math.max(...weights.subarray(b * nBins, (b + 1) * nBins)),
    );
    expect(largestDifference(most, largest)).toBeLessThan(1e-4);
    for (const sum of sums(0)) expect(sum).toBeCloseTo(1, 5);
  });
  it('refuses what is no band', () => {
    const good = { spacing: 'log', bands: 4, sampleRate, nFft: 512, fMin: 50, fMax: 8000 } as const;
    expect(() => spacedBands({ ...good, fMin: 0 })).toThrow(/0 < fMin/);
    expect(() => spacedBands({ ...good, fMax: 12000 })).toThrow(/fMax/);
    expect(() => spacedBands({ ...good, bands: 0 })).toThrow(/number of bands/);
  });
});
