/** @file One training run on one split: features → parameters → artefact → predictions, all in one directory. */
import { createWriteStream } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  buildArtifact,
  Classifier,
  createNetwork,
  type ImportedModel,
  importedWeights,
  type RunConfig,
  randomWeights,
  readWeights,
  weightsFile,
} from '../approaches/index.ts';
import { DatasetError, float32, type Notice, Random, type Tensor } from '../core/index.ts';
import { type Clip, type Dataset, type Split, validationSplit } from '../datasets/index.ts';
import { type PredictionRow, readPredictions, writePredictions } from '../evaluation/index.ts';
import { type ClipFeatures, canonicalJson, digest, extractFeatures } from '../extraction/index.ts';
import { frontEndPicture } from '../features/index.ts';
import { writeFileAtomic, writeJson } from '../files/index.ts';
import { inferenceContext, initializeParameters, loraNetwork, type Network } from '../networks/index.ts';
import { encodeModel, GraphBuilder } from '../onnx/index.ts';
import { Engine, type EngineOptions } from '../runtime/index.ts';
import {
  type BandStatistics,
  bandStatistics,
  type EpochRecord,
  needsWaveforms,
  networkParameters,
  standardizeNodes,
  type TrainingClip,
  trainNetwork,
} from '../training/index.ts';
import { engineOptions, extractionOptions, type WorkflowHooks } from './hooks.ts';
import { predictClips } from './predict.ts';
import { versions } from './versions.ts';

export interface SplitRun {
  readonly dataset: Dataset;
  readonly dataFingerprint: string;
  readonly split: Split;
  readonly config: RunConfig;
  /** The model that the network is made from, where `config` names one. */
  readonly imported?: ImportedModel;
  readonly directory: string;
  readonly resume: boolean;
}

/** What is known of a finished run besides its predictions: `run.json`. */
export interface SplitResult {
  readonly fingerprint: string;
  readonly weights: string;
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
  const notices: Notice[] = [...split.notices];
  const held = validationSplit(split.train, {
    fraction: config.validationFraction,
    seed: config.training.seed,
  });
  notices.push(...held.notices);

  const keepWaveforms = needsWaveforms(config.training.augmentation);
  const extraction = await extractFeatures([...held.train, ...held.validation], config.pipeline, {
    ...extractionOptions(hooks),
    keepWaveforms,
  });
  notices.push(...extraction.notices);
  const failures: Notice[] = extraction.failures.map(({ clip, message }) => ({ subject: clip.id, message }));
  const inValidation = new Set(held.validation);
  const [train, validation] = partition(extraction.features, (features) => !inValidation.has(features.clip));
  const first = train[0];
  if (first === undefined) {
    throw new DatasetError('Not one clip of the training side could be read.', {
      hint:
        failures[0] === undefined
          ? 'The training side is empty.'
          : `The first failure: ${failures[0].message}`,
    });
  }
  const untrained = classes.filter((label) => !train.some((features) => features.clip.label === label));
  if (untrained.length > 0) {
    notices.push({
      subject: 'classes',
      message: `No training clip has the class ${untrained.join(', ')}; it cannot be recognised.`,
    });
  }
  const { nMels, nFrames } = first;
  const statistics = config.standardize ? bandStatistics(windowsOf(train), nMels) : null;
  clock.lap('features');

  const base = createNetwork(config, classes.length, run.imported);
  const { lora } = config.network;
  const adapted = lora === undefined ? null : loraNetwork(base, lora, [1, 1, nMels, nFrames]);
  const network = adapted ?? base;
  const { initial, weights } = await startingParameters(base, network, config, nMels, nFrames);
  if (adapted !== null && weights === randomWeights) {
    notices.push({
      subject: 'adapters',
      message: 'The weights that the adapters join are random and stay so: adapters are for trained weights.',
    });
  }
  const log = createWriteStream(join(directory, 'log.jsonl'), { flags: 'a' });
  const trained = await trainNetwork({
    network,
    config: config.training,
    initial,
    statistics,
    nMels,
    nFrames,
    train: toTraining(train, classes),
    validation: toTraining(validation, classes),
    ...(keepWaveforms
      ? { frontEnd: (samples: Float32Array) => frontEndPicture(samples, config.pipeline.frontEnd).data }
      : {}),
    checkpoints: join(directory, 'checkpoints'),
    resume: run.resume,
    fingerprint,
    ...engineOptions(hooks),
    ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    ...(hooks.onProgress === undefined ? {} : { onProgress: hooks.onProgress }),
    onEvent: (event) => log.write(`${JSON.stringify(event)}\n`),
  }).finally(() => new Promise<void>((resolve) => log.end(resolve)));
  clock.add('training', trained.seconds);

  const { model } = buildArtifact({
    network: base,
    parameters: adapted?.merge(trained.parameters) ?? trained.parameters,
    statistics,
    info: {
      approach: config.approach,
      classes,
      pipeline: config.pipeline,
      network: network.name,
      weights,
      trainedOn: {
        dataset: dataset.name,
        synthetic: dataset.synthetic,
        fingerprint: run.dataFingerprint,
        split: split.description,
      },
      seed: config.training.seed,
      versions: versions(),
    },
  });
  const bytes = encodeModel(model);
  await writeFileAtomic(join(directory, 'model.onnx'), bytes);
  await writeJson(join(directory, 'labels.json'), { classes, sampleRate: config.pipeline.sampleRate });

  const options = engineOptions(hooks);
  const classifier = await Classifier.fromBytes(bytes, 'model.onnx', options);
  try {
    const predicted = await predictClips(classifier, split.test, hooks, PARITY_CLIPS);
    failures.push(...predicted.failures);
    notices.push(...predicted.notices);
    if (predicted.rows.length === 0) {
      throw new DatasetError('Not one clip of the test side could be read.', {
        hint: `The first failure: ${failures[0]?.message ?? 'there are no test clips'}`,
      });
    }
    const pictures = predicted.sample.flatMap(({ features }) => features.windows);
    const pipeline = await pipelineProbabilities(
      network,
      trained.parameters,
      statistics,
      pictures,
      nMels,
      nFrames,
      options,
    );
    const parity = largestDifference(
      pipeline,
      predicted.sample.flatMap(({ windows }) => windows),
    );
    clock.lap('evaluation');
    await writePredictions(join(directory, 'predictions.csv'), { classes, rows: predicted.rows });
    const result: SplitResult = {
      fingerprint,
      weights,
      history: trained.history,
      chosenEpoch: trained.chosenEpoch,
      stoppedEarly: trained.stoppedEarly,
      parameterCount: trained.parameterCount,
      trainedParameterCount: trained.trainedParameterCount,
      modelBytes: bytes.length,
      parity,
      durations: clock.durations,
      failures,
      notices,
      train: train.map((features) => features.clip.id),
      validation: validation.map((features) => features.clip.id),
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

/** Random values, and over those of the network without adapters what the weights file holds. */
async function startingParameters(
  base: Network,
  network: Network,
  config: RunConfig,
  nMels: number,
  nFrames: number,
) {
  const initial = initializeParameters(
    networkParameters(network, nMels, nFrames),
    new Random(`${config.training.seed}/parameters`),
  );
  if (config.network.imported !== undefined)
    return { initial, weights: importedWeights(config) ?? randomWeights };
  const path = await weightsFile(config.network.name, config.network);
  if (path === null) return { initial, weights: randomWeights };
  const loaded = await readWeights(base, networkParameters(base, nMels, nFrames), path);
  for (const [name, value] of loaded.values) initial.set(name, value);
  return { initial, weights: loaded.description };
}

function toTraining(features: readonly ClipFeatures[], classes: readonly string[]): TrainingClip[] {
  const index = new Map(classes.map((label, i) => [label, i]));
  return features.map(({ clip, windows, waveforms }) => ({
    windows,
    label: index.get(clip.label)!,
    ...(waveforms === undefined ? {} : { waveforms }),
  }));
}

function* windowsOf(features: readonly ClipFeatures[]): Iterable<Float32Array> {
  for (const { windows } of features) yield* windows;
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

/** Probabilities from the extracted features, as training and validation see them. */
async function pipelineProbabilities(
  network: Network,
  parameters: ReadonlyMap<string, Tensor<'float32'>>,
  statistics: BandStatistics | null,
  pictures: readonly Float32Array[],
  nMels: number,
  nFrames: number,
  options: EngineOptions,
): Promise<Float32Array[]> {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', ['N', 1, nMels, nFrames]);
  const { logits } = network.forward(inferenceContext(g, parameters), standardizeNodes(g, x, statistics));
  g.output(g.op('Softmax', [logits], { axis: 1 }), 'probabilities');
  const engine = new Engine(options);
  try {
    const model = await engine.load(g.model());
    const rows: Float32Array[] = [];
    for (const picture of pictures) {
      const { probabilities } = await engine.run(model, {
        feeds: { x: float32([1, 1, nMels, nFrames], picture.slice()) },
        fetch: ['probabilities'],
      });
      rows.push(probabilities!.data as Float32Array);
    }
    return rows;
  } finally {
    await engine.close();
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

/** Seconds by stage. */
function stopwatch() {
  const durations: Record<string, number> = {};
  let since = performance.now();
  const round = (seconds: number) => Math.round(seconds * 100) / 100;
  return {
    durations,
    /** Books the time since the last lap under `stage`. */
    lap(stage: string) {
      durations[stage] = round((performance.now() - since) / 1000);
      since = performance.now();
    },
    /** Books a known number of seconds and starts a new lap. */
    add(stage: string, seconds: number) {
      durations[stage] = round(seconds);
      since = performance.now();
    },
  };
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
  const validation = pick(result.validation, split.train);
  const test = pick(result.test, split.test);
  return { split: { ...split, train: [...train, ...validation], test }, train, validation, test };
}
