/** @file From the predictions of several approaches for the same clips to scores, tests and disagreements. */
import { DatasetError, type Notice, ParameterError } from '../../core/index.ts';
import {
  areaUnderRiskCoverage,
  type ConformalResult,
  coverageCurve,
  type ReportRow,
  reliabilityBins,
} from '../../metrics/index.ts';
import { meanDeviation } from '../../statistics/index.ts';
import { evaluateFolds, type FoldPredictions } from '../crossValidation.ts';
import { evaluatePredictions } from '../evaluatePredictions.ts';
import { type CrossValidation, classScores, type Evaluation, type SplitSummary } from '../evaluation.ts';
import { type PredictionTable, probabilisticOf } from '../predictionTable.ts';
import { bootstrapScores } from '../scores.ts';
import { agreementOf } from './agreement.ts';
import { commonClips, type SeedTables } from './commonClips.ts';
import { comparePairs } from './comparePairs.ts';
import {
  type ApproachCosts,
  type ApproachResult,
  type CalibrationSummary,
  type ComparedScore,
  type ComparisonResult,
  type LeakingResult,
  type ScoreName,
  scoreNames,
} from './comparison.ts';

/** One approach trained with one seed. */
export interface SeedRun {
  readonly seed: number;
  /** One for a single split. */
  readonly folds: readonly FoldPredictions[];
}

/** An approach with its runs. */
export interface ApproachRuns {
  readonly name: string;
  readonly settings: string;
  readonly network: string;
  readonly weights: string;
  readonly costs: ApproachCosts;
  /** At least one; the first is the one whose decisions are compared clip by clip. */
  readonly runs: readonly SeedRun[];
  readonly calibration?: CalibrationSummary;
  readonly conformal?: readonly ConformalResult[];
  /** Predictions on a random split. */
  readonly leaking?: { readonly split: SplitSummary; readonly predictions: PredictionTable };
  readonly reports: readonly string[];
}

export interface CompareApproachesOptions {
  /** Of the bootstrap. */
  readonly seed: number;
  /** Default 2000. */
  readonly resamples?: number;
  /** Default 0.95. */
  readonly level?: number;
  /** How the tested clips were set apart. */
  readonly split?: SplitSummary;
  readonly failures?: readonly Notice[];
  readonly notices?: readonly Notice[];
}

/**
 * Compares approaches on the clips that all of them were tested on.
 * @throws {ParameterError} when there are no approaches, one has no runs, or a table is not well formed
 * @throws {DatasetError} when approaches have no clip in common, or differ in classes or labels
 */
export function compareApproaches(
  approaches: readonly ApproachRuns[],
  options: CompareApproachesOptions,
): ComparisonResult {
  if (approaches.length === 0 || approaches.some(({ runs }) => runs.length === 0)) {
    throw new ParameterError('A comparison needs at least one approach, and each at least one run.');
  }
  const { seed, resamples = 2000, level = 0.95 } = options;
  const bootstrap = { seed, resamples, level };
  const { tables, folds, dropped } = commonClips(approaches);
  const results = approaches
    .map((approach, i) => ({
      result: approachResult(approach, tables[i], folds[i], bootstrap),
      tables: tables[i],
    }))
    .sort((a, b) => b.result.scores.accuracy.value - a.result.scores.accuracy.value);
  const sorted = results.map(({ result, tables: own }) => ({ name: result.name, tables: own }));
  const first = sorted[0].tables[0];
  const notices: Notice[] = [...(options.notices ?? [])];
  if (dropped > 0) {
    notices.push({
      subject: 'clips',
      message: `${dropped} ${dropped === 1 ? 'clip was' : 'clips were'} not tested by all approaches and left out, so that all are scored on the same clips.`,
    });
  }
  return {
    format: 1,
    classes: first.classes,
    split: options.split ?? null,
    clips: first.rows.length,
    groups: new Set(first.rows.map(({ group }) => group)).size,
    ...{ level, resamples, seed },
    approaches: results.map(({ result }) => result),
    pairs: comparePairs(sorted, bootstrap),
    agreement: agreementOf(sorted.map(({ tables: own }) => own[0])),
    failures: options.failures ?? [],
    notices,
  };
}

interface Bootstrap {
  readonly seed: number;
  readonly resamples: number;
  readonly level: number;
}

function approachResult(
  approach: ApproachRuns,
  tables: SeedTables,
  folds: readonly (readonly FoldPredictions[])[],
  bootstrap: Bootstrap,
): ApproachResult {
  const { each, values, intervals } = bootstrapScores(tables, { ...bootstrap, topK: [1] });
  const score = (name: ScoreName): ComparedScore => ({
    value: values[name],
    interval: intervals[name],
    seeds: meanDeviation(each.map((scores) => scores[name])),
  });
  // Intervals are those above; what is wanted here are classes and folds.
  const quick = { seed: bootstrap.seed, resamples: 1 };
  const evaluations = folds.map((of, i) =>
    of.length === 1 ? evaluatePredictions(tables[i], quick) : evaluateFolds(of, quick),
  );
  const [table] = tables;
  const predictions = probabilisticOf(table!);
  const curve = coverageCurve(predictions);
  const { name, settings, network, weights, runs, costs, calibration, conformal, leaking, reports } =
    approach;
  return {
    ...{ name, settings, network, weights },
    seeds: runs.map((run) => run.seed),
    perSeed: each.map((scores) => scores['accuracy']),
    scores: Object.fromEntries(scoreNames.map((known) => [known, score(known)])) as ApproachResult['scores'],
    perClass: meanRows(evaluations.map((evaluation) => classScores(evaluation).map(({ scores }) => scores))),
    crossValidation: meanFolds(evaluations),
    costs,
    reliability: reliabilityBins(predictions, { bins: 10 }),
    coverage: { area: areaUnderRiskCoverage(curve), curve },
    calibration: calibration ?? null,
    conformal: conformal ?? [],
    leaking: leaking === undefined ? null : leakingResult(leaking, bootstrap),
    reports,
  };
}

function leakingResult(
  { split, predictions }: NonNullable<ApproachRuns['leaking']>,
  bootstrap: Bootstrap,
): LeakingResult {
  const evaluation = evaluatePredictions(predictions, bootstrap);
  return {
    split,
    accuracy: evaluation.accuracy,
    interval: evaluation.intervals.accuracy,
    macroF1: evaluation['macro avg']['f1-score'],
  };
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

function meanRows(seeds: readonly (readonly ReportRow[])[]): ReportRow[] {
  return seeds[0].map((row, c) => ({
    precision: mean(seeds.map((rows) => rows[c].precision)),
    recall: mean(seeds.map((rows) => rows[c].recall)),
    'f1-score': mean(seeds.map((rows) => rows[c]['f1-score'])),
    support: row.support,
  }));
}

/** Each fold's scores as means over seeds, and their spread over folds. */
function meanFolds(evaluations: readonly Evaluation[]): CrossValidation | null {
  const all = evaluations.map(({ crossValidation }) => crossValidation);
  const first = all[0];
  if (first === undefined) return null;
  const folds = first.folds.map((fold, i) => {
    const seeds = all.map((one) => one?.folds[i]);
    if (seeds.some((one) => one?.name !== fold.name)) {
      throw new DatasetError('The seeds of one approach were not tested on the same folds.');
    }
    return {
      ...fold,
      accuracy: mean(seeds.map((one) => one!.accuracy)),
      macroF1: mean(seeds.map((one) => one!.macroF1)),
    };
  });
  return {
    folds,
    accuracy: meanDeviation(folds.map((fold) => fold.accuracy)),
    macroF1: meanDeviation(folds.map((fold) => fold.macroF1)),
  };
}
