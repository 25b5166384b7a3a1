/** @file What a comparison has to run: one training per approach, fold and seed, each with a folder of its own. */
import { type Overrides, vectorApproaches } from '../../approaches/index.ts';
import { ParameterError, UsageError } from '../../core/index.ts';
import { type Dataset, foldsOf, type Split } from '../../datasets/index.ts';
import { chosenSplits, foldName, type SplitChoice } from '../splits.ts';
import type { NetworkChoice } from '../train.ts';

/** One row of a comparison: an approach, or a network of the user's, with settings of its own. */
export interface CompareEntry {
  /** What it is called; letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** Default: the approach called like the entry, where there is no network. */
  readonly approach?: string;
  readonly network?: NetworkChoice;
  readonly overrides?: Overrides;
  /** The settings as words of the command line, for reports. */
  readonly words?: readonly string[];
}

/**
 * The approach that an entry trains; undefined where a head is put on its network. An entry that is called like an approach
 * of ONNX models is one.
 */
export function approachOf({ name, approach, network }: CompareEntry): string | undefined {
  if (approach !== undefined || network === undefined) return approach ?? name;
  return vectorApproaches.some((row) => row.name === name && row.network === 'model') ? name : undefined;
}

/** One training. */
export interface CompareJob {
  /** Its folder below the comparison's, with `/`. */
  readonly id: string;
  readonly entry: CompareEntry;
  readonly seed: number;
  /** On the split that approaches are compared on, or on a random one, to show what a leak is worth. */
  readonly on: 'compared' | 'random';
  /** What the fold is called; null for a single split. */
  readonly fold: string | null;
  readonly split: Omit<SplitChoice, 'seed'>;
}

export interface ComparePlanOptions {
  readonly split?: SplitChoice['split'];
  readonly crossValidate?: boolean;
  readonly folds?: number;
  /** The first seed; splits are made with it whatever the seed of a run. */
  readonly seed: number;
  /** How many seeds, counted up from the first. */
  readonly seeds: number;
  readonly showLeak: boolean;
}

/**
 * The trainings of a comparison: seed by seed, so that a comparison that is stopped has whole seeds rather than whole
 * approaches; random splits last.
 * @throws {UsageError} for no entries, or names that are taken twice or unfit for a folder
 * @throws {ParameterError} for a number of seeds that is not whole, or below 1
 * @throws what {@link chosenSplits} throws
 */
export function compareJobs(
  dataset: Dataset,
  entries: readonly CompareEntry[],
  options: ComparePlanOptions,
): { jobs: CompareJob[]; splits: Split[] } {
  checkEntries(entries);
  if (!Number.isInteger(options.seeds) || options.seeds < 1)
    throw new ParameterError(`Each approach is trained with at least 1 seed, got ${options.seeds}.`);
  const { split, crossValidate, folds, seed, seeds, showLeak } = options;
  const choice = {
    ...(split === undefined ? {} : { split }),
    ...(crossValidate ? { crossValidate } : {}),
    ...(folds === undefined ? {} : { folds }),
    splitSeed: seed,
  };
  const splits = chosenSplits(dataset, choice);
  const names = crossValidate ? splits.map(foldName) : [null];
  const compared = Array.from({ length: seeds }, (_, i) => seed + i).flatMap((own) =>
    entries.flatMap((entry) =>
      names.map(
        (fold): CompareJob => ({
          id: `${entry.name}/seed-${own}${fold === null ? '' : `/fold-${fold}`}`,
          ...{ entry, seed: own, fold },
          on: 'compared',
          split: fold === null ? choice : { ...choice, onlyFold: Number(fold) },
        }),
      ),
    ),
  );
  const random = showLeak
    ? entries.map(
        (entry): CompareJob => ({
          id: `${entry.name}/random-split/seed-${seed}`,
          ...{ entry, seed, fold: null, on: 'random' },
          split: { split: { kind: 'random', ...sameSizes(dataset, splits) }, splitSeed: seed },
        }),
      )
    : [];
  return { jobs: [...compared, ...random], splits };
}

/** A random split of the very clips of other splits, with as many to train on: so that nothing but the leak differs. */
function sameSizes(dataset: Dataset, splits: readonly Split[]) {
  const [first] = splits;
  const used = first!.train.length + first!.test.length;
  const testFraction = splits.length > 1 ? 1 / splits.length : first!.test.length / used;
  if (used === dataset.clips.length) return { testFraction };
  return { testFraction, withinFolds: foldsOf([...first!.train, ...first!.test]) };
}

/** @throws {UsageError} for no entries, or names that are taken twice or unfit for a folder */
export function checkEntries(entries: readonly CompareEntry[]): void {
  if (entries.length === 0) {
    throw new UsageError('There is nothing to compare: no approach was named.', {
      hint: 'Name some, such as --approaches cnn,mfcc-svm.',
    });
  }
  const seen = new Set<string>();
  for (const { name } of entries) {
    if (!/^\w[\w.-]*$/.test(name)) {
      throw new UsageError(`'${name}' cannot be the name of a folder.`, {
        hint: 'Use letters, digits, dots, hyphens and underscores.',
      });
    }
    if (seen.has(name)) {
      throw new UsageError(`Two rows of the comparison are called ${name}.`, {
        hint: 'Give one another name, such as --set "long: --approach cnn --epochs 80" with --approaches cnn,long.',
      });
    }
    seen.add(name);
  }
}
