/** @file Everything that decides a run besides the data: resolved, stored with the run, and enough to repeat it. */
import { ParameterError } from '../core/index.ts';
import type { Pooling } from '../embeddings/browser.ts';
import type { ClipPipeline, PicturePipeline } from '../extraction/index.ts';
import type { ClapSpec, FrontEndName } from '../features/index.ts';
import type { LoraOptions, NetworkInput, PictureLayout } from '../networks/index.ts';
import type { TrainingConfig } from '../training/index.ts';
import type { ClapModel } from './clap/clapModel.ts';
import type { PromptedLabel } from './clap/prompts.ts';
import type { VectorSpec } from './clipVectors.ts';
import type { InputChoices, PictureSize } from './inputChoices.ts';
import type { WhisperChoices, WhisperSettings } from './whisperSettings.ts';

export type RunConfig = NetworkRunConfig | VectorRunConfig | PromptRunConfig;

/** A network that is trained on pictures of sound. */
export interface NetworkRunConfig {
  readonly approach: string;
  /** From a recording to windows of features. */
  readonly pipeline: PicturePipeline;
  /** Whether pictures are standardised per band by the training side's statistics; see `network.input` otherwise. */
  readonly standardize: boolean;
  readonly network: {
    /** One of the networks here, or the imported model's name. */
    readonly name: string;
    /** Pictures are resized to this [height, width] inside the graph; null leaves them as they are. */
    readonly pictureSize: readonly [number, number] | null;
    /** What else is done to pictures before the network sees them; absent for nothing. */
    readonly input?: NetworkInput;
    /** A file of weights, the name of fetched ones, `random`, or null: random unless the network needs weights. */
    readonly weights: string | null;
    /** The encoder and its head, where the network is Whisper's. */
    readonly whisper?: WhisperSettings;
    /** Low-rank adapters beside the weights, merged into the artefact; absent without. */
    readonly lora?: LoraOptions;
    /** The model that the network is made from; absent for the networks here. */
    readonly imported?: ImportedModelSpec;
  };
  readonly training: TrainingConfig;
  /** Share of the training side set aside, by recording, to choose the epoch by. */
  readonly validationFraction: number;
  /** Share of the training side held out, by recording, for calibration; absent for none. */
  readonly calibrationFraction?: number;
}

/** A classifier that is fitted to one vector per clip. */
export interface VectorRunConfig {
  readonly approach: string;
  /** From a recording to waveforms of at most one window. */
  readonly pipeline: ClipPipeline;
  readonly vectors: VectorSpec;
  readonly classifier: ClassifierConfig;
  /** As in {@link NetworkRunConfig}. */
  readonly calibrationFraction?: number;
  readonly seed: number;
}

export interface ClassifierConfig {
  readonly kind: 'linear-svm';
  /** Cost of a unit of loss; or the ones that are tried inside the training side, by grouped cross-validation. */
  readonly C: number | readonly number[];
  readonly loss: 'squared-hinge' | 'hinge';
  readonly classWeights: 'none' | 'balanced';
  /** How probabilities come from scores. */
  readonly probabilities: 'temperature' | 'sigmoid' | 'isotonic';
  /** Parts of the training side, by recording, on which probabilities are fitted and C is chosen. */
  readonly innerFolds: number;
}

/** Sounds compared with classes in words; nothing is trained. */
export interface PromptRunConfig {
  readonly approach: string;
  readonly pipeline: ClipPipeline;
  readonly prompts: {
    readonly frontEnd: ClapSpec;
    /** Every class, with the sentences that stand for it. */
    readonly labels: readonly PromptedLabel[];
    /** What similarities are multiplied with before softmax. */
    readonly logitScale: number;
    readonly weights: ClapModel['weights'];
  };
  /** Share of the training side that a temperature is fitted on; absent: none. */
  readonly calibrationFraction?: number;
  readonly seed: number;
}

/** Whether a run compares sounds with prompts, and trains nothing. */
export function isPromptRun(config: RunConfig): config is PromptRunConfig {
  return 'prompts' in config;
}

/** Whether a run fits a classifier to vectors, and does not train a network. */
export function isVectorRun(config: RunConfig): config is VectorRunConfig {
  return 'vectors' in config;
}

/**
 * What decides a run's numbers, for fingerprints: its settings, with weights by their content and not by where they lie.
 * @param weightsSha256 of the file of weights that a network starts from, or null where there is none
 */
export function runIdentity(config: RunConfig, weightsSha256: string | null): object {
  if (isVectorRun(config)) {
    return { ...config, vectors: byContent(config.vectors) };
  }
  if (isPromptRun(config)) {
    const { prompts } = config;
    return { ...config, prompts: { ...prompts, weights: prompts.weights.sha256 } };
  }
  if (weightsSha256 === null) return config;
  return { ...config, network: { ...config.network, weights: weightsSha256 } };
}

/** What makes vectors, its weights by their content alone. */
export function byContent(vectors: VectorSpec): object {
  return 'weights' in vectors ? { ...vectors, weights: vectors.weights.sha256 } : vectors;
}

/** Which model a network is made from, so that a run can be repeated and no other model is taken for it. */
export interface ImportedModelSpec {
  /** The file's name, without its folder: it may move. */
  readonly file: string;
  /** SHA-256 of the file, in hexadecimal digits. */
  readonly sha256: string;
  /** SHA-256 over the names, shapes and values of all weights: they may lie in further files. */
  readonly weightsSha256: string;
  /** The tensor that the head stands on. */
  readonly embedding: string;
  readonly layout: PictureLayout;
  /** Its nodes alone are taken: parameters start from random numbers. */
  readonly fromScratch?: boolean;
}

/** What a user may set of the approaches that fit a classifier to vectors. */
export interface VectorChoices {
  readonly pooling?: Pooling;
  readonly svmC?: number;
  /** Choose C by grouped cross-validation inside the training side. */
  readonly tune?: boolean;
  readonly svmLoss?: ClassifierConfig['loss'];
  readonly probabilities?: ClassifierConfig['probabilities'];
  readonly inputRepr?: 'linear' | 'mel128' | 'mel256';
  readonly contentType?: 'music' | 'env';
  readonly embeddingSize?: number;
  readonly hopSeconds?: number;
  readonly center?: boolean;
}

/** What a user may set of prompts. */
export interface PromptChoices {
  readonly templates?: readonly string[];
  /** A file of descriptions, by class. */
  readonly labelsFile?: string;
  readonly logitScale?: number;
  /** Round samples to 16 bits first. */
  readonly int16?: boolean;
}

/** What a user may set explicitly; everything else comes from the approach. */
export interface Overrides extends InputChoices {
  readonly weights?: string;
  readonly vectors?: VectorChoices;
  readonly prompts?: PromptChoices;
  /** Of the approach `whisper`. */
  readonly whisper?: WhisperChoices;
  /** Rank of low-rank adapters (LoRA). With them only the head is trained besides, unless `trainable` says more. */
  readonly loraRank?: number;
  /** Adapters are scaled by alpha/rank; default twice the rank. */
  readonly loraAlpha?: number;
  /** Which weights get adapters: names with `*` and `?`. */
  readonly loraTargets?: readonly string[];
  readonly frontEnd?: FrontEndName;
  readonly standardize?: boolean;
  readonly epochs?: number;
  readonly batchSize?: number;
  readonly learningRate?: number;
  /** The head's learning rate, as a multiple of that of the stage before it. */
  readonly headRate?: number;
  /** Epochs at first in which the head learns alone. */
  readonly warmHead?: number;
  /** The first stage's learning rate as a share of that of the last one before the head. */
  readonly layerDecay?: number;
  readonly weightDecay?: number;
  readonly optimizer?: 'sgd' | 'adam' | 'adamw';
  readonly momentum?: number;
  readonly nesterov?: boolean;
  readonly schedule?: 'cosine' | 'constant' | 'step';
  readonly warmupEpochs?: number;
  /** 0 for no clipping. */
  readonly clipNorm?: number;
  readonly labelSmoothing?: number;
  readonly classWeights?: 'none' | 'balanced';
  readonly trainable?: TrainingConfig['trainable'];
  readonly frozenStatistics?: boolean;
  /** Of an ONNX model, take the nodes and not the weights. */
  readonly fromScratch?: boolean;
  readonly checkpointActivations?: boolean;
  readonly patience?: number;
  readonly select?: 'best' | 'last';
  readonly validationFraction?: number;
  /** Share of the training side held out for a temperature and for prediction sets, in [0, 1). */
  readonly calibrationFraction?: number;
  readonly pictureSize?: PictureSize;
  readonly windowSeconds?: number;
  readonly pad?: PicturePipeline['pad'];
  readonly sampleRate?: number;
  readonly nMels?: number;
  readonly mixup?: number;
  readonly specAugment?: boolean;
  readonly timeShift?: number;
  readonly gain?: number;
  /** Turns noise on, for half the clips. */
  readonly noiseSnr?: readonly [number, number];
}

/** @throws {ParameterError} for a share outside [0, 1) */
export function checkCalibrationFraction({ calibrationFraction = 0 }: Overrides): void {
  if (calibrationFraction >= 0 && calibrationFraction < 1) return;
  throw new ParameterError(`The calibration fraction must lie in [0, 1), got ${calibrationFraction}.`);
}
