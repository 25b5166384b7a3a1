/** @file What a dataset is: labelled clips, each with its fold and its group (the recording it was cut from). */
import type { Notice } from '../core/index.ts';
import type { SoundSpan } from './soundSpan.ts';

/** A side of a split that a dataset's authors made. */
export type Side = 'train' | 'validation' | 'test';

/** One labelled piece of sound: a file, or a stretch of one. */
export interface Clip extends SoundSpan {
  /**
   * Path relative to the dataset's root, with `/` on every platform, and `#t=1.5,4` behind it where the clip is a
   * stretch of the file; unique within the dataset.
   */
  readonly id: string;
  readonly label: string;
  /** The fold the dataset's authors put it in, or null. */
  readonly fold: number | null;
  /** The side that the dataset's authors put it on, where they made a split. */
  readonly side?: Side;
  /** The recording it was cut from. Clips of one group sound alike, so a fair split keeps them together. */
  readonly group: string;
  /** Where in that recording it lies, if the metadata says so. */
  readonly source?: { readonly startSeconds: number; readonly endSeconds: number };
}

export type DatasetKind = 'urbansound8k' | 'esc50' | 'folders' | 'ravdess' | 'manifest' | 'synthetic';

export interface Dataset {
  readonly name: string;
  readonly kind: DatasetKind;
  /** Absolute path of its folder; empty for a dataset that exists only in memory. */
  readonly root: string;
  /** Class names in alphabetical (code unit) order, as scikit-learn sorts them; a class index is a place here. */
  readonly classes: readonly string[];
  readonly clips: readonly Clip[];
  /** True if the authors' folds cover every clip. */
  readonly officialFolds: boolean;
  /** A sentence saying how the groups were found. */
  readonly groupSource: string;
  /** True if the sound was computed, not recorded: to be said wherever its numbers appear. */
  readonly synthetic: boolean;
  /** What is odd about it but does not stop the work. */
  readonly notices: readonly Notice[];
}

/** Order by UTF-16 code units: the same on every machine, unlike `localeCompare`. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The distinct labels of `clips` in alphabetical (code unit) order. */
export function classesOf(clips: readonly Clip[]): string[] {
  return [...new Set(clips.map((clip) => clip.label))].sort(compareText);
}

/** The distinct folds of `clips`, ascending; clips without a fold do not count. */
export function foldsOf(clips: readonly Clip[]): number[] {
  const folds = new Set<number>();
  for (const { fold } of clips) if (fold !== null) folds.add(fold);
  return [...folds].sort((a, b) => a - b);
}

/** True if the authors of the dataset made a split: they say what is trained on and what is tested. */
export function hasGivenSplit(clips: readonly Clip[]): boolean {
  return clips.some(({ side }) => side === 'train') && clips.some(({ side }) => side === 'test');
}

/** Collects items under keys, in order of first appearance. */
export function groupBy<T, K>(items: Iterable<T>, key: (item: T) => K): Map<K, T[]> {
  const map = new Map<K, T[]>();
  for (const item of items) {
    const k = key(item);
    const list = map.get(k);
    if (list) list.push(item);
    else map.set(k, [item]);
  }
  return map;
}

/** `a, b, c and 7 more`. */
export function listSome(items: readonly string[], most = 3): string {
  if (items.length <= most) return items.join(', ');
  return `${items.slice(0, most).join(', ')} and ${items.length - most} more`;
}

/** `1 clip`, `3 clips`. */
export function count(n: number, singular: string, plural = `${singular}s`): string {
  return `${n} ${n === 1 ? singular : plural}`;
}
