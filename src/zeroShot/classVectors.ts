/** @file Class vectors: what is known of a class besides its sounds, as numbers (attributes, word embeddings). */
import { checkMatrix, type Matrix64, takeRows, zeros } from '../classifiers/matrix.ts';
import { ParameterError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import { toMatrix64 } from './linearAlgebra.ts';

/** A vector per class. */
export interface ClassVectors {
  readonly classes: readonly string[];
  /** [classes, columns] */
  readonly matrix: Matrix64;
  /** What the columns are; null where they have no names, as those of word embeddings. */
  readonly attributes: readonly string[] | null;
  /** A sentence: where they come from. */
  readonly source: string;
  /** Whether they lie in the space of the clips' embeddings, as those of CLAP's text encoder do; default false. */
  readonly shared?: boolean;
}

/** How class vectors are brought to one scale: see {@link scaledVectors}. */
export type VectorScaling = 'centred' | 'length' | 'none';

export const vectorScalings: readonly VectorScaling[] = ['centred', 'length', 'none'];

/**
 * The vectors of some classes, in that order.
 * @throws {ParameterError} naming the classes that have none
 */
export function vectorsOf({ classes, matrix, source }: ClassVectors, wanted: readonly string[]): Matrix64 {
  const places = wanted.map((label) => classes.indexOf(label));
  const missing = wanted.filter((_, i) => places[i] < 0);
  if (missing.length > 0) {
    throw new ParameterError(`There is no class vector for ${missing.join(', ')}. ${source}`, {
      hint: `Add a row for each missing class. There are vectors for ${classes.join(', ')}.`,
    });
  }
  return toMatrix64(takeRows(matrix, places));
}

/**
 * Vectors of seen classes and of candidates on one scale, which the seen classes decide alone. `centred`: less the mean
 * of the seen classes, then to length 1, so that what all classes share says nothing and no class is ahead by having
 * many attributes. `length`: to length 1. `none`: as they are.
 * @throws {ParameterError} for values that are not finite
 * @throws {ShapeError} when candidates have other columns than seen classes
 */
export function scaledVectors(
  seen: Matrix64,
  candidates: Matrix64,
  scaling: VectorScaling,
): { seen: Matrix64; candidates: Matrix64 } {
  checkMatrix(seen, 'class vectors of seen classes');
  checkMatrix(candidates, 'class vectors of candidates', seen.columns);
  if (scaling === 'none') return { seen, candidates };
  const shift = new Float64Array(seen.columns);
  if (scaling === 'centred') {
    seen.data.forEach((value, i) => {
      shift[i % seen.columns] += value / seen.rows;
    });
  }
  const scale = (vectors: Matrix64): Matrix64 => {
    const out = zeros(vectors.rows, vectors.columns);
    for (let r = 0; r < vectors.rows; r++) {
      const at = r * vectors.columns;
      let squares = 0;
      for (let j = 0; j < vectors.columns; j++) {
        out.data[at + j] = vectors.data[at + j] - shift[j];
        squares += out.data[at + j] ** 2;
      }
      // A vector of nothing stays nothing.
      const length = squares > 0 ? Math.sqrt(squares) : 1;
      for (let j = 0; j < vectors.columns; j++) out.data[at + j] /= length;
    }
    return out;
  };
  return { seen: scale(seen), candidates: scale(candidates) };
}

/** The same vectors handed to other classes: the control of a permutation test. */
export function shuffledVectors(vectors: ClassVectors, seed: number | string): ClassVectors {
  const order = new Random(seed).shuffle(vectors.classes.map((_, i) => i));
  return { ...vectors, matrix: toMatrix64(takeRows(vectors.matrix, order)) };
}
