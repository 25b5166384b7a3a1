import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import { holm } from '../../src/statistics/index.ts';

/**
 * What Holm's steps are a short cut for (Marcus, Peritz and Gabriel 1976): a hypothesis is rejected if every set of
 * hypotheses that holds it is, each set by Bonferroni's test.
 */
function closedTesting(p: readonly number[]): number[] {
  const adjusted = p.map(() => 0);
  for (let set = 1; set < 1 << p.length; set++) {
    const members = p.map((_, i) => i).filter((i) => set & (1 << i));
    const bonferroni = Math.min(1, members.length * Math.min(...members.map((i) => p[i])));
    for (const i of members) adjusted[i] = Math.max(adjusted[i], bonferroni);
  }
  return adjusted;
}

describe("Holm's correction", () => {
  it('is the closed test of all sets of hypotheses', () => {
    const p = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 0.01, 0.04, 1));
    fc.assert(
      fc.property(fc.array(p, { minLength: 1, maxLength: 7 }), (values) => {
        closedTesting(values).forEach((expected, i) => {
          expect(holm(values)[i]).toBeCloseTo(expected, 12);
        });
      }),
    );
  });

  it('gives the example that can be worked by hand', () => {
    // 4·0.005, 3·0.01, 2·0.03, 1·0.04 → made monotone: 0.02, 0.03, 0.06, 0.06.
    expect(holm([0.01, 0.04, 0.03, 0.005])).toEqual([0.03, 0.06, 0.06, 0.02]);
    expect(holm([])).toEqual([]);
    expect(holm([0.2])).toEqual([0.2]);
  });

  it('refuses what is no p-value', () => {
    for (const wrong of [-0.1, 1.1, Number.NaN]) expect(() => holm([0.5, wrong])).toThrow(ParameterError);
  });
});
