import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import { fitWindows } from '../../src/extraction/index.ts';

const ramp = (n: number) => Float32Array.from({ length: n }, (_, i) => i + 1);

describe('fitWindows', () => {
  it('repeats a short clip or fills it with zeros', () => {
    expect(fitWindows(ramp(3), 8, { pad: 'repeat', overlap: 0 })).toEqual([
      Float32Array.of(1, 2, 3, 1, 2, 3, 1, 2),
    ]);
    expect(fitWindows(ramp(3), 5, { pad: 'zero', overlap: 0 })).toEqual([Float32Array.of(1, 2, 3, 0, 0)]);
    expect(fitWindows(ramp(1), 4, { pad: 'repeat', overlap: 0 })).toEqual([Float32Array.of(1, 1, 1, 1)]);
    expect(fitWindows(ramp(3), 8, { pad: 'copies', overlap: 0 })).toEqual([
      Float32Array.of(1, 2, 3, 1, 2, 3, 0, 0),
    ]);
    expect(fitWindows(ramp(4), 8, { pad: 'copies', overlap: 0 })).toEqual([
      Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4),
    ]);
  });

  it('aligns the last window with the end', () => {
    expect(fitWindows(ramp(9), 4, { pad: 'zero', overlap: 0.5 }).map((w) => w[0])).toEqual([1, 3, 5, 6]);
    expect(fitWindows(ramp(8), 4, { pad: 'zero', overlap: 0 }).map((w) => w[0])).toEqual([1, 5]);
    expect(fitWindows(ramp(4), 4, { pad: 'zero', overlap: 0.5 })).toEqual([ramp(4)]);
  });

  it('covers every sample, in windows of the right length that follow the clip', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 60 }),
        fc.double({ min: 0, max: 0.95, noNaN: true }),
        fc.constantFrom('repeat' as const, 'zero' as const),
        (n, size, overlap, pad) => {
          const samples = ramp(n);
          const windows = fitWindows(samples, size, { pad, overlap });
          const seen = new Set<number>();
          for (const window of windows) {
            expect(window).toHaveLength(size);
            const at = window[0]! - 1;
            const wanted = window.map((_, k) => {
              if (at + k < n) return at + k + 1;
              return pad === 'zero' ? 0 : ((at + k) % n) + 1;
            });
            expect(window).toEqual(wanted);
            for (const value of window) seen.add(value);
          }
          seen.delete(0);
          expect(seen.size).toBe(n);
          // No more windows than it takes: neighbours are a hop apart, but for the last pair.
          const hop = Math.max(1, Math.round(size * (1 - overlap)));
          expect(windows.length).toBe(n <= size ? 1 : Math.ceil((n - size) / hop) + 1);
        },
      ),
    );
  });

  it('refuses an empty clip and options out of range', () => {
    expect(() => fitWindows(new Float32Array(0), 4, { pad: 'zero', overlap: 0 })).toThrow(ParameterError);
    expect(() => fitWindows(ramp(4), 0, { pad: 'zero', overlap: 0 })).toThrow(ParameterError);
    expect(() => fitWindows(ramp(4), 2, { pad: 'zero', overlap: 1 })).toThrow(ParameterError);
  });
});
