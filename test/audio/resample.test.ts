import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resample } from '../../src/audio/index.ts';
import { prepareResampler, runResampler } from '../../src/audio/resample.ts';
import { resampleKernelBase64 } from '../../src/audio/resampleKernel.generated.ts';
import { createWasmKernel } from '../../src/audio/resampleKernel.ts';
import { ParameterError, Random } from '../../src/core/index.ts';
import { assembleResample } from '../../tools/wasm/resample.ts';

/** Rates of UrbanSound8K to those of the front ends, and ratios that need a table between whose rows is interpolated. */
const pairs: [number, number][] = [
  [44100, 22050],
  [48000, 22050],
  [96000, 22050],
  [192000, 22050],
  [8000, 22050],
  [11024, 22050],
  [44100, 48000],
  [48000, 44100],
  [44100, 16000],
  [22050, 48000],
  [44099, 48000],
  [48001, 22050],
];

const dB = (ratio: number) => 20 * Math.log10(ratio);

function sine(frequency: number, rate: number, length: number): Float32Array {
  return Float32Array.from({ length }, (_, n) => Math.sin((2 * Math.PI * frequency * n) / rate));
}

/** The middle of a signal, away from where it is switched on and off. */
function middle(samples: Float32Array): Float32Array {
  return samples.subarray(Math.floor(samples.length / 4), Math.floor((samples.length * 3) / 4));
}

function largest(samples: Float32Array): number {
  return samples.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

describe.each(pairs)('%d to %d Hz', (from, to) => {
  const nyquist = Math.min(from, to) / 2;
  const length = Math.ceil(from * 0.25);

  it('passes sines up to 0.9 of the lower Nyquist frequency: no ripple, no delay', () => {
    let worst = 0;
    for (const share of [0.001, 0.05, 0.2, 0.5, 0.7, 0.8, 0.9]) {
      const frequency = share * nyquist;
      const output = resample(sine(frequency, from, length), from, to);
      const exact = sine(frequency, to, output.length);
      // The difference holds ripple, phase error, images and rounding together.
      worst = Math.max(worst, largest(middle(output.map((value, n) => value - exact[n]))));
    }
    expect(dB(worst)).toBeLessThan(-120);
  });

  it.runIf(to < from)('rejects sines above the new Nyquist frequency by more than 120 dB', () => {
    let worst = 0;
    for (let i = 0; i <= 24; i++) {
      const frequency = nyquist * 1.0001 + ((from / 2 - nyquist) * 0.9999 * i) / 24;
      worst = Math.max(worst, largest(middle(resample(sine(frequency, from, length), from, to))));
    }
    expect(dB(worst)).toBeLessThan(-120);
  });

  it.runIf(to < from)('rejects a sweep from the new to the old Nyquist frequency by more than 120 dB', () => {
    const seconds = 1;
    const samples = from * seconds;
    const [low, high] = [nyquist * 1.01, (from / 2) * 0.999];
    const sweep = Float32Array.from({ length: samples }, (_, n) => {
      const t = n / from;
      // Faded in and out: a sweep cut off hard is not free of low frequencies.
      const fade = Math.min(1, (20 * Math.min(t, seconds - t)) / seconds);
      return (
        (0.5 - 0.5 * Math.cos(Math.PI * fade)) *
        Math.sin(2 * Math.PI * (low * t + ((high - low) * t * t) / 2 / seconds))
      );
    });
    expect(dB(largest(middle(resample(sweep, from, to))))).toBeLessThan(-120);
  });

  it('keeps the duration: ceil(n · to / from) samples', () => {
    for (const n of [0, 1, 2, 100, 4095, 20011]) {
      expect(resample(new Float32Array(n), from, to)).toHaveLength(Math.ceil((n * to) / from));
    }
  });

  it('passes a constant unchanged', () => {
    const output = resample(new Float32Array(length).fill(0.5), from, to);
    expect(largest(middle(output).map((value) => value - 0.5))).toBeLessThan(1e-6);
  });

  it('the TypeScript kernel gives the same bits as the WebAssembly one', () => {
    const random = new Random(3);
    const samples = Float32Array.from({ length: Math.ceil(from * 0.05) }, () => random.uniform(-1, 1));
    const wasm = runResampler(prepareResampler(from, to), samples);
    const plain = runResampler(prepareResampler(from, to, true), samples);
    expect(wasm).toEqual(plain);
    expect(largest(wasm)).toBeGreaterThan(0.1);
  });
});

it('an impulse comes out where it went in: zero phase', () => {
  const impulse = new Float32Array(2000);
  impulse[1000] = 1;
  const half = resample(impulse, 44100, 22050);
  const double = resample(impulse, 22050, 44100);
  for (let k = 1; k < 300; k++) {
    expect(half[500 + k]).toBeCloseTo(half[500 - k], 7);
    expect(double[2000 + k]).toBeCloseTo(double[2000 - k], 7);
  }
  expect(double[2000]).toBeCloseTo(0.95, 3);
});

it('there and back again gives the band-limited sound back', () => {
  const random = new Random(5);
  const tones = Array.from({ length: 20 }, () => [
    random.uniform(20, 0.85 * 8000),
    random.uniform(0, 6),
    random.uniform(0, 0.05),
  ]);
  const samples = Float32Array.from({ length: 8000 }, (_, n) =>
    tones.reduce(
      (sum, [f, phase, level]) => sum + level * Math.sin((2 * Math.PI * f * n) / 16000 + phase),
      0,
    ),
  );
  const back = resample(resample(samples, 16000, 44100), 44100, 16000);
  expect(dB(largest(middle(back.subarray(0, 8000).map((value, n) => value - samples[n]))))).toBeLessThan(
    -120,
  );
});

it('an impulse at any place of a recording of any length stays at its time', () => {
  const property = fc.property(
    fc.integer({ min: 1, max: 60000 }),
    fc.integer({ min: 0, max: 59999 }),
    (n, at) => {
      const whole = new Float32Array(n);
      whole[at % n] = 1;
      const here = resample(whole, 48000, 44100);
      const centre = Math.round(((at % n) * 44100) / 48000);
      const peak = here.reduce((best, value, i) => (Math.abs(value) > Math.abs(here[best]) ? i : best), 0);
      expect(Math.abs(peak - Math.min(centre, here.length - 1))).toBeLessThanOrEqual(1);
    },
  );
  fc.assert(property, { numRuns: 30, seed: 1 });
});

describe('arguments', () => {
  it('equal rates give a copy', () => {
    const samples = Float32Array.of(1, 2, 3);
    const copy = resample(samples, 8000, 8000);
    expect(copy).toEqual(samples);
    expect(copy).not.toBe(samples);
  });

  it.each([
    [0, 8000],
    [8000, -1],
    [44100.5, 22050],
    [Number.NaN, 8000],
    [8000, Number.POSITIVE_INFINITY],
    [1, 48000],
    [0, 0],
  ])('%d to %d Hz is refused', (from, to) => {
    expect(() => resample(new Float32Array(10), from, to)).toThrow(ParameterError);
  });

  it('keeps memory bounded for any pair of rates', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 4000, max: 200000 }),
        fc.integer({ min: 4000, max: 200000 }),
        (from, to) => {
          const { filter } = prepareResampler(from, to);
          expect(filter.table.length).toBeLessThanOrEqual(2 ** 20 + 4 * filter.taps);
        },
      ),
      { numRuns: 25, seed: 2 },
    );
  });
});

describe('the kernel', () => {
  it('committed is what the text assembles to', async () => {
    expect(Buffer.from(await assembleResample()).toString('base64')).toBe(resampleKernelBase64);
  });

  it('runs in WebAssembly here', () => {
    const { filter } = prepareResampler(44100, 22050);
    expect(createWasmKernel(filter, 1000, 100)).not.toBeNull();
  });
});
