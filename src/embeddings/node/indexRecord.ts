/** @file The schema of an index of embeddings: `index.json`. */
import * as z from 'zod';
import { embedderRecord } from '../embedderRecord.ts';
import type { IndexedClip, IndexInfo } from './embeddingIndex.ts';

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'no SHA-256');

/** Names as {@link IndexInfo} writes them: a path would lead to files that are none of the index's. */
const beside = (kind: 'embeddings' | 'network', ending: string) =>
  z.string().regex(new RegExp(`^${kind}-[0-9a-f]{12}\\.${ending}$`), 'no file of an index');

const clipRecord: z.ZodType<IndexedClip> = z.looseObject({
  id: z.string(),
  path: z.string(),
  label: z.string(),
  fold: z.int().nullable(),
  group: z.string(),
  hash: sha256,
  seconds: z.number().min(0),
  silent: z.boolean(),
  firstRow: count,
  times: z.array(z.number()).min(1),
  levels: z.array(z.number().min(0)),
});

/** Clips lie one after the other in the matrix, and fill it. */
function rowsFit({
  clips,
  rows,
}: {
  readonly clips: readonly IndexedClip[];
  readonly rows: number;
}): boolean {
  let next = 0;
  for (const { firstRow, times, levels } of clips) {
    if (firstRow !== next || levels.length !== times.length) return false;
    next += times.length;
  }
  return next === rows;
}

export const indexRecord: z.ZodType<IndexInfo> = z
  .looseObject({
    format: z.literal(1),
    embedder: embedderRecord,
    embedderKey: z.string(),
    pooling: z.enum(['mean', 'mean-deviation', 'max']).nullable(),
    dataset: z.looseObject({
      name: z.string(),
      root: z.string(),
      fingerprint: z.string(),
      synthetic: z.boolean(),
    }),
    rows: count,
    size: z
      .int()
      .min(1)
      .max(2 ** 25),
    embeddings: z.looseObject({ file: beside('embeddings', 'npy'), sha256 }),
    network: z.looseObject({
      file: beside('network', 'onnx'),
      sha256,
      input: z.string(),
      inputDims: z.array(z.int().min(1)),
      output: z.string(),
      anyLength: z.boolean().optional(),
    }),
    clips: z.array(clipRecord),
    failures: z.array(z.looseObject({ subject: z.string(), message: z.string() })),
    versions: z.record(z.string(), z.string()),
  })
  .refine(rowsFit, 'the rows of its clips do not fill the matrix one after the other');
