/** @file The clips that all approaches and seeds were tested on, in one order. */
import { DatasetError } from '../../core/index.ts';
import { type FoldPredictions, poolFolds } from '../crossValidation.ts';
import { checkPredictionTable, type PredictionTable } from '../predictionTable.ts';

/** One approach's predictions: a table per seed. */
export type SeedTables = readonly PredictionTable[];

interface Runs {
  readonly name: string;
  readonly runs: readonly { readonly folds: readonly FoldPredictions[] }[];
}

/**
 * Pools each run's folds and keeps what all runs have, so that scores are of the same clips and rows can be compared
 * one by one.
 * @returns per approach and seed the pooled table and its folds; and how many clips were dropped
 * @throws {ParameterError} when a table is not well formed
 * @throws {DatasetError} when runs have no clip in common, or differ in their classes or in the label of a clip
 */
export function commonClips(approaches: readonly Runs[]): {
  tables: SeedTables[];
  folds: FoldPredictions[][][];
  dropped: number;
} {
  const pooled = approaches.map(({ runs }) => runs.map(({ folds }) => poolFolds(folds)));
  for (const table of pooled.flat()) checkPredictionTable(table);
  const first = pooled[0][0];
  const sets = pooled.flat().map(({ rows }) => new Set(rows.map(({ clip }) => clip)));
  const order = first.rows.map(({ clip }) => clip).filter((clip) => sets.every((set) => set.has(clip)));
  if (order.length === 0) {
    throw new DatasetError('The approaches have no tested clip in common, so they cannot be compared.', {
      hint: 'Compare runs that share dataset and split.',
    });
  }
  const labels = new Map(first.rows.map(({ clip, label }) => [clip, label]));
  const kept = new Set(order);
  approaches.forEach(({ name }, i) => {
    for (const { classes, rows } of pooled[i]) {
      const other = rows.find(({ clip, label }) => kept.has(clip) && labels.get(clip) !== label);
      if (other === undefined && classes.join('\n') === first.classes.join('\n')) continue;
      throw new DatasetError(
        other === undefined
          ? `${approaches[0].name} and ${name} know different classes.`
          : `${approaches[0].name} and ${name} were tested on "${other.clip}" with different labels.`,
        { hint: 'Compare runs that share dataset and split.' },
      );
    }
  });
  const everyClip = new Set(sets.flatMap((set) => [...set]));
  return {
    tables: pooled.map((seeds) => seeds.map((table) => inOrder(table, order))),
    folds: approaches.map(({ runs }) =>
      runs.map(({ folds }) =>
        folds.map(({ name, table }) => ({
          name,
          table: { ...table, rows: table.rows.filter(({ clip }) => kept.has(clip)) },
        })),
      ),
    ),
    dropped: everyClip.size - order.length,
  };
}

function inOrder({ classes, rows }: PredictionTable, order: readonly string[]): PredictionTable {
  const byClip = new Map(rows.map((row) => [row.clip, row]));
  return { classes, rows: order.map((clip) => byClip.get(clip)!) };
}
