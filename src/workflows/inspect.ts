/** @file Inspecting a dataset: open it, examine every file, say what was found. */
import { DatasetError } from '../core/index.ts';
import {
  type Dataset,
  fingerprint,
  type Inspection,
  inspectDataset,
  inspectionText,
  type NearDuplicates,
} from '../datasets/index.ts';
import type { WorkflowHooks } from './hooks.ts';
import { openNamedDataset } from './namedDataset.ts';

export interface InspectWorkflowOptions extends WorkflowHooks {
  /** Folder of a dataset, or a CSV manifest; `demo` is the built-in synthetic set. */
  dataset: string;
  subset?: 'esc10';
  /** False reads headers alone. Default true. */
  decode?: boolean;
  /** Entries of each list in the text. Default 8. */
  most?: number;
  /** Also look for the same sound under different recordings, by indexes of embeddings. */
  nearDuplicates?: NearDuplicateChoice;
}

export interface NearDuplicateChoice {
  /** Folders of indexes: one of the dataset, and any of others that it is compared with. */
  readonly indexes: readonly string[];
  /** Least cosine of a candidate; default 0.95. */
  readonly similarity?: number;
  /** Least correlation of waveforms that is called the same sound; default 0.5. */
  readonly correlation?: number;
}

/**
 * Inspects a dataset.
 * @returns the findings as plain data, and as text of about 100 columns
 * @throws {DatasetError} when `dataset` is none, or none of the indexes is of it
 * @throws {CancelledError} when `signal` is aborted
 * @example const { inspection } = await inspect({ dataset: 'UrbanSound8K' }); inspection.leaks.length
 */
export async function inspect(
  options: InspectWorkflowOptions,
): Promise<{ inspection: Inspection; text: string }> {
  const { decode, most, threads, onProgress, signal } = options;
  const dataset = await openNamedDataset(options.dataset, options);
  // What does not fit is said before every file is read.
  const indexes = await openIndexes(dataset, options);
  const inspected = await inspectDataset(dataset, { decode, workers: threads, onProgress, signal });
  const inspection: Inspection =
    indexes === null ? inspected : { ...inspected, nearDuplicates: await compare(indexes, options) };
  return { inspection, text: inspectionText(inspection, { most }) };
}

/** The dataset's index, and the others; null where none are asked for. */
async function openIndexes(dataset: Dataset, options: InspectWorkflowOptions) {
  const { nearDuplicates, cacheDir, onProgress, signal } = options;
  if (nearDuplicates === undefined) return null;
  const { readIndex } = await import('../embeddings/index.ts');
  const data = await fingerprint(dataset, { cacheDir, onProgress, signal });
  const all = await Promise.all(nearDuplicates.indexes.map((folder) => readIndex(folder)));
  const own = all.find(({ info }) => info.dataset.fingerprint === data);
  if (own === undefined) {
    throw new DatasetError(
      `No index given is of ${dataset.name} as it is now: ${nearDuplicates.indexes.join(', ')}.`,
      { hint: 'Make one with earshot index; the same command brings an older one up to date.' },
    );
  }
  return { own, others: all.filter((index) => index !== own) };
}

async function compare(
  { own, others }: NonNullable<Awaited<ReturnType<typeof openIndexes>>>,
  options: InspectWorkflowOptions,
): Promise<NearDuplicates> {
  const { threads, onProgress, signal, nearDuplicates } = options;
  const { findNearDuplicates } = await import('../embeddings/index.ts');
  const { Engine } = await import('../runtime/index.ts');
  const engine = new Engine({ threads });
  try {
    const { similarity, correlation } = nearDuplicates ?? {};
    return await findNearDuplicates(own, others, engine, {
      ...{ similarity, correlation, onProgress, signal },
      workers: threads,
    });
  } finally {
    await engine.close();
  }
}
