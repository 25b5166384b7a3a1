import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { upperIncompleteGamma } from '../../src/statistics/incompleteGamma.ts';

const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/statistics/incompleteGamma.json', import.meta.url), 'utf8'),
) as { cases: [a: number, x: number, q: number][] };

describe('upperIncompleteGamma', () => {
  it("equals scipy's gammaincc, tails included", () => {
    expect(cases.length).toBeGreaterThan(100);
    let worst = 0;
    for (const [a, x, q] of cases)
      worst = Math.max(worst, Math.abs(upperIncompleteGamma(a, x) - q) / Math.max(q, 1e-300));
    expect(worst).toBeLessThan(2e-12);
  });

  it('has the closed forms of whole and half shapes', () => {
    expect(upperIncompleteGamma(1, 2)).toBeCloseTo(Math.exp(-2), 15);
    expect(upperIncompleteGamma(3, 700)).toBeCloseTo(0, 15);
    expect(upperIncompleteGamma(3, 700) / (Math.exp(-700) * (1 + 700 + 245000))).toBeCloseTo(1, 12);
    expect(upperIncompleteGamma(2, 0)).toBe(1);
    expect(upperIncompleteGamma(2, Number.POSITIVE_INFINITY)).toBe(0);
  });

  it('obeys Q(a + 1, x) = Q(a, x) + xᵃe⁻ˣ/Γ(a + 1)', () => {
    let factorial = 1;
    for (let a = 1; a < 12; a++) {
      factorial *= a;
      for (const x of [0.3, 2, 9, 30])
        expect(upperIncompleteGamma(a + 1, x)).toBeCloseTo(
          upperIncompleteGamma(a, x) + (x ** a * Math.exp(-x)) / factorial,
          13,
        );
    }
  });

  it('refuses what is out of range', () => {
    for (const [a, x] of [
      [0, 1],
      [-1, 1],
      [1, -1],
      [Number.NaN, 1],
      [1, Number.NaN],
    ] as const)
      expect(() => upperIncompleteGamma(a, x)).toThrow('incomplete gamma');
  });
});
