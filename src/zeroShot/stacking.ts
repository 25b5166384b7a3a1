/**
 * @file Generalised zero-shot learning: a clip may be of a seen class or of an unseen one. Models favour the classes they
 * were fitted to, so a constant γ is taken off the scores of seen classes (calibrated stacking: Chao, Changpinyo, Gong
 * and Sha 2016). All γ together give a curve, and the area under it (AUSUC) compares models without choosing one.
 */
import type { Matrix64 } from '../classifiers/matrix.ts';
import { ParameterError } from '../core/errors.ts';
import { auc } from '../metrics/curves.ts';

export interface StackedItems {
  /** Scores of all classes, [items, classes]. */
  readonly scores: Matrix64;
  /** Place of each item's class. */
  readonly truth: ArrayLike<number>;
  /** For each class whether it was seen. */
  readonly seen: readonly boolean[];
}

/** Accuracies at one γ, each the mean over the classes of its side of the share of their items that came out right. */
export interface StackingPoint {
  /** Taken off the scores of seen classes; −∞: nothing is ever unseen. */
  readonly gamma: number;
  readonly seen: number;
  readonly unseen: number;
  /** Their harmonic mean; 0 where one is 0. */
  readonly harmonic: number;
}

export interface StackingCurve {
  /** Points by rising γ: from all clips taken as seen to all taken as unseen. One for each γ that changes a decision. */
  readonly points: readonly StackingPoint[];
  /** Area under seen over unseen accuracy, in [0, 1]. */
  readonly ausuc: number;
}

/** 2·a·b/(a + b); 0 where both are 0. */
export function harmonicMean(a: number, b: number): number {
  return a + b === 0 ? 0 : (2 * a * b) / (a + b);
}

interface Margins {
  /** The γ from which on an item is taken as unseen: best seen score less best unseen score. */
  readonly margins: Float64Array;
  /** Whether the best class of the item's own side is the true one. */
  readonly right: Uint8Array;
  /** What each item adds to the accuracy of its side. */
  readonly weights: Float64Array;
}

function marginsOf({ scores, truth, seen }: StackedItems): Margins {
  const { data, rows, columns } = scores;
  if (seen.length !== columns || truth.length !== rows) {
    throw new ParameterError(
      `There are scores of ${rows} items for ${columns} classes, but ${truth.length} labels and ${seen.length} classes.`,
    );
  }
  const perClass = new Float64Array(columns);
  for (let i = 0; i < rows; i++) perClass[truth[i]]++;
  const classesOf = (side: boolean) => seen.filter((is, c) => is === side && perClass[c] > 0).length;
  const [seenClasses, unseenClasses] = [classesOf(true), classesOf(false)];
  if (seenClasses === 0 || unseenClasses === 0)
    throw new ParameterError('Calibrated stacking needs items of seen and of unseen classes.');
  const margins = new Float64Array(rows);
  const right = new Uint8Array(rows);
  const weights = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    const best = { true: -1, false: -1 };
    for (let c = 0; c < columns; c++) {
      const side = `${seen[c]}` as const;
      if (best[side] < 0 || data[i * columns + c] > data[i * columns + best[side]]) best[side] = c;
    }
    margins[i] = data[i * columns + best.true] - data[i * columns + best.false];
    const own = seen[truth[i]];
    right[i] = best[`${own}`] === truth[i] ? 1 : 0;
    weights[i] = 1 / (perClass[truth[i]] * (own ? seenClasses : unseenClasses));
  }
  return { margins, right, weights };
}

/** The γ from which on each item is taken as unseen. Throws as {@link stackingCurve}. */
export function stackingMargins(items: StackedItems): Float64Array {
  return marginsOf(items).margins;
}

/**
 * The whole curve, exactly: an item is taken as unseen from γ = (best seen score − best unseen score) on.
 * @throws {ParameterError} when lengths do not fit, or a side has no items
 */
export function stackingCurve(items: StackedItems): StackingCurve {
  const { margins, right, weights } = marginsOf(items);
  const order = Array.from(margins.keys()).sort((a, b) => margins[a] - margins[b]);
  const isSeen = (i: number) => items.seen[items.truth[i]];
  let seen = 0;
  for (const i of order) if (isSeen(i) && right[i]) seen += weights[i];
  let unseen = 0;
  const point = (gamma: number): StackingPoint => {
    // Rounding must not leave a trace of what is 0.
    const [s, u] = [Math.max(0, Number(seen.toFixed(12))), Number(unseen.toFixed(12))];
    return { gamma, seen: s, unseen: u, harmonic: harmonicMean(s, u) };
  };
  const points = [point(Number.NEGATIVE_INFINITY)];
  for (let at = 0; at < order.length; ) {
    const gamma = margins[order[at]];
    for (; at < order.length && margins[order[at]] === gamma; at++) {
      const i = order[at];
      if (!right[i]) continue;
      if (isSeen(i)) seen -= weights[i];
      else unseen += weights[i];
    }
    const next = point(gamma);
    const last = points.at(-1)!;
    if (next.seen !== last.seen || next.unseen !== last.unseen) points.push(next);
  }
  const ausuc =
    points.length < 2
      ? 0
      : auc(
          points.map((p) => p.unseen),
          points.map((p) => p.seen),
        );
  return { points, ausuc };
}

/** Accuracies at one γ. An item whose sides tie is taken as unseen. Throws as {@link stackingCurve}. */
export function stackingAt(items: StackedItems, gamma: number): StackingPoint {
  const { margins, right, weights } = marginsOf(items);
  let seen = 0;
  let unseen = 0;
  for (let i = 0; i < margins.length; i++) {
    if (!right[i]) continue;
    const own = items.seen[items.truth[i]];
    if (own && margins[i] > gamma) seen += weights[i];
    if (!own && margins[i] <= gamma) unseen += weights[i];
  }
  return { gamma, seen, unseen, harmonic: harmonicMean(seen, unseen) };
}
