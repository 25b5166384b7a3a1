import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import {
  chooseWindowing,
  cutWindow,
  samplesOfWindows,
  type Windowing,
  windowCount,
  windowTimes,
} from '../../src/embeddings/index.ts';
import { fitWindows, windowStarts } from '../../src/extraction/index.ts';

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
  const whole = { data: samples, offset: 0, total: samples.length };
  return Array.from({ length: windowCount(samples.length, windowing) }, (_, i) => [
    ...cutWindow(whole, i, windowing),
  ]);
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
        // A stretch that holds the last windows alone gives the same.
        const first = windows.length >> 1;
        const [from, to] = samplesOfWindows(first, windows.length, n, windowing);
        const stretch = { data: audio.slice(from, to), offset: from, total: n };
        for (let i = first; i < windows.length; i++)
          expect([...cutWindow(stretch, i, windowing)]).toEqual(windows[i]);
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

  it('with the last window moved back cuts those of training', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.constantFrom('zero' as const, 'repeat' as const, 'copies' as const),
        ({ n, samples }, pad) => {
          const overlap = 0.5;
          const hopSamples = Math.max(1, Math.round(samples * (1 - overlap)));
          const windowing: Windowing = {
            ...{ samples, hopSamples, hopSeconds: hopSamples / 100, leading: 0, end: 'back', pad },
          };
          const audio = counting(n);
          expect(all(audio, windowing)).toEqual(
            fitWindows(audio, samples, { pad, overlap }).map((window) => [...window]),
          );
          const starts = windowStarts(n, samples, overlap).map((start) => start / 100);
          const times = windowTimes(n, windowing, 100);
          expect(times.length).toBe(starts.length);
          starts.forEach((start, i) => {
            expect(times[i]).toBeCloseTo(start, 12);
          });
        },
      ),
    );
  });

  it('cuts the same windows from the stretch that they need as from the whole', () => {
    fc.assert(
      fc.property(sizes, fc.constantFrom('zeros' as const, 'back' as const), fc.nat(), (size, end, pick) => {
        const { n, samples, hopSamples, center } = size;
        const windowing: Windowing = {
          ...{ samples, hopSamples, hopSeconds: 1, end, pad: 'repeat' },
          leading: center ? Math.floor(samples / 2) : 0,
        };
        const audio = counting(n);
        const count = windowCount(n, windowing);
        const first = pick % count;
        const last = Math.min(count, first + 3);
        const [from, to] = samplesOfWindows(first, last, n, windowing);
        const stretch = { data: audio.slice(from, to), offset: from, total: n };
        for (let i = first; i < last; i++)
          expect([...cutWindow(stretch, i, windowing)]).toEqual(all(audio, windowing)[i]);
      }),
    );
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
});
