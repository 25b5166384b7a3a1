/** @file Learning by fitting a classifier to one vector per clip. */
import {
  batchesOfOneLength,
  type ClipVectors,
  type VectorRunConfig,
  vectorScore,
} from '../approaches/index.ts';
import {
  fitCalibrated,
  fitLinearSvmOnThreads,
  fitStandardScaler,
  fitTempered,
  type Matrix,
  pipeline,
  tune,
} from '../classifiers/index.ts';
import { CancelledError, DatasetError, float32, type Notice } from '../core/index.ts';
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
import { cacheDirectory } from '../files/index.ts';
import { GraphBuilder } from '../onnx/index.ts';
import { Engine } from '../runtime/index.ts';
import { engineOptions, extractionOptions, type WorkflowHooks } from './hooks.ts';
import { firstFailure, type Learner, type SplitRun, untrainedNotices } from './learner.ts';

/** Clips whose waveforms are held at a time. */
const chunk = 64;

/** Windows of a network in one run: its maps are large. */
const windowsPerRun = 32;

/** Raised when the nodes of vectors give other numbers than before, so that old entries are not used. */
const cacheVersion = 1;

/**
 * Computes the vectors of the training side, chooses C there where that was asked for, and fits scaling, the support
 * vector machine and its probabilities. A clip longer than a window is a row for each of its windows.
 */
export const learnVectors: Learner<VectorRunConfig> = async (run, _fingerprint, hooks, clock) => {
  const { split, config, dataset } = run;
  const vectors = run.vectors!;
  const maker = await VectorMaker.load(vectors, config, hooks);
  try {
    const training = await trainingRows(run, maker, hooks);
    const { clips, matrix, failures } = training;
    if (clips.length === 0) {
      throw new DatasetError('Not one clip of the training side could be read.', {
        hint: firstFailure(failures),
      });
    }
    clock.lap('features');
    const fitted = await fit(config, matrix, clips, hooks);
    clock.lap('training');
    const { classifier, notices } = fitted;
    // Classes that no training clip has keep their column, at probability 0.
    const scored = vectorScore(vectors, classifier, dataset.classes, config.pipeline);
    const numbers = classifier.classes.length * (vectors.size + 1);
    const ids = new Set(clips.map(({ id }) => id));
    return {
      score: scored,
      network: vectors.spec.kind === 'embedding' ? vectors.spec.network : vectors.spec.kind,
      weights: vectors.weights,
      clipsPerRun: maker.clipsPerRun,
      history: [],
      chosenEpoch: 0,
      stoppedEarly: false,
      parameterCount: numbers,
      trainedParameterCount: numbers,
      train: split.train.filter(({ id }) => ids.has(id)).map(({ id }) => id),
      validation: [],
      failures,
      notices: [
        ...training.notices,
        ...notices,
        ...untrainedNotices(
          dataset.classes,
          clips.map(({ label }) => label),
        ),
      ],
      async reference(test) {
        const own = await VectorMaker.load(vectors, config, hooks);
        try {
          const rows: Float32Array[] = [];
          for (const { waveforms } of test) rows.push(...(await own.vectors(waveforms ?? [])));
          const { data } = classifier.predictProbabilities(matrixOf(rows, vectors.size));
          const k = classifier.classes.length;
          return rows.map((_, i) =>
            Float32Array.from(dataset.classes, (label) => {
              const column = classifier.classes.indexOf(label);
              return column < 0 ? 0 : data[i * k + column]!;
            }),
          );
        } finally {
          await own.close();
        }
      },
    };
  } finally {
    await maker.close();
  }
};

/** The graph of vectors, loaded. */
class VectorMaker {
  private constructor(
    private readonly engine: Engine,
    private readonly model: Awaited<ReturnType<Engine['load']>>,
    readonly clipsPerRun: number,
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
      return new VectorMaker(engine, await engine.load(g.model()), clipsPerRun);
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

interface Rows {
  readonly matrix: Matrix;
  /** The clip of each row. */
  readonly clips: readonly Clip[];
  readonly failures: Notice[];
  readonly notices: Notice[];
}

/** The vectors of the training side; those computed before come from the cache. */
async function trainingRows(
  { split, config, vectors }: SplitRun<VectorRunConfig>,
  maker: VectorMaker,
  hooks: WorkflowHooks,
): Promise<Rows> {
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
  { spec, size }: ClipVectors,
  maker: VectorMaker,
  { pipeline: cutting }: VectorRunConfig,
  { cacheDir = cacheDirectory() }: WorkflowHooks,
): Promise<Float32Array[]> {
  const key = digest('vectors', String(cacheVersion), hash, canonicalJson(cutting), canonicalJson(spec));
  const path = entryPath(cacheDir, key, 'embeddings');
  const known = await readEntry(path);
  if (known !== null && known.data.length === waveforms.length * size)
    return waveforms.map((_, i) => known.data.subarray(i * size, (i + 1) * size));
  const made = await maker.vectors(waveforms);
  await writeEntry(path, {}, matrixOf(made, size).data as Float32Array);
  return made;
}

function matrixOf(rows: readonly Float32Array[], columns: number): Matrix {
  const data = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    data.set(row, i * columns);
  });
  return { data, rows: rows.length, columns };
}

/** @throws {DatasetError} when a class has too few recordings for probabilities to be fitted on ones held out */
async function fit(config: VectorRunConfig, matrix: Matrix, clips: readonly Clip[], hooks: WorkflowHooks) {
  const { C, loss, classWeights, probabilities, innerFolds } = config.classifier;
  const labels = clips.map(({ label }) => label);
  const groups = clips.map(({ group }) => group);
  const { threads, signal } = hooks;
  const svm = (cost: number) => async (x: Matrix, y: readonly string[]) => {
    const scaler = fitStandardScaler(x);
    const classifier = await fitLinearSvmOnThreads(scaler.apply(x), y, {
      ...{ C: cost, loss, seed: config.seed },
      ...(classWeights === 'balanced' ? { classWeights } : {}),
      ...(threads === undefined ? {} : { threads }),
      ...(signal === undefined ? {} : { signal }),
    });
    return pipeline([scaler], classifier);
  };
  const folds = Math.min(innerFolds, fewestGroups(clips));
  const inner = { folds, groups, seed: config.seed };
  const notices: Notice[] = [];
  let cost = typeof C === 'number' ? C : C[0]!;
  if (typeof C !== 'number') {
    const { best, tried } = await tune(matrix, labels, {
      ...{ ...inner, grid: C, fit: (x: Matrix, y: readonly string[], c: number) => svm(c)(x, y) },
      ...(hooks.onProgress === undefined ? {} : { onProgress: hooks.onProgress }),
      ...(signal === undefined ? {} : { signal }),
    });
    cost = best;
    const means = tried.map(({ settings, mean }) => `${settings}: ${mean.toFixed(3)}`).join(', ');
    notices.push({
      subject: 'C',
      message: `C = ${best} was chosen inside the training side, by accuracy on recordings held out (${means}).`,
    });
  }
  const classifier =
    probabilities === 'temperature'
      ? await fitTempered(matrix, labels, svm(cost), inner)
      : await fitCalibrated(matrix, labels, svm(cost), { ...inner, method: probabilities });
  return { classifier, notices };
}

/** Recordings of the class that has the fewest. */
function fewestGroups(clips: readonly Clip[]): number {
  const groups = new Map<string, Set<string>>();
  for (const { label, group } of clips) groups.set(label, (groups.get(label) ?? new Set()).add(group));
  if (groups.size < 2) throw new DatasetError('The training side has clips of one class only.');
  const [label, few] = [...groups].reduce((a, b) => (b[1].size < a[1].size ? b : a));
  if (few.size >= 2) return few.size;
  throw new DatasetError(
    `The class ${label} has one recording on the training side; probabilities are fitted on recordings held out, so each class needs two.`,
    { hint: 'Add recordings of that class, or leave it out.' },
  );
}
