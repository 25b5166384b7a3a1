/**
 * @file A hypothesis as data: a claim stated beforehand, the tests that decide on it, and what they cannot tell. How
 * tests are run, corrected and put into words is the same for all of them.
 */
import type { Matrix } from '../classifiers/index.ts';
import type { RecordingTable } from './recordings.ts';

/** Features as a test sees them: what they are called, and their numbers for each recording. */
export interface Features {
  /** As the subject or object of a sentence, such as `the time-averaged spectrum`. */
  readonly name: string;
  readonly matrix: Matrix;
}

interface TestBase {
  /** Unique within the hypothesis, such as `spectrum`. */
  readonly id: string;
  /** What is compared, in a table's cell. */
  readonly title: string;
  /** Whether the verdict rests on it. What does not is reported beside. */
  readonly deciding: boolean;
}

/** Do these features tell the classes apart at all? Accuracy against labels exchanged between recordings. */
export interface ChanceTest extends TestBase {
  readonly kind: 'chance';
  readonly features: Features;
}

/** Do these features tell the classes apart better than those? The same recordings, the same folds. */
export interface PairedTest extends TestBase {
  readonly kind: 'paired';
  /** What the claim says is better. */
  readonly first: Features;
  readonly second: Features;
  /** True: both are fitted to the first's features, and `second` is decided on. */
  readonly fittedToFirst?: boolean;
}

/** In which of these numbers do the classes differ? Each by ranks, corrected for their number. */
export interface RankTest extends TestBase {
  readonly kind: 'ranks';
  readonly columns: readonly string[];
  readonly matrix: Matrix;
  /** What a column is: `mel band`, `descriptor`. */
  readonly noun: string;
}

/** Which part do the features need most? Accuracy lost when each is taken away, corrected for the number of parts. */
export interface AblationTest extends TestBase {
  readonly kind: 'ablation';
  readonly whole: Features;
  readonly parts: readonly { readonly name: string; readonly without: Matrix }[];
}

export type HypothesisTest = ChanceTest | PairedTest | RankTest | AblationTest;

export interface Hypothesis {
  readonly number: number;
  readonly title: string;
  /** The claim, stated before the data are seen. */
  readonly claim: string;
  /** What its tests cannot tell, whatever comes out. */
  readonly limits: string;
  /** Its tests on given recordings. */
  tests(table: RecordingTable): HypothesisTest[];
}
