import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ParameterError, Random } from '../../src/core/index.ts';
import {
  jackknifeGroups,
  kruskalWallis,
  labellings,
  meanDeviation,
  midRanks,
  permutationP,
  permutedWithin,
} from '../../src/statistics/index.ts';

interface Fixture {
  versions: Record<string, string>;
  kruskal: { values: number[]; labels: number[]; h: number; p: number; epsilonSquared: number }[];
  permutations: { first: number[]; second: number[]; p: number; labellings: number }[];
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/metrics/rankTests.json', import.meta.url), 'utf8'),
) as Fixture;

describe(`Kruskal and Wallis against SciPy ${fixture.versions['scipy']}`, () => {
  it.each(fixture.kruskal)('H = $h', ({ values, labels, h, p, epsilonSquared }) => {
    const got = kruskalWallis(values, labels);
    expect(got.h / h).toBeCloseTo(1, 10);
    expect(Math.abs(got.p - p)).toBeLessThan(1e-11 * p);
    expect(got.epsilonSquared).toBeCloseTo(epsilonSquared, 10);
    const k = new Set(labels).size;
    expect(got.etaSquared).toBeCloseTo((h - k + 1) / (values.length - k), 10);
  });
  it('depends on order alone', () => {
    const { values, labels } = fixture.kruskal[4];
    const got = kruskalWallis(values, labels);
    expect(
      kruskalWallis(
        values.map((v) => Math.exp(3 * v)),
        labels,
      ),
    ).toEqual(got);
    const turned = kruskalWallis(values.toReversed(), labels.toReversed());
    expect(turned.h).toBeCloseTo(got.h, 10);
  });
  it('says that a constant differs nowhere', () => {
    expect(kruskalWallis([2, 2, 2, 2], ['a', 'a', 'b', 'b'])).toMatchObject({ h: 0, p: 1 });
  });
  it('refuses what cannot be tested', () => {
    expect(() => kruskalWallis([1, 2, 3], [0, 0, 0])).toThrow(/two classes/);
    expect(() => kruskalWallis([1, 2], [0, 1])).toThrow(/more values than classes/);
    expect(() => kruskalWallis([1, 2, Number.NaN], [0, 1, 1])).toThrow(ParameterError);
    expect(() => kruskalWallis([1, 2], [0])).toThrow(/labels/);
  });
  it('gives equal values the mean of their ranks', () => {
    const { ranks, tied } = midRanks([3, 1, 3, 2, 3]);
    expect([...ranks]).toEqual([4, 1, 4, 2, 4]);
    expect(tied).toBe(24);
  });
});

describe('permutation of labels', () => {
  it.each(fixture.permutations)(
    'has the p of all $labellings labellings',
    ({ first, second, p, labellings: n }) => {
      const values = [...first, ...second];
      const labels = values.map((_, i) => (i < first.length ? 0 : 1));
      const strata = labels.map(() => 0);
      expect(labellings(labels, strata)).toBe(n);
      const statistic = (of: (i: number) => number) => {
        const sums = [0, 0];
        values.forEach((v, i) => {
          sums[of(i)] += v;
        });
        return sums[0] / first.length - sums[1] / second.length;
      };
      const random = new Random(9);
      const drawn = Array.from({ length: 20_000 }, () => {
        const from = permutedWithin(strata, random);
        return statistic((i) => labels[from[i]]);
      });
      const got = permutationP(
        statistic((i) => labels[i]),
        drawn,
      );
      // Four standard errors of a share among 20 000.
      expect(Math.abs(got - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / 20_000) + 1e-4);
    },
  );
  it('stays within strata', () => {
    const strata = [0, 1, 0, 1, 0, 2];
    const random = new Random(3);
    const seen = new Set<string>();
    for (let i = 0; i < 200; i++) {
      const from = permutedWithin(strata, random);
      expect([...from].sort()).toEqual([0, 1, 2, 3, 4, 5]);
      from.forEach((j, to) => void expect(strata[j]).toBe(strata[to]));
      seen.add(from.join());
    }
    // 3!·2!·1!
    expect(seen.size).toBe(12);
    expect(labellings(['a', 'a', 'b', 'b', 'c', 'a'], strata)).toBe(12);
  });
  it('never says zero', () => {
    expect(permutationP(1, [0, 0, 0])).toBe(0.25);
    expect(permutationP(0.3, [0.1 + 0.2, 0, 0])).toBe(0.5);
    expect(() => permutationP(1, [])).toThrow(ParameterError);
    expect(() => labellings([1], [])).toThrow(ParameterError);
  });
});

describe('jackknife over groups', () => {
  it('is the textbook standard error for a mean of single items', () => {
    const random = new Random(2);
    const values = Array.from({ length: 30 }, () => random.normal(2, 3));
    const mean = (items: Uint32Array) => items.reduce((sum, i) => sum + values[i], 0) / items.length;
    const got = jackknifeGroups(
      values.map((_, i) => i),
      mean,
    );
    const { mean: centre, deviation } = meanDeviation(values);
    expect(got.standardError).toBeCloseTo(deviation! / Math.sqrt(30), 10);
    expect((got.low + got.high) / 2).toBeCloseTo(centre, 10);
    expect(
      jackknifeGroups(
        values.map((_, i) => i),
        mean,
        [centre, 9],
      ).low,
    ).toBeCloseTo(centre, 10);
  });
  it('leaves groups out whole', () => {
    // Copies of an item say nothing new: the error is that of the items.
    const values = [1, 4, 2, 8, 5];
    const mean = (list: number[]) => (items: Uint32Array) =>
      items.reduce((sum, i) => sum + list[i], 0) / items.length;
    const alone = jackknifeGroups([0, 1, 2, 3, 4], mean(values));
    const copied = jackknifeGroups(
      [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4],
      mean(values.flatMap((v) => [v, v, v])),
    );
    expect(copied.standardError).toBeCloseTo(alone.standardError, 12);
    expect(copied.groups).toBe(5);
    expect(() => jackknifeGroups(['a', 'a'], () => 1)).toThrow(/two groups/);
    expect(() => jackknifeGroups(['a', 'b'], () => Number.NaN)).toThrow(/finite/);
  });
});
