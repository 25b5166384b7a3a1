/** @file Embeddings kept between runs, in the files of the feature cache. */
import * as z from 'zod';
import { entryPath, readEntry, soundFactsSchema, writeEntry } from '../../extraction/index.ts';
import { windowCount } from '../../windows/index.ts';
import type { EmbedderSpec } from '../embedder.ts';
import type { RecordingFacts } from './recordingTask.ts';

/** What the windows of a recording came to. */
export interface EmbeddedWindows {
  /** [nWindows, size], or more rows where windows give several */
  readonly embedding: Float32Array;
  /** Root mean square of each window's samples. */
  readonly levels: Float32Array;
  /** Vectors of each window; absent: one. */
  readonly rows?: readonly number[];
}

const metaSchema = z.object({
  facts: z.object({ samples: z.int().min(1), sound: soundFactsSchema, warnings: z.array(z.string()) }),
  levels: z.array(z.number()),
});

type Meta = z.output<typeof metaSchema>;

/** A recording's embeddings; null where they are not there whole. */
export async function recallEmbedding(
  cacheDir: string,
  key: string,
  { size, windowing }: EmbedderSpec,
): Promise<{ facts: Meta['facts']; windows: EmbeddedWindows } | null> {
  const entry = await readEntry(entryPath(cacheDir, key, 'embeddings'), metaSchema);
  if (entry === null) return null;
  const { facts, levels } = entry.meta;
  const count = windowCount(facts.samples, windowing);
  if (entry.data.length !== count * size || levels.length !== count) return null;
  return { facts, windows: { embedding: entry.data, levels: Float32Array.from(levels) } };
}

/** Keeps them. A cache that cannot be written is no error. */
export async function storeEmbedding(
  cacheDir: string,
  key: string,
  { hash: _, ...facts }: RecordingFacts,
  { embedding, levels }: EmbeddedWindows,
): Promise<void> {
  const meta: Meta = { facts: { ...facts, warnings: [...facts.warnings] }, levels: Array.from(levels) };
  await writeEntry(entryPath(cacheDir, key, 'embeddings'), meta, embedding);
}
