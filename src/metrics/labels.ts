/**
 * @file Labels and pairs of them. Truth and prediction travel in one object with named fields: swapped, they
 * silently exchange precision and recall, and two positional arrays are easily swapped.
 */
import { ParameterError } from '../core/index.ts';

/** A class name or class number. One data set uses one kind. */
export type Label = string | number;

/** What was true and what was predicted, item by item. */
export interface LabelPairs<L extends Label = Label> {
  readonly truth: ArrayLike<L>;
  readonly predicted: ArrayLike<L>;
}

/**
 * Checks that both sides have the same length, at least one item, and labels of one kind.
 * @throws {ParameterError} otherwise; numbers must be finite.
 */
export function checkPairs<L extends Label>({ truth, predicted }: LabelPairs<L>): void {
  if (truth.length !== predicted.length) {
    throw new ParameterError(
      `There are ${truth.length} true labels but ${predicted.length} predicted ones; each item needs one of both.`,
    );
  }
  if (truth.length === 0) {
    throw new ParameterError('No items were given, so nothing can be measured; at least one is needed.');
  }
  const kind = typeof truth[0];
  for (let i = 0; i < truth.length; i++) {
    checkLabel(truth[i], kind, `true label ${i}`);
    checkLabel(predicted[i], kind, `predicted label ${i}`);
  }
}

function checkLabel(label: Label, kind: string, where: string): void {
  if (typeof label !== 'string' && !(typeof label === 'number' && Number.isFinite(label))) {
    throw new ParameterError(`A label must be a string or a finite number; ${where} is ${String(label)}.`);
  }
  if (typeof label !== kind) {
    throw new ParameterError(
      `Labels must be all strings or all numbers; the first is a ${kind}, ${where} is a ${typeof label}.`,
    );
  }
}

/** The distinct labels, sorted: numbers by value, strings by code point (as numpy and Python sort them). */
export function uniqueLabels<L extends Label>(...lists: readonly ArrayLike<L>[]): L[] {
  const seen = new Set<L>();
  for (const list of lists) {
    for (let i = 0; i < list.length; i++) seen.add(list[i]);
  }
  return [...seen].sort(compareLabels);
}

function compareLabels(a: Label, b: Label): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const left = [...String(a)];
  const right = [...String(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = left[i].codePointAt(0)! - right[i].codePointAt(0)!;
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/**
 * Position of each label in `labels`.
 * @throws {ParameterError} when `labels` is empty or names a label twice.
 */
export function labelIndex<L extends Label>(labels: readonly L[]): Map<L, number> {
  if (labels.length === 0) throw new ParameterError('The list of labels is empty; name at least one class.');
  const index = new Map<L, number>();
  labels.forEach((label, i) => {
    if (index.has(label)) {
      throw new ParameterError(
        `The list of labels names "${label}" twice (positions ${index.get(label)} and ${i}).`,
      );
    }
    index.set(label, i);
  });
  return index;
}

/**
 * The labels of `list` as positions in `labels`.
 * @param what what the list holds, for the error message, such as "true".
 * @throws {ParameterError} when an item is not among `labels`.
 */
export function labelPositions<L extends Label>(
  list: ArrayLike<L>,
  labels: readonly L[],
  what: string,
): Int32Array {
  const index = labelIndex(labels);
  return Int32Array.from({ length: list.length }, (_, i) => {
    const position = index.get(list[i]);
    if (position === undefined) {
      throw new ParameterError(
        `The ${what} label "${list[i]}" (item ${i}) is not among the ${labels.length} classes: ${listed(labels)}.`,
      );
    }
    return position;
  });
}

function listed(labels: readonly Label[]): string {
  const shown = labels.slice(0, 12).join(', ');
  return labels.length > 12 ? `${shown}, …` : shown;
}
