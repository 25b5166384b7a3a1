/** @file `earshot index`: the embeddings of a dataset, kept so that recordings can be looked up in them. */
import { readdir } from 'node:fs/promises';
import { type EmbedderChoice, openEmbedder } from '../approaches/index.ts';
import { DatasetError, type Notice, UsageError } from '../core/index.ts';
import { fingerprint, spanTimes } from '../datasets/index.ts';
import {
  Embedder,
  type EmbedderDescription,
  type EmbedderSpec,
  embedderKey,
  embedRecordings,
  type IndexInfo,
  IndexWriter,
  type Pooling,
  pooledSize,
  poolWindows,
  readIndexInfo,
} from '../embeddings/index.ts';
import { cacheDirectory, isClaim } from '../files/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions, extractionOptions, type WorkflowHooks } from './hooks.ts';
import { openNamedDataset } from './namedDataset.ts';
import { inClaimedFolder } from './runFolder.ts';
import { versions } from './versions.ts';

export interface IndexOptions extends WorkflowHooks {
  /** A dataset's path, or `demo`. */
  readonly dataset: string;
  readonly subset?: 'esc10';
  readonly embedder: EmbedderChoice;
  /** Folder of the index. */
  readonly out: string;
  /** One row per clip, pooled so; default null: a row per window. */
  readonly pooling?: Pooling | null;
}

export interface IndexOutcome {
  readonly info: IndexInfo;
  /** False: it was there already, of the same data and the same network. */
  readonly made: boolean;
  readonly notices: readonly Notice[];
}

/**
 * Indexes a dataset. What was embedded before is taken from the cache, so that a stopped run goes on; an index of the
 * same data and network is left as it is, one of other data is replaced when the new one is whole.
 * @throws {UsageError} when `out` holds something else, or the index of another network, another pooling or another
 *   dataset, and when another command is at work in it
 * @throws {DatasetError} when the dataset cannot be used, or not one clip can be read
 * @throws {CancelledError} when stopped
 */
export async function indexDataset(options: IndexOptions): Promise<IndexOutcome> {
  const before = await indexThere(options.out);
  const description = await openEmbedder(options.embedder);
  requireSameSettings(before, description.spec, options);
  return inClaimedFolder(options.out, () => indexIn(options, description));
}

/** @throws {UsageError} for an index that was made otherwise: it is not replaced */
function requireSameSettings(
  before: IndexInfo | null,
  spec: EmbedderSpec,
  { out, pooling = null }: IndexOptions,
): void {
  if (before === null) return;
  const hint = 'Give another folder with -o, or remove it.';
  if (before.embedderKey !== embedderKey(spec)) {
    throw new UsageError(
      `The index in ${out} was made with another network or other windows (${before.embedder.network}).`,
      { hint },
    );
  }
  if (before.pooling === pooling) return;
  const described = (pooled: Pooling | null) => (pooled === null ? 'a row per window' : `pooling ${pooled}`);
  throw new UsageError(
    `The index in ${out} was made with ${described(before.pooling)}; asked for was ${described(pooling)}.`,
    { hint },
  );
}

async function indexIn(options: IndexOptions, description: EmbedderDescription): Promise<IndexOutcome> {
  const { out, pooling = null, cacheDir = cacheDirectory() } = options;
  const { spec } = description;
  const before = await indexThere(out);
  const dataset = await openNamedDataset(options.dataset, options);
  const { workers, ...quiet } = extractionOptions(options);
  const data = await fingerprint(dataset, quiet);
  if (before?.dataset.fingerprint === data) return { info: before, made: false, notices: dataset.notices };
  if (before !== null && before.dataset.root !== dataset.root) {
    throw new UsageError(`The index in ${out} is of another dataset (${before.dataset.root}).`, {
      hint: 'Give another folder with -o, or remove it.',
    });
  }

  const notices: Notice[] = [...dataset.notices];
  const failures: Notice[] = [];
  const engine = new Engine(engineOptions(options));
  const writer = await IndexWriter.begin(out, pooling === null ? spec.size : pooledSize(spec.size, pooling));
  let finished = false;
  try {
    const embedder = await Embedder.load(description, engine);
    for await (const outcome of embedRecordings(dataset.clips, embedder, {
      ...quiet,
      workers,
      cacheDir,
    })) {
      const clip = dataset.clips[outcome.index];
      const { id, path, label, fold, group } = clip;
      if (outcome.state === 'failed') failures.push({ subject: id, message: outcome.message });
      if (outcome.state !== 'embedded') continue;
      const { embedding, timestamps, levels, hash, seconds, silent, remarks } = outcome.recording;
      for (const message of remarks) notices.push({ subject: id, message });
      await writer.add(
        {
          ...{ id, path, ...spanTimes(clip), label, fold, group, hash, seconds, silent },
          times: pooling === null ? Array.from(timestamps) : [0],
          levels: pooling === null ? Array.from(levels, rounded) : [rounded(Math.max(...levels))],
        },
        pooling === null ? embedding : poolWindows(embedding, spec.size, pooling),
      );
    }
    if (failures.length === dataset.clips.length) {
      throw new DatasetError('Not one clip could be read.', {
        hint: failures[0]?.message ?? 'The dataset has no clips.',
      });
    }
    const { name, root, synthetic } = dataset;
    const info = await writer.finish(description, {
      pooling,
      dataset: { name, root, synthetic, fingerprint: data },
      failures,
      versions: versions(),
    });
    finished = true;
    return { info, made: true, notices };
  } finally {
    if (!finished) await writer.abandon();
    await engine.close();
  }
}

/** Five digits tell silence from sound. */
function rounded(level: number): number {
  return Number(level.toPrecision(5));
}

/** The index in a folder, null where it is empty. @throws {UsageError} when something else is in it */
async function indexThere(folder: string): Promise<IndexInfo | null> {
  const info = await readIndexInfo(folder);
  if (info !== null) return info;
  const found = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') throw new UsageError(`${folder} is a file; an index is a folder.`);
    throw error;
  });
  const names = found.filter((name) => !isClaim(name));
  // What a killed run left is no reason to stop.
  if (names.every((name) => /^(embeddings|network)[-.].*\.(tmp|npy|onnx)$/.test(name))) return null;
  throw new UsageError(`The folder ${folder} is not empty, and no index is in it.`, {
    hint: 'Give another folder with -o.',
  });
}
