import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ParameterError, Random } from '../../src/core/index.ts';
import { bootstrapGroups, mcnemar, mcnemarP, meanDeviation, quantile } from '../../src/statistics/index.ts';

interface Fixture {
  versions: Record<string, string>;
  quantiles: { values: number[]; q: number; expected: number }[];
  meanDeviation: { values: number[]; mean: number; deviation: number }[];
  mcnemar: { b: number; c: number; p: number; midP: number }[];
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/statistics.json', import.meta.url), 'utf8'),
) as Fixture;

describe(`summaries against numpy ${fixture.versions['numpy']}`, () => {
  it.each(fixture.quantiles)('quantile $q', ({ values, q, expected }) => {
    expect(quantile(values, q)).toBeCloseTo(expected, 13);
  });
  it.each(fixture.meanDeviation)('mean $mean', ({ values, mean, deviation }) => {
    const got = meanDeviation(values);
    expect(got.mean / mean).toBeCloseTo(1, 12);
    expect(got.deviation! / deviation).toBeCloseTo(1, 8);
    expect(got.n).toBe(values.length);
  });
  it('says that one value has no spread, and refuses none or infinite ones', () => {
    expect(meanDeviation([3])).toEqual({ mean: 3, deviation: null, n: 1 });
    for (const values of [[], [1, Infinity], [NaN]]) {
      expect(() => meanDeviation(values)).toThrow(ParameterError);
      expect(() => quantile(values, 0.5)).toThrow(ParameterError);
    }
    expect(() => quantile([1, 2], 1.1)).toThrow(ParameterError);
  });
});

describe(`McNemar's test against SciPy ${fixture.versions['scipy']}`, () => {
  it.each(fixture.mcnemar)('$b against $c', ({ b, c, p, midP }) => {
    const got = mcnemarP(b, c);
    expect(Math.abs(got.p - p)).toBeLessThan(1e-10 * p);
    // At b = c SciPy's two-sided p is 1, cut off from above; then there is no mid-p to compare with.
    if (b !== c) expect(Math.abs(got.midP - midP)).toBeLessThan(1e-10 * p);
  });
  it('counts the items that one classifier alone got right', () => {
    const first = [true, true, true, false, false];
    const second = [true, false, false, true, false];
    expect(mcnemar({ first, second })).toEqual({ onlyFirst: 2, onlySecond: 1, p: 1, midP: 0.625 });
    expect(mcnemar({ first, second: first })).toEqual({ onlyFirst: 0, onlySecond: 0, p: 1, midP: 1 });
    expect(() => mcnemar({ first, second: [true] })).toThrow(ParameterError);
    expect(() => mcnemarP(-1, 2)).toThrow(ParameterError);
  });
});

const share = (correct: ArrayLike<number>) => (items: Uint32Array) => {
  let sum = 0;
  for (const i of items) sum += correct[i];
  return { share: sum / items.length };
};

describe('bootstrap over groups', () => {
  const random = new Random(5);

  it('has the width of the binomial distribution when every item is its own group', () => {
    const n = 400;
    const correct = Array.from({ length: n }, (_, i) => (i < 300 ? 1 : 0));
    const interval = bootstrapGroups(
      correct.map((_, i) => i),
      share(correct),
      { seed: 1, resamples: 20_000 },
    ).share;
    const halfWidth = 1.96 * Math.sqrt((0.75 * 0.25) / n);
    // A percentile of 20 000 draws is known to about 2 % of the width; the step of the statistic is 1/400.
    expect(Math.abs(interval.low! - (0.75 - halfWidth))).toBeLessThan(0.004);
    expect(Math.abs(interval.high! - (0.75 + halfWidth))).toBeLessThan(0.004);
    expect(interval).toMatchObject({ level: 0.95, groups: n, resamples: 20_000, seed: 1 });
  });

  it('is wider by the root of the group size when items of a group are copies of each other', () => {
    const groups = 100;
    const size = 9;
    const right = Array.from({ length: groups }, (_, g) => (g < 60 ? 1 : 0));
    const correct = right.flatMap((c) => Array<number>(size).fill(c));
    const group = right.flatMap((_, g) => Array<number>(size).fill(g));
    const width = (ids: number[]) => {
      const { low, high } = bootstrapGroups(ids, share(correct), { seed: 2, resamples: 8000 }).share;
      return high! - low!;
    };
    const ratio = width(group) / width(correct.map((_, i) => i));
    expect(ratio).toBeGreaterThan(2.7);
    expect(ratio).toBeLessThan(3.3);
    const expected = 2 * 1.96 * Math.sqrt((0.6 * 0.4) / groups);
    expect(Math.abs(width(group) / expected - 1)).toBeLessThan(0.06);
  });

  // Closed form for the truth: groups' success probabilities are Beta(a, b), so the accuracy is a/(a + b).
  it('covers the true accuracy about 95 times in 100 for correlated clips; drawing clips alone does not', () => {
    const [a, b, groups] = [1.2, 0.8, 60];
    const truth = a / (a + b);
    const trials = 400;
    let byGroup = 0;
    let byClip = 0;
    for (let trial = 0; trial < trials; trial++) {
      const correct: number[] = [];
      const group: number[] = [];
      for (let g = 0; g < groups; g++) {
        const p = random.beta(a, b);
        for (let i = 0; i < 6; i++) {
          correct.push(random.uniform() < p ? 1 : 0);
          group.push(g);
        }
      }
      const covers = (ids: number[]) => {
        const { low, high } = bootstrapGroups(ids, share(correct), { seed: trial, resamples: 400 }).share;
        return low! <= truth && truth <= high!;
      };
      if (covers(group)) byGroup++;
      if (covers(group.map((_, i) => i))) byClip++;
    }
    // Standard error of a coverage of 0.94 over 400 trials: 0.012.
    expect(byGroup / trials).toBeGreaterThan(0.9);
    expect(byGroup / trials).toBeLessThan(0.985);
    expect(byClip / trials).toBeLessThan(0.8);
  });

  it('depends on the seed alone, and returns one interval per statistic', () => {
    const values = Array.from({ length: 50 }, () => random.normal());
    const groups = values.map((_, i) => `recording ${i % 17}`);
    const statistics = (items: Uint32Array) => {
      const drawn = Array.from(items, (i) => values[i]);
      return { mean: meanDeviation(drawn).mean, median: quantile(drawn, 0.5) };
    };
    const one = bootstrapGroups(groups, statistics, { seed: 7, resamples: 200 });
    expect(bootstrapGroups(groups, statistics, { seed: 7, resamples: 200 })).toEqual(one);
    expect(bootstrapGroups(groups, statistics, { seed: 8, resamples: 200 })).not.toEqual(one);
    expect(one.mean.groups).toBe(17);
    expect(one.mean.low!).toBeLessThan(one.mean.high!);
    expect(one.median).not.toEqual(one.mean);
  });

  it('draws a group of many items several times', () => {
    const ids = Array.from({ length: 110 }, (_, i) => (i < 100 ? 0 : i));
    let most = 0;
    const statistic = (items: Uint32Array) => {
      most = Math.max(most, items.length);
      const counts = new Map<number, number>();
      for (const i of items) counts.set(i, (counts.get(i) ?? 0) + 1);
      // Each item of the large group comes as often as the first.
      for (let i = 1; i < 100; i++) expect(counts.get(i)).toBe(counts.get(0));
      return { size: items.length };
    };
    bootstrapGroups(ids, statistic, { seed: 1, resamples: 300 });
    expect(most).toBeGreaterThan(400);
  });

  it('narrows with a lower level', () => {
    const values = Array.from({ length: 80 }, () => (random.uniform() < 0.5 ? 1 : 0));
    const ids = values.map((_, i) => i);
    const wide = bootstrapGroups(ids, share(values), { seed: 1, level: 0.99 }).share;
    const narrow = bootstrapGroups(ids, share(values), { seed: 1, level: 0.5 }).share;
    expect(narrow.low!).toBeGreaterThan(wide.low!);
    expect(narrow.high!).toBeLessThan(wide.high!);
  });

  it('gives no bounds for a single group, and refuses bad options', () => {
    const one = bootstrapGroups(['a', 'a', 'a'], share([1, 0, 1]), { seed: 1 }).share;
    expect(one).toMatchObject({ low: null, high: null, groups: 1 });
    expect(() => bootstrapGroups([], share([]), { seed: 1 })).toThrow(ParameterError);
    expect(() => bootstrapGroups([1, 2], share([1, 0]), { seed: 1, resamples: 0 })).toThrow(ParameterError);
    expect(() => bootstrapGroups([1, 2], share([1, 0]), { seed: 1, level: 1 })).toThrow(ParameterError);
    expect(() => bootstrapGroups([1, 2], () => ({ x: NaN }), { seed: 1 })).toThrow(ParameterError);
  });
});
