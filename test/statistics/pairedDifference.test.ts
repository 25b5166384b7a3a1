import { describe, expect, it } from 'vitest';
import { ParameterError, Random } from '../../src/core/index.ts';
import { pairedDifference } from '../../src/statistics/index.ts';

/** P(Z ≤ z) by the series of Abramowitz and Stegun 26.2.10: enough digits for a comparison. */
function normalCdf(z: number): number {
  let term = z;
  let sum = z;
  for (let n = 1; n < 200; n++) {
    term *= (-z * z * (2 * n - 1)) / (2 * n * (2 * n + 1));
    sum += term;
  }
  return 0.5 + sum / Math.sqrt(2 * Math.PI);
}

describe('paired difference', () => {
  const size = 3;
  const groupsOf = (n: number) => Array.from({ length: n * size }, (_, i) => Math.floor(i / size));

  it('has the normal interval and p-value where groups are many', () => {
    const random = new Random(3);
    const n = 400;
    const offsets = Array.from({ length: n }, () => random.normal() + 0.09);
    const gain = groupsOf(n).map((g) => offsets[g]);
    const mean = offsets.reduce((a, b) => a + b, 0) / n;
    const deviation = Math.sqrt(offsets.reduce((a, b) => a + (b - mean) ** 2, 0) / n);
    const error = deviation / Math.sqrt(n);
    const got = pairedDifference(groupsOf(n), gain, { seed: 1, resamples: 20_000 });
    expect(got.difference).toBeCloseTo(mean, 12);
    expect(Math.abs(got.interval.low! - (mean - 1.96 * error))).toBeLessThan(0.06 * error);
    expect(Math.abs(got.interval.high! - (mean + 1.96 * error))).toBeLessThan(0.06 * error);
    const p = 2 * (1 - normalCdf(mean / error));
    expect(Math.abs(got.p! - p)).toBeLessThan(0.15 * p + 0.002);
  });

  it('rejects at about its level where there is no difference', () => {
    const trials = 400;
    let rejected = 0;
    const random = new Random(8);
    for (let trial = 0; trial < trials; trial++) {
      const offsets = Array.from({ length: 60 }, () => random.normal());
      const gain = groupsOf(60).map((g) => offsets[g]);
      if (pairedDifference(groupsOf(60), gain, { seed: trial, resamples: 400 }).p! <= 0.05) rejected++;
    }
    // 0.05 ± three standard errors, and what percentiles of 60 groups are too narrow by.
    expect(rejected / trials).toBeGreaterThan(0.02);
    expect(rejected / trials).toBeLessThan(0.095);
  });

  it('is never certain, knows nothing of one group, and mirrors', () => {
    const always = pairedDifference([1, 2, 3], [1, 1, 1], { seed: 1, resamples: 99 });
    expect(always).toMatchObject({ difference: 1, p: 2 / 100, interval: { low: 1, high: 1, groups: 3 } });
    expect(pairedDifference([1, 1], [1, 0], { seed: 1 })).toMatchObject({
      difference: 0.5,
      p: null,
      interval: { low: null },
    });
    expect(pairedDifference([1, 2], [0, 0], { seed: 1 }).p).toBe(1);
    const gain = [1, -1, 0, 1, 1, 0];
    const there = pairedDifference([1, 2, 3, 4, 5, 6], gain, { seed: 4 });
    const back = pairedDifference(
      [1, 2, 3, 4, 5, 6],
      gain.map((g) => -g),
      { seed: 4 },
    );
    expect(back.p).toBe(there.p);
    expect(back.interval.low).toBeCloseTo(-there.interval.high!, 12);
    expect(() => pairedDifference([1, 2], [1], { seed: 1 })).toThrow(ParameterError);
  });
});
