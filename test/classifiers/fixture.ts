/** @file Reference values of scikit-learn, made by tools/fixtures/classifiers.py. */
import { readFileSync } from 'node:fs';
import type { Matrix } from '../../src/classifiers/index.ts';

export interface StoredMatrix {
  rows: number;
  columns: number;
  dtype: '<f4' | '<f8';
  data: string;
}

interface StoredSet {
  train: StoredMatrix;
  test: StoredMatrix;
  labels: (string | number)[];
  testLabels: (string | number)[];
}

interface OfSet {
  set: string;
  predicted: (string | number)[];
}

export interface Fixture {
  sets: Record<string, StoredSet>;
  linear: (OfSet & {
    C: number;
    loss: 'squared_hinge' | 'hinge';
    balanced: boolean;
    interceptScaling: number | null;
    coefficients: StoredMatrix;
    intercepts: number[];
    decision: StoredMatrix;
    objective: number[];
    usualObjective: number[];
  })[];
  logistic: (OfSet & {
    C: number;
    balanced: boolean;
    intercept: boolean;
    coefficients: StoredMatrix;
    intercepts: number[];
    probabilities: StoredMatrix;
  })[];
  rbf: (OfSet & {
    C: number;
    gamma: number | 'scale';
    balanced: boolean;
    supportVectors: number;
    decision: StoredMatrix;
  })[];
  neighbours: (OfSet & { k: number; metric: 'euclidean' | 'cosine'; probabilities: StoredMatrix })[];
  trees: {
    set: string;
    maxDepth: number | null;
    minSamplesLeaf: number;
    balanced: boolean;
    probabilities: StoredMatrix;
    agreed: boolean[];
  }[];
  forests: { set: string; accuracy: number; deviation: number; probabilities: StoredMatrix }[];
  scaler: { x: StoredMatrix; means: number[]; deviations: number[]; applied: StoredMatrix };
  pca: {
    x: StoredMatrix;
    components: number | null;
    whiten: boolean;
    vectors: StoredMatrix;
    variance: number[];
    ratio: number[];
    applied: StoredMatrix;
  }[];
  calibration: {
    set: string;
    method: 'sigmoid' | 'isotonic';
    folds: number[];
    probabilities: StoredMatrix;
  }[];
  isotonic: { scores: number[]; positive: boolean[]; at: number[]; values: number[] };
  temperature: { logits: StoredMatrix; labels: number[]; temperature: number };
  tune: {
    set: string;
    scoring: 'accuracy' | 'f1_macro';
    grid: number[];
    folds: number[];
    scores: number[][];
    best: number;
  }[];
}

export const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/classifiers/classifiers.json', import.meta.url), 'utf8'),
) as Fixture;

/** The matrix as stored, float32 or float64. */
export function stored({ rows, columns, dtype, data }: StoredMatrix): Matrix {
  const { buffer } = new Uint8Array(Buffer.from(data, 'base64'));
  return { rows, columns, data: dtype === '<f4' ? new Float32Array(buffer) : new Float64Array(buffer) };
}

/** A training and test set of the fixture: `four` (float32, four names) or `two` (float64, the numbers 3 and 11). */
export function set(name: string) {
  const { train, test, labels, testLabels } = fixture.sets[name];
  return { train: stored(train), test: stored(test), labels, testLabels };
}

/** Largest absolute difference between two lists of numbers of one length. */
export function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < got.length; i++) {
    const d = Math.abs(got[i] - expected[i]);
    if (!(d <= most)) most = d;
  }
  return most;
}

/** The column of the second class, for references that give that one alone. */
export function secondColumn(x: Matrix): Float64Array {
  return Float64Array.from({ length: x.rows }, (_, i) => x.data[i * x.columns + 1]);
}
