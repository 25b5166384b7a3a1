/** @file `earshot train`: from a folder of labelled recordings to an evaluated classifier with its report. */
import { join, resolve } from 'node:path';
import type { Overrides, RunConfig } from '../approaches/index.ts';
import type { Notice } from '../core/index.ts';
import { type Dataset, fingerprint } from '../datasets/index.ts';
import {
  type Evaluation,
  evaluateFolds,
  evaluatePredictions,
  type FoldPredictions,
  type PredictionTable,
  type RunReport,
  summariseDataset,
  summariseSplit,
  writePredictions,
  writeRunReport,
} from '../evaluation/index.ts';
import { digest } from '../extraction/index.ts';
import { writeJson } from '../files/index.ts';
import type { PictureLayout } from '../networks/index.ts';
import { type Device, resolveDevice } from '../runtime/index.ts';
import { usualSoundMegabytes } from './clipSounds.ts';
import { distinct, fingerprintOptions, type WorkflowHooks, withTask } from './hooks.ts';
import type { SplitRun } from './learner.ts';
import { openNamedDataset, requireClasses } from './namedDataset.ts';
import { type PreparedRun, prepareRun } from './prepareRun.ts';
import { reportMedia } from './reportMedia.ts';
import { configFile, inRunFolder, type RunIdentity, runToResume } from './runFolder.ts';
import type { SplitResult } from './splitResult.ts';
import { chosenSplits, foldName, poolSplits, requireTrainingClasses, type SplitChoice } from './splits.ts';
import { finishedSplit, splitFingerprint, trainSplit, usedSplit } from './trainSplit.ts';
import { versions } from './versions.ts';

export interface TrainOptions extends WorkflowHooks, SplitChoice {
  /** A dataset's path, or `demo` for the built-in synthetic set. */
  readonly dataset: string;
  /** One of the approaches; left out where `network` is given. */
  readonly approach?: string;
  /** An ONNX model to put a head on and to fine-tune, instead of an approach. */
  readonly network?: NetworkChoice;
  /** The run's directory. */
  readonly out: string;
  readonly resume?: boolean;
  readonly overrides?: Overrides;
  readonly subset?: 'esc10';
  /** The command line that repeats the run, for the report. */
  readonly command: string;
  /** Sound that the report may hold, in millions of bytes, ≥ 0; default 8. */
  readonly reportMegabytes?: number;
}

export interface NetworkChoice {
  /** Path of an ONNX model. */
  readonly file: string;
  /** Name of the tensor that the head stands on. */
  readonly embedding?: string;
  /** How the model's picture lies; default by the sizes its input fixes. */
  readonly layout?: PictureLayout;
}

export interface TrainOutcome {
  readonly directory: string;
  readonly approach: string;
  readonly evaluation: Evaluation;
  readonly predictions: PredictionTable;
  readonly models: readonly string[];
  readonly report: { readonly html: string; readonly markdown: string };
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
  /** Seconds of training, over all folds. */
  readonly seconds: number;
  readonly parameters: number;
  /** How many of them were trained. */
  readonly trainedParameters: number;
  /** `random`, or a sentence on what was loaded. */
  readonly weights: string;
  readonly synthetic: boolean;
  /** Where the network ran. */
  readonly device: Device;
  /** Largest difference between the artefact's probabilities and the training pipeline's. */
  readonly parity: number;
  readonly config: RunConfig;
  /** The data's. */
  readonly fingerprint: string;
}

interface FinishedSplit {
  readonly name: string;
  readonly directory: string;
  readonly result: SplitResult;
  readonly used: ReturnType<typeof usedSplit>;
  readonly table: PredictionTable;
}

/**
 * Trains an approach on a dataset, evaluates it on the test side and leaves a directory with everything: resolved
 * configuration, log, checkpoints, model, predictions, evaluation and report. Settings, weights, classes and the run
 * that is to be resumed are checked before anything is written, and a run that is refused leaves no directory.
 * @throws {UsageError} when `out` holds a run already and `resume` is not set, when another command is at work in it, for
 *   an approach and a network at once, a network without the name of its embedding, and settings that do not apply
 * @throws {WeightsError} when weights are missing or do not fit
 * @throws {DatasetError} when the dataset or the split is unusable
 * @throws {RuntimeError} where the device asked for does not start
 * @throws {TrainingError} when the run to resume is another one, or damaged
 * @throws {CancelledError} when stopped; `resume` goes on
 */
export async function train(asked: TrainOptions): Promise<TrainOutcome> {
  const prepared = await prepareRun(asked);
  return inRunFolder(resolve(asked.out), asked.resume ?? false, () => trainIn(asked, prepared));
}

async function trainIn(asked: TrainOptions, prepared: PreparedRun): Promise<TrainOutcome> {
  const directory = resolve(asked.out);
  const device = await resolveDevice(asked.device ?? 'cpu');
  const options = { ...asked, device };
  if (asked.device === 'auto')
    options.onNotice?.({ subject: 'device', message: `The network runs on the device ${device}.` });
  const { seed = 0, resume = false } = options;
  const dataset = await openNamedDataset(options.dataset, options);
  requireClasses(dataset);
  const splits = chosenSplits(dataset, options);
  requireTrainingClasses(splits);
  for (const notice of [...dataset.notices, ...splits.flatMap((split) => split.notices)])
    options.onNotice?.(notice);
  const made = await prepared.forDataset(dataset);
  const { config } = made;
  const dataFingerprint = await fingerprint(dataset, fingerprintOptions(options));
  const runs = splits.map((split, i): SplitRun & { readonly name: string } => {
    const name = splits.length === 1 ? '' : foldName(split, i);
    const place = name === '' ? directory : join(directory, `fold-${name}`);
    return { name, ...made, ...{ dataset, dataFingerprint, split, directory: place, resume } };
  });
  const identity: RunIdentity = {
    config,
    data: dataFingerprint,
    fingerprint: digest(...runs.map(splitFingerprint)),
  };
  const before = resume ? await runToResume(directory, identity) : null;
  if (before !== null) for (const run of runs) await finishedSplit(run);
  const startedAt = before?.startedAt ?? new Date().toISOString();
  if (before === null) {
    await writeJson(join(directory, configFile), {
      command: options.command,
      startedAt,
      fingerprint: identity.fingerprint,
      config,
      dataset: { name: dataset.name, root: dataset.root, fingerprint: dataFingerprint },
      splits: splits.map((split) => split.description),
      versions: versions(),
      device,
      seed,
    });
  }

  const finished: FinishedSplit[] = [];
  for (const [i, run] of runs.entries()) {
    const { result, rows, classes } = await trainSplit(
      run,
      splits.length === 1 ? options : withTask(options, `fold ${i + 1}/${splits.length}`),
    );
    finished.push({
      name: run.name,
      directory: run.directory,
      result,
      used: usedSplit(run.split, result),
      table: { classes, rows },
    });
  }
  return report(options, { dataset, dataFingerprint, directory, config, startedAt, seed, finished });
}

async function report(
  options: TrainOptions & { readonly device: Device },
  run: {
    dataset: Dataset;
    dataFingerprint: string;
    directory: string;
    config: RunConfig;
    startedAt: string;
    seed: number;
    finished: readonly FinishedSplit[];
  },
): Promise<TrainOutcome> {
  const { dataset, directory, finished, config, seed } = run;
  const first = finished[0];
  const single = finished.length === 1;
  const summaries = finished.map(({ used }) => summariseSplit(used.split, used.validation.length));
  const split = single ? summaries[0] : poolSplits(summaries);
  const folds: FoldPredictions[] = finished.map(({ name, table }) => ({ name, table }));
  const evaluation = single
    ? evaluatePredictions(first.table, { seed, split })
    : evaluateFolds(folds, { seed, split });
  const predictions: PredictionTable = {
    classes: dataset.classes,
    rows: finished.flatMap(({ table }) => [...table.rows]),
  };
  const failures = distinct(finished.flatMap(({ result }) => result.failures));
  const notices = distinct([...dataset.notices, ...finished.flatMap(({ result }) => result.notices)]);
  const durations: Record<string, number> = {};
  for (const { result } of finished) {
    for (const [stage, seconds] of Object.entries(result.durations))
      durations[stage] = (durations[stage] ?? 0) + seconds;
  }
  const parity = Math.max(...finished.map(({ result }) => result.parity));
  const sides = {
    train: single ? first.used.train : [],
    validation: single ? first.used.validation : [],
    test: finished.flatMap(({ used }) => used.test),
  };
  const tested = finished.map((item) => ({
    model: join(item.directory, 'model.onnx'),
    clips: item.used.test,
  }));
  const megabytes = options.reportMegabytes ?? usualSoundMegabytes;
  const runReport: RunReport = {
    media: await reportMedia(tested, predictions, megabytes, options),
    title: `${config.approach} on ${dataset.name}`,
    approach: config.approach,
    command: options.command,
    startedAt: run.startedAt,
    network: {
      name: first.result.network,
      parameters: first.result.parameterCount,
      ...(first.result.trainedParameterCount === first.result.parameterCount
        ? {}
        : { trainedParameters: first.result.trainedParameterCount }),
      weights: first.result.weights,
    },
    dataset: summariseDataset(dataset, sides, run.dataFingerprint),
    evaluation,
    predictions,
    ...(single && first.result.history.length > 0
      ? { history: first.result.history, bestEpoch: first.result.chosenEpoch }
      : {}),
    artefact: {
      file: single ? 'model.onnx' : `fold-${first.name}/model.onnx`,
      bytes: first.result.modelBytes,
      sampleRate: config.pipeline.sampleRate,
      windowSeconds: config.pipeline.windowSeconds,
      parityDifference: parity,
    },
    failures,
    notices,
    config,
    versions: versions(),
    device: options.device,
    seed,
    durations,
  };
  await writeJson(join(directory, 'evaluation.json'), evaluation);
  if (!single) await writePredictions(join(directory, 'predictions.csv'), predictions);
  await writeRunReport(directory, runReport);
  return {
    directory,
    approach: config.approach,
    evaluation,
    predictions,
    models: finished.map((item) => join(item.directory, 'model.onnx')),
    report: { html: join(directory, 'report.html'), markdown: join(directory, 'report.md') },
    failures,
    notices,
    seconds: durations['training'] ?? 0,
    parameters: first.result.parameterCount,
    trainedParameters: first.result.trainedParameterCount,
    weights: first.result.weights,
    synthetic: dataset.synthetic,
    device: options.device,
    parity,
    config,
    fingerprint: run.dataFingerprint,
  };
}
