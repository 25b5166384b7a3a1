/** @file From predictions to scores: scikit-learn's report, intervals over recordings, confusion, top-k, log-loss. */
import type { Notice } from '../core/index.ts';
import {
  averageScores,
  brierScore,
  type ClassScores,
  confusionMatrix,
  countClasses,
  expectedCalibrationError,
  type ReportRow,
  scoreClasses,
} from '../metrics/index.ts';
import type { Interval } from '../statistics/index.ts';
import { classKeys, type Evaluation, type EvaluationIntervals, type SplitSummary } from './evaluation.ts';
import { checkPredictionTable, decide, type PredictionTable, probabilisticOf } from './predictionTable.ts';
import { bootstrapScores, usableKs } from './scores.ts';

export interface EvaluateOptions {
  /** Seed of the bootstrap. */
  readonly seed: number;
  /** Resamples of the bootstrap; 2000 by default. */
  readonly resamples?: number;
  /** Coverage of the intervals; 0.95 by default. */
  readonly level?: number;
  /** For which k to state top-k accuracy; 1 and 3 by default. Those ≥ the number of classes are left out. */
  readonly topK?: readonly number[];
  /** How the tested clips were set apart, to be kept beside the scores. */
  readonly split?: SplitSummary;
}

/**
 * Scores a table of predictions. Classes are the table's, also those that no tested clip has: they are listed with
 * support 0 and enter the macro average as 0, as in scikit-learn when `labels` are given.
 *
 * Intervals: percentile bootstrap over groups. A class that happens to be missing from a resample is left out of that
 * resample's macro average (counting it as 0 would pull the interval of a small set down).
 *
 * @throws {ParameterError} when the table is not well formed or an option is out of range.
 */
export function evaluatePredictions(table: PredictionTable, options: EvaluateOptions): Evaluation {
  checkPredictionTable(table);
  const { classes, rows } = table;
  const truth = rows.map((row) => row.label);
  const predicted = rows.map((row) => decide(classes, row).predicted);
  const pairs = { truth, predicted };
  const probabilistic = probabilisticOf(table);

  const counts = countClasses(pairs, classes);
  const ks = usableKs(options.topK ?? [1, 3], classes.length);
  const untested = classes.filter((_, i) => counts.actual[i] === 0);
  const { values, intervals } = bootstrapScores([table], { ...options, topK: ks });

  const keys = classKeys(classes);
  const classRows = scoreClasses(counts).map(reportRow);
  return Object.fromEntries([
    ...keys.map((key, i) => [key, classRows[i]]),
    ['accuracy', averageScores(counts, 'micro').precision],
    ['macro avg', reportRow(averageScores(counts, 'macro'))],
    ['weighted avg', reportRow(averageScores(counts, 'weighted'))],
    ['intervals', nestIntervals(intervals, ks)],
    ['confusion', confusionMatrix(pairs, { labels: classes })],
    ['split', options.split ?? null],
    ['topK', Object.fromEntries(ks.map((k) => [String(k), values[`top ${k}`]]))],
    ['logLoss', values['log-loss']],
    ['brierScore', brierScore(probabilistic)],
    ['calibrationError', expectedCalibrationError(probabilistic)],
    ['clips', rows.length],
    ['groups', intervals['accuracy'].groups],
    ['notices', evaluationNotices(untested, intervals['accuracy'], rows.length)],
  ]) as Evaluation;
}

function nestIntervals(
  spread: Readonly<Record<string, Interval>>,
  ks: readonly number[],
): EvaluationIntervals {
  const nested = (average: string) => ({
    precision: spread[`${average} precision`],
    recall: spread[`${average} recall`],
    'f1-score': spread[`${average} f1-score`],
  });
  return {
    accuracy: spread['accuracy'],
    'macro avg': nested('macro'),
    'weighted avg': nested('weighted'),
    topK: Object.fromEntries(ks.map((k) => [String(k), spread[`top ${k}`]])),
    logLoss: spread['log-loss'],
    calibrationError: spread['calibration error'],
  };
}

function reportRow({ precision, recall, fScore, support }: ClassScores): ReportRow {
  return { precision, recall, 'f1-score': fScore, support };
}

function evaluationNotices(untested: readonly string[], accuracy: Interval, clips: number): Notice[] {
  const notices: Notice[] = untested.map((name) => ({
    subject: name,
    message: 'No tested clip has this class; it counts as 0 in the macro averages.',
  }));
  const say = (message: string) => notices.push({ subject: 'intervals', message });
  if (accuracy.low === null) {
    say(
      'All tested clips come from one recording, so nothing is known about the spread and there are no intervals.',
    );
  } else if (accuracy.low === accuracy.high) {
    say(
      'Every resample gave the same accuracy; the interval has no width because all clips are right or all wrong.',
    );
  } else if (accuracy.groups < 20) {
    say(`The intervals rest on ${accuracy.groups} recordings only; with so few they are too narrow.`);
  }
  if (accuracy.groups === clips && clips > 1) {
    say('Every clip counts as its own recording; if several are cut from one, the intervals are too narrow.');
  }
  return notices;
}
