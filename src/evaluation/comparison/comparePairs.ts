/** @file Every two approaches on the same clips: difference, interval, tests, and the correction for their number. */
import { DatasetError } from '../../core/index.ts';
import { type BootstrapOptions, holm, mcnemar, pairedDifference } from '../../statistics/index.ts';
import { decide, type PredictionTable } from '../predictionTable.ts';
import type { ComparedPair } from './comparison.ts';

/**
 * Accuracy of the first minus accuracy of the second on the same clips, with a 95 % interval by bootstrap over
 * recordings (paired: each resample is scored for both).
 * @throws {DatasetError} when the tables do not hold the same clips.
 */
export function accuracyDifference(
  first: PredictionTable,
  second: PredictionTable,
  seed: number,
): { difference: number; low: number | null; high: number | null } {
  const other = new Map(second.rows.map((row) => [row.clip, isRight(second.classes, row)]));
  const gain = first.rows.map((row) => {
    const right = other.get(row.clip);
    if (right === undefined || other.size !== first.rows.length) {
      throw new DatasetError(
        `The two tables do not hold the same clips; "${row.clip}" is one that may be missing.`,
      );
    }
    return Number(isRight(first.classes, row)) - Number(right);
  });
  const groups = first.rows.map(({ group }) => group);
  const { difference, interval } = pairedDifference(groups, gain, { seed });
  return { difference, low: interval.low, high: interval.high };
}

/** @param approaches tables of the same clips in the same order, one per seed @returns pairs in the order given */
export function comparePairs(
  approaches: readonly { readonly name: string; readonly tables: readonly PredictionTable[] }[],
  bootstrap: BootstrapOptions,
): ComparedPair[] {
  const groups = (approaches[0]?.tables[0]?.rows ?? []).map(({ group }) => group);
  const known = approaches.map(({ name, tables }) => ({ name, right: tables.map(rightClips) }));
  const pairs = known.flatMap((first, i) =>
    known.slice(i + 1).map((second) => {
      const gain = groups.map((_, clip) => meanRight(first.right, clip) - meanRight(second.right, clip));
      return {
        first: first.name,
        second: second.name,
        ...pairedDifference(groups, gain, bootstrap),
        mcnemar: mcnemar({ first: first.right[0], second: second.right[0] }),
      };
    }),
  );
  // Either all pairs have a p or none: they have the same recordings.
  const allP = pairs.flatMap(({ p }) => (p === null ? [] : [p]));
  const bootstrapHolm = allP.length === pairs.length ? holm(allP) : null;
  const mcnemarHolm = holm(pairs.map(({ mcnemar: { p } }) => p));
  return pairs.map(({ first, second, difference, interval, p, mcnemar: test }, i) => ({
    ...{ first, second, difference, interval, p },
    pHolm: bootstrapHolm?.[i] ?? null,
    mcnemar: {
      onlyFirst: test.onlyFirst,
      onlySecond: test.onlySecond,
      p: test.p,
      pHolm: mcnemarHolm[i],
    },
  }));
}

function rightClips({ classes, rows }: PredictionTable): boolean[] {
  return rows.map((row) => isRight(classes, row));
}

function isRight(classes: readonly string[], row: PredictionTable['rows'][number]): boolean {
  return decide(classes, row).predicted === row.label;
}

function meanRight(seeds: readonly (readonly boolean[])[], clip: number): number {
  let right = 0;
  for (const seed of seeds) if (seed[clip]) right++;
  return right / seeds.length;
}
