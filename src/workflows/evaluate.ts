/** @file `earshot evaluate`: a finished model on a labelled dataset. */
import { basename, dirname, join, resolve } from 'node:path';
import { type ArtifactInfo, Classifier, requireCalibration } from '../approaches/index.ts';
import { DatasetError, type Notice, ParameterError } from '../core/index.ts';
import { type Clip, fileContents, foldsOf, leakSentence, measureLeak } from '../datasets/index.ts';
import {
  type Evaluation,
  evaluatePredictions,
  type PredictionTable,
  probabilisticOf,
  writePredictions,
} from '../evaluation/index.ts';
import { shortNotices } from '../extraction/index.ts';
import { writeJson } from '../files/index.ts';
import { type ConformalResult, conformalResult } from '../metrics/index.ts';
import { engineOptions, fingerprintOptions, type WorkflowHooks } from './hooks.ts';
import { openNamedDataset } from './namedDataset.ts';
import { predictClips } from './predict.ts';
import { readSplitResult } from './splitResult.ts';

export interface EvaluateModelOptions extends WorkflowHooks {
  /** Path of an artefact. */
  readonly model: string;
  /** A dataset's path, or `demo`. */
  readonly dataset: string;
  /** Only these official folds; default all clips. */
  readonly folds?: readonly number[];
  readonly subset?: 'esc10';
  /** Where evaluation.json and predictions.csv go; default nowhere. */
  readonly out?: string;
  /** Seed of the bootstrap; default 0. */
  readonly seed?: number;
  /** Share of prediction sets that may lack the true class; for models that were calibrated. */
  readonly alpha?: number;
}

export interface EvaluateModelOutcome {
  readonly evaluation: Evaluation;
  readonly predictions: PredictionTable;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
  readonly directory: string | null;
  /** How prediction sets did, by either method; empty unless `alpha` was given. */
  readonly conformal: readonly ConformalResult[];
}

/**
 * Classifies every clip of the dataset (or of some folds) and scores the result.
 * @throws {DatasetError} when the dataset's classes are not the model's, or no clip can be read
 */
export async function evaluate(options: EvaluateModelOptions): Promise<EvaluateModelOutcome> {
  const classifier = await Classifier.open(options.model, engineOptions(options));
  try {
    const { info } = classifier;
    if (options.alpha !== undefined) requireCalibration(info, options.model);
    const dataset = await openNamedDataset(options.dataset, options);
    const unknown = dataset.classes.filter((label) => !info.classes.includes(label));
    if (unknown.length > 0) {
      throw new DatasetError(
        `${dataset.name} has the class '${unknown[0]}', which the model does not know.`,
        {
          hint: `The model knows ${info.classes.join(', ')}.`,
        },
      );
    }
    const clips = chooseFolds(dataset.clips, options.folds, dataset.name);
    const predicted = await predictClips(classifier, clips, options);
    if (predicted.rows.length === 0) {
      throw new DatasetError('Not one clip could be read.', {
        hint: predicted.failures[0]?.message ?? 'There are no clips.',
      });
    }
    const predictions: PredictionTable = { classes: info.classes, rows: predicted.rows };
    const folds = foldsOf(clips);
    const sameData = info.trainedOn.dataset === dataset.name;
    const trained = await trainingClips(options, dataset.clips, sameData);
    const tested = new Set(predicted.rows.map(({ clip }) => clip));
    const leak = measureLeak(
      trained ?? [],
      clips.filter(({ id }) => tested.has(id)),
    );
    const evaluation = evaluatePredictions(predictions, {
      seed: options.seed ?? 0,
      split: {
        kind: 'external',
        description: `${basename(options.model)} on ${dataset.name}${options.folds === undefined ? '' : `, folds ${folds.join(', ')}`}; trained on ${info.trainedOn.dataset} (${info.trainedOn.split})`,
        trainFolds: [],
        testFolds: folds,
        trainClips: 0,
        validationClips: 0,
        testClips: predicted.rows.length,
        leak: {
          clips: leak.leakedClips,
          share: leak.share,
          groups: leak.sharedGroups.length,
          overlapping: leak.overlappingClips,
        },
      },
    });
    const notices: Notice[] = [
      ...dataset.notices,
      ...predicted.notices,
      ...shortNotices(predicted.short, predicted.rows.length, info.pipeline),
    ];
    const sentence = leakSentence(leak);
    if (sentence !== null) notices.push({ subject: 'leak', message: sentence });
    if (trained === null) {
      notices.push({
        subject: 'leak',
        message: `The model was trained on clips of ${info.trainedOn.dataset} too (${info.trainedOn.split}), and which ones is not known without the run.json of its folder: a score on clips it has seen says little.`,
      });
    }
    const directory = options.out === undefined ? null : resolve(options.out);
    if (directory !== null) {
      await writeJson(join(directory, 'evaluation.json'), evaluation);
      await writePredictions(join(directory, 'predictions.csv'), predictions);
    }
    const conformal = predictionSets(classifier.info, predictions, options);
    return { evaluation, predictions, failures: predicted.failures, notices, directory, conformal };
  } finally {
    await classifier.close();
  }
}

/**
 * Clips that a model has learnt from, as the run it lies in says: by their names where the data are the run's own, and by
 * the content of their files whatever they are called. Null where the data are the run's and no run says which clips.
 */
async function trainingClips(
  options: EvaluateModelOptions,
  clips: readonly Clip[],
  sameData: boolean,
): Promise<Clip[] | null> {
  const run = await readSplitResult(dirname(options.model));
  if (run === null) return sameData ? null : [];
  const names = new Set(sameData ? [...run.train, ...run.validation, ...(run.calibration?.clips ?? [])] : []);
  const learnt = new Set(run.learntContents);
  if (learnt.size === 0) return clips.filter(({ id }) => names.has(id));
  const contents = await fileContents(
    clips.map(({ path }) => path),
    'Comparing with what the model was trained on',
    fingerprintOptions(options),
  );
  return clips.filter(({ id, path }) => names.has(id) || learnt.has(contents.get(path) ?? ''));
}

function predictionSets(
  { calibration }: ArtifactInfo,
  table: PredictionTable,
  { alpha }: EvaluateModelOptions,
): ConformalResult[] {
  if (alpha === undefined || calibration === undefined) return [];
  const predictions = probabilisticOf(table);
  return (['lac', 'aps'] as const).map((method) =>
    conformalResult(predictions, calibration.scores[method], { alpha, method }),
  );
}

export function chooseFolds<T extends { readonly fold: number | null }>(
  clips: readonly T[],
  folds: readonly number[] | undefined,
  name: string,
): T[] {
  if (folds === undefined) return [...clips];
  for (const fold of folds) {
    if (!clips.some((clip) => clip.fold === fold)) {
      throw new ParameterError(`${name} has no fold ${fold}.`);
    }
  }
  return clips.filter((clip) => clip.fold !== null && folds.includes(clip.fold));
}
