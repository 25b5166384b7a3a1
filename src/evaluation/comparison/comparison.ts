/** @file A comparison of approaches as plain data: what `comparison.json` holds and its report is made from. */
import type { Notice } from '../../core/index.ts';
import type { ConformalResult, CoveragePoint, ReliabilityBin, ReportRow } from '../../metrics/index.ts';
import type { Interval, MeanDeviation } from '../../statistics/index.ts';
import type { CrossValidation, SplitSummary } from '../evaluation.ts';

/** A score of an approach: its mean over seeds. */
export interface ComparedScore {
  readonly value: number;
  /** Of the mean over seeds, by bootstrap over recordings. */
  readonly interval: Interval;
  /** Over seeds; deviation null for a single one. */
  readonly seeds: MeanDeviation;
}

/** The scores of the table, each where it is listed in {@link scoreNames}. */
export type ScoreName =
  | 'accuracy'
  | `${'macro' | 'weighted'} ${'precision' | 'recall' | 'f1-score'}`
  | 'log-loss'
  | 'calibration error';

/** All scores of a comparison, in the order of its tables. */
export const scoreNames: readonly ScoreName[] = [
  'accuracy',
  'macro precision',
  'macro recall',
  'macro f1-score',
  'weighted precision',
  'weighted recall',
  'weighted f1-score',
  'log-loss',
  'calibration error',
];

/** What an approach costs; seconds are means over seeds, summed over folds. */
export interface ApproachCosts {
  /** Numbers that were fitted or trained. */
  readonly trainedParameters: number;
  /** All that the trained network has; equal to the trained ones where all was trained. */
  readonly parameters: number;
  /** Size of the artefact, which holds frozen networks too. */
  readonly artefactBytes: number;
  /** Decoding and front end; near 0 where features came from the cache. */
  readonly featureSeconds: number;
  readonly trainingSeconds: number;
  /** One clip through the artefact alone, decoding not counted; null where it was not measured. */
  readonly inferenceSeconds: number | null;
}

/** A temperature that was fitted on clips held out of the training side, and is part of the model. */
export interface CalibrationSummary {
  /** Clips it was fitted on, over all folds, and their recordings. */
  readonly clips: number;
  readonly groups: number;
  /** One per model. */
  readonly temperatures: readonly number[];
}

/** One approach on the tested clips. */
export interface ApproachResult {
  readonly name: string;
  /** What was set beyond the approach's own settings, as options of the command line; empty for nothing. */
  readonly settings: string;
  readonly network: string;
  /** `random`, or a sentence on what was loaded. */
  readonly weights: string;
  readonly seeds: readonly number[];
  /** Accuracy of each seed. */
  readonly perSeed: readonly number[];
  readonly scores: Readonly<Record<ScoreName, ComparedScore>>;
  /** Per class, in the order of the classes; means over seeds. */
  readonly perClass: readonly ReportRow[];
  /** Folds of a cross-validation, means over seeds; null for a single split. */
  readonly crossValidation: CrossValidation | null;
  readonly costs: ApproachCosts;
  /** Of the first seed. */
  readonly reliability: readonly ReliabilityBin[];
  readonly coverage: {
    /** Area under the risk-coverage curve of the first seed; lower is better. */
    readonly area: number;
    readonly curve: readonly CoveragePoint[];
  };
  readonly calibration: CalibrationSummary | null;
  /** Prediction sets of the first seed, where a share of misses was asked for. */
  readonly conformal: readonly ConformalResult[];
  /** The same approach on a random split of the same clips, which leaks; null where it was not asked for. */
  readonly leaking: LeakingResult | null;
  /** Reports of the runs, relative to the comparison's folder. */
  readonly reports: readonly string[];
}

/** A score that tells in part how well known recordings are recognised again. */
export interface LeakingResult {
  readonly split: SplitSummary;
  readonly accuracy: number;
  readonly interval: Interval;
  readonly macroF1: number;
}

/** Two approaches on the same clips. */
export interface ComparedPair {
  readonly first: string;
  readonly second: string;
  /** Accuracy of the first less that of the second, means over seeds. */
  readonly difference: number;
  readonly interval: Interval;
  /** Paired bootstrap by recording; null with fewer than two recordings. Then, corrected by Holm over all pairs. */
  readonly p: number | null;
  readonly pHolm: number | null;
  /** McNemar's exact test between the first seeds: clips that one alone got right, p, and p corrected by Holm. */
  readonly mcnemar: {
    readonly onlyFirst: number;
    readonly onlySecond: number;
    readonly p: number;
    readonly pHolm: number;
  };
}

/** A clip that some approaches got right and others wrong, or on which they differ. */
export interface DisputedClip {
  readonly clip: string;
  readonly label: string;
  readonly group: string;
  /** Decision and its probability by approach, in the order of the approaches. */
  readonly decisions: readonly { readonly predicted: string; readonly confidence: number }[];
}

/** How the decisions of the first seeds agree. */
export interface Agreement {
  readonly allRight: number;
  readonly allWrong: number;
  /** Right by some: an oracle that always picked the right approach would get these too. */
  readonly someRight: number;
  /** Clips on which not all decide alike, the most telling first. */
  readonly disputed: readonly DisputedClip[];
}

/** The whole comparison. */
export interface ComparisonResult {
  readonly format: 1;
  readonly classes: readonly string[];
  readonly split: SplitSummary | null;
  /** Tested clips and their recordings: the same for all approaches. */
  readonly clips: number;
  readonly groups: number;
  readonly level: number;
  readonly resamples: number;
  /** Seed of the bootstrap. */
  readonly seed: number;
  /** Best accuracy first. */
  readonly approaches: readonly ApproachResult[];
  readonly pairs: readonly ComparedPair[];
  readonly agreement: Agreement;
  /** Runs that failed, and what else is worth knowing. */
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}
