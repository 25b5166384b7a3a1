/** @file `earshot evaluate`: a finished model on a labelled dataset. */
import { basename, join, resolve } from 'node:path';
import { Classifier } from '../approaches/index.ts';
import { DatasetError, type Notice, ParameterError } from '../core/index.ts';
import { foldsOf } from '../datasets/index.ts';
import {
  type Evaluation,
  evaluatePredictions,
  type PredictionTable,
  writePredictions,
} from '../evaluation/index.ts';
import { writeJson } from '../files/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { predictClips } from './predict.ts';
import { openNamedDataset } from './train.ts';

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
}

export interface EvaluateModelOutcome {
  readonly evaluation: Evaluation;
  readonly predictions: PredictionTable;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
  readonly directory: string | null;
}

/**
 * Classifies every clip of the dataset (or of some folds) and scores the result.
 * @throws {DatasetError} when the dataset's classes are not the model's, or no clip can be read
 */
export async function evaluate(options: EvaluateModelOptions): Promise<EvaluateModelOutcome> {
  const classifier = await Classifier.open(options.model, engineOptions(options));
  try {
    const { info } = classifier;
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
        leak: { clips: 0, share: 0, groups: 0 },
      },
    });
    const notices: Notice[] = [...dataset.notices, ...predicted.notices];
    if (info.trainedOn.dataset === dataset.name) {
      notices.push({
        subject: 'leak',
        message: `The model was trained on clips of ${info.trainedOn.dataset} too (${info.trainedOn.split}): a score on clips it has seen says little.`,
      });
    }
    const directory = options.out === undefined ? null : resolve(options.out);
    if (directory !== null) {
      await writeJson(join(directory, 'evaluation.json'), evaluation);
      await writePredictions(join(directory, 'predictions.csv'), predictions);
    }
    return { evaluation, predictions, failures: predicted.failures, notices, directory };
  } finally {
    await classifier.close();
  }
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
