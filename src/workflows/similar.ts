/** @file `earshot similar`: the clips of an index that sound most like a recording. */
import { DecodeError, ParameterError } from '../core/index.ts';
import {
  type EmbeddedRecording,
  Embedder,
  type EmbedRecordingsOptions,
  embedRecordings,
  indexEmbedder,
  poolWindows,
  readIndex,
  similarClips,
} from '../embeddings/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';

export interface SimilarOptions extends WorkflowHooks {
  /** The recording. */
  readonly file: string;
  /** Folder of an index. */
  readonly index: string;
  /** How many clips to name; default 5. */
  readonly top?: number;
}

export interface SimilarClip {
  readonly id: string;
  readonly path: string;
  readonly label: string;
  readonly group: string;
  readonly fold: number | null;
  /** Mean over the recording's windows of the cosine with the clip's nearest window. */
  readonly similarity: number;
  /** Where they are most alike: seconds in the recording and in the clip. Null in an index of pooled clips. */
  readonly at: { readonly query: number; readonly clip: number; readonly similarity: number } | null;
  /** The clip is the very file that was asked about. */
  readonly same: boolean;
}

export interface SimilarOutcome {
  readonly file: string;
  readonly seconds: number;
  readonly warnings: readonly string[];
  readonly network: string;
  readonly dataset: string;
  readonly clips: readonly SimilarClip[];
}

/**
 * Looks a recording up in an index, with the network that the index was made with.
 * @throws {ParameterError} unless `top` is a whole number ≥ 1
 * @throws {DatasetError} when there is no index, or it is damaged or made by a version that computes other numbers
 * @throws {DecodeError} when the recording cannot be read
 */
export async function similar(options: SimilarOptions): Promise<SimilarOutcome> {
  const { file, index: folder, top = 5, threads, signal } = options;
  if (!Number.isInteger(top) || top < 1)
    throw new ParameterError(`top must be a whole number ≥ 1, got ${top}.`);
  const { info, matrix } = await readIndex(folder);
  const description = await indexEmbedder(folder, info);
  const engine = new Engine(engineOptions(options));
  try {
    const embedder = await Embedder.load(description, engine);
    const { embedding, timestamps, levels, seconds, remarks, hash } = await embedOne(file, embedder, {
      workers: threads,
      signal,
    });
    const { pooling } = info;
    const query =
      pooling === null
        ? { embedding, times: Array.from(timestamps), levels: Array.from(levels) }
        : { embedding: poolWindows(embedding, info.embedder.size, pooling), times: [0], levels: [1] };
    const found = similarClips({ ...query, firstRow: 0 }, info.clips, matrix).slice(0, top);
    return {
      ...{ file, seconds, warnings: remarks },
      network: info.embedder.network,
      dataset: info.dataset.name,
      clips: found.map(({ clip, similarity, nearest }): SimilarClip => {
        const { id, path, label, group, fold, hash: content } = info.clips[clip];
        const at = { query: nearest.queryTime, clip: nearest.time, similarity: nearest.similarity };
        return {
          ...{ id, path, label, group, fold, similarity },
          at: pooling === null ? at : null,
          same: content === hash,
        };
      }),
    };
  } finally {
    await engine.close();
  }
}

async function embedOne(
  file: string,
  embedder: Embedder,
  options: EmbedRecordingsOptions,
): Promise<EmbeddedRecording> {
  for await (const outcome of embedRecordings([file], embedder, options)) {
    if (outcome.state === 'embedded') return outcome.recording;
    if (outcome.state === 'failed') throw new DecodeError(outcome.message, { hint: outcome.hint });
  }
  throw new DecodeError(`${file} gave no embedding.`);
}
