/** @file What becomes of scores: decisions, and accuracies that count each class alike. */
import type { Matrix64 } from '../classifiers/matrix.ts';
import { argmax } from '../metrics/probabilities.ts';

/** The column with the largest score in each row; the first of equals. */
export function bestColumns({ data, rows, columns }: Matrix64): number[] {
  return Array.from({ length: rows }, (_, i) => argmax(data.subarray(i * columns, (i + 1) * columns)));
}

/** Mean over the classes that occur of the share of their items that came out right; 0 for no items. */
export function balancedAccuracy(truth: readonly string[], predicted: readonly string[]): number {
  const counts = new Map<string, { right: number; all: number }>();
  truth.forEach((label, i) => {
    const count = counts.get(label) ?? { right: 0, all: 0 };
    count.all++;
    if (predicted[i] === label) count.right++;
    counts.set(label, count);
  });
  if (counts.size === 0) return 0;
  let sum = 0;
  for (const { right, all } of counts.values()) sum += right / all;
  return sum / counts.size;
}
