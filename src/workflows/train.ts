/** @file `earshot train`: from a folder of labelled recordings to an evaluated classifier with its report. */
import { join, resolve } from 'node:path';
import {
  type Approach,
  approachByName,
  configureImported,
  embeddingTensor,
  importedApproach,
  isPromptApproach,
  isVectorApproach,
  type Overrides,
  openImportedModel,
  openWhisperCheckpoint,
  type RunConfig,
  requireRunWeights,
  resolveConfig,
  resolvePromptRun,
  resolveVectorRun,
  weightsFile,
} from '../approaches/index.ts';
import { type Notice, UsageError } from '../core/index.ts';
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
import { writeJson } from '../files/index.ts';
import type { PictureLayout } from '../networks/index.ts';
import { type Device, resolveDevice } from '../runtime/index.ts';
import { usualSoundMegabytes } from './clipSounds.ts';
import { requireFreeDirectory } from './freeDirectory.ts';
import { distinct, fingerprintOptions, type WorkflowHooks, withTask } from './hooks.ts';
import type { SplitRun } from './learner.ts';
import { openNamedDataset, requireClasses, suggestWindowSeconds } from './namedDataset.ts';
import { reportMedia } from './reportMedia.ts';
import { chosenSplits, foldName, poolSplits, type SplitChoice } from './splits.ts';
import { type SplitResult, trainSplit, usedSplit } from './trainSplit.ts';
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
 * configuration, log, checkpoints, model, predictions, evaluation and report.
 * @throws {UsageError} when `out` holds a run already and `resume` is not set, for an approach and a network at once,
 *   and for a network without the name of its embedding
 * @throws {DatasetError} when the dataset or the split is unusable
 * @throws {RuntimeError} where the device asked for does not start
 * @throws {CancelledError} when stopped; `resume` goes on
 */
export async function train(asked: TrainOptions): Promise<TrainOutcome> {
  const device = await resolveDevice(asked.device ?? 'cpu');
  const options = { ...asked, device };
  if (asked.device === 'auto')
    options.onNotice?.({ subject: 'device', message: `The network runs on the device ${device}.` });
  const startedAt = new Date().toISOString();
  const directory = resolve(options.out);
  const chosen = await chosenNetwork(options);
  // A name that is none is told at once.
  if (chosen === null) approachByName(options.approach ?? 'cnn');
  await requireFreeDirectory(directory, options.resume ?? false);
  const seed = options.seed ?? 0;
  const dataset = await openNamedDataset(options.dataset, options);
  requireClasses(dataset);
  const splits = chosenSplits(dataset, options);
  for (const notice of [...dataset.notices, ...splits.flatMap((split) => split.notices)])
    options.onNotice?.(notice);
  const { config, ...made } = await resolveRun(options, chosen, dataset, seed);
  const dataFingerprint = await fingerprint(dataset, fingerprintOptions(options));
  const record = {
    command: options.command,
    startedAt,
    config,
    dataset: { name: dataset.name, root: dataset.root, fingerprint: dataFingerprint },
    splits: splits.map((split) => split.description),
    versions: versions(),
    device,
    seed,
  };
  await writeJson(join(directory, 'config.json'), record);

  const finished: FinishedSplit[] = [];
  for (const [i, split] of splits.entries()) {
    const name = splits.length === 1 ? '' : foldName(split, i);
    const place = name === '' ? directory : join(directory, `fold-${name}`);
    const { result, rows, classes } = await trainSplit(
      {
        ...{ dataset, dataFingerprint, split, config, directory: place, resume: options.resume ?? false },
        ...made,
      },
      splits.length === 1 ? options : withTask(options, `fold ${i + 1}/${splits.length}`),
    );
    finished.push({
      name,
      directory: place,
      result,
      used: usedSplit(split, result),
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
  const first = finished[0]!;
  const single = finished.length === 1;
  const summaries = finished.map(({ used }) => summariseSplit(used.split, used.validation.length));
  const split = single ? summaries[0]! : poolSplits(summaries);
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

/** The run's settings, and what is read for it: a model to go on from, or the vectors that a classifier is fitted to. */
async function resolveRun(
  { approach = 'cnn', overrides }: TrainOptions,
  chosen: Awaited<ReturnType<typeof chosenNetwork>>,
  dataset: Dataset,
  seed: number,
): Promise<Pick<SplitRun, 'config' | 'imported' | 'vectors' | 'clap'>> {
  const windowSeconds = await suggestWindowSeconds(dataset);
  const named = approachByName(approach);
  if (isVectorApproach(named))
    return resolveVectorRun(named, windowSeconds, seed, overrides, chosen ?? undefined);
  if (chosen !== null) {
    const { imported } = chosen;
    const config = resolveConfig(importedApproach, windowSeconds, seed, overrides);
    return {
      config: configureImported(config, imported, {
        ...chosen,
        ...(overrides?.fromScratch ? { fromScratch: true } : {}),
      }),
      imported,
    };
  }
  if (isPromptApproach(named)) return resolvePromptRun(named, dataset.classes, seed, overrides);
  const config = resolveConfig(named, windowSeconds, seed, await withWhisperShape(named, overrides));
  // Missing or unfitting weights are reported now, not after all features were extracted.
  await requireRunWeights(config);
  return { config };
}

/** The choices with the shape of the Whisper encoder that the weights are of, where they say it. */
async function withWhisperShape(
  { network }: Approach,
  overrides: Overrides | undefined,
): Promise<Overrides | undefined> {
  const weights = overrides?.weights;
  if (network !== 'whisper' || weights === undefined) return overrides;
  const path = await weightsFile(network, { weights });
  // A model that Earshot wrote holds the weights; its size must be named.
  if (path === null || /\.onnx$/i.test(path)) return overrides;
  const { config } = await openWhisperCheckpoint(path);
  return { ...overrides, whisper: { config, ...overrides?.whisper } };
}

/** The model of `network`, read; null where an approach is trained. */
async function chosenNetwork({ approach, network, overrides }: TrainOptions) {
  if (network === undefined) return null;
  const frozen = approach === undefined ? null : approachByName(approach);
  const takesModel = frozen !== null && isVectorApproach(frozen) && frozen.network === 'model';
  if (approach !== undefined && !takesModel) {
    throw new UsageError(`Either an approach ('${approach}') or a network ('${network.file}') is trained.`, {
      hint: 'Leave one of them out.',
    });
  }
  if (overrides?.weights !== undefined) {
    throw new UsageError(
      'The network of an ONNX model brings its own weights; --weights is for approaches.',
      {
        hint: 'Leave --weights out.',
      },
    );
  }
  const imported = await openImportedModel(network.file);
  const { layout } = network;
  const use = takesModel ? 'are the vectors' : 'shall the head stand on';
  const embedding = embeddingTensor(imported, network.embedding, use);
  return { imported, embedding, ...(layout === undefined ? {} : { layout }) };
}
