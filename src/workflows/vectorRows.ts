/** @file The vectors of clips as rows of a matrix: computed by the graph that the model will hold, kept in the cache. */
import { batchesOfOneLength, type ClipVectors, type VectorRunConfig } from '../approaches/index.ts';
import type { Matrix } from '../classifiers/index.ts';
import { CancelledError, float32, type Notice } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import {
  type ClipFeatures,
  canonicalJson,
  digest,
  entryPath,
  extractFeatures,
  readEntry,
  windowSamplesOf,
  writeEntry,
} from '../extraction/index.ts';
import { cacheDirectory, sha256 } from '../files/index.ts';
import { encodeModel, GraphBuilder } from '../onnx/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions, extractionOptions, type WorkflowHooks } from './hooks.ts';
import type { SplitRun } from './learner.ts';

/** Clips whose waveforms are held at a time. */
const chunk = 64;

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
    config: VectorRunConfig,
    hooks: WorkflowHooks,
  ): Promise<VectorMaker> {
    const samples = windowSamplesOf(config.pipeline);
    const g = new GraphBuilder({ name: 'vectors of clips' });
    g.output(vectors.nodes(g, g.input('waveform', 'float32', ['batch', 'samples']), samples), 'vector');
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
    for (const part of batchesOfOneLength(waveforms, this.clipsPerRun)) {
      const samples = part[0]!.length;
      const data = new Float32Array(part.length * samples);
      part.forEach((waveform, i) => {
        data.set(waveform, i * samples);
      });
      const { vector } = await this.engine.run(this.model, {
        feeds: { waveform: float32([part.length, samples], data) },
        fetch: ['vector'],
      });
      const size = vector!.dims[1]!;
      part.forEach((_, i) => {
        rows.push((vector!.data as Float32Array).slice(i * size, (i + 1) * size));
      });
    }
    return rows;
  }

  close(): Promise<void> {
    return this.engine.close();
  }
}

export interface TrainingRows {
  readonly matrix: Matrix;
  /** The clip of each row. */
  readonly clips: readonly Clip[];
  readonly failures: Notice[];
  readonly notices: Notice[];
}

/** The vectors of the training side; those computed before come from the cache. */
export async function trainingRows(
  { split, config, vectors }: SplitRun<VectorRunConfig>,
  maker: VectorMaker,
  hooks: WorkflowHooks,
): Promise<TrainingRows> {
  const { onProgress, ...quiet } = extractionOptions(hooks);
  const extract = (start: number) =>
    extractFeatures(split.train.slice(start, start + chunk), config.pipeline, {
      ...quiet,
      keepWaveforms: true,
    });
  const total = split.train.length;
  const rows: Float32Array[] = [];
  const clips: Clip[] = [];
  const failures: Notice[] = [];
  const notices: Notice[] = [];
  // The next clips are decoded while the network works on these.
  let next = total > 0 ? extract(0) : null;
  for (let start = 0; start < total; start += chunk) {
    const extraction = await next!;
    next = start + chunk < total ? extract(start + chunk) : null;
    next?.catch(() => {});
    failures.push(...extraction.failures.map(({ clip, message }) => ({ subject: clip.id, message })));
    notices.push(...extraction.notices);
    for (const features of extraction.features) {
      if (hooks.signal?.aborted)
        throw new CancelledError('Stopped while clips were made into vectors; those done are in the cache.');
      for (const row of await clipVectors(features, vectors!, maker, config, hooks)) {
        rows.push(row);
        clips.push(features.clip);
      }
    }
    onProgress?.({ task: 'Vectors', done: Math.min(start + chunk, total), total, unit: 'clips' });
  }
  return { matrix: matrixOf(rows, vectors!.size), clips, failures, notices };
}

async function clipVectors(
  { hash, waveforms = [] }: ClipFeatures,
  { size }: ClipVectors,
  maker: VectorMaker,
  { pipeline: cutting }: VectorRunConfig,
  { cacheDir = cacheDirectory() }: WorkflowHooks,
): Promise<Float32Array[]> {
  const key = digest('vectors', maker.graph, hash, canonicalJson(cutting));
  const path = entryPath(cacheDir, key, 'embeddings');
  const known = await readEntry(path);
  if (known !== null && known.data.length === waveforms.length * size)
    return waveforms.map((_, i) => known.data.subarray(i * size, (i + 1) * size));
  const made = await maker.vectors(waveforms);
  await writeEntry(path, {}, matrixOf(made, size).data as Float32Array);
  return made;
}

export function matrixOf(rows: readonly Float32Array[], columns: number): Matrix {
  const data = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    data.set(row, i * columns);
  });
  return { data, rows: rows.length, columns };
}
