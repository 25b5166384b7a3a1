import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/errors.ts';
import {
  complexFft,
  frameCount,
  hzToMel,
  type MelFilterBankOptions,
  melFilterBank,
  melSpectrogram,
  melToHz,
  realFft,
  type StftOptions,
  spectrogram,
  stft,
  type WindowName,
  windowFunction,
} from '../../src/features/index.ts';
import { casesOf, relativeDifference, sampleRate, signals } from './fixture.ts';

describe('windowFunction', () => {
  it.each(casesOf('windowFunction'))('$title', ({ options, values }) => {
    const { name, length, periodic } = options as { name: WindowName; length: number; periodic: boolean };
    expect(relativeDifference(windowFunction(name, length, { periodic }), values)).toBeLessThan(1e-7);
  });

  it('refuses an unknown name and an empty window', () => {
    expect(() => windowFunction('kaiser' as WindowName, 8)).toThrow(/no window named "kaiser"/);
    expect(() => windowFunction('hann', 0)).toThrow(ParameterError);
  });
});

/** The definition, O(n²). */
function directDft(re: ArrayLike<number>, im: ArrayLike<number>): [number[], number[]] {
  const n = re.length;
  const out: [number[], number[]] = [[], []];
  for (let k = 0; k < n; k++) {
    let [sumR, sumI] = [0, 0];
    for (let i = 0; i < n; i++) {
      const angle = (-2 * Math.PI * ((i * k) % n)) / n;
      sumR += re[i] * Math.cos(angle) - im[i] * Math.sin(angle);
      sumI += re[i] * Math.sin(angle) + im[i] * Math.cos(angle);
    }
    out[0].push(sumR);
    out[1].push(sumI);
  }
  return out;
}

describe('complexFft and realFft', () => {
  // All radices, their mixtures, primes on both sides of the change to Bluestein's algorithm, and 1.
  it.each([1, 2, 3, 4, 5, 7, 8, 12, 31, 37, 64, 75, 97, 98, 128, 200, 211, 243, 254, 400, 401, 486])(
    'equals the definition at length %i',
    (n) => {
      const re = Float64Array.from({ length: n }, (_, i) => Math.sin(i * i + 1));
      const im = Float64Array.from({ length: n }, (_, i) => Math.cos(3 * i * i));
      const [wantRe, wantIm] = directDft(re, im);
      const [gotRe, gotIm] = [re.slice(), im.slice()];
      complexFft(n).forward(gotRe, gotIm);
      expect(relativeDifference(gotRe, wantRe)).toBeLessThan(1e-12);
      expect(relativeDifference(gotIm, wantIm)).toBeLessThan(1e-12);

      const plan = realFft(n);
      const [realRe, realIm] = [new Float64Array(plan.nBins), new Float64Array(plan.nBins)];
      plan.forward(re, realRe, realIm);
      const [wantRealRe, wantRealIm] = directDft(re, new Float64Array(n));
      expect(relativeDifference(realRe, wantRealRe.slice(0, plan.nBins))).toBeLessThan(1e-12);
      expect(relativeDifference([...realIm, 1], [...wantRealIm.slice(0, plan.nBins), 1])).toBeLessThan(1e-10);
    },
  );

  it('keeps the energy (Parseval) at any length', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), (n) => {
        const re = Float64Array.from({ length: n }, (_, i) => Math.sin(i * i));
        const im = new Float64Array(n);
        const before = re.reduce((sum, v) => sum + v * v, 0);
        complexFft(n).forward(re, im);
        const after = re.reduce((sum, v, i) => sum + v * v + im[i] * im[i], 0) / n;
        expect(Math.abs(after - before)).toBeLessThanOrEqual(1e-10 * Math.max(before, 1e-3));
      }),
      { numRuns: 60 },
    );
  });

  it('refuses a length that is no length', () => {
    expect(() => complexFft(0)).toThrow(ParameterError);
    expect(() => complexFft(2.5)).toThrow(ParameterError);
  });
});

describe('stft', () => {
  it.each(casesOf('stft'))('$title', ({ signal, options, values, shape }) => {
    const { real, imaginary, nBins, nFrames } = stft(signals[signal], options as StftOptions);
    expect([2, nBins, nFrames]).toEqual(shape);
    expect(relativeDifference([...real, ...imaginary], values)).toBeLessThan(2e-7);
  });

  it('refuses an empty signal, and a short one that is not centred', () => {
    expect(() => stft(new Float32Array(0))).toThrow(/no samples/);
    expect(() => stft(new Float32Array(100), { nFft: 512, center: false })).toThrow(/center is false/);
    expect(() => stft(new Float32Array(100), { hopLength: 0 })).toThrow(/hopLength/);
    expect(() => stft(new Float32Array(100), { nFft: 256, winLength: 300 })).toThrow(/winLength/);
  });

  it('gives spectrogram as its squares', () => {
    const { real, imaginary } = stft(signals['mixture'], { nFft: 400 });
    const want = real.map((v, i) => v * v + imaginary[i] ** 2);
    expect(relativeDifference(spectrogram(signals['mixture'], { nFft: 400 }).data, want)).toBeLessThan(2e-7);
    const root = spectrogram(signals['mixture'], { nFft: 400, power: 1 }).data;
    expect(relativeDifference(root, want.map(Math.sqrt))).toBeLessThan(2e-7);
  });

  it('counts the frames that fit', () => {
    expect(frameCount(88200, { nFft: 2048, hopLength: 512, center: true })).toBe(173);
    expect(frameCount(2048, { nFft: 2048, hopLength: 512, center: false })).toBe(1);
    expect(frameCount(1, { nFft: 2048, hopLength: 512, center: true })).toBe(1);
  });
});

describe('mel', () => {
  it.each(casesOf('melFilterBank'))('$title', ({ options, values, shape }) => {
    const bank = melFilterBank(options as unknown as MelFilterBankOptions);
    expect([bank.nMels, bank.nBins]).toEqual(shape);
    expect(relativeDifference(bank.weights, values)).toBeLessThan(2e-7);
    const silent = Array.from({ length: bank.nMels }, (_, m) => m).filter((m) =>
      values.subarray(m * bank.nBins, (m + 1) * bank.nBins).every((w) => w < 1e-12),
    );
    expect(bank.emptyFilters).toEqual(silent);
  });

  it('has a case with empty filters', () => {
    const bank = melFilterBank({ sampleRate: 22050, nFft: 128, nMels: 40, melScale: 'htk', melNorm: null });
    expect(bank.emptyFilters.length).toBeGreaterThan(0);
  });

  it('refuses a band above the Nyquist frequency, and says what to do', () => {
    const call = () => melFilterBank({ sampleRate: 16000, nFft: 400, fMax: 11025 });
    expect(call).toThrow(/Nyquist frequency of 8000 Hz/);
    expect(call).toThrow(expect.objectContaining({ hint: expect.stringMatching(/8000 or less.*22050/) }));
    expect(() => melFilterBank({ sampleRate: 16000, nFft: 400, fMin: 4000, fMax: 4000 })).toThrow(
      /exceed fMin/,
    );
    expect(() => melFilterBank({ sampleRate: 16000, nFft: 400, nMels: 0 })).toThrow(ParameterError);
  });

  it('converts there and back', () => {
    for (const scale of ['slaney', 'htk'] as const) {
      for (const hz of [0, 100, 999.9, 1000, 1000.1, 8000]) {
        expect(melToHz(hzToMel(hz, scale), scale)).toBeCloseTo(hz, 8);
      }
    }
    expect(hzToMel(1000)).toBeCloseTo(15, 10);
    expect(hzToMel(6400)).toBeCloseTo(42, 10);
    expect(hzToMel(1000, 'htk')).toBeCloseTo(999.9855, 3);
  });

  it.each(casesOf('melSpectrogram'))('melSpectrogram $title', ({ signal, options, values }) => {
    const { data } = melSpectrogram(signals[signal], { sampleRate, ...options });
    expect(relativeDifference(data, values)).toBeLessThan(3e-7);
  });
});
