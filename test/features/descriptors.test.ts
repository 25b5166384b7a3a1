import { describe, expect, it } from 'vitest';
import {
  amplitudeToDb,
  type DecibelOptions,
  type DeltaOptions,
  delta,
  mfcc,
  onsetStrength,
  powerToDb,
  rms,
  spectralBandwidth,
  spectralCentroid,
  spectralContrast,
  spectralFlatness,
  spectralRolloff,
  spectrogram,
  zeroCrossingRate,
} from '../../src/features/index.ts';
import { casesOf, largestDifference, relativeDifference, sampleRate, signals } from './fixture.ts';

const magnitudes = (signal: string) => spectrogram(signals[signal], { nFft: 1024, hopLength: 256, power: 1 });

describe('decibels', () => {
  const power = spectrogram(signals['clicks'], { nFft: 256, hopLength: 2000 }).data;
  it.each([...casesOf('powerToDb'), ...casesOf('torchPowerToDb')])(
    'powerToDb $title',
    ({ options, values }) => {
      expect(largestDifference(powerToDb(power, options as DecibelOptions), values)).toBeLessThan(1e-4);
    },
  );
  it.each(casesOf('amplitudeToDb'))('amplitudeToDb $title', ({ options, values }) => {
    const amplitude = power.map(Math.sqrt);
    expect(largestDifference(amplitudeToDb(amplitude, options as DecibelOptions), values)).toBeLessThan(1e-4);
  });
  it('refuses what has no logarithm', () => {
    expect(() => powerToDb(power, { amin: 0 })).toThrow(/amin/);
    expect(() => powerToDb(power, { ref: -1 })).toThrow(/ref/);
    expect(() => powerToDb(power, { topDb: -1 })).toThrow(/topDb/);
  });
  it('a power below 0 is as nothing, an amplitude below 0 as its magnitude (as librosa)', () => {
    expect(Array.from(powerToDb(Float32Array.of(-1, -1e9)))).toEqual([-100, -100]);
    expect(Array.from(powerToDb(Float32Array.of(-1, 1e-6)))).toEqual([-100, -60]);
    expect(Array.from(amplitudeToDb(Float32Array.of(-1, 0.1)))).toEqual([0, -20]);
  });
  it('takes an empty array', () => expect(powerToDb(new Float32Array(0))).toHaveLength(0));
});

describe('mfcc and delta', () => {
  it.each(casesOf('mfcc'))('mfcc $title', ({ signal, options, values }) => {
    const { data } = mfcc(signals[signal], { sampleRate, ...options } as never);
    expect(largestDifference(data, values)).toBeLessThan(1e-4);
  });
  const source = casesOf('mfcc')[0];
  const nFrames = source.shape[1];
  it.each(casesOf('delta'))('delta $title', ({ options, values }) => {
    const got = delta(source.values, { nFrames, ...options } as DeltaOptions);
    expect(largestDifference(got, values)).toBeLessThan(1e-4);
  });
  it('is exact on polynomials', () => {
    const line = Float32Array.from({ length: 12 }, (_, t) => 3 * t - 7);
    for (const v of delta(line, { nFrames: 12, width: 5 })) expect(v).toBeCloseTo(3, 6);
    const parabola = Float32Array.from({ length: 12 }, (_, t) => t * t);
    for (const v of delta(parabola, { nFrames: 12, width: 5, order: 2 })) expect(v).toBeCloseTo(2, 5);
  });
  it('refuses what does not fit', () => {
    expect(() => mfcc(signals['mixture'], { sampleRate, nMels: 10, nMfcc: 11 })).toThrow(/nMfcc/);
    expect(() => delta(new Float32Array(8), { nFrames: 8 })).toThrow(/must not exceed the 8 frames/);
    expect(() => delta(new Float32Array(9), { nFrames: 8 })).toThrow(/rows of 8/);
    expect(() => delta(new Float32Array(8), { nFrames: 8, width: 4 })).toThrow(/odd/);
    expect(() => delta(new Float32Array(8), { nFrames: 8, width: 5, order: 5 })).toThrow(/order/);
  });
});

describe('shape of the spectrum', () => {
  const functions = {
    spectralCentroid,
    spectralBandwidth,
    spectralRolloff,
    spectralFlatness,
    spectralContrast: (m: ReturnType<typeof magnitudes>, o: { sampleRate: number }) =>
      spectralContrast(m, o).data,
  };
  for (const [name, call] of Object.entries(functions)) {
    it.each(casesOf(name))(`${name} $title`, ({ signal, options, values }) => {
      const got = call(magnitudes(signal), { sampleRate, ...options });
      // Contrast is in decibels; the others are compared relative to their largest value.
      const difference = name === 'spectralContrast' ? largestDifference : relativeDifference;
      expect(difference(got, values)).toBeLessThan(name === 'spectralContrast' ? 1e-4 : 2e-6);
    });
  }

  it('knows silence', () => {
    const silent = spectrogram(new Float32Array(4096), { nFft: 1024, power: 1 });
    for (const call of [spectralCentroid, spectralBandwidth, spectralRolloff]) {
      expect([...call(silent, { sampleRate })].every((v) => v === 0)).toBe(true);
    }
    expect(spectralFlatness(silent)[0]).toBeCloseTo(1, 6);
    expect([...spectralContrast(silent, { sampleRate }).data].every((v) => v === 0)).toBe(true);
  });

  it('refuses power spectrograms and bands beyond Nyquist', () => {
    const power = spectrogram(signals['mixture'], { nFft: 1024 });
    expect(() => spectralCentroid(power, { sampleRate })).toThrow(/magnitude spectrogram/);
    expect(() => spectralFlatness(power)).toThrow(/magnitude spectrogram/);
    expect(() => spectralContrast(magnitudes('mixture'), { sampleRate: 8000, nBands: 6 })).toThrow(/Nyquist/);
    const coarse = spectrogram(signals['mixture'], { nFft: 64, power: 1 });
    expect(() => spectralContrast(coarse, { sampleRate })).toThrow(/too few bins/);
    expect(() => spectralRolloff(magnitudes('mixture'), { sampleRate, rollPercent: 1 })).toThrow(
      /rollPercent/,
    );
  });
});

describe('over time', () => {
  it.each(casesOf('zeroCrossingRate'))('zeroCrossingRate $title', ({ signal, options, values }) => {
    expect(largestDifference(zeroCrossingRate(signals[signal], options), values)).toBeLessThan(1e-7);
  });
  it.each(casesOf('rms'))('rms $title', ({ signal, options, values }) => {
    expect(relativeDifference(rms(signals[signal], options), values)).toBeLessThan(2e-7);
  });
  it.each(casesOf('onsetStrength'))('onsetStrength $title', ({ signal, options, values }) => {
    const got = onsetStrength(signals[signal], { sampleRate, ...options } as never);
    expect(largestDifference(got, values)).toBeLessThan(1e-4);
  });
  it('refuses an empty signal', () => {
    for (const call of [zeroCrossingRate, rms]) expect(() => call(new Float32Array(0))).toThrow(/no samples/);
    expect(() => onsetStrength(new Float32Array(0), { sampleRate })).toThrow(/no samples/);
    expect(() => rms(new Float32Array(9), { hopLength: 0 })).toThrow(/hopLength/);
  });
});
