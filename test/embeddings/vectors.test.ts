import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ParameterError, Random, ShapeError } from '../../src/core/index.ts';
import {
  alikePairs,
  cosineSimilarity,
  matchWaveforms,
  nearestRows,
  pooledSize,
  poolWindows,
  similarClips,
  unitRows,
} from '../../src/embeddings/index.ts';
import { Engine } from '../../src/runtime/index.ts';

const fixture = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/embeddings/values.json'), 'utf8'),
);
const rows = Float32Array.from(fixture.rows.flat());
const query = Float32Array.from(fixture.query);

function close(found: ArrayLike<number>, expected: readonly number[], tolerance = 1e-6): void {
  expect(found.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(Math.abs(found[i] - value), `number ${i}`).toBeLessThan(tolerance);
  });
}

describe('pooling', () => {
  it("gives numpy's mean, standard deviation and maximum", () => {
    close(poolWindows(rows, 5, 'mean'), fixture.mean);
    close(poolWindows(rows, 5, 'mean-deviation'), [...fixture.mean, ...fixture.deviation]);
    close(poolWindows(rows, 5, 'max'), fixture.max);
    expect([pooledSize(5, 'mean'), pooledSize(5, 'mean-deviation'), pooledSize(5, 'max')]).toEqual([
      5, 10, 5,
    ]);
  });

  it('of one window is the window, with no deviation; of none is refused', () => {
    expect([...poolWindows(query, 5, 'mean-deviation')]).toEqual([...query, 0, 0, 0, 0, 0]);
    expect(() => poolWindows(new Float32Array(0), 5, 'mean')).toThrow(ParameterError);
    expect(() => poolWindows(rows, 4, 'max')).toThrow(ParameterError);
  });
});

describe('cosines', () => {
  it("are scipy's; of a vector of zeros 0", () => {
    const found = fixture.rows.map((row: number[]) => cosineSimilarity(query, Float32Array.from(row)));
    close(found, fixture.cosines, 1e-7);
    expect(() => cosineSimilarity(query, rows)).toThrow(ShapeError);
  });

  it('put the nearest rows first', () => {
    const order = fixture.cosines
      .map((similarity: number, row: number) => ({ similarity, row }))
      .sort((a: { similarity: number }, b: { similarity: number }) => b.similarity - a.similarity);
    const found = nearestRows(query, unitRows(rows, 5), 3);
    expect(found.map(({ row }) => row)).toEqual(order.slice(0, 3).map(({ row }: { row: number }) => row));
    expect(found[0].similarity).toBeCloseTo(order[0].similarity, 6);
    expect(() => nearestRows(query, rows, 0)).toThrow(ParameterError);
  });
});

/** Clips of random windows in a matrix. */
function randomClips(seed: number, counts: readonly number[], size: number) {
  const random = new Random(seed);
  let firstRow = 0;
  const clips = counts.map((count) => {
    const clip = {
      firstRow,
      times: Array.from({ length: count }, (_, i) => i / 2),
      levels: Array.from({ length: count }, () => (random.uniform() < 0.2 ? 1e-5 : 0.1)),
    };
    firstRow += count;
    return clip;
  });
  return { clips, matrix: Float32Array.from({ length: firstRow * size }, () => random.normal()) };
}

describe('similar clips', () => {
  it('are ranked by the mean over loud windows of the nearest loud window', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), (seed) => {
        const size = 4;
        const { clips, matrix } = randomClips(seed, [3, 1, 4, 2], size);
        const own = randomClips(seed + 1, [3], size);
        const found = similarClips({ ...own.clips[0], embedding: own.matrix }, clips, matrix);
        const loud = (levels: readonly number[]) => {
          const all = levels.map((level, i) => (level >= 1e-3 ? i : -1)).filter((i) => i >= 0);
          return all.length > 0 ? all : levels.map((_, i) => i);
        };
        const row = (data: Float32Array, i: number) => data.subarray(i * size, (i + 1) * size);
        const expected = clips.map(({ firstRow, levels }) => {
          const best = loud(own.clips[0].levels).map((w) =>
            Math.max(
              ...loud(levels).map((r) => cosineSimilarity(row(own.matrix, w), row(matrix, firstRow + r))),
            ),
          );
          return { mean: best.reduce((a, b) => a + b, 0) / best.length, best: Math.max(...best) };
        });
        for (const { clip, similarity, nearest } of found) {
          expect(similarity).toBeCloseTo(expected[clip].mean, 5);
          expect(nearest.similarity).toBeCloseTo(expected[clip].best, 5);
        }
        const order = found.map(({ similarity }) => similarity);
        expect(order).toEqual([...order].sort((a, b) => b - a));
      }),
      { numRuns: 50 },
    );
  });
});

describe('alike pairs', () => {
  it('are those of all loud windows above the threshold, across blocks of the product', async () => {
    const size = 3;
    // Above a thousand rows, so that there are blocks beside the diagonal.
    const { clips, matrix } = randomClips(
      5,
      Array.from({ length: 300 }, (_, i) => 2 + (i % 5)),
      size,
    );
    const engine = new Engine({ threads: 1 });
    const apart = (a: number, b: number) => a % 7 !== b % 7;
    const found = await alikePairs(clips, matrix, size, engine, { threshold: 0.9999, apart });
    await engine.close();
    const unit = unitRows(matrix, size);
    const expected = new Map<string, number>();
    for (const [a, p] of clips.entries()) {
      for (const [b, q] of clips.entries()) {
        if (b <= a || !apart(a, b)) continue;
        for (const [i, low] of p.levels.entries()) {
          for (const [j, other] of q.levels.entries()) {
            if (low < 1e-3 || other < 1e-3) continue;
            let dot = 0;
            for (let c = 0; c < size; c++)
              dot += unit[(p.firstRow + i) * size + c] * unit[(q.firstRow + j) * size + c];
            if (dot >= 0.9999) expected.set(`${a} ${b}`, Math.max(dot, expected.get(`${a} ${b}`) ?? 0));
          }
        }
      }
    }
    expect(expected.size).toBeGreaterThan(10);
    // Within float32's rounding a pair may fall on either side of the threshold.
    const sure = [...expected].filter(([, dot]) => dot > 0.999901).map(([key]) => key);
    const keys = new Set(found.map(({ a, b }) => `${a} ${b}`));
    expect(sure.filter((key) => !keys.has(key))).toEqual([]);
    for (const { a, b, similarity } of found)
      expect(Math.abs(similarity - (expected.get(`${a} ${b}`) ?? 0.9999))).toBeLessThan(2e-6);
    await expect(alikePairs(clips, matrix, size, engine, { threshold: 0, apart })).rejects.toThrow(
      ParameterError,
    );
  });
});

describe('waveform match', () => {
  it("is the largest of scipy's correlations at every shift", () => {
    for (const { a, b, correlation, shiftSeconds } of fixture.pairs) {
      const found = matchWaveforms(Float32Array.from(a), Float32Array.from(b), fixture.rate);
      expect(found.correlation).toBeCloseTo(correlation, 6);
      expect(found.shiftSeconds).toBe(shiftSeconds);
    }
    const [exact, changed, drowned] = fixture.pairs;
    expect(exact.correlation).toBeGreaterThan(0.99);
    expect(changed.correlation).toBeGreaterThan(0.9);
    expect(drowned.correlation).toBeLessThan(0.5);
  });

  it('of silence is none', () => {
    const silence = new Float32Array(500);
    expect(matchWaveforms(silence, Float32Array.from(fixture.pairs[0].a), 200).correlation).toBe(0);
    expect(matchWaveforms(silence, silence, 200).correlation).toBe(0);
    expect(matchWaveforms(new Float32Array(0), silence, 200).correlation).toBe(0);
  });
});
