/** @file The vectors of clips as rows of a matrix: computed by the graph that the model will hold, kept in the cache. */
import * as z from 'zod';
import { type ClipVectors, waveformBatches } from '../approaches/index.ts';
import type { Matrix } from '../classifiers/index.ts';
import { CancelledError, type Notice, rowsOf, stackRows, type Tensor } from '../core/index.ts';
import { type Clip, spanSuffix } from '../datasets/index.ts';
import {
  type ClipFeatures,
  type ClipPipeline,
  canonicalJson,
  digest,
  entryPath,
  readEntry,
  windowSamplesOf,
  writeEntry,
} from '../extraction/index.ts';
import { cacheDirectory, sha256 } from '../files/index.ts';
import { encodeModel, GraphBuilder } from '../onnx/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { WholeClips, waveformChunks } from './waveformChunks.ts';

/** Windows of a network in one run: its maps are large. */
const windowsPerRun = 32;

/** The graph of vectors, loaded. */
export class VectorMaker {
  private constructor(
    private readonly engine: Engine,
    private readonly model: Awaited<ReturnType<Engine['load']>>,
    readonly clipsPerRun: number,
    /** SHA-256 of the graph: tells these vectors from any others. */
    readonly graph: string,
  ) {}

  static async load(
    vectors: ClipVectors,
    pipeline: ClipPipeline,
    hooks: WorkflowHooks,
  ): Promise<VectorMaker> {
    const samples = windowSamplesOf(pipeline);
    const g = new GraphBuilder({ name: 'vectors of clips' });
    const waveform = g.input('waveform', 'float32', ['batch', 'samples']);
    g.output(vectors.nodes(g, waveform, samples).vector, 'vector');
    const engine = new Engine(engineOptions(hooks));
    try {
      const clipsPerRun = Math.max(1, Math.floor(windowsPerRun / vectors.windows(samples)));
      const bytes = encodeModel(g.model());
      return new VectorMaker(engine, await engine.load(bytes), clipsPerRun, sha256(bytes));
    } catch (error) {
      await engine.close();
      throw error;
    }
  }

  /** One vector per waveform. */
  async vectors(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const rows: Float32Array[] = [];
    for (const waveform of waveformBatches(waveforms, this.clipsPerRun)) {
      const { vector } = await this.engine.run(this.model, { feeds: { waveform }, fetch: ['vector'] });
      rows.push(...rowsOf(vector as Tensor<'float32'>));
    }
    return rows;
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

export interface VectorRows {
  readonly matrix: Matrix;
  /** The clip of each row. */
  readonly clips: readonly Clip[];
  readonly failures: Notice[];
  readonly notices: Notice[];
  /** How many clips are shorter than a window. */
  readonly short: number;
}

/** The vectors of clips, a row for each window; those computed before come from the cache. */
export async function vectorRows(
  chosen: readonly Clip[],
  vectors: ClipVectors,
  pipeline: ClipPipeline,
  maker: VectorMaker,
  hooks: WorkflowHooks,
): Promise<VectorRows> {
  const rows: Float32Array[] = [];
  const clips: Clip[] = [];
  const failures: Notice[] = [];
  const notices: Notice[] = [];
  const whole = new WholeClips<Float32Array>();
  let short = 0;
  for await (const extraction of waveformChunks(chosen, pipeline, hooks, 'Vectors')) {
    failures.push(...extraction.failures.map(({ clip, message }) => ({ subject: clip.id, message })));
    notices.push(...extraction.notices);
    short += extraction.short;
    for (const features of extraction.features) {
      if (hooks.signal?.aborted)
        throw new CancelledError('Stopped while clips were made into vectors; those done are in the cache.');
      for (const row of whole.add(features, await clipVectors(features, vectors, maker, pipeline, hooks))) {
        rows.push(row);
        clips.push(features.clip);
      }
    }
  }
  return { matrix: matrixOf(rows, vectors.size), clips, failures, notices, short };
}

async function clipVectors(
  { clip, hash, waveforms = [], part }: ClipFeatures,
  { size }: ClipVectors,
  maker: VectorMaker,
  cutting: ClipPipeline,
  { cacheDir = cacheDirectory() }: WorkflowHooks,
): Promise<Float32Array[]> {
  // A stretch of a file is not the file, nor a part of a long clip the clip.
  const content = `${hash}${spanSuffix(clip)}${part === undefined ? '' : `#windows=${part.first}`}`;
  const key = digest('vectors', maker.graph, content, canonicalJson(cutting));
  const path = entryPath(cacheDir, key, 'embeddings');
  const known = await readEntry(path, z.object({}));
  if (known !== null && known.data.length === waveforms.length * size)
    return waveforms.map((_, i) => known.data.subarray(i * size, (i + 1) * size));
  const made = await maker.vectors(waveforms);
  await writeEntry(path, {}, stackRows(made, size).data);
  return made;
}

export function matrixOf(rows: readonly Float32Array[], columns: number): Matrix {
  return { data: stackRows(rows, columns).data, rows: rows.length, columns };
}
