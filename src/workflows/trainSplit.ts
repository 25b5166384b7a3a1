/** @file One training run on one split: what was learnt → artefact → predictions, all in one directory. */
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildArtifact,
  type CalibrationInfo,
  Classifier,
  isPromptRun,
  isVectorRun,
} from '../approaches/index.ts';
import { DatasetError, type Notice } from '../core/index.ts';
import type { Clip, Split } from '../datasets/index.ts';
import {
  type EpochRecord,
  type PredictionRow,
  readPredictions,
  writePredictions,
} from '../evaluation/index.ts';
import { canonicalJson, digest } from '../extraction/index.ts';
import { writeFileAtomic, writeJson } from '../files/index.ts';
import { encodeModel } from '../onnx/index.ts';
import { calibrate, calibrationPart, type FittedCalibration } from './calibrate.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { type Learned, type SplitRun, stopwatch } from './learner.ts';
import { learnNetwork } from './learnNetwork.ts';
import { learnPrompts } from './learnPrompts.ts';
import { learnVectors } from './learnVectors.ts';
import { predictClips } from './predict.ts';
import { versions } from './versions.ts';

/** What is known of a finished run besides its predictions: `run.json`. */
export interface SplitResult {
  readonly fingerprint: string;
  readonly weights: string;
  readonly network: string;
  readonly history: readonly EpochRecord[];
  readonly chosenEpoch: number;
  readonly stoppedEarly: boolean;
  readonly parameterCount: number;
  readonly trainedParameterCount: number;
  readonly modelBytes: number;
  /** Largest difference between the artefact's probabilities and the training pipeline's. */
  readonly parity: number;
  readonly durations: Readonly<Record<string, number>>;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
  /** Ids of the clips on each side, those that could not be read left out. */
  readonly train: readonly string[];
  readonly validation: readonly string[];
  readonly test: readonly string[];
  /** Clips held out for calibration, and what they gave; absent without. */
  readonly calibration?: FittedCalibration;
}

/** How many test clips the artefact is compared with the training pipeline on. */
const PARITY_CLIPS = 48;

/**
 * Trains on a split's training side and predicts its test side. A finished run of the same settings and data is
 * returned as it is when resuming.
 */
export async function trainSplit(
  run: SplitRun,
  hooks: WorkflowHooks,
): Promise<{ result: SplitResult; rows: PredictionRow[]; classes: readonly string[] }> {
  const { dataset, config, directory, split } = run;
  const { classes } = dataset;
  const fingerprint = digest(
    canonicalJson(config),
    run.dataFingerprint,
    canonicalJson([split.train.map((c) => c.id), split.test.map((c) => c.id), classes]),
  );
  if (run.resume) {
    const done = await finishedRun(directory, fingerprint);
    if (done !== null) return { ...done, classes };
  }
  await mkdir(directory, { recursive: true });
  const clock = stopwatch();
  const seed = 'training' in config ? config.training.seed : config.seed;
  const part = calibrationPart(split, config.calibrationFraction ?? 0, seed);
  const own = { ...run, split: part.split };
  const plain = isVectorRun(config)
    ? await learnVectors({ ...own, config }, fingerprint, hooks, clock)
    : isPromptRun(config)
      ? await learnPrompts({ ...own, config }, fingerprint, hooks, clock)
      : await learnNetwork({ ...own, config }, fingerprint, hooks, clock);
  const { weights, clipsPerRun } = plain;
  const build = (score: Learned['score'], calibration?: CalibrationInfo) =>
    encodeModel(
      buildArtifact({
        score,
        info: {
          approach: config.approach,
          classes,
          pipeline: config.pipeline,
          network: plain.network,
          weights,
          ...('network' in config && config.network.whisper !== undefined
            ? { whisper: config.network.whisper }
            : {}),
          ...(clipsPerRun === undefined ? {} : { clipsPerRun }),
          trainedOn: plain.trainedOn ?? {
            dataset: dataset.name,
            synthetic: dataset.synthetic,
            fingerprint: run.dataFingerprint,
            split: split.description,
          },
          ...(calibration === undefined ? {} : { calibration }),
          seed,
          versions: versions(),
        },
      }).model,
    );
  const { learned, calibration } =
    part.held.length === 0
      ? { learned: plain, calibration: undefined }
      : await calibrate(plain, part.held, classes, build, hooks);
  const failures: Notice[] = [...learned.failures];
  const notices: Notice[] = [...split.notices, ...learned.notices];
  if (calibration !== undefined) {
    const { temperature, clips, groups } = calibration.info;
    notices.push({
      subject: 'calibration',
      message: `The probabilities carry a temperature of ${temperature.toFixed(3)}, fitted on ${clips} clips of ${groups} recordings that were held out of training.`,
    });
  }
  const bytes = build(learned.score, calibration?.info);
  await writeFileAtomic(join(directory, 'model.onnx'), bytes);
  await writeJson(join(directory, 'labels.json'), { classes, sampleRate: config.pipeline.sampleRate });

  const classifier = await Classifier.fromBytes(bytes, 'model.onnx', engineOptions(hooks));
  try {
    const predicted = await predictClips(classifier, split.test, hooks, PARITY_CLIPS);
    failures.push(...predicted.failures);
    notices.push(...predicted.notices);
    if (predicted.rows.length === 0) {
      throw new DatasetError('Not one clip of the test side could be read.', {
        hint: `The first failure: ${failures[0]?.message ?? 'there are no test clips'}`,
      });
    }
    const parity = largestDifference(
      await learned.reference(predicted.sample.map(({ features }) => features)),
      predicted.sample.flatMap(({ windows }) => windows),
    );
    clock.lap('evaluation');
    await writePredictions(join(directory, 'predictions.csv'), { classes, rows: predicted.rows });
    const result: SplitResult = {
      fingerprint,
      weights,
      network: learned.network,
      history: learned.history,
      chosenEpoch: learned.chosenEpoch,
      stoppedEarly: learned.stoppedEarly,
      parameterCount: learned.parameterCount,
      trainedParameterCount: learned.trainedParameterCount,
      modelBytes: bytes.length,
      parity,
      durations: clock.durations,
      failures,
      notices,
      train: learned.train,
      validation: learned.validation,
      ...(calibration === undefined ? {} : { calibration }),
      test: predicted.rows.map((row) => row.clip),
    };
    await writeJson(join(directory, 'run.json'), result);
    return { result, rows: predicted.rows, classes };
  } finally {
    await classifier.close();
  }
}

async function finishedRun(
  directory: string,
  fingerprint: string,
): Promise<{ result: SplitResult; rows: PredictionRow[] } | null> {
  try {
    const result = JSON.parse(await readFile(join(directory, 'run.json'), 'utf8')) as SplitResult;
    if (result.fingerprint !== fingerprint) return null;
    const { rows } = await readPredictions(join(directory, 'predictions.csv'));
    return { result, rows: [...rows] };
  } catch {
    return null;
  }
}

function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let largest = 0;
  a.forEach((row, i) => {
    row.forEach((value, c) => {
      largest = Math.max(largest, Math.abs(value - b[i]![c]!));
    });
  });
  return largest;
}

/** The clips of a split that were really used, in its order. */
export function usedSplit(
  split: Split,
  result: SplitResult,
): { split: Split; train: Clip[]; validation: Clip[]; test: Clip[] } {
  const pick = (ids: readonly string[], clips: readonly Clip[]) => {
    const wanted = new Set(ids);
    return clips.filter((clip) => wanted.has(clip.id));
  };
  const train = pick(result.train, split.train);
  // Held out too, for another purpose.
  const validation = pick([...result.validation, ...(result.calibration?.clips ?? [])], split.train);
  const test = pick(result.test, split.test);
  return { split: { ...split, train: [...train, ...validation], test }, train, validation, test };
}
