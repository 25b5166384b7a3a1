/**
 * @file From numbers to a verdict, by rule. The deciding tests of all hypotheses are one family, corrected by Holm's
 * method at 5 %; what a hypothesis is called follows from how its own came out, and the sentence from their numbers.
 */
import { holm } from '../statistics/index.ts';
import type { Hypothesis } from './hypothesis.ts';
import type { TestResult } from './tests/results.ts';
import { alpha } from './tests/runTest.ts';

/**
 * - `supported`: every deciding test came out as claimed.
 * - `supported in part`: some did, and none against the claim.
 * - `contradicted`: one came out significantly against it.
 * - `undecidable`: none did, and with so few recordings none could have.
 * - `not shown`: none did.
 */
export type VerdictWord = 'supported' | 'supported in part' | 'contradicted' | 'undecidable' | 'not shown';

export type Direction = 'for' | 'against' | 'open';

export interface JudgedTest {
  readonly result: TestResult;
  /** p corrected within its family: that of all deciding tests, or that of all others. */
  readonly corrected: number;
  readonly direction: Direction;
  /** The smallest p that so few recordings can give, corrected, is too large. */
  readonly hopeless: boolean;
}

export interface JudgedHypothesis {
  readonly hypothesis: Pick<Hypothesis, 'number' | 'title' | 'claim' | 'limits'>;
  readonly tests: readonly JudgedTest[];
  readonly verdict: VerdictWord;
}

/** Corrects the tests of all hypotheses together and judges each hypothesis. */
export function judge(
  found: readonly { readonly hypothesis: Hypothesis; readonly results: readonly TestResult[] }[],
): JudgedHypothesis[] {
  const all = found.flatMap(({ results }) => results);
  const corrected = new Map<TestResult, number>();
  for (const deciding of [true, false]) {
    const family = all.filter((result) => result.deciding === deciding);
    holm(family.map(({ p }) => p)).forEach((p, i) => void corrected.set(family[i], p));
  }
  const deciding = all.filter((result) => result.deciding).length;
  return found.map(({ hypothesis, results }) => {
    const tests = results.map((result): JudgedTest => {
      const p = corrected.get(result)!;
      return {
        result,
        corrected: p,
        direction: p > alpha ? 'open' : result.effect.value > 0 ? 'for' : 'against',
        hopeless: result.smallestP * deciding > alpha,
      };
    });
    const { number, title, claim, limits } = hypothesis;
    return { hypothesis: { number, title, claim, limits }, tests, verdict: verdictOf(tests) };
  });
}

function verdictOf(tests: readonly JudgedTest[]): VerdictWord {
  const deciding = tests.filter(({ result }) => result.deciding);
  if (deciding.some(({ direction }) => direction === 'against')) return 'contradicted';
  const supporting = deciding.filter(({ direction }) => direction === 'for').length;
  if (supporting === deciding.length) return 'supported';
  if (supporting > 0) return 'supported in part';
  return deciding.every(({ hopeless }) => hopeless) ? 'undecidable' : 'not shown';
}
