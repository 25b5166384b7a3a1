/** @file What an evaluation reads: a classifier's probabilities for labelled clips, and nothing of the classifier. */
import { ParameterError } from '../core/index.ts';
import { argmax, checkProbabilities, labelIndex, type ProbabilisticPredictions } from '../metrics/index.ts';

/** One tested clip. */
export interface PredictionRow {
  /** Identifier of the clip, unique in the table. */
  readonly clip: string;
  /** True class. */
  readonly label: string;
  /** Recording the clip was cut from: the unit that intervals are computed over. */
  readonly group: string;
  readonly fold: number | null;
  /** One per class, in the table's order, summing to one. */
  readonly probabilities: ArrayLike<number>;
}

/** Probabilities for every tested clip. */
export interface PredictionTable {
  readonly classes: readonly string[];
  readonly rows: readonly PredictionRow[];
}

/**
 * Checks a table: at least two distinct classes and one row, known labels, distinct clips, probabilities that are.
 * @throws {ParameterError} naming the first clip that does not fit.
 */
export function checkPredictionTable({ classes, rows }: PredictionTable): void {
  const known = labelIndex(classes);
  if (classes.length < 2) {
    throw new ParameterError(
      `A classifier needs at least two classes to be evaluated, got ${classes.length}.`,
    );
  }
  if (rows.length === 0) {
    throw new ParameterError('There are no predictions to evaluate; at least one tested clip is needed.');
  }
  const clips = new Set<string>();
  for (const { clip, label, probabilities } of rows) {
    if (!known.has(label)) {
      throw new ParameterError(
        `Clip "${clip}" is labelled "${label}", which is not among the ${classes.length} classes: ${classes.join(', ')}.`,
      );
    }
    if (clips.has(clip)) {
      throw new ParameterError(`Clip "${clip}" is predicted twice, so it would count twice.`, {
        hint: 'A clip belongs to one test fold; pool folds that do not overlap.',
      });
    }
    clips.add(clip);
    checkProbabilities(probabilities, classes.length, `clip "${clip}"`);
  }
}

/** The class a row is decided for (first of equally probable ones), and its probability. */
export function decide(
  classes: readonly string[],
  row: PredictionRow,
): { predicted: string; confidence: number } {
  const best = argmax(row.probabilities);
  return { predicted: classes[best], confidence: row.probabilities[best] };
}

/** The probabilities of a table, beside the truth. */
export function probabilisticOf({ classes, rows }: PredictionTable): ProbabilisticPredictions<string> {
  return {
    truth: rows.map(({ label }) => label),
    classes,
    probabilities: rows.map(({ probabilities }) => probabilities),
  };
}
