/** @file How alike vectors are: cosine similarity, and the nearest rows of a matrix. */
import { ParameterError, ShapeError } from '../core/errors.ts';

/** The cosine of the angle between two vectors, in [−1, 1]; 0 where one of them is zero. @throws {ShapeError} */
export function cosineSimilarity(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new ShapeError(`Vectors of ${a.length} and of ${b.length} numbers cannot be compared.`);
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa === 0 || bb === 0 ? 0 : Math.max(-1, Math.min(1, dot / Math.sqrt(aa * bb)));
}

/** Rows scaled to length 1, so that their products are cosines; rows of zeros stay. @param matrix [n, size] */
export function unitRows(matrix: Float32Array, size: number): Float32Array {
  const unit = new Float32Array(matrix.length);
  for (let row = 0; row < matrix.length; row += size) {
    let squares = 0;
    for (let c = 0; c < size; c++) squares += matrix[row + c] ** 2;
    if (squares === 0) continue;
    const scale = 1 / Math.sqrt(squares);
    for (let c = 0; c < size; c++) unit[row + c] = matrix[row + c] * scale;
  }
  return unit;
}

/** The cosine of a vector with every row of a matrix of unit rows. */
export function rowSimilarities(query: Float32Array, unit: Float32Array): Float32Array {
  const size = query.length;
  const [direction] = [unitRows(query, size)];
  const similarities = new Float32Array(unit.length / size);
  for (let row = 0; row < similarities.length; row++) {
    let dot = 0;
    const at = row * size;
    for (let c = 0; c < size; c++) dot += direction[c] * unit[at + c];
    similarities[row] = dot;
  }
  return similarities;
}

export interface Neighbour {
  readonly row: number;
  /** Cosine. */
  readonly similarity: number;
}

/**
 * The `k` rows nearest to a vector by cosine, nearest first; of equal ones the earlier row first.
 * @param unit [n, size], rows of length 1 ({@link unitRows})
 * @throws {ParameterError} unless k is a whole number ≥ 1
 */
export function nearestRows(query: Float32Array, unit: Float32Array, k: number): Neighbour[] {
  if (!Number.isInteger(k) || k < 1)
    throw new ParameterError(`The number of neighbours must be a whole number ≥ 1, got ${k}.`);
  return Array.from(rowSimilarities(query, unit), (similarity, row) => ({ row, similarity }))
    .sort((a, b) => b.similarity - a.similarity || a.row - b.row)
    .slice(0, k);
}
