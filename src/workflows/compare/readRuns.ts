/** @file Finished runs as they lie in their folders: a comparison reads files, so it can be made again from them. */
import { join } from 'node:path';
import { DatasetError } from '../../core/index.ts';
import {
  type ApproachCosts,
  type Evaluation,
  type PredictionTable,
  readPredictions,
  type SplitSummary,
} from '../../evaluation/index.ts';
import { readJson } from '../../files/index.ts';
import type { SplitResult } from '../trainSplit.ts';

/** A finished run on one split. */
export interface FinishedRun {
  readonly directory: string;
  readonly result: SplitResult;
  readonly predictions: PredictionTable;
  readonly split: SplitSummary | null;
}

/**
 * Reads what `train` left for one split.
 * @throws {DatasetError} when a file is missing or damaged
 */
export async function readRun(directory: string): Promise<FinishedRun> {
  const [result, evaluation, predictions] = await Promise.all([
    stored<SplitResult>(join(directory, 'run.json')),
    stored<Evaluation>(join(directory, 'evaluation.json')),
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

async function stored<T>(path: string): Promise<T> {
  const value = await readJson<T>(path);
  if (value !== null) return value;
  throw new DatasetError(`${path} cannot be read, so the run is not complete.`, {
    hint: 'Remove its folder and train it again.',
  });
}
