/** @file Finished runs as they lie in their folders: a comparison reads files, so it can be made again from them. */
import { join } from 'node:path';
import * as z from 'zod';
import { DatasetError } from '../../core/index.ts';
import {
  type ApproachCosts,
  type PredictionTable,
  readPredictions,
  type SplitSummary,
} from '../../evaluation/index.ts';
import { readRecord } from '../../files/index.ts';
import { readSplitResult, type SplitResult } from '../splitResult.ts';

/** A finished run on one split. */
export interface FinishedRun {
  readonly directory: string;
  readonly result: SplitResult;
  readonly predictions: PredictionTable;
  readonly split: SplitSummary | null;
}

/**
 * Reads what `train` left for one split.
 * @throws {DatasetError} when a file is missing or damaged; {@link TrainingError} for a damaged `run.json`
 */
export async function readRun(directory: string): Promise<FinishedRun> {
  const [result, evaluation, predictions] = await Promise.all([
    complete(directory, readSplitResult(directory)),
    complete(directory, readRecord(join(directory, 'evaluation.json'), storedEvaluation, evaluationFile)),
    readPredictions(join(directory, 'predictions.csv')),
  ]);
  return { directory, result, predictions, split: evaluation.split };
}

/** What runs of one approach cost: sizes of the first, seconds of all together. */
export function runCosts(results: readonly SplitResult[]): ApproachCosts {
  const [first] = results;
  const seconds = (stage: string) => results.reduce((sum, { durations }) => sum + (durations[stage] ?? 0), 0);
  return {
    parameters: first!.parameterCount,
    trainedParameters: first!.trainedParameterCount,
    artefactBytes: first!.modelBytes,
    featureSeconds: seconds('features'),
    trainingSeconds: seconds('training'),
    inferenceSeconds: null,
  };
}

/** @throws {DatasetError} where there is no record */
async function complete<T>(directory: string, reading: Promise<T | null>): Promise<T> {
  const value = await reading;
  if (value !== null) return value;
  throw new DatasetError(`The run in ${directory} is not complete.`, {
    hint: 'Remove its folder and train it again.',
  });
}

const count = z.int().min(0);
const folds = z.array(z.number()).readonly();

/** Of `evaluation.json`, what a comparison takes from it; the rest is made anew from the predictions. */
const storedEvaluation = z.looseObject({
  split: z
    .object({
      kind: z.string(),
      description: z.string(),
      trainFolds: folds,
      testFolds: folds,
      trainClips: count,
      validationClips: count,
      testClips: count,
      leak: z.object({
        clips: count,
        share: z.number(),
        groups: count,
        overlapping: count.nullable().optional(),
      }),
    })
    .nullable(),
});

const evaluationFile = {
  what: 'the evaluation of an Earshot run',
  hint: 'Restore it, or remove its directory and train again.',
  error: DatasetError,
};
