/**
 * @file Checkpoints: tensors as safetensors, the rest as JSON that names them. The JSON is replaced last and
 * atomically, so a kill at any moment leaves the old checkpoint or the new one, whole.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Tensor, TrainingError } from '../core/index.ts';
import { writeJson } from '../files/index.ts';
import { readSafetensors, writeSafetensors } from '../weights/index.ts';

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly trainLoss: number;
  readonly validationLoss: number | null;
  readonly validationAccuracy: number | null;
  readonly learningRate: number;
  readonly seconds: number;
}

export interface TrainingProgress {
  /** Epoch in progress, from 0, and how many of its batches are done. */
  readonly epoch: number;
  readonly batch: number;
  /** Updates made so far. */
  readonly step: number;
  /** Sum of the losses of this epoch's batches so far. */
  readonly lossSum: number;
  readonly history: readonly EpochRecord[];
  readonly bestEpoch: number | null;
  readonly bestLoss: number | null;
  /** Seconds spent before this point, over all sittings. */
  readonly seconds: number;
  /** Identifies settings and data: a run resumes only what is the same. */
  readonly fingerprint: string;
}

export interface Checkpoint {
  readonly progress: TrainingProgress;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

interface Stored extends TrainingProgress {
  readonly format: 1;
  readonly tensors: string;
}

/** Saves under `name` (`last` or `best`) in `directory`, replacing the one before. */
export async function saveCheckpoint(directory: string, name: string, checkpoint: Checkpoint): Promise<void> {
  const { progress } = checkpoint;
  const file = `${name}-${progress.step}.safetensors`;
  await writeSafetensors(join(directory, file), checkpoint.tensors, { format: 'earshot-checkpoint' });
  const stored: Stored = { format: 1, tensors: file, ...progress };
  await writeJson(join(directory, `${name}.json`), stored);
  for (const other of await readdir(directory)) {
    if (other.startsWith(`${name}-`) && other.includes('.safetensors') && other !== file)
      await rm(join(directory, other), { force: true });
  }
}

/**
 * Loads a checkpoint; null if there is none.
 * @throws {TrainingError} if it is damaged
 */
export async function loadCheckpoint(directory: string, name: string): Promise<Checkpoint | null> {
  const path = join(directory, `${name}.json`);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch {
    return null;
  }
  try {
    const { tensors, format, ...progress } = JSON.parse(text) as Stored;
    if (format !== 1) throw new Error(`its format is ${String(format)}, not 1`);
    return { progress, tensors: (await readSafetensors(join(directory, tensors))).tensors };
  } catch (error) {
    throw new TrainingError(`The checkpoint '${path}' cannot be read: ${(error as Error).message}`, {
      hint: 'Remove the run directory and train again, or restore the checkpoint.',
      cause: error,
    });
  }
}
