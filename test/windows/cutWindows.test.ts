import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import {
  chooseWindowing,
  cutWindow,
  cutWindows,
  type Filling,
  filledWindow,
  overlappingWindows,
  usualTolerance,
  WindowCutter,
  type Windowing,
  windowCount,
  windowStart,
  windowTimes,
} from '../../src/windows/index.ts';

const usual: Windowing = {
  ...{ samples: 100, hopSamples: 10, hopSeconds: 0.1, leading: 0, end: 'zeros', pad: 'zero' },
};

/** The windows of the openl3 package (core.py: _get_num_windows, _pad_audio, _center_audio), in its own words. */
function openl3Windows(audio: number[], frame: number, hop: number, center: boolean): number[][] {
  let x = center ? [...Array<number>(Math.floor(frame / 2)).fill(0), ...audio] : [...audio];
  const missing =
    x.length < frame ? frame - x.length : Math.ceil((x.length - frame) / hop) * hop - (x.length - frame);
  x = [...x, ...Array<number>(missing).fill(0)];
  const count = 1 + Math.floor((x.length - frame) / hop);
  return Array.from({ length: count }, (_, i) => x.slice(i * hop, i * hop + frame));
}

function all(samples: Float32Array, windowing: Windowing): number[][] {
  return cutWindows(samples, windowing).map((window) => [...window]);
}

const sizes = fc.record({
  n: fc.integer({ min: 1, max: 90 }),
  samples: fc.integer({ min: 1, max: 30 }),
  hopSamples: fc.integer({ min: 1, max: 40 }),
  center: fc.boolean(),
});

const counting = (n: number) => Float32Array.from({ length: n }, (_, i) => i + 1);

describe('windowing', () => {
  it('with a short end gives every sample once where windows do not overlap', () => {
    fc.assert(
      fc.property(sizes, ({ n, samples }) => {
        const windowing: Windowing = {
          ...usual,
          ...{ samples, hopSamples: samples, hopSeconds: samples / 100, end: 'short' },
        };
        const audio = counting(n);
        const windows = all(audio, windowing);
        expect(windows.flat()).toEqual([...audio]);
        expect(windows.slice(0, -1).every(({ length }) => length === samples)).toBe(true);
        expect(windowTimes(n, windowing, 100)).toHaveLength(windows.length);
      }),
    );
  });

  it('with zeros at the end cuts the windows of the openl3 package, centred or not', () => {
    fc.assert(
      fc.property(sizes, ({ n, samples, hopSamples, center }) => {
        const windowing: Windowing = {
          ...usual,
          ...{ samples, hopSamples, hopSeconds: hopSamples / 100 },
          leading: center ? Math.floor(samples / 2) : 0,
        };
        const audio = counting(n);
        expect(all(audio, windowing)).toEqual(openl3Windows([...audio], samples, hopSamples, center));
        const times = windowTimes(n, windowing, 100);
        expect([...times]).toEqual(Array.from(times, (_, i) => i * windowing.hopSeconds));
      }),
    );
  });

  it('with the last window moved back gives windows that follow the recording, and no more of them than it takes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.95, noNaN: true }),
        fc.constantFrom<Filling>('repeat', 'zero'),
        (n, samples, overlap, pad) => {
          const windowing = overlappingWindows({ sampleRate: 100, samples, overlap, pad });
          const windows = cutWindows(counting(n), windowing);
          const seen = new Set<number>();
          for (const [i, window] of windows.entries()) {
            expect(window).toHaveLength(samples);
            const at = window[0] - 1;
            expect(windowStart(i, n, windowing)).toBe(at);
            const wanted = window.map((_, k) => {
              if (at + k < n) return at + k + 1;
              return pad === 'zero' ? 0 : ((at + k) % n) + 1;
            });
            expect(window).toEqual(wanted);
            for (const value of window) seen.add(value);
          }
          seen.delete(0);
          expect(seen.size).toBe(n);
          // Neighbours are a hop apart, but for the last pair.
          const hop = Math.max(1, Math.round(samples * (1 - overlap)));
          expect(windows.length).toBe(n <= samples ? 1 : Math.ceil((n - samples) / hop) + 1);
          windowTimes(n, windowing, 100).forEach((time, i) => {
            expect(time).toBeCloseTo(windowStart(i, n, windowing) / 100, 12);
          });
        },
      ),
    );
  });

  it('fills a short recording as it is told to', () => {
    const filled = (n: number, samples: number, pad: Filling) =>
      cutWindows(counting(n), overlappingWindows({ sampleRate: 1, samples, overlap: 0, pad })).map((w) => [
        ...w,
      ]);
    expect(filled(3, 8, 'repeat')).toEqual([[1, 2, 3, 1, 2, 3, 1, 2]]);
    expect(filled(1, 4, 'repeat')).toEqual([[1, 1, 1, 1]]);
    expect(filled(3, 5, 'zero')).toEqual([[1, 2, 3, 0, 0]]);
    expect(filled(3, 8, 'copies')).toEqual([[1, 2, 3, 1, 2, 3, 0, 0]]);
    expect(filled(4, 8, 'copies')).toEqual([[1, 2, 3, 4, 1, 2, 3, 4]]);
    expect(filled(3, 8, 'none')).toEqual([[1, 2, 3]]);
    expect(filled(3, 8, 'mask')).toEqual([[1, 2, 3]]);
    expect([...filledWindow(counting(3), 4)]).toEqual([1, 2, 3, 0]);
  });

  it('takes a hop in seconds as whole samples, and half a window as the centre', () => {
    expect(chooseWindowing(usual, 44100, { hopSeconds: 0.1, center: true })).toEqual({
      ...usual,
      ...{ hopSamples: 4410, hopSeconds: 0.1, leading: 50 },
    });
    expect(chooseWindowing(usual, 16000, {})).toEqual(usual);
    expect(chooseWindowing({ ...usual, leading: 50 }, 16000, { center: false }).leading).toBe(0);
    expect(() => chooseWindowing(usual, 100, { hopSeconds: 0.001 })).toThrow(ParameterError);
  });

  it('refuses a recording without samples and lengths out of range', () => {
    expect(() => cutWindows(new Float32Array(0), usual)).toThrow(ParameterError);
    expect(() => cutWindow(counting(3), 1, usual)).toThrow(ParameterError);
    expect(() => [...new WindowCutter(usual).flush()]).toThrow(ParameterError);
    const choices = { sampleRate: 1, samples: 4, overlap: 0, pad: 'zero' } as const;
    for (const wrong of [
      { samples: 0 },
      { samples: 1.5 },
      { overlap: 1 },
      { tolerance: 1 },
      { tolerance: -0.1 },
    ])
      expect(() => overlappingWindows({ ...choices, ...wrong })).toThrow(ParameterError);
  });
});

describe('a recording a hair longer than the window', () => {
  const five = (tolerance?: number): Windowing =>
    overlappingWindows({
      ...{ sampleRate: 22050, samples: 110250, overlap: 0.5, pad: 'repeat' },
      ...(tolerance === undefined ? {} : { tolerance }),
    });

  it('is one window where a tolerance is given, and two, 22 samples apart, for models that were made without', () => {
    const n = 110272; // 5.001 s, as Ogg Vorbis leaves a clip of 5 s.
    expect([0, 1].map((i) => windowStart(i, n, five()))).toEqual([0, 22]);
    expect(windowCount(n, five())).toBe(2);
    expect(windowCount(n, five(usualTolerance))).toBe(1);
    const [only] = cutWindows(counting(n), five(usualTolerance));
    expect([only!.length, only![0]]).toEqual([110250, 1]);
  });

  it('changes nothing for recordings of whole windows, nor for those that are well longer', () => {
    for (const n of [1, 110249, 110250, 110250 + 55125, 3 * 110250, 110250 + 552, 200_000]) {
      expect(cutWindows(counting(n), five(usualTolerance)).map((w) => [w.length, w[0]])).toEqual(
        cutWindows(counting(n), five()).map((w) => [w.length, w[0]]),
      );
    }
  });
});

describe('a recording that comes in blocks', () => {
  const windowings = fc.record({
    samples: fc.integer({ min: 1, max: 30 }),
    hopSamples: fc.integer({ min: 1, max: 40 }),
    leading: fc.integer({ min: 0, max: 40 }),
    end: fc.constantFrom('zeros' as const, 'back' as const, 'short' as const),
    pad: fc.constantFrom<Filling>('zero', 'repeat', 'copies', 'none', 'mask'),
    tolerance: fc.integer({ min: 0, max: 50 }),
  });

  it('gives the windows of the whole, to the bit, however it is divided', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        windowings,
        fc.array(fc.integer({ min: 0, max: 120 }), { minLength: 1, maxLength: 20 }),
        (n, choices, sizes) => {
          const windowing: Windowing = { ...choices, hopSeconds: choices.hopSamples / 100 };
          const whole = counting(n);
          const cutter = new WindowCutter(windowing);
          const windows: Float32Array[] = [];
          for (let at = 0, i = 0; at < n; i++) {
            // A block of nothing comes, too; and a loop of nothing but them would never end.
            const size = sizes[i % sizes.length] || (i >= sizes.length ? 1 : 0);
            windows.push(...cutter.push(whole.subarray(at, at + size)));
            at += size;
          }
          windows.push(...cutter.flush());
          expect(windows).toEqual(cutWindows(whole, windowing));
          expect([cutter.samples, cutter.windows]).toEqual([n, windows.length]);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('gives each window as soon as it is complete, from memory that does not grow', () => {
    const windowing = overlappingWindows({ sampleRate: 100, samples: 100, overlap: 0.5, pad: 'zero' });
    const cutter = new WindowCutter(windowing);
    const block = new Float32Array(50);
    const counts = Array.from({ length: 1000 }, () => [...cutter.push(block)].length);
    expect(counts).toEqual([0, ...Array<number>(999).fill(1)]);
    expect([...cutter.flush()]).toEqual([]);
  });
});
