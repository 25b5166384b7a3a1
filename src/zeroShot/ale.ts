/**
 * @file Attribute label embedding (Akata, Perronnin, Harchaoui and Schmid 2013): a bilinear compatibility
 * F(x, c) = xᵀ·W·s_c learnt by the weighted approximate ranking loss of Usunier, Buffoni and Gallinari (2009).
 */
import type { Matrix64 } from '../classifiers/matrix.ts';
import { zeros } from '../classifiers/matrix.ts';
import { ParameterError } from '../core/errors.ts';
import { Random } from '../core/random.ts';
import type { FitRows } from './fitRows.ts';
import { product, transposed } from './linearAlgebra.ts';

export interface AleOptions {
  /** Step of the gradient descent, > 0. */
  readonly learningRate: number;
  /** Passes over the rows. Default 20. */
  readonly epochs?: number;
  /** Order of the rows. Default 0. */
  readonly seed?: number;
}

export interface RankingLoss {
  /** β(r)/r · Σ over violating classes of 1 + F(x, c) − F(x, y), with r violating classes and β(r) = Σ_{i ≤ r} 1/i. */
  readonly loss: number;
  /** Its derivative by each class's score; the weight β(r)/r is constant almost everywhere. */
  readonly gradient: Float64Array;
}

/**
 * The ranking loss of one row. Classes are few, so their rank is counted and not estimated by sampling.
 * @param scores F(x, c) of every seen class
 * @param truth place of the true class
 */
export function rankingLoss(scores: ArrayLike<number>, truth: number): RankingLoss {
  const gradient = new Float64Array(scores.length);
  let violations = 0;
  let weight = 0;
  let sum = 0;
  for (let c = 0; c < scores.length; c++) {
    if (c === truth) continue;
    const violation = 1 + scores[c] - scores[truth];
    if (violation <= 0) continue;
    violations++;
    weight += 1 / violations;
    sum += violation;
    gradient[c] = 1;
  }
  if (violations === 0) return { loss: 0, gradient };
  const scale = weight / violations;
  for (let c = 0; c < scores.length; c++) gradient[c] *= scale;
  gradient[truth] = -weight;
  return { loss: scale * sum, gradient };
}

/**
 * Stochastic gradient descent from zero, one row at a time, rows in a new order every pass. Rows are divided by
 * √columns, so that one step size suits embeddings of any width.
 * @param vectors class vectors of the seen classes, [classes, attributes]
 * @returns W, [columns, attributes], for rows as they come
 * @throws {ParameterError} for options out of range
 */
export function fitAle(rows: FitRows, vectors: Matrix64, options: AleOptions): Matrix64 {
  const { learningRate, epochs = 20, seed = 0 } = options;
  if (!(learningRate > 0))
    throw new ParameterError(`The learning rate must be above 0, got ${learningRate}.`);
  if (!Number.isInteger(epochs) || epochs < 1)
    throw new ParameterError(`epochs must be an integer ≥ 1, got ${epochs}.`);
  const { x, positions } = rows;
  const { columns: d } = x;
  const { rows: k } = vectors;
  // Every step adds rows of the class vectors, so W = G·S with G [columns, classes]: the vectors' length costs nothing.
  const g = zeros(k, d);
  const alike = product(vectors, transposed(vectors));
  const scale = 1 / Math.sqrt(d);
  const random = new Random(`${seed}/ale`);
  const order = Array.from({ length: x.rows }, (_, i) => i);
  const scores = new Float64Array(k);
  const projected = new Float64Array(k);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (const i of random.shuffle(order)) {
      const row = i * d;
      for (let c = 0; c < k; c++) {
        let sum = 0;
        for (let j = 0; j < d; j++) sum += x.data[row + j] * g.data[c * d + j];
        projected[c] = scale * sum;
      }
      for (let c = 0; c < k; c++) {
        let sum = 0;
        for (let b = 0; b < k; b++) sum += projected[b] * alike.data[b * k + c];
        scores[c] = sum;
      }
      // dL/dW = x·Σ_c (dL/dF_c)·s_cᵀ, so dL/dG has x·dL/dF_c in column c.
      const { gradient } = rankingLoss(scores, positions[i]);
      for (let c = 0; c < k; c++) {
        const step = learningRate * scale * gradient[c];
        if (step !== 0) for (let j = 0; j < d; j++) g.data[c * d + j] -= step * x.data[row + j];
      }
    }
  }
  for (let i = 0; i < g.data.length; i++) g.data[i] *= scale;
  return product(transposed(g), vectors);
}
