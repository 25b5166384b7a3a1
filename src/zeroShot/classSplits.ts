/** @file Which classes are seen and which are not: all choices of so many, or repeated divisions into parts. */
import { ParameterError } from '../core/errors.ts';
import { Random } from '../core/random.ts';

/**
 * The clips of unseen classes, and those of seen ones that may be learnt from: a recording that an unseen class was cut
 * from is no recording to learn another class from.
 */
export function clipsOf<C extends { readonly label: string; readonly group: string }>(
  split: ClassSplit,
  clips: readonly C[],
): { readonly seen: C[]; readonly unseen: C[] } {
  const unseen = clips.filter(({ label }) => split.unseen.includes(label));
  const recordings = new Set(unseen.map(({ group }) => group));
  const seen = clips.filter(({ label, group }) => split.seen.includes(label) && !recordings.has(group));
  return { seen, unseen };
}

export interface ClassSplit {
  /** Such as `siren + street_music`. */
  readonly name: string;
  readonly seen: readonly string[];
  readonly unseen: readonly string[];
}

export interface ClassSplitOptions {
  /** Unseen classes in a split; default 2. */
  readonly unseen?: number;
  /**
   * `all`: every choice of so many classes. A number: so many times all classes are divided at random into parts of that
   * size, and each part is unseen once, so every class is unseen equally often.
   */
  readonly splits?: 'all' | number;
  /** Of the divisions; default 0. */
  readonly seed?: number | string;
}

/** More choices than this are surely not meant. */
const mostSplits = 2000;

/**
 * @param classes at least four; at least two stay seen
 * @throws {ParameterError} for too few classes, or more splits than can be meant
 */
export function classSplits(classes: readonly string[], options: ClassSplitOptions = {}): ClassSplit[] {
  const { unseen = 2, splits = 'all', seed = 0 } = options;
  const n = classes.length;
  if (n < 4) {
    throw new ParameterError(
      `${n} classes are too few to divide: two must be unseen, and two must be left to learn from.`,
      { hint: 'Take a dataset of four classes or more.' },
    );
  }
  if (!Number.isInteger(unseen) || unseen < 2 || unseen > n - 2) {
    throw new ParameterError(
      `Of ${n} classes, 2 to ${n - 2} can be unseen (two must be left to learn from), got ${unseen}.`,
    );
  }
  const made = splits === 'all' ? choices(n, unseen) : repeatedParts(n, unseen, splits, seed);
  return made.map((places) => {
    const hidden = new Set(places);
    const names = classes.filter((_, i) => hidden.has(i));
    return { name: names.join(' + '), unseen: names, seen: classes.filter((_, i) => !hidden.has(i)) };
  });
}

function choices(n: number, k: number): number[][] {
  let count = 1;
  for (let i = 1; i <= k; i++) count = (count * (n - k + i)) / i;
  if (count > mostSplits) {
    throw new ParameterError(
      `There are ${Math.round(count)} choices of ${k} of ${n} classes, more than ${mostSplits}.`,
      { hint: 'Give a number of random divisions instead.' },
    );
  }
  const all: number[][] = [];
  const extend = (chosen: number[], from: number) => {
    if (chosen.length === k) all.push(chosen);
    else for (let i = from; i < n; i++) extend([...chosen, i], i + 1);
  };
  extend([], 0);
  return all;
}

/** Parts of `size` classes, the last ones larger by one where it does not divide n. */
function repeatedParts(n: number, size: number, repeats: number, seed: number | string): number[][] {
  const parts = Math.floor(n / size);
  if (!Number.isInteger(repeats) || repeats < 1 || repeats * parts > mostSplits) {
    throw new ParameterError(
      `The number of divisions must be a whole number from 1 to ${Math.floor(mostSplits / parts)}, got ${repeats}.`,
    );
  }
  const all: number[][] = [];
  for (let r = 0; r < repeats; r++) {
    const order = new Random(`${seed}/classes ${r}`).shuffle(Array.from({ length: n }, (_, i) => i));
    for (let p = 0; p < parts; p++) {
      const part = order.filter((_, i) => Math.min(parts - 1, Math.floor(i / size)) === p);
      // A part that would leave fewer than two to learn from cannot be.
      if (n - part.length >= 2) all.push(part.sort((a, b) => a - b));
    }
  }
  return all;
}
