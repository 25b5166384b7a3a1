/** @file One training run on one split: what was learnt → artefact → predictions, all in one directory. */
import { join } from 'node:path';
import {
  artifactInput,
  buildArtifact,
  type CalibrationInfo,
  Classifier,
  isPromptRun,
  isVectorRun,
  runIdentity,
} from '../approaches/index.ts';
import { DatasetError, type Notice, TrainingError } from '../core/index.ts';
import { type Clip, fileContents, type Split } from '../datasets/index.ts';
import { type PredictionRow, readPredictions, writePredictions } from '../evaluation/index.ts';
import { canonicalJson, digest, shortNotices } from '../extraction/index.ts';
import { makeFolder, removeAbandoned, writeFileAtomic, writeJson } from '../files/index.ts';
import { fileSize } from '../models/index.ts';
import { encodeModel } from '../onnx/index.ts';
import { calibrate, calibrationPart } from './calibrate.ts';
import { engineOptions, fingerprintOptions, type WorkflowHooks } from './hooks.ts';
import { type Learned, type SplitRun, stopwatch } from './learner.ts';
import { learnNetwork } from './learnNetwork.ts';
import { learnPrompts } from './learnPrompts.ts';
import { learnVectors } from './learnVectors.ts';
import { predictClips } from './predict.ts';
import { readSplitResult, type SplitResult, splitResultFile } from './splitResult.ts';
import { versions } from './versions.ts';

/** How many test clips the artefact is compared with the training pipeline on. */
const PARITY_CLIPS = 48;

export interface TrainedSplit {
  readonly result: SplitResult;
  readonly rows: readonly PredictionRow[];
  readonly classes: readonly string[];
}

/** Digest over all that decides a run on one split: settings, content of weights and data, the split's sides. */
export function splitFingerprint({
  config,
  weightsSha256 = null,
  dataFingerprint,
  split,
  dataset,
}: SplitRun): string {
  return digest(
    canonicalJson(runIdentity(config, weightsSha256)),
    dataFingerprint,
    canonicalJson([split.train.map((c) => c.id), split.test.map((c) => c.id), dataset.classes]),
  );
}

/**
 * The finished run in a split's directory; null where none is finished. Nothing is written.
 * @throws {TrainingError} when it is that of other settings or other data, cannot be read, or is not complete
 * @throws {DatasetError} when its predictions cannot be read
 */
export async function finishedSplit(run: SplitRun): Promise<TrainedSplit | null> {
  const { directory, dataset } = run;
  const result = await readSplitResult(directory);
  if (result === null) return null;
  if (result.fingerprint !== splitFingerprint(run)) {
    throw new TrainingError(`${directory} holds a finished run with other settings or on other data.`, {
      hint: 'Resume with the options and the data of that run, or choose another --out.',
    });
  }
  if ((await fileSize(join(directory, modelFile))) === null) {
    throw new TrainingError(`${directory} holds a finished run, but no ${modelFile}.`, {
      hint: 'Restore the file, or remove the directory and train again.',
    });
  }
  const { rows } = await readPredictions(join(directory, predictionsFile));
  return { result, rows, classes: dataset.classes };
}

const modelFile = 'model.onnx';
const predictionsFile = 'predictions.csv';

/**
 * Trains on a split's training side and predicts its test side. A finished run of the same settings and data is
 * returned as it is when resuming.
 * @throws what {@link finishedSplit} throws, before anything is written
 */
export async function trainSplit(run: SplitRun, hooks: WorkflowHooks): Promise<TrainedSplit> {
  const { dataset, config, directory, split } = run;
  const { classes } = dataset;
  const fingerprint = splitFingerprint(run);
  if (run.resume) {
    const done = await finishedSplit(run);
    if (done !== null) return done;
  }
  await makeFolder(directory);
  await removeAbandoned(directory);
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
          ...('network' in config ? { input: artifactInput(config) } : {}),
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
  await writeFileAtomic(join(directory, modelFile), bytes);
  await writeJson(join(directory, 'labels.json'), { classes, sampleRate: config.pipeline.sampleRate });

  const classifier = await Classifier.fromBytes(bytes, modelFile, engineOptions(hooks));
  try {
    const predicted = await predictClips(classifier, split.test, hooks, PARITY_CLIPS);
    failures.push(...predicted.failures);
    notices.push(...predicted.notices);
    const heard = learned.train.length + learned.validation.length + predicted.rows.length;
    notices.push(...shortNotices(learned.short + predicted.short, heard, config.pipeline));
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
    await writePredictions(join(directory, predictionsFile), { classes, rows: predicted.rows });
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
      learntContents: await learntContents(
        split.train,
        new Set([...learned.train, ...learned.validation, ...(calibration?.clips ?? [])]),
        hooks,
      ),
    };
    await writeJson(join(directory, splitResultFile), result);
    return { result, rows: predicted.rows, classes };
  } finally {
    await classifier.close();
  }
}

/** What was in the files that were learnt from. The fingerprint has read them, so it is remembered. */
async function learntContents(
  clips: readonly Clip[],
  learnt: ReadonlySet<string>,
  hooks: WorkflowHooks,
): Promise<string[]> {
  const paths = clips.filter(({ id }) => learnt.has(id)).map(({ path }) => path);
  const { onProgress: _, ...quiet } = fingerprintOptions(hooks);
  const contents = await fileContents(paths, 'Fingerprinting the data', quiet);
  return [...new Set(contents.values())].filter((content) => content !== null).sort();
}

function largestDifference(a: readonly Float32Array[], b: readonly Float32Array[]): number {
  let largest = 0;
  a.forEach((row, i) => {
    row.forEach((value, c) => {
      largest = Math.max(largest, Math.abs(value - b[i][c]));
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
