/** @file Pairs of clips with a window each that are nearly the same vector. */
import { ParameterError } from '../core/errors.ts';
import { float32 } from '../core/tensor.ts';
import { GraphBuilder } from '../onnx/index.ts';
import { type ClipRows, quietLevel } from './clipSimilarity.ts';
import type { GraphRunner } from './embedder.ts';
import { unitRows } from './similarity.ts';

export interface AlikePair {
  /** Places in the list of clips, `a` before `b`. */
  readonly a: number;
  readonly b: number;
  /** Cosine of their nearest windows. */
  readonly similarity: number;
  /** Seconds at which these windows lie. */
  readonly times: readonly [number, number];
}

export interface AlikePairsOptions {
  /** Least cosine. */
  readonly threshold: number;
  /** Whether two clips are to be compared; clips of one recording are not. */
  readonly apart: (a: number, b: number) => boolean;
  /** Told the share of the work that is done. */
  readonly onShare?: (share: number) => void;
}

/** Rows in a block of the product: 4 MiB of cosines at a time. */
const block = 1024;

/**
 * All pairs of clips whose nearest windows have a cosine of `threshold` or more, most alike first. Quiet windows are
 * left out. The products of all rows with all others run on the engine, block by block.
 * @param matrix [rows, size]
 * @throws {ParameterError} for a threshold outside (0, 1]
 */
export async function alikePairs<L>(
  clips: readonly ClipRows[],
  matrix: Float32Array,
  size: number,
  runner: GraphRunner<L>,
  { threshold, apart, onShare }: AlikePairsOptions,
): Promise<AlikePair[]> {
  if (!(threshold > 0 && threshold <= 1))
    throw new ParameterError(`The least cosine must lie in (0, 1], got ${threshold}.`);
  const rows = loudRowsOf(clips);
  const unit = unitRows(matrix, size);
  const packed = new Float32Array(rows.length * size);
  rows.forEach(({ row }, i) => {
    packed.set(unit.subarray(row * size, (row + 1) * size), i * size);
  });
  const product = await productOf(runner, size);
  const found = new Map<number, AlikePair>();
  const blocks = Math.ceil(rows.length / block);
  let done = 0;
  for (let i = 0; i < blocks; i++) {
    for (let j = i; j < blocks; j++) {
      const [left, right] = [i, j].map((k) => packed.subarray(k * block * size, (k + 1) * block * size)) as [
        Float32Array,
        Float32Array,
      ];
      const cosines = await product(left, right);
      const width = right.length / size;
      for (let at = 0; at < cosines.length; at++) {
        const similarity = cosines[at];
        if (similarity < threshold) continue;
        const x = rows[i * block + Math.floor(at / width)];
        const y = rows[j * block + (at % width)];
        // Within a block of the diagonal every pair comes twice.
        const [p, q] = x.clip < y.clip ? [x, y] : [y, x];
        if (p.clip === q.clip || !apart(p.clip, q.clip)) continue;
        const key = p.clip * clips.length + q.clip;
        if (similarity <= (found.get(key)?.similarity ?? -1)) continue;
        found.set(key, {
          a: p.clip,
          b: q.clip,
          similarity: Math.min(1, similarity),
          times: [p.time, q.time],
        });
      }
      onShare?.(++done / ((blocks * (blocks + 1)) / 2));
    }
  }
  return [...found.values()].sort((p, q) => q.similarity - p.similarity || p.a - q.a || p.b - q.b);
}

function loudRowsOf(clips: readonly ClipRows[]): { clip: number; row: number; time: number }[] {
  return clips.flatMap(({ firstRow, times, levels }, clip) =>
    times.flatMap((time, i) => (levels[i] >= quietLevel ? [{ clip, row: firstRow + i, time }] : [])),
  );
}

/** [n, size] and [m, size] to the products of all rows, [n, m]. */
async function productOf<L>(runner: GraphRunner<L>, size: number) {
  const g = new GraphBuilder({ name: 'products of rows' });
  const a = g.input('a', 'float32', ['n', size]);
  const b = g.input('b', 'float32', ['m', size]);
  g.output(g.op('MatMul', [a, g.op('Transpose', [b], { perm: [1, 0] })]), 'products');
  const loaded = await runner.load(g.model());
  return async (left: Float32Array, right: Float32Array): Promise<Float32Array> => {
    const { products } = await runner.run(loaded, {
      feeds: {
        a: float32([left.length / size, size], left),
        b: float32([right.length / size, size], right),
      },
      fetch: ['products'],
    });
    return products!.data as Float32Array;
  };
}
