/** @file The scores of predictions and of resamples of them, from what is computed once per clip. */
import {
  argmax,
  averageScores,
  type ClassCounts,
  countClasses,
  labelPositions,
  logLosses,
  rankOf,
} from '../metrics/index.ts';
import { type BootstrapOptions, bootstrapGroups, type Interval } from '../statistics/index.ts';
import type { PredictionTable } from './predictionTable.ts';

/** Scores by name: `accuracy`, `macro precision`, `weighted f1-score`, `log-loss`, `calibration error`, `top 3`, … */
export type Scores = Readonly<Record<string, number>>;

/** Bins of the calibration error: of equal width over [0, 1]. */
const calibrationBins = 15;

/** What scores are computed from. */
interface KnownClips {
  readonly counts: ClassCounts<string>;
  readonly positions: Int32Array;
  readonly decided: Int32Array;
  readonly confidence: Float64Array;
  readonly losses: Float64Array;
  readonly ranks: Int32Array;
  readonly ks: readonly number[];
}

/** @param table well formed, as `checkPredictionTable` says @param ks for which k to state top-k accuracy */
function knownClips({ classes, rows }: PredictionTable, ks: readonly number[]): KnownClips {
  const truth = rows.map((row) => row.label);
  const probabilities = rows.map((row) => row.probabilities);
  const decided = Int32Array.from(probabilities, argmax);
  const positions = labelPositions(truth, classes, 'true');
  return {
    counts: countClasses({ truth, predicted: Array.from(decided, (c) => classes[c]) }, classes),
    positions,
    decided,
    confidence: Float64Array.from(probabilities, (row, i) => Math.min(1, row[decided[i]])),
    losses: logLosses({ truth, classes, probabilities }),
    ranks: Int32Array.from(probabilities, (row, i) => rankOf(row, positions[i])),
    ks,
  };
}

/** All scores of one resample. */
function resampledScores(items: Uint32Array, known: KnownClips): Scores {
  const n = known.counts.actual.length;
  const truePositives = new Float64Array(n);
  const predicted = new Float64Array(n);
  const actual = new Float64Array(n);
  const hits = new Array<number>(known.ks.length).fill(0);
  // Per bin, how far confidence exceeds being right; the bin's share of items cancels against its mean.
  const excess = new Float64Array(calibrationBins);
  let loss = 0;
  let correct = 0;
  for (const i of items) {
    const t = known.positions[i];
    const p = known.decided[i];
    const confidence = known.confidence[i];
    actual[t]++;
    predicted[p]++;
    if (t === p) {
      truePositives[t]++;
      correct++;
    }
    excess[Math.max(0, Math.ceil(confidence * calibrationBins) - 1)] += confidence - (t === p ? 1 : 0);
    loss += known.losses[i];
    for (let j = 0; j < hits.length; j++) if (known.ranks[i] < known.ks[j]) hits[j]++;
  }
  const drawn = (_: number, c: number) => actual[c] > 0 || known.counts.actual[c] === 0;
  const present = {
    truePositives: truePositives.filter(drawn),
    predicted: predicted.filter(drawn),
    actual: actual.filter(drawn),
  };
  const scores: Record<string, number> = {
    accuracy: correct / items.length,
    'log-loss': loss / items.length,
    'calibration error': excess.reduce((sum, value) => sum + Math.abs(value), 0) / items.length,
  };
  for (const average of ['macro', 'weighted'] as const) {
    const { precision, recall, fScore } = averageScores(present, average);
    scores[`${average} precision`] = precision;
    scores[`${average} recall`] = recall;
    scores[`${average} f1-score`] = fScore;
  }
  known.ks.forEach((k, j) => {
    scores[`top ${k}`] = hits[j] / items.length;
  });
  return scores;
}

/** The ks of `asked` that mean something for so many classes. */
export function usableKs(asked: readonly number[], classes: number): number[] {
  return [...new Set(asked)].filter((k) => k === 1 || k < classes);
}

/**
 * Scores of one or several tables of predictions for the same clips, in the same order (one per seed): their mean over
 * the tables, and intervals of that mean by bootstrap over recordings.
 *
 * A class that happens to be missing from a resample is left out of that resample's macro average (counting it as 0
 * would pull the interval of a small set down).
 * @param tables well formed, and of the same clips and classes
 */
export function bootstrapScores(
  tables: readonly PredictionTable[],
  options: BootstrapOptions & { readonly topK: readonly number[] },
): { values: Scores; each: Scores[]; intervals: Readonly<Record<string, Interval>> } {
  const first = tables[0];
  const known = tables.map((table) => knownClips(table, options.topK));
  const all = Uint32Array.from(first.rows, (_, i) => i);
  const mean = (items: Uint32Array) => meanScores(known.map((clips) => resampledScores(items, clips)));
  const groups = first.rows.map((row) => row.group);
  return {
    values: mean(all),
    each: known.map((clips) => resampledScores(all, clips)),
    intervals: bootstrapGroups(groups, mean, options),
  };
}

function meanScores(list: readonly Scores[]): Scores {
  if (list.length === 1) return list[0];
  const names = Object.keys(list[0]);
  return Object.fromEntries(
    names.map((name) => [name, list.reduce((sum, scores) => sum + scores[name], 0) / list.length]),
  );
}
