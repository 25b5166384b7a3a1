/** @file Recordings with numbers of the tests' own making. */
import { matrixOf } from '../../src/classifiers/index.ts';
import { Random } from '../../src/core/index.ts';
import type { Clip } from '../../src/datasets/index.ts';
import {
  type BlockName,
  blockNames,
  blockSizes,
  type Hypothesis,
  measureLength,
  type RecordingTable,
} from '../../src/hypotheses/index.ts';

/** Where a block's numbers begin among all of a clip. */
export function startOf(name: BlockName): number {
  let at = 0;
  for (const one of blockNames) {
    if (one === name) return at;
    at += blockSizes[one];
  }
  throw new Error(`There is no block ${name}.`);
}

export function clip(label: string, group: string, i: number, fold: number | null = null): Clip {
  const id = `${label}/${group}-${i}.wav`;
  return { id, path: `/nowhere/${id}`, label, group, fold };
}

/** Clips whose `shape` block is what `shape` gives and all else 0. */
export function measured(clips: readonly Clip[], shape: (clip: Clip) => readonly number[]) {
  return clips.map((one) => {
    const numbers = new Float32Array(measureLength);
    numbers.set(shape(one), startOf('shape'));
    return { clip: one, numbers };
  });
}

/** A table of `perClass` recordings of each of `classes` classes in folds, without blocks. */
export function bareTable(classes: number, perClass: number, folds: number): RecordingTable {
  const n = classes * perClass;
  const names = Array.from({ length: classes }, (_, c) => `class ${c}`);
  return {
    recordings: Array.from({ length: n }, (_, i) => ({
      group: `recording ${i}`,
      label: names[i % classes],
      clips: 1,
    })),
    classes: names,
    positions: Int32Array.from({ length: n }, (_, i) => i % classes),
    folds: Int32Array.from({ length: n }, (_, i) => Math.floor(i / classes) % folds),
    foldSource: `${folds} folds of the test`,
    blocks: {} as RecordingTable['blocks'],
  };
}

/** Numbers for each row: noise, and for each class `effect` in the columns of its own. */
export function numbers(table: RecordingTable, columns: number, random: Random, effect = 0) {
  return matrixOf(
    Array.from(table.positions, (c) =>
      Array.from(
        { length: columns },
        (_, j) => random.normal() + (j % table.classes.length === c ? effect : 0),
      ),
    ),
  );
}

/** One hypothesis with a test of every kind, on noise and, where there is an effect, on signal. */
export function everyKind(table: RecordingTable, seed: number, effect = 0): Hypothesis {
  const random = new Random(seed);
  const signal = numbers(table, 6, random, effect);
  const noise = numbers(table, 6, random);
  return {
    number: 1,
    title: 'There is something',
    claim: 'There is.',
    limits: 'None.',
    tests: () => [
      {
        kind: 'chance',
        id: 'chance',
        title: 'chance',
        deciding: true,
        features: { name: 'signal', matrix: signal },
      },
      {
        kind: 'ranks',
        id: 'ranks',
        title: 'ranks',
        deciding: true,
        columns: [...'abcdef'],
        matrix: signal,
        noun: 'column',
      },
      {
        kind: 'paired',
        id: 'paired',
        title: 'paired',
        deciding: true,
        first: { name: 'signal', matrix: signal },
        second: { name: 'noise', matrix: noise },
      },
      {
        kind: 'ablation',
        id: 'ablation',
        title: 'ablation',
        deciding: true,
        whole: { name: 'signal', matrix: signal },
        parts: [
          { name: 'all', without: noise },
          { name: 'nothing', without: signal },
        ],
      },
    ],
  };
}
