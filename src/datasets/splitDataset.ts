/** @file Splits a dataset into a training and a test side, and says how far the two share recordings. */
import { DatasetError, type Notice, ParameterError, Random } from '../core/index.ts';
import {
  type Clip,
  compareText,
  count,
  type Dataset,
  foldsOf,
  groupBy,
  hasGivenSplit,
  type Side,
} from './dataset.ts';
import { divideByGroup, setAsideByGroup } from './groupedSplit.ts';
import { type Leak, leakSentence, measureLeak } from './leak.ts';

/**
 * How to split.
 * - `given`: the split that the dataset comes with: its training and validation sides against its test side.
 * - `folds`: the dataset's own folds. Give the training folds, the test folds or both; what is not given is the rest.
 * - `grouped`: a share of the recordings is held out, each class in proportion. The fair choice without folds.
 * - `stratified`: a share of each class's clips, whatever recording they come from. Leaks.
 * - `random`: a share of all clips. Leaks.
 */
export type SplitSpec =
  | { readonly kind: 'given' }
  | {
      readonly kind: 'folds';
      readonly trainFolds?: readonly number[];
      readonly testFolds?: readonly number[];
    }
  | {
      readonly kind: 'grouped' | 'stratified' | 'random';
      /** Wanted share of test clips, in (0, 1); default 0.2. */
      readonly testFraction?: number;
      /** Integer; default 0. */
      readonly seed?: number;
      /** Only clips of these official folds take part; default all clips. */
      readonly withinFolds?: readonly number[];
    };

export interface Split {
  readonly kind: SplitSpec['kind'] | 'grouped-fold';
  readonly train: readonly Clip[];
  readonly test: readonly Clip[];
  readonly leak: Leak;
  readonly notices: readonly Notice[];
  /** One line such as `official folds: training on 1–9, testing on 10`. */
  readonly description: string;
}

/**
 * Splits `dataset` as `spec` says. The same dataset, spec and seed give the same split. Both sides keep the
 * dataset's order of clips.
 * @throws {DatasetError} when there are no folds to split by, or a side would be empty.
 * @throws {ParameterError} on folds that do not exist or stand on both sides, or a fraction outside (0, 1).
 */
export function splitDataset(dataset: Dataset, spec: SplitSpec): Split {
  if (spec.kind === 'given') return splitBySides(dataset);
  if (spec.kind === 'folds') return splitByFolds(dataset, spec.trainFolds, spec.testFolds);
  const { kind, testFraction = 0.2, seed = 0, withinFolds } = spec;
  if (withinFolds !== undefined) {
    const { withinFolds: _, ...rest } = spec;
    return splitDataset(onlyFolds(dataset, withinFolds), rest);
  }
  if (!(testFraction > 0 && testFraction < 1)) {
    throw new ParameterError(`The test fraction must lie between 0 and 1, got ${testFraction}.`, {
      hint: 'Use 0.2 to test on a fifth of the clips.',
    });
  }
  const percent = `${Number((100 * testFraction).toFixed(1))} %`;
  if (kind === 'grouped') {
    const { kept, aside, untested } = setAsideByGroup(dataset.clips, testFraction, seed);
    const notices: Notice[] = untested.map((label) => ({
      subject: label,
      message:
        'All its clips come from one recording or are tied to one, so it is trained on but not tested.',
    }));
    return finish(
      'grouped',
      kept,
      aside,
      notices,
      `grouped by recording: about ${percent} held out, seed ${seed}`,
    );
  }
  const random = new Random(seed);
  const held = new Set<Clip>();
  const notices: Notice[] = [];
  if (kind === 'stratified') {
    const byClass = [...groupBy(dataset.clips, (clip) => clip.label)].sort(([a], [b]) => compareText(a, b));
    for (const [label, clips] of byClass) {
      if (clips.length === 1) {
        notices.push({
          subject: label,
          message: 'It has a single clip, which is trained on and not tested.',
        });
        continue;
      }
      const n = Math.min(clips.length - 1, Math.max(1, Math.round(testFraction * clips.length)));
      for (const clip of random.shuffle(clips).slice(0, n)) held.add(clip);
    }
  } else {
    const total = dataset.clips.length;
    const n = Math.min(total - 1, Math.max(1, Math.round(testFraction * total)));
    for (const clip of random.shuffle(dataset.clips).slice(0, n)) held.add(clip);
  }
  const split = finish(
    kind,
    dataset.clips.filter((clip) => !held.has(clip)),
    dataset.clips.filter((clip) => held.has(clip)),
    notices,
    `${kind === 'random' ? 'random' : 'stratified by class'}: ${percent} of the clips held out, seed ${seed}`,
  );
  const remedy =
    split.leak.leakedClips > 0
      ? 'Split by folds or grouped by recording for an honest score.'
      : 'No test clip shares its recording with training, as far as groups are known.';
  return {
    ...split,
    notices: [
      ...split.notices.filter((notice) => notice.subject !== 'leak'),
      {
        subject: 'leak',
        message: `A ${kind} split ignores which recording a clip was cut from. ${[leakSentence(split.leak), remedy].filter(Boolean).join(' ')}`,
      },
    ],
  };
}

/**
 * The splits of a cross-validation: one per official fold, each tested once and trained on the others; without
 * official folds (or with `kind: 'grouped'`), `k` parts of the recordings, balanced by class.
 * @param k number of parts where there are no official folds; default 5
 * @throws {DatasetError} when there are fewer than two folds, or fewer recordings than `k`.
 */
export function crossValidationFolds(
  dataset: Dataset,
  { kind, k = 5, seed = 0 }: { kind?: 'folds' | 'grouped'; k?: number; seed?: number } = {},
): Split[] {
  const chosen = kind ?? (dataset.officialFolds ? 'folds' : 'grouped');
  if (chosen === 'folds') {
    const folds = requireFolds(dataset);
    if (folds.length < 2) {
      throw new DatasetError(
        `${dataset.name} has a single fold, ${folds[0]}: there is nothing left to train on.`,
        {
          hint: 'Cross-validate grouped by recording instead.',
        },
      );
    }
    return folds.map((fold) => splitByFolds(dataset, undefined, [fold]));
  }
  const groups = new Set(dataset.clips.map((clip) => clip.group)).size;
  if (!Number.isInteger(k) || k < 2)
    throw new ParameterError(`Cross-validation needs k ≥ 2 parts, got ${k}.`);
  if (groups < k) {
    throw new DatasetError(`${dataset.name} has ${count(groups, 'recording')}, too few for ${k} parts.`, {
      hint: `Use at most ${groups} parts, or add recordings.`,
    });
  }
  const parts = divideByGroup(dataset.clips, new Array<number>(k).fill(1 / k), seed);
  return parts.map((test, i) => {
    const train = new Set(dataset.clips);
    for (const clip of test) train.delete(clip);
    const description = `grouped by recording: part ${i + 1} of ${k} held out, seed ${seed}`;
    return finish('grouped-fold', [...train], test, [], description);
  });
}

/** The dataset with the clips of some of its official folds. @throws {ParameterError} for one that it has not */
function onlyFolds(dataset: Dataset, folds: readonly number[]): Dataset {
  const known = requireFolds(dataset);
  const unknown = folds.filter((fold) => !known.includes(fold));
  if (folds.length === 0 || unknown.length > 0) {
    throw new ParameterError(
      folds.length === 0
        ? 'The list of folds to split within is empty.'
        : `${dataset.name} has no fold ${unknown.join(', ')} to split within.`,
      { hint: `Its folds are ${known.join(', ')}.` },
    );
  }
  return { ...dataset, clips: dataset.clips.filter(({ fold }) => fold !== null && folds.includes(fold)) };
}

function requireFolds(dataset: Dataset): number[] {
  const folds = foldsOf(dataset.clips);
  if (folds.length === 0) {
    throw new DatasetError(`${dataset.name} has no folds to split by.`, {
      hint: 'Split it grouped by recording, or give a CSV manifest with a column fold.',
    });
  }
  return folds;
}

function splitByFolds(
  dataset: Dataset,
  trainFolds?: readonly number[],
  testFolds?: readonly number[],
): Split {
  const folds = requireFolds(dataset);
  if (!trainFolds && !testFolds) {
    throw new ParameterError('A split by folds needs the training folds, the test folds or both.', {
      hint: `${dataset.name} has the folds ${folds.join(', ')}.`,
    });
  }
  for (const [side, given] of [
    ['training', trainFolds],
    ['test', testFolds],
  ] as const) {
    if (!given) continue;
    if (given.length === 0) throw new ParameterError(`The list of ${side} folds is empty.`);
    const unknown = given.filter((fold) => !folds.includes(fold));
    if (unknown.length > 0) {
      throw new ParameterError(
        `${dataset.name} has no fold ${unknown.join(', ')} (asked for as ${side} ${unknown.length > 1 ? 'folds' : 'fold'}).`,
        { hint: `Its folds are ${folds.join(', ')}.` },
      );
    }
  }
  const both = (trainFolds ?? []).filter((fold) => testFolds?.includes(fold));
  if (both.length > 0) {
    throw new ParameterError(`Fold ${both.join(', ')} cannot be trained and tested on at once.`, {
      hint: 'Name each fold on one side only.',
    });
  }
  const training = trainFolds ?? folds.filter((fold) => !testFolds!.includes(fold));
  const testing = testFolds ?? folds.filter((fold) => !trainFolds!.includes(fold));
  if (training.length === 0 || testing.length === 0) {
    throw new DatasetError(
      `No fold is left to ${training.length === 0 ? 'train' : 'test'} on: ${dataset.name} has only ${folds.join(', ')}.`,
    );
  }
  const outside = dataset.clips.filter(
    ({ fold }) => fold === null || !(training.includes(fold) || testing.includes(fold)),
  );
  const withoutFold = outside.filter((clip) => clip.fold === null).length;
  const notices: Notice[] =
    withoutFold > 0
      ? [
          {
            subject: 'folds',
            message: `In no fold, so on neither side: ${count(withoutFold, 'clip')}.`,
          },
        ]
      : [];
  const inFolds = (list: readonly number[]) =>
    dataset.clips.filter(({ fold }) => fold !== null && list.includes(fold));
  const description = `folds: training on ${rangeText(training)}, testing on ${rangeText(testing)}`;
  return finish('folds', inFolds(training), inFolds(testing), notices, description);
}

/** The dataset's own split. Its validation side trains, and {@link validationSplit} sets it aside again. */
function splitBySides(dataset: Dataset): Split {
  if (!hasGivenSplit(dataset.clips)) {
    throw new DatasetError(`${dataset.name} does not come with a split of its own.`, {
      hint: 'Split it grouped by recording, or give a CSV manifest with a column split (train, validation, test).',
    });
  }
  const on = (...sides: Side[]) =>
    dataset.clips.filter(({ side }) => side !== undefined && sides.includes(side));
  const outside = dataset.clips.filter(({ side }) => side === undefined).length;
  const notices: Notice[] =
    outside > 0
      ? [{ subject: 'split', message: `On no side of the dataset’s split: ${count(outside, 'clip')}.` }]
      : [];
  const [train, test] = [on('train', 'validation'), on('test')];
  const description = `the dataset’s own split: training on ${train.length} clips, testing on ${test.length}`;
  return finish('given', train, test, notices, description);
}

/** Measures the leak, warns of classes on one side only, and refuses an empty side. */
function finish(
  kind: Split['kind'],
  train: readonly Clip[],
  test: readonly Clip[],
  notices: readonly Notice[],
  description: string,
): Split {
  if (train.length === 0 || test.length === 0) {
    throw new DatasetError(
      `The ${train.length === 0 ? 'training' : 'test'} side is empty (${description}).`,
      {
        hint: 'Each side needs clips: a grouped split needs at least one class with two recordings.',
      },
    );
  }
  const all = [...notices];
  const known = new Set(train.map((clip) => clip.label));
  const unknown = [...new Set(test.map((clip) => clip.label))]
    .filter((label) => !known.has(label))
    .sort(compareText);
  for (const label of unknown) {
    all.push({
      subject: label,
      message: 'It is in the test side but not in training: none of its clips can come out right.',
    });
  }
  const leak = measureLeak(train, test);
  const sentence = leakSentence(leak);
  if (sentence) all.push({ subject: 'leak', message: sentence });
  return { kind, train, test, leak, notices: all, description };
}

/** `1–3, 5`. */
function rangeText(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const runs: [number, number][] = [];
  for (const n of sorted) {
    const last = runs.at(-1);
    if (last && n === last[1] + 1) last[1] = n;
    else runs.push([n, n]);
  }
  return runs.map(([a, b]) => (a === b ? `${a}` : b === a + 1 ? `${a}, ${b}` : `${a}–${b}`)).join(', ');
}
