/** @file Clips as rows: one vector for each, the mean of its windows'. */
import type { ClipVectors } from '../approaches/index.ts';
import type { Matrix } from '../classifiers/index.ts';
import { DatasetError, type Notice } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import type { ClipPipeline } from '../extraction/index.ts';
import type { LabelledRows } from '../zeroShot/index.ts';
import type { WorkflowHooks } from './hooks.ts';
import { matrixOf, VectorMaker, vectorRows } from './vectorRows.ts';

export interface ClipRows {
  /** Those that could be read, in the order they were given in. */
  readonly clips: readonly Clip[];
  /** A row for each. */
  readonly matrix: Matrix;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/**
 * @param cached false where the network will not be seen again
 * @throws {DatasetError} when not one clip can be read
 * @throws {CancelledError} when stopped
 */
export async function clipRows(
  clips: readonly Clip[],
  vectors: ClipVectors,
  pipeline: ClipPipeline,
  hooks: WorkflowHooks,
  cached = true,
): Promise<ClipRows> {
  const maker = await VectorMaker.load(vectors, pipeline, hooks);
  try {
    const made = await vectorRows(clips, vectors, pipeline, maker, hooks, cached);
    const windows = new Map<Clip, Float32Array[]>();
    made.clips.forEach((clip, i) => {
      const row = (made.matrix.data as Float32Array).subarray(i * vectors.size, (i + 1) * vectors.size);
      const own = windows.get(clip);
      if (own === undefined) windows.set(clip, [row]);
      else own.push(row);
    });
    if (windows.size === 0) {
      throw new DatasetError('Not one clip could be read.', {
        hint: made.failures[0]?.message ?? 'There are no clips.',
      });
    }
    const { failures, notices } = made;
    const rows = [...windows.values()].map(meanRow);
    return { clips: [...windows.keys()], matrix: matrixOf(rows, vectors.size), failures, notices };
  } finally {
    await maker.close();
  }
}

function meanRow(windows: readonly Float32Array[]): Float32Array {
  if (windows.length === 1) return windows[0]!;
  return windows[0]!.map((_, j) => {
    let sum = 0;
    for (const window of windows) sum += window[j]!;
    return sum / windows.length;
  });
}

/** The rows of some clips, with their classes and recordings. @param wanted those that could not be read are left out */
export function labelledRows({ clips, matrix }: ClipRows, wanted: Iterable<Clip>): LabelledRows {
  const chosen = new Set([...wanted].map(({ id }) => id));
  const places = clips.flatMap(({ id }, i) => (chosen.has(id) ? [i] : []));
  const { columns } = matrix;
  const rows = places.map((i) => matrix.data.subarray(i * columns, (i + 1) * columns) as Float32Array);
  return {
    x: matrixOf(rows, columns),
    labels: places.map((i) => clips[i]!.label),
    groups: places.map((i) => clips[i]!.group),
  };
}
