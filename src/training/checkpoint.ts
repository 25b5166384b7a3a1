/**
 * @file Checkpoints: tensors as safetensors, the rest as JSON that names them. The JSON is replaced last and
 * atomically, so a kill at any moment leaves the old checkpoint or the new one, whole.
 */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { type Tensor, TrainingError } from '../core/index.ts';
import { readRecord, writeJson } from '../files/index.ts';
import { readSafetensors, writeSafetensors } from '../weights/index.ts';

const epochRecord = z.object({
  /** From 1. */
  epoch: z.int().min(1),
  trainLoss: z.number(),
  validationLoss: z.number().nullable(),
  validationAccuracy: z.number().nullable(),
  learningRate: z.number(),
  seconds: z.number(),
});

export type EpochRecord = Readonly<z.output<typeof epochRecord>>;

const count = z.int().min(0);

const trainingProgress = z.object({
  /** Epoch in progress, from 0, and how many of its batches are done. */
  epoch: count,
  batch: count,
  /** Updates made so far. */
  step: count,
  /** Sum of the losses of this epoch's batches so far. */
  lossSum: z.number(),
  history: z.array(epochRecord).readonly(),
  bestEpoch: z.int().min(1).nullable(),
  bestLoss: z.number().nullable(),
  /** Seconds spent before this point, over all sittings. */
  seconds: z.number().min(0),
  /** Identifies settings and data: a run resumes only what is the same. */
  fingerprint: z.string(),
});

export type TrainingProgress = Readonly<z.output<typeof trainingProgress>>;

export interface Checkpoint {
  readonly progress: TrainingProgress;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

const format = 1;

const storedCheckpoint = trainingProgress.extend({
  format: z.literal(format),
  /** File beside this one. */
  tensors: z.string().regex(/^[\w-]+\.safetensors$/),
});

export const damagedCheckpointHint = 'Restore the checkpoint, or remove the run directory and train again.';

/** Saves under `name` (`last` or `best`) in `directory`, replacing the one before. */
export async function saveCheckpoint(directory: string, name: string, checkpoint: Checkpoint): Promise<void> {
  const { progress } = checkpoint;
  const file = `${name}-${progress.step}.safetensors`;
  await writeSafetensors(join(directory, file), checkpoint.tensors, { format: 'earshot-checkpoint' });
  const stored: z.input<typeof storedCheckpoint> = {
    format,
    tensors: file,
    ...progress,
    history: [...progress.history],
  };
  await writeJson(join(directory, `${name}.json`), stored);
  for (const other of await readdir(directory)) {
    if (other.startsWith(`${name}-`) && other.includes('.safetensors') && other !== file)
      await rm(join(directory, other), { force: true });
  }
}

/**
 * Loads a checkpoint; null only where there is none.
 * @throws {TrainingError} when it cannot be read, is damaged, or was written by another version
 */
export async function loadCheckpoint(directory: string, name: string): Promise<Checkpoint | null> {
  const path = join(directory, `${name}.json`);
  const stored = await readRecord(path, storedCheckpoint, {
    what: 'an Earshot checkpoint',
    hint: damagedCheckpointHint,
    error: TrainingError,
    version: { field: 'format', supported: [format] },
  });
  if (stored === null) return null;
  const { tensors, format: _, ...progress } = stored;
  try {
    return { progress, tensors: (await readSafetensors(join(directory, tensors))).tensors };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrainingError(`The checkpoint '${path}' cannot be read: ${reason}`, {
      hint: damagedCheckpointHint,
      cause,
    });
  }
}
