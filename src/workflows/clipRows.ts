/** @file Clips as rows: one vector for each, the mean of its windows'. */
import { type ClipVectors, vectorPipeline } from '../approaches/index.ts';
import type { Matrix } from '../classifiers/index.ts';
import { CancelledError, DatasetError, type Notice } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import { type ClipPipeline, canonicalJson, windowSamplesOf } from '../extraction/index.ts';
import type { LabelledRows } from '../zeroShot/index.ts';
import type { WorkflowHooks } from './hooks.ts';
import { matrixOf, VectorMaker, vectorRows } from './vectorRows.ts';
import { WholeClips, waveformChunks } from './waveformChunks.ts';

export interface ClipRows {
  /** Those that could be read, in the order they were given in. */
  readonly clips: readonly Clip[];
  /** A row for each. */
  readonly matrix: Matrix;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/**
 * @throws {DatasetError} when not one clip can be read
 * @throws {CancelledError} when stopped
 */
export async function clipRows(
  clips: readonly Clip[],
  vectors: ClipVectors,
  pipeline: ClipPipeline,
  hooks: WorkflowHooks,
): Promise<ClipRows> {
  const maker = await VectorMaker.load(vectors, pipeline, hooks);
  try {
    const made = await vectorRows(clips, vectors, pipeline, maker, hooks);
    const windows = new Map<Clip, Float32Array[]>();
    made.clips.forEach((clip, i) => {
      const row = (made.matrix.data as Float32Array).subarray(i * vectors.size, (i + 1) * vectors.size);
      const own = windows.get(clip);
      if (own === undefined) windows.set(clip, [row]);
      else own.push(row);
    });
    return rowsOf(windows, vectors.size, made);
  } finally {
    await maker.close();
  }
}

function rowsOf(
  windows: ReadonlyMap<Clip, readonly Float32Array[]>,
  size: number,
  { failures, notices }: Pick<ClipRows, 'failures' | 'notices'>,
): ClipRows {
  if (windows.size === 0) {
    throw new DatasetError('Not one clip could be read.', {
      hint: failures[0]?.message ?? 'There are no clips.',
    });
  }
  const matrix = matrixOf([...windows.values()].map(meanRow), size);
  return { clips: [...windows.keys()], matrix, failures, notices };
}

/** Samples of a dataset that are held in memory rather than decoded for each of many networks: a gigabyte. */
const mostHeldSamples = 2 ** 28;

/**
 * Rows by one network after another, such as one trained for each split. They are not kept in the cache, where they would
 * never be asked for again; the waveforms of small datasets are decoded once.
 * @param all every clip that will be asked for
 */
export function rowsOfTrained(all: readonly Clip[]) {
  let held: { readonly key: string; readonly windows: Map<string, readonly Float32Array[]> } | null = null;
  let problems: Pick<ClipRows, 'failures' | 'notices'> = { failures: [], notices: [] };
  return async (clips: readonly Clip[], vectors: ClipVectors, hooks: WorkflowHooks): Promise<ClipRows> => {
    const pipeline = vectorPipeline(vectors, 0);
    const maker = await VectorMaker.load(vectors, pipeline, hooks);
    try {
      const small = all.length * windowSamplesOf(pipeline) <= mostHeldSamples;
      const key = canonicalJson(pipeline);
      if (small && held?.key !== key) {
        const decoded = await decode(all, pipeline, hooks, (waveforms) => Promise.resolve(waveforms));
        held = { key, windows: new Map([...decoded.windows].map(([{ id }, own]) => [id, own])) };
        problems = decoded;
      }
      const windows = new Map<Clip, readonly Float32Array[]>();
      if (!small) {
        const made = await decode(clips, pipeline, hooks, (waveforms) => maker.vectors(waveforms));
        return rowsOf(made.windows, vectors.size, made);
      }
      for (const [i, clip] of clips.entries()) {
        if (hooks.signal?.aborted) throw new CancelledError('Stopped while clips were made into vectors.');
        const waveforms = held!.windows.get(clip.id);
        if (waveforms !== undefined) windows.set(clip, await maker.vectors(waveforms));
        hooks.onProgress?.({ task: 'Vectors', done: i + 1, total: clips.length, unit: 'clips' });
      }
      return rowsOf(windows, vectors.size, problems);
    } finally {
      await maker.close();
    }
  };
}

/** Decodes clips and makes something of the windows of each. */
async function decode(
  clips: readonly Clip[],
  pipeline: ClipPipeline,
  hooks: WorkflowHooks,
  make: (waveforms: readonly Float32Array[]) => Promise<readonly Float32Array[]>,
) {
  const windows = new Map<Clip, readonly Float32Array[]>();
  const failures: Notice[] = [];
  const notices: Notice[] = [];
  const whole = new WholeClips<Float32Array>();
  for await (const extraction of waveformChunks(clips, pipeline, hooks, 'Vectors')) {
    if (hooks.signal?.aborted) throw new CancelledError('Stopped while clips were made into vectors.');
    failures.push(...extraction.failures.map(({ clip, message }) => ({ subject: clip.id, message })));
    notices.push(...extraction.notices);
    for (const features of extraction.features) {
      const rows = whole.add(features, [...(await make(features.waveforms ?? []))]);
      if (rows.length > 0) windows.set(features.clip, rows);
    }
  }
  return { windows, failures, notices };
}

function meanRow(windows: readonly Float32Array[]): Float32Array {
  if (windows.length === 1) return windows[0];
  return windows[0].map((_, j) => {
    let sum = 0;
    for (const window of windows) sum += window[j];
    return sum / windows.length;
  });
}

/** The rows of some clips, with their classes and recordings. @param wanted those that could not be read are left out */
export function labelledRows({ clips, matrix }: ClipRows, wanted: Iterable<Clip>): LabelledRows {
  const chosen = new Set([...wanted].map(({ id }) => id));
  const places = clips.flatMap(({ id }, i) => (chosen.has(id) ? [i] : []));
  const { columns } = matrix;
  const rows = places.map((i) => matrix.data.subarray(i * columns, (i + 1) * columns) as Float32Array);
  return {
    x: matrixOf(rows, columns),
    labels: places.map((i) => clips[i].label),
    groups: places.map((i) => clips[i].group),
  };
}
