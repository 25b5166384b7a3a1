/**
 * @file Recordings as the units of every test. Clips of one recording are alike, so that counting them one by one would
 * pretend to more evidence than there is: their measures are averaged, and each recording counts once.
 */
import { type Matrix64, zeros } from '../classifiers/index.ts';
import { DatasetError, type Notice } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import { groupedParts } from '../statistics/index.ts';
import { type BlockName, blockNames, blockSizes } from './measure/clipMeasures.ts';

/** A recording of one class; one that has clips of two classes counts once in each. */
export interface Recording {
  readonly group: string;
  readonly label: string;
  readonly clips: number;
}

/** Recordings, what was measured of them, and the folds that keep them apart. */
export interface RecordingTable {
  readonly recordings: readonly Recording[];
  /** Alphabetical, each with two recordings or more. */
  readonly classes: readonly string[];
  /** Place in `classes` of each recording. */
  readonly positions: Int32Array;
  /** Fold of each recording, 0 …; a recording is in one fold whatever its classes, and each class in two or more. */
  readonly folds: Int32Array;
  /** A sentence: which folds these are. */
  readonly foldSource: string;
  /** Mean over the clips of each recording, [recordings, size of the block]. */
  readonly blocks: Readonly<Record<BlockName, Matrix64>>;
}

export interface FoldChoice {
  /** Number of grouped folds; default the dataset's own folds, else 5. */
  readonly folds?: number;
  /** True if the authors' folds cover every clip. */
  readonly officialFolds: boolean;
  readonly seed: number;
}

/**
 * Averages clips by recording and divides recordings into folds.
 * @throws {DatasetError} when fewer than two classes have two recordings, or more folds are wanted than can be made
 */
export function recordingTable(
  clips: readonly { readonly clip: Clip; readonly numbers: Float32Array }[],
  choice: FoldChoice,
): { table: RecordingTable; notices: Notice[] } {
  const notices: Notice[] = [];
  const byRecording = new Map<string, { clip: Clip; numbers: Float32Array }[]>();
  for (const one of clips) {
    const key = JSON.stringify([one.clip.label, one.clip.group]);
    byRecording.set(key, [...(byRecording.get(key) ?? []), one]);
  }
  const perClass = new Map<string, number>();
  for (const [first] of byRecording.values()) {
    perClass.set(first!.clip.label, (perClass.get(first!.clip.label) ?? 0) + 1);
  }
  const classes = [...perClass.keys()].filter((label) => perClass.get(label)! >= 2).sort();
  for (const [label, count] of perClass) {
    if (count < 2) {
      notices.push({
        subject: label,
        message: 'It has one recording, of which nothing general can be said: it is left out.',
      });
    }
  }
  if (classes.length < 2) {
    throw new DatasetError(
      `Only ${classes.length === 1 ? `the class ${classes[0]} has` : 'no class has'} two recordings or more that can be measured; a comparison of classes needs two such classes.`,
      { hint: 'Add recordings, or say which clips come from which recording in a manifest (column group).' },
    );
  }
  const lists = [...byRecording.values()].filter(([first]) => classes.includes(first!.clip.label));
  const recordings = lists.map(([first, ...rest]) => ({
    group: first!.clip.group,
    label: first!.clip.label,
    clips: 1 + rest.length,
  }));
  const { folds, source } = foldsOf(recordings, lists, classes, choice, notices);
  const blocks = Object.fromEntries(
    blockNames.map((name) => [name, zeros(lists.length, blockSizes[name])]),
  ) as Record<BlockName, Matrix64>;
  lists.forEach((list, row) => {
    let at = 0;
    for (const name of blockNames) {
      const size = blockSizes[name];
      for (let j = 0; j < size; j++) {
        let sum = 0;
        for (const { numbers } of list) sum += numbers[at + j];
        blocks[name].data[row * size + j] = sum / list.length;
      }
      at += size;
    }
  });
  return {
    table: {
      recordings,
      classes,
      positions: Int32Array.from(recordings, ({ label }) => classes.indexOf(label)),
      folds,
      foldSource: source,
      blocks,
    },
    notices,
  };
}

type Lists = readonly (readonly { readonly clip: Clip }[])[];

function foldsOf(
  recordings: readonly Recording[],
  lists: Lists,
  classes: readonly string[],
  { folds, officialFolds, seed }: FoldChoice,
  notices: Notice[],
): { folds: Int32Array; source: string } {
  if (folds === undefined && officialFolds) {
    const official = officialFoldsOf(recordings, lists, notices);
    const lone = loneClass(recordings, official, classes);
    const count = new Set(official).size;
    if (lone === null) return { folds: official, source: `the ${count} folds of the dataset's authors` };
    notices.push({
      subject: 'folds',
      message: `All recordings of ${lone} are in one of the official folds, so recordings were divided anew.`,
    });
  }
  const fewest = Math.min(
    ...classes.map((label) => new Set(recordings.filter((r) => r.label === label).map((r) => r.group)).size),
  );
  if (folds !== undefined && folds > fewest) {
    throw new DatasetError(`${folds} folds were asked for, but a class has only ${fewest} recordings.`, {
      hint: `Use at most ${fewest} folds, or leave the class out.`,
    });
  }
  for (let count = folds ?? Math.min(5, fewest); count >= 2; count--) {
    const parts = groupedParts(
      recordings.map(({ label }) => label),
      recordings.map(({ group }) => group),
      Array<number>(count).fill(1 / count),
      seed,
    );
    if (loneClass(recordings, parts, classes) === null) {
      return { folds: parts, source: `${count} folds by recording, balanced by class (seed ${seed})` };
    }
  }
  throw new DatasetError('The recordings cannot be divided so that each class is on both sides.', {
    hint: 'Recordings that hold several classes tie these together: add recordings of one class.',
  });
}

/** A class with all its recordings in one fold, or null. */
function loneClass(
  recordings: readonly Recording[],
  folds: ArrayLike<number>,
  classes: readonly string[],
): string | null {
  for (const label of classes) {
    if (new Set(recordings.flatMap((r, i) => (r.label === label ? [folds[i]] : []))).size < 2) return label;
  }
  return null;
}

/** A recording that lies in several official folds goes whole into the one that holds most of it. */
function officialFoldsOf(recordings: readonly Recording[], lists: Lists, notices: Notice[]): Int32Array {
  const counts = new Map<string, Map<number, number>>();
  lists.forEach((list, i) => {
    const { group } = recordings[i];
    const inside = counts.get(group) ?? new Map<number, number>();
    for (const { clip } of list) inside.set(clip.fold!, (inside.get(clip.fold!) ?? 0) + 1);
    counts.set(group, inside);
  });
  const chosen = new Map<string, number>();
  for (const [group, inside] of counts) {
    const [fold] = [...inside].reduce((a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a));
    chosen.set(group, fold);
    if (inside.size > 1) {
      notices.push({
        subject: group,
        message: `The recording lies in the official folds ${[...inside.keys()].sort((a, b) => a - b).join(' and ')}; all of it is tested in fold ${fold}.`,
      });
    }
  }
  const names = [...new Set(chosen.values())].sort((a, b) => a - b);
  return Int32Array.from(recordings, ({ group }) => names.indexOf(chosen.get(group)!));
}
