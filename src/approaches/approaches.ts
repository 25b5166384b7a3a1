/** @file The approaches: each a choice of parts (front end, network, recipe), not a program of its own. */
import { ParameterError, randomWeights, UsageError } from '../core/index.ts';
import { type PicturePipeline, windowSamplesOf } from '../extraction/index.ts';
import { frontEndByName, frontEndFrames } from '../features/index.ts';
import { type LoraOptions, type NetworkName, networkByName } from '../networks/index.ts';
import {
  type Augmentation,
  checkTrainingConfig,
  type OptimizerSpec,
  type ScheduleSpec,
} from '../training/index.ts';
import { usualTolerance } from '../windows/index.ts';
import { checkPromptOverrides, type PromptApproach, promptApproaches } from './clap/promptApproach.ts';
import { chooseInput, modelScaling, sizeOfPicture } from './inputChoices.ts';
import { checkCalibrationFraction, type NetworkRunConfig, type Overrides } from './runConfig.ts';
import { checkVectorOverrides, type VectorApproach, vectorApproaches } from './vectorApproaches.ts';
import { whisperFrontEndOf } from './whisperCheckpoint.ts';
import { type WhisperSettings, whisperSettings, whisperWindow } from './whisperSettings.ts';

export interface Approach {
  readonly name: string;
  readonly description: string;
  /** Null: the network is made from a model of the user's. */
  readonly network: NetworkName | null;
  /** How pictures are scaled where the front end's are not made to be taken as they are. */
  readonly scaling: 'bands' | 'clip' | 'none';
  /** Side of the square picture the network sees by default; null for the log-mel picture as it is. */
  readonly pictureSize: number | null;
  readonly nMels: number;
  readonly epochs: number;
  readonly batchSize: number;
  readonly optimizer: OptimizerSpec;
  readonly clipNorm: number | null;
  readonly labelSmoothing: number;
  /** 0 where the recipe is fixed and its last epoch is the model: then every clip of the training side trains. */
  readonly validationFraction: number;
  readonly select: 'best' | 'last';
  readonly mixup: number;
  /** Largest rotation in time, as a share of the window. */
  readonly timeShift: number;
  /** Whether bands and frames are masked. */
  readonly specAugment: boolean;
  /** Whether batch normalisation keeps its statistics; default where not all is trained. */
  readonly frozenStatistics?: boolean;
  /** Weights that LoRA adapts where the user names none; default those of all matrix products. */
  readonly loraTargets?: readonly string[];
  /** What is otherwise where the network starts from random weights. */
  readonly fromRandom?: Partial<Approach>;
}

const resnet = (network: NetworkName, description: string): Approach => ({
  name: network,
  description,
  network,
  pictureSize: 224,
  // Frozen, such a network is asked for vectors where there is no training side: it is fed alike everywhere.
  scaling: 'clip',
  fromRandom: { scaling: 'bands' },
  nMels: 128,
  epochs: 12,
  batchSize: 16,
  optimizer: { kind: 'adamw', learningRate: 5e-4, weightDecay: 0.05 },
  clipNorm: 1,
  labelSmoothing: 0.05,
  validationFraction: 0.1,
  select: 'best',
  mixup: 0.3,
  timeShift: 0.5,
  specAugment: true,
});

const table: readonly Approach[] = [
  {
    name: 'cnn',
    description: 'Compact CNN on log-mel pictures, from scratch: minutes on a CPU.',
    network: 'cnn',
    pictureSize: null,
    scaling: 'bands',
    nMels: 64,
    epochs: 40,
    batchSize: 32,
    optimizer: { kind: 'adamw', learningRate: 3e-3, weightDecay: 0.05 },
    clipNorm: null,
    labelSmoothing: 0.1,
    validationFraction: 0,
    select: 'last',
    mixup: 0,
    timeShift: 0.5,
    specAugment: true,
  },
  resnet(
    'resnet50',
    "ResNet-50 on log-mel pictures: the report's second system, at its best with ImageNet --weights.",
  ),
  resnet('resnet34', 'ResNet-34 on log-mel pictures.'),
  resnet('resnet18', 'ResNet-18 on log-mel pictures: a third of the cost of ResNet-50.'),
  {
    name: 'whisper',
    description: "Whisper's encoder under a classification head: the report's third system.",
    network: 'whisper',
    pictureSize: null,
    scaling: 'none',
    nMels: 80,
    epochs: 10,
    batchSize: 16,
    optimizer: { kind: 'adamw', learningRate: 5e-5, weightDecay: 0.01, headRate: 20, depthDecay: 0.66 },
    clipNorm: 1,
    labelSmoothing: 0.1,
    validationFraction: 0.1,
    select: 'best',
    mixup: 0,
    timeShift: 0,
    specAugment: true,
    loraTargets: ['*.q_proj.weight', '*.v_proj.weight'],
    fromRandom: {
      epochs: 40,
      batchSize: 32,
      optimizer: { kind: 'adamw', learningRate: 2e-3, weightDecay: 0.05 },
      validationFraction: 0,
      select: 'last',
      timeShift: 0.5,
    },
  },
];

/** The approach of `--network`: a head on any ONNX model, which is fine-tuned with it. */
export const importedApproach: Approach = {
  name: 'network',
  description: 'A head on a tensor of any ONNX model, fine-tuned in all or in part.',
  network: null,
  scaling: modelScaling,
  pictureSize: null,
  nMels: 128,
  epochs: 15,
  batchSize: 32,
  optimizer: { kind: 'adamw', learningRate: 1e-4, weightDecay: 0.05, headRate: 30, depthDecay: 0.003 },
  clipNorm: 1,
  labelSmoothing: 0.1,
  validationFraction: 0,
  select: 'last',
  mixup: 0,
  // Both took more from a pretrained network than they gave; docs/networks.md has the numbers.
  timeShift: 0,
  specAugment: false,
  // Statistics belong to the weights they came with, unless they are asked to move.
  frozenStatistics: true,
  fromRandom: {
    epochs: 40,
    optimizer: { kind: 'adamw', learningRate: 1e-3, weightDecay: 0.05 },
    timeShift: 0.5,
    specAugment: true,
    frozenStatistics: false,
  },
};

/** All approaches with a network of their own, for help texts and choices. */
export const approaches: readonly Approach[] = table;

export type AnyApproach = Approach | VectorApproach | PromptApproach;

/** @throws {ParameterError} that lists the approaches there are */
export function approachByName(name: string): AnyApproach {
  const all = [...table, ...vectorApproaches, ...promptApproaches];
  const found = all.find((approach) => approach.name === name);
  if (found === undefined) {
    throw new ParameterError(`There is no approach '${name}'.`, {
      hint: `There are ${all.map((approach) => approach.name).join(', ')}.`,
    });
  }
  return found;
}

/** Whether an approach fits a classifier to vectors, and does not train a network. */
export function isVectorApproach(approach: AnyApproach): approach is VectorApproach {
  return 'pooling' in approach;
}

/** Whether an approach compares sounds with prompts, and trains nothing. */
export function isPromptApproach(approach: AnyApproach): approach is PromptApproach {
  return promptApproaches.some(({ name }) => name === approach.name);
}

/**
 * The settings of a run: the approach's, then the user's.
 * @param windowSeconds what the dataset suggests as the length of a window
 * @throws {ParameterError} on a value out of range
 */
export function resolveConfig(
  named: Approach,
  windowSeconds: number,
  seed: number,
  o: Overrides = {},
): NetworkRunConfig {
  const imported = named.network === null;
  if (o.fromScratch && !imported) {
    throw new UsageError(`${named.name} starts from random weights unless it is given some.`, {
      hint: '--from-scratch is for the ONNX model of --network. Leave it and --weights out.',
    });
  }
  const random = imported ? o.fromScratch === true : o.weights === undefined || o.weights === randomWeights;
  const approach: Approach = { ...named, ...(random ? named.fromRandom : {}) };
  const whisper = whisperOf(approach, o, random);
  const frontEnd = frontEndByName(
    o.frontEnd ?? (whisper === null ? 'log-mel' : whisperFrontEndOf(whisper.config)),
  );
  const spec = frontEnd.spec({
    usualMels: approach.nMels,
    ...(o.sampleRate === undefined ? {} : { sampleRate: o.sampleRate }),
    ...(o.nMels === undefined ? {} : { nMels: o.nMels }),
    ...(whisper === null ? {} : { context: whisper.context }),
  });
  const pipeline: PicturePipeline = {
    sampleRate: spec.sampleRate,
    windowSeconds:
      whisper === null
        ? (o.windowSeconds ?? frontEnd.window.seconds ?? windowSeconds)
        : whisperWindow(whisper, o.windowSeconds, windowSeconds),
    pad: o.pad ?? (whisper === null ? frontEnd.window.pad : 'mask'),
    overlap: frontEnd.window.overlap,
    tolerance: usualTolerance,
    frontEnd: spec,
  };
  if (o.vectors !== undefined) {
    const [first] = Object.keys(o.vectors);
    throw new UsageError(
      `The setting ${first} is about a linear SVM on vectors; ${approach.name} trains a network.`,
      {
        hint: `It is for ${vectorApproaches.map(({ name }) => name).join(', ')}.`,
      },
    );
  }
  if (o.prompts !== undefined) {
    throw new UsageError(
      `The setting ${Object.keys(o.prompts)[0]} is about prompts; ${approach.name} trains a network.`,
      { hint: `It is for ${promptApproaches.map(({ name }) => name).join(', ')}.` },
    );
  }
  if (!(pipeline.windowSeconds > 0)) {
    throw new ParameterError(`The window must last longer than 0 s, got ${pipeline.windowSeconds}.`);
  }
  if (
    pipeline.pad === 'mask' &&
    (approach.network === null || !networkByName(approach.network).masksPadding)
  ) {
    throw new UsageError(`${approach.name} cannot leave out what fills a window up (--pad mask).`, {
      hint: 'Choose --pad repeat or zero.',
    });
  }
  const size = o.pictureSize ?? approach.pictureSize;
  const { standardize, input } = chooseInput(
    o,
    frontEnd.standardize ? approach.scaling : 'none',
    frontEnd.name,
  );
  if (input?.scaling !== undefined && pipeline.pad === 'mask') {
    throw new UsageError('A picture is scaled as a whole, so what fills it up cannot be left out.', {
      hint: 'Choose --pad repeat or zero, or --picture-scaling none.',
    });
  }
  const kind = o.optimizer ?? approach.optimizer.kind;
  const ofSgd = o.momentum !== undefined ? 'momentum' : o.nesterov ? 'nesterov' : null;
  if (ofSgd !== null && kind !== 'sgd') {
    throw new UsageError(`The setting ${ofSgd} is about SGD; ${approach.name} is trained by ${kind}.`, {
      hint: 'Leave it out, or choose --optimizer sgd.',
    });
  }
  const lora = loraOptions(o, approach);
  const trainable = o.trainable ?? (lora === null ? 'all' : 'head');
  const usualHeadRate = kind === approach.optimizer.kind ? (approach.optimizer.headRate ?? 1) : 1;
  // A head that learns alone has the learning rate to itself.
  const alone = trainable === 'head' && lora === null;
  if (alone && o.warmHead !== undefined) {
    throw new UsageError(
      'The head learns alone at first (--warm-head), but nothing else would be trained later.',
      {
        hint: 'Leave --warm-head out, or train more than the head.',
      },
    );
  }
  const headRate = alone ? 1 : (o.headRate ?? usualHeadRate);
  // A network whose front end is its own knows sounds from its first layer on. One of log-mel pictures comes from
  // photographs as a rule, and its first layers have the most to learn.
  const usualDecay = imported && frontEnd.standardize ? 1 : (approach.optimizer.depthDecay ?? 1);
  const depthDecay = alone ? 1 : (o.layerDecay ?? usualDecay);
  const usualRate = approach.optimizer.learningRate * (alone ? usualHeadRate : 1);
  const optimizer: OptimizerSpec = {
    kind,
    // A rate made for one optimiser means little to another; SGD needs a far higher one than AdamW.
    learningRate: o.learningRate ?? (kind === 'sgd' && approach.optimizer.kind !== 'sgd' ? 0.02 : usualRate),
    ...(headRate === 1 ? {} : { headRate }),
    ...(depthDecay === 1 ? {} : { depthDecay }),
    weightDecay:
      o.weightDecay ??
      (kind === approach.optimizer.kind ? approach.optimizer.weightDecay : kind === 'sgd' ? 5e-4 : 0),
    ...(kind === 'sgd' ? { momentum: o.momentum ?? 0.9, nesterov: o.nesterov ?? o.momentum !== 0 } : {}),
  };
  const config: NetworkRunConfig = {
    approach: approach.name,
    pipeline,
    standardize,
    network: {
      name: approach.network ?? approach.name,
      pictureSize: size === null ? null : sizeOfPicture(size),
      ...(input === undefined ? {} : { input }),
      weights: o.weights ?? null,
      ...(whisper === null ? {} : { whisper }),
      ...(lora === null ? {} : { lora }),
    },
    training: {
      epochs: o.epochs ?? approach.epochs,
      batchSize: o.batchSize ?? approach.batchSize,
      optimizer,
      schedule: schedule(o, approach),
      clipNorm: o.clipNorm === undefined ? approach.clipNorm : o.clipNorm === 0 ? null : o.clipNorm,
      labelSmoothing: o.labelSmoothing ?? approach.labelSmoothing,
      classWeights: o.classWeights ?? 'none',
      augmentation: augmentation(o, approach, pipeline),
      trainable,
      ...(o.warmHead === undefined ? {} : { warmHeadEpochs: o.warmHead }),
      // Statistics of layers that are not trained belong to the weights they came with.
      frozenStatistics: o.frozenStatistics ?? (approach.frozenStatistics || trainable !== 'all'),
      ...(o.checkpointActivations ? { checkpointActivations: true } : {}),
      patience: o.patience ?? null,
      // Without a validation part there is no best epoch, and stopping early asks for one.
      select: o.select ?? (o.patience === undefined ? approach.select : 'best'),
      seed,
    },
    validationFraction:
      o.validationFraction ??
      (o.patience === undefined ? approach.validationFraction : Math.max(0.1, approach.validationFraction)),
    ...(o.calibrationFraction ? { calibrationFraction: o.calibrationFraction } : {}),
  };
  checkTrainingConfig(config.training);
  const { validationFraction } = config;
  if (!(validationFraction >= 0 && validationFraction < 1))
    throw new ParameterError(`The validation fraction must lie in [0, 1), got ${validationFraction}.`);
  if (o.patience !== undefined && validationFraction === 0) {
    throw new ParameterError('Stopping early asks for clips to validate on, and none are set aside.', {
      hint: 'Leave --patience out, or give a --validation-fraction above 0.',
    });
  }
  checkCalibrationFraction(o);
  return config;
}

/**
 * Checks a user's settings as far as they can be checked without a dataset and without reading weights.
 * @throws {UsageError} for a setting that does not apply to the approach
 * @throws {ParameterError} on a value out of range
 */
export function checkOverrides(approach: AnyApproach, seed: number, o: Overrides = {}): void {
  if (isPromptApproach(approach)) checkPromptOverrides(approach, o);
  else if (isVectorApproach(approach)) checkVectorOverrides(approach, o);
  // The shape of an encoder comes from its weights, which are not read here.
  else if (approach.network !== 'whisper' || o.weights === undefined) {
    resolveConfig(approach, anyWindowSeconds, seed, o);
  }
}

/** Stands for the length that a dataset suggests, which decides no more than sizes. */
export const anyWindowSeconds = 4;

/** @throws {UsageError} where such choices are made for another approach */
function whisperOf(approach: Approach, { whisper }: Overrides, random: boolean): WhisperSettings | null {
  if (approach.network === 'whisper') return whisperSettings(whisper ?? {}, random);
  if (whisper === undefined) return null;
  throw new UsageError(
    `The setting ${Object.keys(whisper)[0]} is about Whisper's encoder; ${approach.name} has none.`,
    { hint: 'It is for --approach whisper.' },
  );
}

/** @throws {ParameterError} where the others are given without the rank */
function loraOptions(
  { loraRank: rank, loraAlpha, loraTargets: asked }: Overrides,
  approach: Approach,
): LoraOptions | null {
  const loraTargets = asked ?? (rank === undefined ? undefined : approach.loraTargets);
  if (rank === undefined) {
    if (loraAlpha === undefined && loraTargets === undefined) return null;
    throw new ParameterError('LoRA needs the rank of its adapters.', { hint: 'Add --lora-rank, such as 8.' });
  }
  return {
    rank,
    alpha: loraAlpha ?? 2 * rank,
    ...(loraTargets === undefined ? {} : { targets: loraTargets }),
  };
}

/** Masks scale with the picture: at most an eighth of its bands and of its frames each. */
function augmentation(o: Overrides, approach: Approach, pipeline: PicturePipeline): Augmentation {
  const nFrames = frontEndFrames(windowSamplesOf(pipeline), pipeline.frontEnd);
  return {
    timeShift: o.timeShift ?? approach.timeShift,
    gain: o.gain ?? 0,
    gainOn: frontEndByName(pipeline.frontEnd.kind).decibels ? 'picture' : 'waveform',
    noiseSnr: o.noiseSnr ?? null,
    noiseProbability: o.noiseSnr === undefined ? 0 : 0.5,
    specAugment: !(o.specAugment ?? approach.specAugment)
      ? null
      : {
          frequencyMasks: 2,
          frequencyWidth: Math.round(pipeline.frontEnd.nMels / 8),
          timeMasks: 2,
          timeWidth: Math.round(nFrames / 8),
        },
    mixup: o.mixup ?? approach.mixup,
  };
}

function schedule(o: Overrides, approach: Approach): ScheduleSpec {
  const epochs = o.epochs ?? approach.epochs;
  const warmupEpochs = o.warmupEpochs ?? epochs / 10;
  const kind = o.schedule ?? 'cosine';
  if (kind !== 'step') return { kind, warmupEpochs };
  return { kind, warmupEpochs, everyEpochs: Math.max(1, Math.round(epochs / 3)), factor: 0.1 };
}
