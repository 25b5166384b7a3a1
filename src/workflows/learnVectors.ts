/** @file Learning by fitting a classifier to one vector per clip. */
import { type VectorRunConfig, vectorScore, vectorsName } from '../approaches/index.ts';
import {
  fitCalibrated,
  fitLinearSvmOnThreads,
  fitStandardScaler,
  fitTempered,
  type Matrix,
  pipeline,
  tune,
} from '../classifiers/index.ts';
import { DatasetError, type Notice } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import type { WorkflowHooks } from './hooks.ts';
import { firstFailure, type Learner, untrainedNotices } from './learner.ts';
import { matrixOf, VectorMaker, vectorRows } from './vectorRows.ts';

/**
 * Computes the vectors of the training side, chooses C there where that was asked for, and fits scaling, the support
 * vector machine and its probabilities. A clip longer than a window is a row for each of its windows.
 */
export const learnVectors: Learner<VectorRunConfig> = async (run, _fingerprint, hooks, clock) => {
  const { split, config, dataset } = run;
  const vectors = run.vectors!;
  const maker = await VectorMaker.load(vectors, config.pipeline, hooks);
  try {
    const training = await vectorRows(split.train, vectors, config.pipeline, maker, hooks);
    const { clips, matrix, failures } = training;
    if (clips.length === 0) {
      throw new DatasetError('Not one clip of the training side could be read.', {
        hint: firstFailure(failures),
      });
    }
    clock.lap('features');
    const fitted = await fitClassifier(config, matrix, clips, hooks);
    clock.lap('training');
    const { classifier, notices } = fitted;
    // Classes that no training clip has keep their column, at probability 0.
    const scored = vectorScore(vectors, classifier, dataset.classes, config.pipeline);
    const numbers = classifier.classes.length * (vectors.size + 1);
    const ids = new Set(clips.map(({ id }) => id));
    return {
      score: scored,
      network: vectorsName(vectors.spec),
      weights: vectors.weights,
      clipsPerRun: maker.clipsPerRun,
      history: [],
      chosenEpoch: 0,
      stoppedEarly: false,
      parameterCount: (vectors.networkParameters ?? 0) + numbers,
      trainedParameterCount: numbers,
      train: split.train.filter(({ id }) => ids.has(id)).map(({ id }) => id),
      validation: [],
      short: training.short,
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
        const own = await VectorMaker.load(vectors, config.pipeline, hooks);
        try {
          const rows: Float32Array[] = [];
          for (const { waveforms } of test) rows.push(...(await own.vectors(waveforms ?? [])));
          const { data } = classifier.predictProbabilities(matrixOf(rows, vectors.size));
          const k = classifier.classes.length;
          return rows.map((_, i) =>
            Float32Array.from(dataset.classes, (label) => {
              const column = classifier.classes.indexOf(label);
              return column < 0 ? 0 : data[i * k + column];
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

/** @throws {DatasetError} when a class has too few recordings for probabilities to be fitted on ones held out */
async function fitClassifier(
  config: VectorRunConfig,
  matrix: Matrix,
  clips: readonly Clip[],
  hooks: WorkflowHooks,
) {
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
  let cost = typeof C === 'number' ? C : C[0];
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
