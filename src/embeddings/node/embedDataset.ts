/** @file A dataset as a matrix: one pooled vector per clip, with what a classifier and its tests need to know. */
import { DatasetError, type Notice, stackRows } from '../../core/index.ts';
import type { Clip, Dataset } from '../../datasets/index.ts';
import { cacheDirectory } from '../../files/index.ts';
import type { Embedder } from '../embedder.ts';
import { type Pooling, pooledSize, poolWindows } from '../pooling.ts';
import { type EmbedRecordingsOptions, embedRecordings } from './embedRecordings.ts';

export interface EmbeddedDataset {
  /** The clips of the rows: those of the dataset that could be read, in its order. */
  readonly clips: readonly Clip[];
  /** [clips.length, size], row-major. */
  readonly matrix: Float32Array;
  /** Numbers in a row. */
  readonly size: number;
  readonly labels: readonly string[];
  /** The recording that each clip was cut from. */
  readonly groups: readonly string[];
  readonly folds: readonly (number | null)[];
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
  /** How many clips came from the cache. */
  readonly fromCache: number;
}

/**
 * Embeds the clips of a dataset and pools each one's windows. Embeddings of windows are kept in the cache, by the
 * content of the file and all that decides the numbers: another pooling, or a second run, does not run the network.
 * @throws {DatasetError} when not one clip can be read
 * @throws {CancelledError} when stopped; what was embedded is in the cache
 */
export async function embedDataset(
  dataset: Pick<Dataset, 'clips'>,
  embedder: Embedder,
  pooling: Pooling,
  options: EmbedRecordingsOptions = {},
): Promise<EmbeddedDataset> {
  const size = pooledSize(embedder.spec.size, pooling);
  const clips: Clip[] = [];
  const rows: Float32Array[] = [];
  const failures: Notice[] = [];
  const notices: Notice[] = [];
  let fromCache = 0;
  for await (const outcome of embedRecordings(dataset.clips, embedder, {
    cacheDir: cacheDirectory(),
    ...options,
  })) {
    const clip = dataset.clips[outcome.index];
    if (outcome.state === 'failed') failures.push({ subject: clip.id, message: outcome.message });
    if (outcome.state !== 'embedded') continue;
    const { embedding, remarks } = outcome.recording;
    for (const message of remarks) notices.push({ subject: clip.id, message });
    if (outcome.recording.fromCache) fromCache++;
    clips.push(clip);
    rows.push(poolWindows(embedding, embedder.spec.size, pooling));
  }
  if (rows.length === 0) {
    throw new DatasetError('Not one clip could be read.', {
      hint: failures[0]?.message ?? 'The dataset has no clips.',
    });
  }
  return {
    ...{ clips, matrix: stackRows(rows, size).data, size, failures, notices, fromCache },
    labels: clips.map(({ label }) => label),
    groups: clips.map(({ group }) => group),
    folds: clips.map(({ fold }) => fold),
  };
}
