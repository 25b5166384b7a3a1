/**
 * @file Clips of different recordings that hold the same sound: leaks that file names do not tell. Embeddings name the
 * candidates, waveforms decide: to a network one dog's bark is much like another's.
 */
import { CancelledError, DatasetError, inLanes, type ProgressListener } from '../../core/index.ts';
import { type NearDuplicate, type NearDuplicates, type SoundSpan, spanTimes } from '../../datasets/index.ts';
import { WorkerPool } from '../../parallel/index.ts';
import { type AlikePair, alikePairs } from '../alikePairs.ts';
import type { GraphRunner } from '../embedder.ts';
import type { WaveformMatch } from '../waveformMatch.ts';
import type { EmbeddingIndex, IndexedClip } from './embeddingIndex.ts';
import type { MatchTask } from './matchTask.ts';

export interface NearDuplicateOptions {
  /** Least cosine of a candidate's nearest windows; default 0.95. */
  readonly similarity?: number;
  /** Least correlation of waveforms that is called the same sound; default 0.5. */
  readonly correlation?: number;
  readonly workers?: number;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
}

/** Of a pair of recordings, so many pairs of clips are compared by waveform, the most alike first. */
const perRecordings = 4;

interface Place {
  readonly clip: IndexedClip;
  /** Of which index; 0 is the dataset that is looked into. */
  readonly index: number;
}

/**
 * Looks for clips of `index` that hold the same sound as a clip of another recording, in it or in `others`.
 * @throws {DatasetError} when an index was made with another network, or has no row per window
 * @throws {CancelledError} when stopped
 */
export async function findNearDuplicates<L>(
  index: EmbeddingIndex,
  others: readonly EmbeddingIndex[],
  runner: GraphRunner<L>,
  options: NearDuplicateOptions = {},
): Promise<NearDuplicates> {
  const { similarity = 0.95, correlation = 0.5, workers, onProgress, signal } = options;
  const all = [index, ...others];
  for (const { info } of all) requireComparable(info, index.info);
  const places = all.flatMap(({ info }, i): Place[] => info.clips.map((clip) => ({ clip, index: i })));
  const recording = ({ clip, index: i }: Place) => JSON.stringify([i, clip.group]);
  const recordings = places.map(recording);
  const { rows, matrix } = joined(all);
  const candidates = await alikePairs(rows, matrix, index.info.size, runner, {
    threshold: similarity,
    apart: (a, b) => places[a].index === 0 && recordings[a] !== recordings[b],
    onShare: (share) => {
      if (signal?.aborted) throw new CancelledError('The search for near duplicates was stopped.');
      onProgress?.({ task: 'Comparing embeddings', done: Math.round(1000 * share), total: 1000, unit: '‰' });
    },
  });
  const chosen = mostAlike(candidates, recordings);
  const matches = await matchAll(chosen, places, { workers, onProgress, signal });

  const same = new Map<string, NearDuplicate>();
  const alike = new Set<string>();
  for (const [i, pair] of chosen.entries()) {
    const key = JSON.stringify([recordings[pair.a], recordings[pair.b]]);
    alike.add(key);
    const match = matches[i];
    if (match === null || match.correlation < correlation) continue;
    if (match.correlation <= (same.get(key)?.correlation ?? 0)) continue;
    same.set(key, described(pair, match, places, all));
  }
  return {
    ...{ network: index.info.embedder.network, similarity, correlation },
    compared: chosen.length,
    pairs: [...same.values()].sort((p, q) => q.correlation - p.correlation),
    alike: alike.size - same.size,
  };
}

function requireComparable(
  { embedderKey, embedder, pooling, dataset }: EmbeddingIndex['info'],
  first: EmbeddingIndex['info'],
): void {
  if (pooling !== null) {
    throw new DatasetError(
      `The index of ${dataset.name} has one row per clip; near duplicates need windows.`,
      {
        hint: 'Make it with earshot index --pooling windows.',
      },
    );
  }
  if (embedderKey === first.embedderKey) return;
  throw new DatasetError(
    `The index of ${dataset.name} was made with another network or other windows (${embedder.network}) than that of ${first.dataset.name} (${first.embedder.network}).`,
    { hint: 'Make both with the same options.' },
  );
}

/** Several indexes as one. */
function joined(all: readonly EmbeddingIndex[]) {
  const matrix = new Float32Array(all.reduce((sum, one) => sum + one.matrix.length, 0));
  let at = 0;
  const rows = all.flatMap(({ info, matrix: own }) => {
    matrix.set(own, at);
    const before = at / info.size;
    at += own.length;
    return info.clips.map(({ firstRow, times, levels }) => ({ firstRow: before + firstRow, times, levels }));
  });
  return { rows, matrix };
}

/** Of each pair of recordings the first few pairs of clips. */
function mostAlike(pairs: readonly AlikePair[], recordings: readonly string[]): AlikePair[] {
  const counts = new Map<string, number>();
  return pairs.filter(({ a, b }) => {
    const key = JSON.stringify([recordings[a], recordings[b]].sort());
    const count = counts.get(key) ?? 0;
    counts.set(key, count + 1);
    return count < perRecordings;
  });
}

function spanOf(clip: IndexedClip): SoundSpan {
  return { path: clip.path, ...spanTimes(clip) };
}

/** Waveforms compared; null where a file cannot be read any more. */
async function matchAll(
  pairs: readonly AlikePair[],
  places: readonly Place[],
  { workers, onProgress, signal }: NearDuplicateOptions,
): Promise<(WaveformMatch | null)[]> {
  const pool = new WorkerPool<MatchTask, WaveformMatch>(import.meta.url, 'matchWorker', {
    size: workers,
    signal,
  });
  const matches = new Array<WaveformMatch | null>(pairs.length);
  let done = 0;
  try {
    await inLanes(pairs, 8, async ({ a, b, times }, i) => {
      matches[i] = await pool
        .run({ sounds: [spanOf(places[a].clip), spanOf(places[b].clip)], times })
        .catch((error: unknown) => {
          if (error instanceof CancelledError || pool.failed) throw error;
          return null;
        });
      onProgress?.({ task: 'Comparing waveforms', done: ++done, total: pairs.length, unit: 'pairs' });
    });
  } finally {
    await pool.close();
  }
  return matches;
}

function described(
  { a, b, similarity, times }: AlikePair,
  { correlation, shiftSeconds }: WaveformMatch,
  places: readonly Place[],
  all: readonly EmbeddingIndex[],
): NearDuplicate {
  const [p, q] = [places[a], places[b]];
  const other = q.index === 0 ? null : all[q.index].info.dataset.name;
  return {
    clips: [p.clip.id, q.clip.id],
    labels: [p.clip.label, q.clip.label],
    groups: [p.clip.group, q.clip.group],
    folds: [p.clip.fold, q.clip.fold],
    dataset: other,
    similarity: Number(similarity.toFixed(4)),
    correlation: Number(correlation.toFixed(4)),
    times,
    shiftSeconds: Number(shiftSeconds.toFixed(4)),
    acrossFolds: other === null && p.clip.fold !== q.clip.fold,
    // Another dataset has other names for its classes.
    acrossClasses: other === null && p.clip.label !== q.clip.label,
  };
}
