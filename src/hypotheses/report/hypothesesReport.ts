/** @file What the report of the hypotheses is made from, and the same as plain data for programs. */
import type { Notice } from '../../core/index.ts';
import type { Dataset } from '../../datasets/index.ts';
import type { RecordingTable } from '../recordings.ts';
import type { Depth, HypothesesFound } from '../testHypotheses.ts';
import { testClassifiers } from '../tests/decide.ts';
import { countsSentence, testSentence, verdictSentence } from './sentences.ts';

export interface HypothesesReport {
  readonly title: string;
  /** The command line that repeats it. */
  readonly command: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly dataset: Pick<Dataset, 'name' | 'kind' | 'synthetic' | 'groupSource'> & {
    readonly fingerprint: string;
    /** Clips that there are; the table says how many were measured. */
    readonly clips: number;
  };
  readonly table: RecordingTable;
  readonly found: HypothesesFound;
  readonly quick: boolean;
  readonly depth: Depth;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
  /** Seconds by stage. */
  readonly durations: Readonly<Record<string, number>>;
  /** Clips that could not be used. */
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/** Everything that was found, as plain JSON data. */
export function hypothesesJson(report: HypothesesReport) {
  const { table, found, dataset, depth, seed, quick, versions, durations, failures, notices } = report;
  return {
    dataset: {
      ...dataset,
      recordings: table.recordings.length,
      measuredClips: table.recordings.reduce((sum, { clips }) => sum + clips, 0),
      classes: table.classes,
    },
    settings: {
      ...{ quick, seed, ...depth, folds: table.foldSource },
      classifier: `logistic regression (${testClassifiers['logistic regression'].settings})`,
    },
    summary: countsSentence(found.judged),
    hypotheses: found.judged.map((judged, i) => ({
      ...judged.hypothesis,
      verdict: judged.verdict,
      sentence: verdictSentence(judged),
      tests: judged.tests.map((test) => ({
        ...test.result,
        corrected: test.corrected,
        direction: test.direction,
        sentence: testSentence(test),
      })),
      forest: found.forest[i],
    })),
    ...{ durations, versions, failures, notices },
  };
}
