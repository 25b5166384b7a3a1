import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/errors.ts';
import { Random } from '../../src/core/random.ts';
import { logMelBands } from '../../src/features/bands.ts';
import { type LogMelSpec, logMel, logMelFrames, logMelSpec } from '../../src/features/index.ts';
import { createDecibelKernel } from '../../src/features/logMelKernel.ts';
import { plainDecibels } from '../../src/features/logMelPlain.ts';
import { assembleFft, generatedSource } from '../../tools/wasm/fft.ts';
import { casesOf, largestDifference, sampleRate, signals } from './fixture.ts';

function noise(length: number, seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => 0.3 * random.normal());
}

describe('logMel', () => {
  it.each(casesOf('logMel'))('$title', ({ signal, options, values, shape }) => {
    const spec = logMelSpec({ sampleRate, ...(options as Partial<LogMelSpec>) });
    const { data, nMels, nFrames } = logMel(signals[signal], spec);
    expect([nMels, nFrames]).toEqual(shape);
    // float32 holds 100 dB to 4e-6.
    expect(largestDifference(data, values)).toBeLessThan(2e-5);
  });

  it('covers the kernel and the plain way among its cases', () => {
    const kernels = casesOf('logMel').map((c) =>
      createDecibelKernel(logMelBands(logMelSpec({ sampleRate, ...(c.options as Partial<LogMelSpec>) }))),
    );
    expect(kernels.some((k) => k === null)).toBe(true);
    expect(kernels.filter((k) => k !== null).length).toBeGreaterThan(8);
  });

  it('takes recordings longer than one stretch, and short ones after long ones', () => {
    const spec = logMelSpec({ sampleRate, nFft: 512, hopLength: 100, nMels: 32 });
    const long = noise(100 * 700 + 37);
    const short = noise(900, 2);
    const plain = (x: Float32Array) => plainDecibels(x, logMelBands(spec));
    const unlimited = { ...spec, topDb: null };
    expect(largestDifference(logMel(long, unlimited).data, plain(long))).toBeLessThan(2e-5);
    expect(largestDifference(logMel(short, unlimited).data, plain(short))).toBeLessThan(2e-5);
    expect(logMel(long, spec).nFrames).toBe(logMelFrames(long.length, spec));
  });

  it('does not depend on what came before', () => {
    const spec = logMelSpec({ sampleRate });
    const first = logMel(signals['mixture'], spec).data;
    logMel(noise(200_000), spec);
    expect(logMel(signals['mixture'], spec).data).toEqual(first);
  });

  it('floors at the clip’s own maximum − topDb', () => {
    const { data } = logMel(signals['loudQuiet'], logMelSpec({ sampleRate, topDb: 30 }));
    const largest = Math.max(...data);
    expect(Math.min(...data)).toBeCloseTo(largest - 30, 4);
  });

  it('gives amin’s decibels for silence', () => {
    const { data } = logMel(new Float32Array(5000), logMelSpec({ sampleRate, amin: 1e-7 }));
    expect(largestDifference(data, new Float32Array(data.length).fill(-70))).toBeLessThan(1e-5);
  });

  it('marks frames with samples that are not finite as NaN, and only those', () => {
    const spec = logMelSpec({ sampleRate, nFft: 512, hopLength: 512, nMels: 8, center: false, topDb: null });
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const samples = noise(512 * 6);
      samples[512 * 2 + 7] = bad;
      for (const data of [logMel(samples, spec).data, plainDecibels(samples, logMelBands(spec))]) {
        for (let i = 0; i < data.length; i++) expect(Number.isNaN(data[i])).toBe(i % 6 === 2);
      }
    }
  });

  it('refuses an empty signal and specs out of range', () => {
    const spec = logMelSpec({ sampleRate });
    expect(() => logMel(new Float32Array(0), spec)).toThrow(/no samples/);
    expect(() => logMel(new Float32Array(100), { ...spec, center: false })).toThrow(/center is false/);
    const wrong: Partial<Record<keyof LogMelSpec, unknown>>[] = [
      { nFft: 0 },
      { nFft: 2048.5 },
      { hopLength: 0 },
      { winLength: 4096 },
      { winLength: 0 },
      { nMels: 0 },
      { fMax: 20000 },
      { fMin: -1 },
      { power: 3 },
      { melScale: 'bark' },
      { melNorm: 'area' },
      { padMode: 'edge' },
      { amin: 0 },
      { topDb: -1 },
      { kind: 'mfcc' },
      { version: 2 },
      { sampleRate: 0 },
    ];
    for (const change of wrong) {
      const call = () => logMel(noise(3000), { ...spec, ...change } as LogMelSpec);
      expect(call, JSON.stringify(change)).toThrow(ParameterError);
    }
  });
});

describe('the kernel', () => {
  it('is the one that its text assembles to', async () => {
    const committed = readFileSync(
      new URL('../../src/features/logMelKernel.generated.ts', import.meta.url),
      'utf8',
    );
    expect(committed).toBe(generatedSource(await assembleFft()));
  });

  it('agrees with plain TypeScript for every length it takes', () => {
    // 2^a·3^b·5^c, so that each radix is first, middle and last pass at some time.
    const lengths = [
      2, 4, 6, 8, 10, 12, 16, 18, 20, 30, 32, 36, 48, 50, 60, 90, 96, 128, 150, 162, 250, 256, 300,
    ];
    lengths.push(
      400,
      450,
      480,
      500,
      512,
      600,
      648,
      720,
      900,
      960,
      1024,
      1200,
      1250,
      1440,
      2048,
      2400,
      4096,
      4374,
    );
    const samples = noise(5000);
    for (const nFft of lengths) {
      const nMels = Math.max(1, Math.min(40, nFft >> 3));
      const spec = logMelSpec({ sampleRate, nFft, hopLength: 997, nMels, topDb: null, melScale: 'htk' });
      const kernel = createDecibelKernel(logMelBands(spec));
      expect(kernel, String(nFft)).not.toBeNull();
      expect(
        largestDifference(kernel!(samples), plainDecibels(samples, logMelBands(spec))),
        String(nFft),
      ).toBeLessThan(2e-5);
    }
  });

  it('agrees with plain TypeScript whatever the spec', () => {
    const arbitrary = fc.record({
      nFft: fc.constantFrom(64, 120, 200, 400, 512, 800, 1024),
      hopLength: fc.integer({ min: 20, max: 1500 }),
      window: fc.double({ min: 0.1, max: 1, noNaN: true }),
      nMels: fc.integer({ min: 1, max: 70 }),
      fMin: fc.constantFrom(0, 33, 1200),
      fMax: fc.constantFrom(1201, 7000, 11025),
      melScale: fc.constantFrom('slaney' as const, 'htk' as const),
      melNorm: fc.constantFrom('slaney' as const, null),
      power: fc.constantFrom(1 as const, 2 as const),
      center: fc.boolean(),
      padMode: fc.constantFrom('reflect' as const, 'constant' as const),
      length: fc.integer({ min: 1, max: 6000 }),
      gain: fc.constantFrom(1, 1e-3, 1e3),
    });
    fc.assert(
      fc.property(arbitrary, ({ window, length, gain, ...options }) => {
        const winLength = Math.max(1, Math.round(window * options.nFft));
        const spec = logMelSpec({ sampleRate, ...options, winLength, topDb: null });
        fc.pre(spec.center || length >= spec.nFft);
        const samples = noise(length, length).map((v) => v * gain);
        expect(
          largestDifference(
            createDecibelKernel(logMelBands(spec))!(samples),
            plainDecibels(samples, logMelBands(spec)),
          ),
        ).toBeLessThan(5e-5);
      }),
      { numRuns: 60, seed: 4 },
    );
  });

  it('stands aside for lengths it cannot take', () => {
    for (const nFft of [401, 14, 2 * 7 * 11]) {
      expect(createDecibelKernel(logMelBands(logMelSpec({ sampleRate, nFft, nMels: 1 })))).toBeNull();
    }
  });
});
