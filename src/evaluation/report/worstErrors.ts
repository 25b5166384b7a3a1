/** @file The mistakes worth looking at: most confident ones, and classes most often confused. */
import type { ConfusionMatrix } from '../../metrics/index.ts';
import { decide, type PredictionTable } from '../predictionTable.ts';

export interface ClipError {
  readonly clip: string;
  readonly label: string;
  readonly predicted: string;
  /** Probability of the predicted class. */
  readonly confidence: number;
  /** Probability of the true class. */
  readonly truthProbability: number;
}

/** The `most` wrongly classified clips with the highest confidence, most confident first. */
export function worstErrors({ classes, rows }: PredictionTable, most: number): ClipError[] {
  const errors: ClipError[] = [];
  for (const row of rows) {
    const { predicted, confidence } = decide(classes, row);
    if (predicted === row.label) continue;
    const truthProbability = row.probabilities[classes.indexOf(row.label)];
    errors.push({ clip: row.clip, label: row.label, predicted, confidence, truthProbability });
  }
  errors.sort((a, b) => b.confidence - a.confidence || (a.clip < b.clip ? -1 : 1));
  return errors.slice(0, most);
}

/** The `most` frequent confusions of one class with another; `share` is of the true class's clips. */
export function confusedPairs(
  { classes, matrix }: ConfusionMatrix<string>,
  most: number,
): { truth: string; predicted: string; count: number; share: number }[] {
  const pairs = matrix.flatMap((row, i) => {
    const total = row.reduce((a, b) => a + b, 0);
    return row.flatMap((count, j) =>
      i === j || count === 0
        ? []
        : [{ truth: classes[i], predicted: classes[j], count, share: count / total }],
    );
  });
  return pairs.sort((a, b) => b.count - a.count || b.share - a.share).slice(0, most);
}
