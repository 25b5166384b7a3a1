/** @file How alike recordings are, by the windows of both. */
import { rowSimilarities, unitRows } from './similarity.ts';

/** The rows of a clip in a matrix of embeddings. */
export interface ClipRows {
  readonly firstRow: number;
  /** A time in seconds for each row. */
  readonly times: readonly number[];
  /** Root mean square of the samples behind each row. */
  readonly levels: readonly number[];
}

/** Windows quieter than this (full scale 1; −60 dB) say nothing: to a network all silences are alike. */
export const quietLevel = 1e-3;

export interface ClipSimilarity {
  /** Place in the list of clips. */
  readonly clip: number;
  /** Mean over the query's windows of the cosine with the window of the clip that is nearest to it. */
  readonly similarity: number;
  /** The two windows that are nearest to each other: their cosine, and their times in seconds. */
  readonly nearest: { readonly similarity: number; readonly queryTime: number; readonly time: number };
}

/**
 * Compares a recording with all clips. Quiet windows of either are left out, unless a recording has no others.
 * @param query its embeddings, [query.times.length, size], with firstRow 0
 * @param matrix [rows, size]
 * @returns one entry per clip, most alike first; of equal ones the earlier first
 */
export function similarClips(
  query: ClipRows & { readonly embedding: Float32Array },
  clips: readonly ClipRows[],
  matrix: Float32Array,
): ClipSimilarity[] {
  const size = query.embedding.length / query.times.length;
  const unit = unitRows(matrix, size);
  const windows = loudRows(query);
  const sums = new Float64Array(clips.length);
  const best = clips.map(() => ({ similarity: Number.NEGATIVE_INFINITY, queryTime: 0, time: 0 }));
  const rows = clips.map((clip) => loudRows(clip));
  for (const window of windows) {
    const similarities = rowSimilarities(query.embedding.subarray(window * size, (window + 1) * size), unit);
    for (const [c, clip] of clips.entries()) {
      let nearest = Number.NEGATIVE_INFINITY;
      let at = 0;
      for (const row of rows[c]) {
        const similarity = similarities[clip.firstRow + row];
        if (similarity <= nearest) continue;
        nearest = similarity;
        at = row;
      }
      sums[c] += nearest;
      if (nearest > best[c].similarity)
        best[c] = { similarity: nearest, queryTime: query.times[window], time: clip.times[at] };
    }
  }
  return clips
    .map((_, clip) => ({ clip, similarity: sums[clip] / windows.length, nearest: best[clip] }))
    .sort((a, b) => b.similarity - a.similarity || a.clip - b.clip);
}

/** The rows that are not quiet; all of them where none is louder. */
export function loudRows({ levels }: Pick<ClipRows, 'levels'>): number[] {
  const all = levels.map((_, row) => row);
  const loud = all.filter((row) => levels[row] >= quietLevel);
  return loud.length > 0 ? loud : all;
}
