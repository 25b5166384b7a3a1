/** @file `run.json`: what is known of a finished run on one split, besides its predictions. */
import { join } from 'node:path';
import * as z from 'zod';
import { TrainingError } from '../core/index.ts';
import { readRecord } from '../files/index.ts';

export const splitResultFile = 'run.json';

const notices = z.array(z.object({ subject: z.string(), message: z.string() })).readonly();
const ids = z.array(z.string()).readonly();
const scores = z.array(z.number()).readonly();
const count = z.int().min(0);

const splitResult = z.object({
  fingerprint: z.string(),
  weights: z.string(),
  network: z.string(),
  history: z
    .array(
      z.object({
        epoch: z.int().min(1),
        trainLoss: z.number(),
        validationLoss: z.number().nullable(),
        validationAccuracy: z.number().nullable(),
        learningRate: z.number(),
        seconds: z.number(),
      }),
    )
    .readonly(),
  chosenEpoch: count,
  stoppedEarly: z.boolean(),
  parameterCount: count,
  trainedParameterCount: count,
  modelBytes: count,
  /** Largest difference between the artefact's probabilities and the training pipeline's. */
  parity: z.number(),
  durations: z.record(z.string(), z.number()),
  failures: notices,
  notices,
  /** Ids of the clips on each side, those that could not be read left out. */
  train: ids,
  validation: ids,
  test: ids,
  /**
   * SHA-256 of the files that anything was learnt from (training, validation, calibration), sorted: a model knows them
   * under any name. Absent in runs of earlier versions.
   */
  learntContents: z.array(z.string()).readonly().optional(),
  /** Clips held out for calibration, and what they gave; absent without. */
  calibration: z
    .object({
      clips: ids,
      info: z.object({
        temperature: z.number(),
        clips: count,
        groups: count,
        scores: z.object({ lac: scores, aps: scores }),
      }),
    })
    .optional(),
});

export type SplitResult = Readonly<z.output<typeof splitResult>>;

/**
 * The finished run in a directory; null where none is finished.
 * @throws {TrainingError} when the file cannot be read or is damaged
 */
export function readSplitResult(directory: string): Promise<SplitResult | null> {
  return readRecord(join(directory, splitResultFile), splitResult, {
    what: 'the result of an Earshot run',
    hint: 'Restore it, or remove its directory and train again.',
    error: TrainingError,
  });
}
