import { describe, expect, it } from 'vitest';
import { type Hypothesis, judge, type TestResult } from '../../src/hypotheses/index.ts';
import {
  countsSentence,
  pNumber,
  points,
  testSentence,
  verdictSentence,
} from '../../src/hypotheses/report/sentences.ts';

const hypothesis: Hypothesis = { number: 1, title: 't', claim: 'c', limits: 'l', tests: () => [] };

function paired(p: number, effect: number, deciding = true, smallestP = 1e-9): TestResult {
  const accuracy = { value: 0.5, low: 0.4, high: 0.6 };
  return {
    ...{ kind: 'paired', id: `${p}`, title: 'x', deciding, p, smallestP },
    first: { name: 'one thing', columns: 2, accuracy: { ...accuracy, value: 0.5 + effect } },
    second: { name: 'another', columns: 3, accuracy },
    effect: { value: effect, low: effect - 0.1, high: effect + 0.1 },
    ...{ onlyFirst: 12, onlySecond: 2 },
  };
}

const judged = (...results: TestResult[]) => judge([{ hypothesis, results }])[0];

describe('verdicts follow from the numbers by rule', () => {
  it.each([
    ['supported', [paired(0.01, 0.1), paired(0.02, 0.1)]],
    // 0.03 and 0.04 become 0.06 and 0.06.
    ['not shown', [paired(0.03, 0.1), paired(0.04, 0.1)]],
    ['supported in part', [paired(0.001, 0.1), paired(0.2, 0.1)]],
    ['contradicted', [paired(0.001, 0.1), paired(0.001, -0.1)]],
    ['not shown', [paired(0.2, 0.1), paired(0.3, -0.1)]],
    ['undecidable', [paired(0.2, 0.1, true, 0.03), paired(0.3, 0.1, true, 0.1)]],
    ['not shown', [paired(0.2, 0.1, true, 0.03), paired(0.3, 0.1, true, 0.02)]],
    // What does not decide is corrected apart and changes no verdict.
    ['supported', [paired(0.04, 0.1), paired(0.9, 0.1, false), paired(0.001, -0.1, false)]],
  ] as const)('%s', (verdict, results) => {
    expect(judged(...results).verdict).toBe(verdict);
  });

  it('corrects the deciding tests of all hypotheses together', () => {
    const all = judge([
      { hypothesis, results: [paired(0.02, 0.1)] },
      { hypothesis, results: [paired(0.04, 0.1), paired(0.01, 0.1, false)] },
      { hypothesis, results: [paired(0.5, 0.1)] },
    ]);
    expect(all.map(({ tests }) => tests.map(({ corrected }) => corrected))).toEqual([
      [0.06],
      [0.08, 0.01],
      [0.5],
    ]);
    expect(all.map(({ verdict }) => verdict)).toEqual(['not shown', 'not shown', 'not shown']);
  });

  it('says them in sentences made of the numbers', () => {
    const one = judged(paired(0.001, 0.1));
    expect(verdictSentence(one)).toBe('Supported: the deciding test came out as claimed.');
    expect(testSentence(one.tests[0])).toBe(
      'One thing with 60.0 % beats another with 50.0 %: +10.0 points (95 % interval +0.0 to +20.0; 12 recordings right only so, 2 only otherwise; corrected p = 0.001).',
    );
    expect(testSentence(judged(paired(0.001, -0.1)).tests[0])).toMatch(
      /falls behind another .* −10\.0 points/,
    );
    expect(testSentence(judged(paired(0.3, 0.1)).tests[0])).toMatch(/is not clearly different from another/);
    expect(countsSentence([one, one, judged(paired(0.3, 0.1))])).toBe(
      'Of 3 hypotheses 2 are supported, 1 is not shown.',
    );
  });

  it('rounds no p-value over the line, and no zero to a minus', () => {
    expect([0.0004, 0.0201, 0.05, 0.0503, 0.3].map(pNumber)).toEqual([
      '< 0.001',
      '0.020',
      '0.050',
      '0.0503',
      '0.300',
    ]);
    expect([0.066, -0.066, -0.0001, 0].map(points)).toEqual(['+6.6', '−6.6', '+0.0', '+0.0']);
  });
});
