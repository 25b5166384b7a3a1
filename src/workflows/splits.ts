/** @file Which splits of a dataset a run takes, what they are called, and several of them as one. */
import { DatasetError, ParameterError } from '../core/index.ts';
import {
  crossValidationFolds,
  type Dataset,
  foldsOf,
  hasGivenSplit,
  type Split,
  type SplitSpec,
  splitDataset,
} from '../datasets/index.ts';
import type { SplitSummary } from '../evaluation/index.ts';

/** What decides the splits of a run. */
export interface SplitChoice {
  /**
   * Default: the split that the dataset comes with; without one, the last official fold is tested and the others trained
   * on; without folds, grouped by recording.
   */
  readonly split?: SplitSpec;
  readonly crossValidate?: boolean;
  /** Parts of a cross-validation without official folds; default 5. */
  readonly folds?: number;
  /** Of a cross-validation, this fold alone: an official fold's number, or a part's from 1. */
  readonly onlyFold?: number;
  readonly seed?: number;
  /** Seed of the split; default `seed`. */
  readonly splitSeed?: number;
}

/**
 * The splits of a run, each trained on once.
 * @throws {ParameterError} when a cross-validation has no fold `onlyFold`
 */
export function chosenSplits(
  dataset: Dataset,
  { split, crossValidate, folds, onlyFold, seed = 0, splitSeed = seed }: SplitChoice,
): Split[] {
  if (!crossValidate) return [splitDataset(dataset, withSeed(split ?? defaultSplit(dataset), splitSeed))];
  const all = crossValidationFolds(dataset, {
    seed: splitSeed,
    ...(folds === undefined ? {} : { k: folds }),
  });
  if (onlyFold === undefined) return all;
  const names = all.map(foldName);
  const chosen = all[names.indexOf(String(onlyFold))];
  if (chosen !== undefined) return [chosen];
  throw new ParameterError(`The cross-validation of ${dataset.name} has no fold ${onlyFold}.`, {
    hint: `It has the folds ${names.join(', ')}.`,
  });
}

/** Checks that there is something to learn. @throws {DatasetError} for a split that trains on clips of one class only */
export function requireTrainingClasses(splits: readonly Split[]): void {
  for (const { train, description } of splits) {
    const trained = new Set(train.map(({ label }) => label));
    if (trained.size >= 2) continue;
    throw new DatasetError(
      `The training side has clips of ${trained.size === 0 ? 'no class' : `the one class '${[...trained][0]}'`} (${description}).`,
      { hint: 'Choose another split, or add recordings of the other classes.' },
    );
  }
}

/** The dataset's own split where there is one; with official folds the last one is tested; otherwise a fifth of the recordings. */
function defaultSplit(dataset: Dataset): SplitSpec {
  if (hasGivenSplit(dataset.clips)) return { kind: 'given' };
  if (!dataset.officialFolds) return { kind: 'grouped' };
  return { kind: 'folds', testFolds: [foldsOf(dataset.clips).at(-1)!] };
}

function withSeed(split: SplitSpec, seed: number): SplitSpec {
  return split.kind === 'folds' || split.kind === 'given' ? split : { seed, ...split };
}

/** What a fold of a cross-validation is called: an official fold's number, or its place from 1. */
export function foldName(split: Split, i: number): string {
  const folds = foldsOf(split.test);
  return split.kind === 'folds' && folds.length === 1 ? String(folds[0]) : String(i + 1);
}

/** The summary of a cross-validation from those of its folds. */
export function poolSplits(summaries: readonly SplitSummary[]): SplitSummary {
  const sum = (pick: (summary: SplitSummary) => number) =>
    summaries.reduce((total, summary) => total + pick(summary), 0);
  const testClips = sum((s) => s.testClips);
  const leaked = sum((s) => s.leak.clips);
  const folds = [...new Set(summaries.flatMap((s) => s.testFolds))].sort((a, b) => a - b);
  return {
    kind: 'cross-validation',
    description: `cross-validation: ${summaries.length} folds, each tested once by a model trained on the others`,
    trainFolds: folds,
    testFolds: folds,
    trainClips: Math.round(sum((s) => s.trainClips) / summaries.length),
    validationClips: Math.round(sum((s) => s.validationClips) / summaries.length),
    testClips,
    leak: {
      clips: leaked,
      share: testClips === 0 ? 0 : leaked / testClips,
      groups: sum((s) => s.leak.groups),
      overlapping: summaries.some((s) => s.leak.overlapping == null)
        ? null
        : sum((s) => s.leak.overlapping ?? 0),
    },
  };
}
