/** @file Cross-validation: the test folds pooled and evaluated as one, and the spread between them. */
import { DatasetError, ParameterError } from '../core/index.ts';
import { averageScores, countClasses } from '../metrics/index.ts';
import { meanDeviation } from '../statistics/index.ts';
import { type EvaluateOptions, evaluatePredictions } from './evaluatePredictions.ts';
import type { CrossValidation, Evaluation } from './evaluation.ts';
import { checkPredictionTable, decide, type PredictionTable } from './predictionTable.ts';

/** Predictions for one test fold, made by the model that did not see it. */
export interface FoldPredictions {
  /** What the fold is called, such as "1". */
  readonly name: string;
  readonly table: PredictionTable;
}

/**
 * All folds' predictions as one table.
 * @throws {ParameterError} when there are no folds.
 * @throws {DatasetError} when folds differ in their classes or share a clip.
 */
export function poolFolds(folds: readonly FoldPredictions[]): PredictionTable {
  const first = folds[0];
  if (first === undefined) throw new ParameterError('There are no folds to pool; at least one is needed.');
  const { classes } = first.table;
  const foldOf = new Map<string, string>();
  for (const { name, table } of folds) {
    if (table.classes.length !== classes.length || table.classes.some((label, i) => label !== classes[i])) {
      throw new DatasetError(
        `Fold ${name} has the classes ${table.classes.join(', ')}, fold ${first.name} has ${classes.join(', ')}.`,
        { hint: 'Predict every fold with the classes of the whole dataset, in one order.' },
      );
    }
    for (const { clip } of table.rows) {
      if (foldOf.has(clip)) {
        throw new DatasetError(
          `Clip "${clip}" is tested in fold ${foldOf.get(clip)} and again in fold ${name}.`,
          {
            hint: 'Test folds must not overlap.',
          },
        );
      }
      foldOf.set(clip, name);
    }
  }
  return { classes, rows: folds.flatMap(({ table }) => table.rows) };
}

/**
 * Evaluates the pooled folds (intervals over the recordings of all folds), and states accuracy and macro F1 of each
 * fold with their mean and standard deviation. A fold's macro F1 is over the classes that occur in it.
 * @throws {ParameterError | DatasetError} as {@link poolFolds} and `evaluatePredictions`.
 */
export function evaluateFolds(folds: readonly FoldPredictions[], options: EvaluateOptions): Evaluation {
  const pooled = evaluatePredictions(poolFolds(folds), options);
  const each = folds.map(({ name, table }) => {
    checkPredictionTable(table);
    const truth = table.rows.map((row) => row.label);
    const predicted = table.rows.map((row) => decide(table.classes, row).predicted);
    const counts = countClasses({ truth, predicted });
    const [micro, macro] = [averageScores(counts, 'micro'), averageScores(counts, 'macro')];
    return { name, clips: truth.length, accuracy: micro.precision, macroF1: macro.fScore };
  });
  const crossValidation: CrossValidation = {
    folds: each,
    accuracy: meanDeviation(each.map((fold) => fold.accuracy)),
    macroF1: meanDeviation(each.map((fold) => fold.macroF1)),
  };
  return { ...pooled, crossValidation } as Evaluation;
}
