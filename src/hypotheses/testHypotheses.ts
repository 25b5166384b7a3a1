/** @file All tests of all hypotheses on recordings that were measured. */
import { hypotheses } from './five.ts';
import type { Hypothesis } from './hypothesis.ts';
import type { RecordingTable } from './recordings.ts';
import { Deciders, type DecidersOptions } from './tests/deciders.ts';
import type { TestResult } from './tests/results.ts';
import { labellingsOf, runTest, type TestSettings } from './tests/runTest.ts';
import { type JudgedHypothesis, judge } from './verdict.ts';

/** How thorough the tests are. */
export interface Depth {
  /** Labellings drawn for each test against chance. */
  readonly permutations: number;
  /** Resamples of each interval. */
  readonly resamples: number;
  /** Labellings of the same tests by a random forest, beside the deciding ones; 0: no forest. */
  readonly forestPermutations: number;
}

/** With 249 labellings the smallest p, 0.004, stays below 5 % when it is corrected for eleven deciding tests. */
export const depths: Readonly<Record<'quick' | 'full', Depth>> = {
  quick: { permutations: 249, resamples: 1000, forestPermutations: 0 },
  full: { permutations: 999, resamples: 2000, forestPermutations: 99 },
};

export interface HypothesesFound {
  readonly judged: readonly JudgedHypothesis[];
  /** The same tests by a random forest, which decide nothing; by hypothesis, empty without one. */
  readonly forest: readonly (readonly TestResult[])[];
}

/**
 * Tests the hypotheses.
 * @throws {CancelledError} when `signal` is aborted
 */
export async function testHypotheses(
  table: RecordingTable,
  depth: Depth,
  seed: number,
  options: DecidersOptions & { readonly hypotheses?: readonly Hypothesis[] } = {},
): Promise<HypothesesFound> {
  const { permutations, resamples, forestPermutations } = depth;
  const chosen = (options.hypotheses ?? hypotheses).map((hypothesis) => ({
    hypothesis,
    tests: hypothesis.tests(table),
  }));
  const linear: TestSettings = { classifier: 'logistic regression', permutations, resamples, seed };
  const forest: TestSettings = {
    ...linear,
    classifier: 'random forest',
    permutations: forestPermutations,
  };
  const passes = forestPermutations > 0 ? [linear, forest] : [linear];
  const deciders = new Deciders(options);
  try {
    for (const settings of passes) {
      for (const { tests } of chosen) {
        for (const test of tests) deciders.expect(labellingsOf(test, settings));
      }
    }
    const found: { hypothesis: Hypothesis; results: TestResult[]; forest: TestResult[] }[] = [];
    for (const { hypothesis, tests } of chosen) {
      const results = await runAll(tests, table, linear, deciders);
      // Ranks need no classifier, so they are tested once.
      const again = forestPermutations > 0 ? tests.filter(({ kind }) => kind !== 'ranks') : [];
      found.push({ hypothesis, results, forest: await runAll(again, table, forest, deciders) });
    }
    return { judged: judge(found), forest: found.map((one) => one.forest) };
  } finally {
    await deciders.close();
  }
}

async function runAll(
  tests: readonly ReturnType<Hypothesis['tests']>[number][],
  table: RecordingTable,
  settings: TestSettings,
  deciders: Deciders,
): Promise<TestResult[]> {
  const results: TestResult[] = [];
  for (const test of tests) results.push(await runTest(test, table, settings, deciders));
  return results;
}
