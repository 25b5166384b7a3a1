/** @file Embeddings kept between runs, in the files of the feature cache. */
import { entryPath, readEntry, writeEntry } from '../../extraction/index.ts';
import type { EmbedderSpec } from '../embedder.ts';
import { windowCount } from '../windowing.ts';
import type { RecordingFacts } from './recordingTask.ts';

type Meta = Omit<RecordingFacts, 'hash'>;

/** A recording's embeddings, [nWindows, size]; null where they are not there whole. */
export async function recallEmbedding(
  cacheDir: string,
  key: string,
  { size, windowing }: EmbedderSpec,
): Promise<{ facts: Meta; embedding: Float32Array } | null> {
  const entry = await readEntry(entryPath(cacheDir, key, 'embeddings'));
  if (entry === null) return null;
  const facts = entry.meta as Meta;
  return entry.data.length === windowCount(facts.samples, windowing) * size
    ? { facts, embedding: entry.data }
    : null;
}

/** Keeps them. A cache that cannot be written is no error. */
export async function storeEmbedding(
  cacheDir: string,
  key: string,
  { hash: _, ...facts }: RecordingFacts,
  embedding: Float32Array,
): Promise<void> {
  await writeEntry(entryPath(cacheDir, key, 'embeddings'), facts satisfies Meta, embedding);
}
