/** Prototypes from class vectors, beside closed forms in another shape. */
import { describe, expect, it } from 'vitest';
import type { Matrix64 } from '../../src/classifiers/matrix.ts';
import { Random } from '../../src/core/index.ts';
import { evaluateFewShot, predictPrototypes } from '../../src/zeroShot/index.ts';

const matrix = (rows: readonly (readonly number[])[]): Matrix64 => ({
  data: Float64Array.from(rows.flat()),
  rows: rows.length,
  columns: rows[0].length,
});

const classes = ['a', 'b', 'c', 'd'];
const random = new Random('few shots');
const draw = (n: number, scale = 1) => Array.from({ length: n }, () => random.normal(0, scale));

/** Clips around the given means, so that their own mean is the mean to the last digits. */
function around(means: readonly (readonly number[])[], spread: number) {
  const x: number[][] = [];
  const labels: string[] = [];
  means.forEach((mean, c) => {
    for (let k = 0; k < 6; k++) {
      const noise = draw(mean.length, spread);
      x.push(
        mean.map((m, j) => m + noise[j]),
        mean.map((m, j) => m - noise[j]),
      );
      labels.push(classes[c], classes[c]);
    }
  });
  return { x: matrix(x), labels };
}

/** Solves A·X = B by Gauss and Jordan. */
function solve(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[][] {
  const rows = a.map((row, i) => [...row, ...b[i]]);
  const n = a.length;
  for (let i = 0; i < n; i++) {
    const pivot = rows.slice(i).reduce((best, row) => (Math.abs(row[i]) > Math.abs(best[i]) ? row : best));
    const at = rows.indexOf(pivot);
    [rows[i], rows[at]] = [rows[at], rows[i]];
    rows[i] = rows[i].map((v) => v / pivot[i]);
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const factor = rows[k][i];
      rows[k] = rows[k].map((v, j) => v - factor * rows[i][j]);
    }
  }
  return rows.map((row) => row.slice(n));
}

describe('prototypes from class vectors', () => {
  it('are those of ridge regression in its primal form, with one of the ridges tried', () => {
    const vectors = classes.map(() => draw(3));
    const means = classes.map(() => draw(5));
    const { x, labels } = around(means, 0.3);
    const candidates = [draw(3), draw(3)];
    const { prototypes } = predictPrototypes(x, labels, classes, matrix(vectors), matrix(candidates));
    const centre = means[0].map((_, j) => means.reduce((sum, m) => sum + m[j] / means.length, 0));
    const predicted = [100, 10, 1, 0.1, 0.01].map((ridge) => {
      // (SᵀS + ridge·I)⁻¹·Sᵀ·(M − m̄)
      const gram = vectors[0].map((_, i) =>
        vectors[0].map((__, j) => vectors.reduce((sum, s) => sum + s[i] * s[j], 0) + (i === j ? ridge : 0)),
      );
      const right = vectors[0].map((_, i) =>
        centre.map((m, j) => vectors.reduce((sum, s, c) => sum + s[i] * (means[c][j] - m), 0)),
      );
      const weights = solve(gram, right);
      return candidates.map((s) => centre.map((m, j) => s.reduce((sum, v, i) => sum + v * weights[i][j], m)));
    });
    const distance = (rows: readonly (readonly number[])[]) =>
      Math.max(...rows.flat().map((v, i) => Math.abs(v - prototypes.data[i])));
    expect(Math.min(...predicted.map(distance))).toBeLessThan(1e-10);
  });

  it('in a shared space are the vectors, moved to where the sounds are and drawn together', () => {
    const vectors = classes.map(() => draw(8));
    const unseen = [draw(8), draw(8)];
    const offset = draw(8, 3);
    const placed = (s: readonly number[]) => s.map((v, j) => offset[j] + 0.4 * v);
    const { x, labels } = around(vectors.map(placed), 0.2);
    const { prototypes, worth } = predictPrototypes(
      x,
      labels,
      classes,
      matrix(vectors),
      matrix(unseen),
      true,
    );
    unseen.flatMap(placed).forEach((v, i) => {
      expect(prototypes.data[i]).toBeCloseTo(v, 10);
    });
    // Nothing is wrong with them, so no number of examples outweighs them.
    expect(worth).toBe(1e6);
  });

  it('in a shared space say nothing where the vectors point the other way', () => {
    const vectors = classes.map(() => draw(8));
    const { x, labels } = around(
      vectors.map((s) => s.map((v) => -v)),
      0.2,
    );
    const { prototypes, worth } = predictPrototypes(
      ...([x, labels, classes, matrix(vectors), matrix([draw(8), draw(8)])] as const),
      true,
    );
    const mean = vectors[0].map((_, j) => -vectors.reduce((sum, s) => sum + s[j] / 4, 0));
    [...mean, ...mean].forEach((v, i) => {
      expect(prototypes.data[i]).toBeCloseTo(v, 10);
    });
    expect(worth).toBeLessThan(0.5);
  });
});

describe('few shots in a shared space', () => {
  it('are right without an example where the vectors are', () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const vectors = names.map(() => draw(16));
    const offset = draw(16, 2);
    const clips = names.flatMap((label, c) =>
      Array.from({ length: 6 }, (_, k) => ({
        label,
        group: `${label}${k}`,
        row: vectors[c].map((v, j) => offset[j] + 0.3 * v + random.normal(0, 0.05)),
      })),
    );
    const rows = (wanted: readonly string[]) => {
      const own = clips.filter(({ label }) => wanted.includes(label));
      const x = Float32Array.from(own.flatMap(({ row }) => row));
      return {
        x: { data: x, rows: own.length, columns: 16 },
        labels: own.map(({ label }) => label),
        groups: own.map(({ group }) => group),
      };
    };
    const split = { name: 'one', seen: names.slice(0, 4), unseen: names.slice(4) };
    const known = { classes: names, matrix: matrix(vectors), attributes: null, source: '', shared: true };
    const { draws } = evaluateFewShot(split, rows(split.seen), rows(split.unseen), {
      ...{ vectors: known, scaling: 'centred', shots: [0, 2], draws: 3, seed: 1 },
    });
    expect(draws).toHaveLength(6);
    for (const { shots, accuracy } of draws) {
      expect(accuracy['prompts + examples']).toBe(1);
      expect(Object.keys(accuracy)).toEqual(
        shots === 0 ? ['prompts + examples'] : ['prompts + examples', 'prototypes', 'svm'],
      );
    }
  });
});
