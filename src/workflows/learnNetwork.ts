/** @file Learning by training a network on pictures of sound. */
import { join } from 'node:path';
import { type NetworkRunConfig, networkScore } from '../approaches/index.ts';
import { DatasetError, float32, type Notice, randomWeights, type Tensor } from '../core/index.ts';
import { validationSplit } from '../datasets/index.ts';
import { type ClipFeatures, extractFeatures, ownFrames, windowSamplesOf } from '../extraction/index.ts';
import { frontEndPicture } from '../features/index.ts';
import { openLineLog } from '../files/index.ts';
import { inferenceContext, type Network } from '../networks/index.ts';
import { GraphBuilder } from '../onnx/index.ts';
import { Engine, type EngineOptions } from '../runtime/index.ts';
import {
  type BandStatistics,
  bandStatistics,
  needsWaveforms,
  ownFramesInput,
  standardizeNodes,
  type TrainingClip,
  trainNetwork,
} from '../training/index.ts';
import { filledWindow } from '../windows/index.ts';
import { frozenPart } from './frozenPart.ts';
import { engineOptions, extractionOptions } from './hooks.ts';
import { firstFailure, type Learner, untrainedNotices } from './learner.ts';
import { networkStart } from './networkStart.ts';

/** Trains on the training side, less what the settings set aside for validation. Checkpoints go into the directory. */
export const learnNetwork: Learner<NetworkRunConfig> = async (run, fingerprint, hooks, clock) => {
  const { dataset, config, directory, split } = run;
  const { classes } = dataset;
  const notices: Notice[] = [];
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
  if (train.length === 0) {
    throw new DatasetError('Not one clip of the training side could be read.', {
      hint: firstFailure(failures),
    });
  }
  notices.push(
    ...untrainedNotices(
      classes,
      train.map((features) => features.clip.label),
    ),
  );
  const windowSamples = windowSamplesOf(config.pipeline);
  const bands = config.pipeline.frontEnd.nMels;
  const statistics = config.standardize ? bandStatistics(windowsOf(train), bands) : null;
  clock.lap('features');

  const start = await networkStart(config, classes.length, run.imported);
  const { base, network, merge, initial, weights, nMels, nFrames } = start;
  if (merge !== null && weights === randomWeights) {
    notices.push({
      subject: 'adapters',
      message: 'The weights that the adapters join are random and stay so: adapters are for trained weights.',
    });
  }
  if (config.network.whisper !== undefined && weights === randomWeights) {
    notices.push({
      subject: 'weights',
      message:
        "Whisper's encoder started from random weights: nothing in it was learnt from speech. What was published is fine-tuned with --weights.",
    });
  }
  const task = {
    ...{ network, config: config.training, initial, statistics, nMels, nFrames },
    masked: config.pipeline.pad === 'mask',
    train: toTraining(train, classes, windowSamples),
    validation: toTraining(validation, classes, windowSamples),
  };
  const frozen = await frozenPart(task, hooks);
  if (frozen !== null) clock.lap('frozen network');
  const log = await openLineLog(join(directory, 'log.jsonl'));
  const trained = await trainNetwork({
    ...task,
    ...(frozen === null ? {} : { frozen }),
    ...(keepWaveforms
      ? {
          frontEnd: (samples: Float32Array) =>
            frontEndPicture(filledWindow(samples, windowSamples), config.pipeline.frontEnd).data,
        }
      : {}),
    checkpoints: join(directory, 'checkpoints'),
    resume: run.resume,
    fingerprint,
    ...engineOptions(hooks),
    ...(hooks.signal === undefined ? {} : { signal: hooks.signal }),
    ...(hooks.onProgress === undefined ? {} : { onProgress: hooks.onProgress }),
    onEvent: (event) => log.write(event),
  }).finally(() => log.close());
  clock.add('training', trained.seconds);

  return {
    score: networkScore(base, merge?.(trained.parameters) ?? trained.parameters, statistics, config.pipeline),
    network: network.name,
    weights,
    history: trained.history,
    chosenEpoch: trained.chosenEpoch,
    stoppedEarly: trained.stoppedEarly,
    parameterCount: trained.parameterCount,
    trainedParameterCount: trained.trainedParameterCount,
    train: train.map((features) => features.clip.id),
    validation: validation.map((features) => features.clip.id),
    short: extraction.short,
    failures,
    notices,
    reference: (clips) =>
      pipelineProbabilities(
        network,
        trained.parameters,
        statistics,
        toTraining(clips, classes, windowSamples),
        config.pipeline.pad === 'mask',
        nMels,
        nFrames,
        engineOptions(hooks),
      ),
  };
};

function toTraining(
  features: readonly ClipFeatures[],
  classes: readonly string[],
  windowSamples: number,
): TrainingClip[] {
  const index = new Map(classes.map((label, i) => [label, i]));
  return features.map(({ clip, windows, waveforms, ownSamples, nFrames }) => ({
    windows,
    label: index.get(clip.label)!,
    ...(ownSamples === undefined ? {} : { ownFrames: ownFrames(ownSamples, windowSamples, nFrames) }),
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
  clips: readonly TrainingClip[],
  masked: boolean,
  nMels: number,
  nFrames: number,
  options: EngineOptions,
): Promise<Float32Array[]> {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', ['N', 1, nMels, nFrames]);
  const context = inferenceContext(g, parameters);
  const own = () => g.find(ownFramesInput) ?? g.input(ownFramesInput, 'float32', ['N']);
  const { logits } = network.forward(
    masked ? { ...context, ownFrames: own } : context,
    standardizeNodes(g, x, statistics),
  );
  const takesFrames = g.find(ownFramesInput) !== undefined;
  g.output(g.op('Softmax', [logits], { axis: 1 }), 'probabilities');
  const engine = new Engine(options);
  try {
    const model = await engine.load(g.model());
    const rows: Float32Array[] = [];
    for (const clip of clips) {
      for (const picture of clip.windows) {
        const frames = float32([1], [clip.ownFrames ?? nFrames]);
        const { probabilities } = await engine.run(model, {
          feeds: {
            x: float32([1, 1, nMels, nFrames], picture.slice()),
            ...(takesFrames ? { [ownFramesInput]: frames } : {}),
          },
          fetch: ['probabilities'],
        });
        rows.push(probabilities!.data as Float32Array);
      }
    }
    return rows;
  } finally {
    await engine.close();
  }
}
