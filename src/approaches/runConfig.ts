/** @file Everything that decides a run besides the data: resolved, stored with the run, and enough to repeat it. */
import type { ClipPipeline } from '../extraction/index.ts';
import type { FrontEndName } from '../features/index.ts';
import type { LoraOptions, PictureLayout } from '../networks/index.ts';
import type { TrainingConfig } from '../training/index.ts';

export interface RunConfig {
  readonly approach: string;
  /** From a recording to windows of features. */
  readonly pipeline: ClipPipeline;
  /** Whether pictures are standardised per band by the training side's statistics. */
  readonly standardize: boolean;
  readonly network: {
    /** One of the networks here, or the imported model's name. */
    readonly name: string;
    /** Pictures are resized to this [height, width] inside the graph; null leaves them as they are. */
    readonly pictureSize: readonly [number, number] | null;
    /** A file of weights, the name of fetched ones, `random`, or null: random unless the network needs weights. */
    readonly weights: string | null;
    /** Low-rank adapters beside the weights, merged into the artefact; absent without. */
    readonly lora?: LoraOptions;
    /** The model that the network is made from; absent for the networks here. */
    readonly imported?: ImportedModelSpec;
  };
  readonly training: TrainingConfig;
  /** Share of the training side set aside, by recording, to choose the epoch by. */
  readonly validationFraction: number;
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
}

/** What a user may set explicitly; everything else comes from the approach. */
export interface Overrides {
  readonly weights?: string;
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
  /** Each stage's learning rate as a share of the next one's. */
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
  readonly checkpointActivations?: boolean;
  readonly patience?: number;
  readonly select?: 'best' | 'last';
  readonly validationFraction?: number;
  /** Side of the square picture. */
  readonly pictureSize?: number;
  readonly windowSeconds?: number;
  readonly pad?: ClipPipeline['pad'];
  readonly sampleRate?: number;
  readonly nMels?: number;
  readonly mixup?: number;
  readonly specAugment?: boolean;
  readonly timeShift?: number;
  readonly gain?: number;
  /** Turns noise on, for half the clips. */
  readonly noiseSnr?: readonly [number, number];
}
