/** @file What a way of learning takes and gives: `trainSplit` does the rest, the same for all. */
import type {
  ArtifactInfo,
  ArtifactParts,
  ClapModel,
  ClipVectors,
  ImportedModel,
  RunConfig,
} from '../approaches/index.ts';
import type { Notice } from '../core/index.ts';
import type { Dataset, Split } from '../datasets/index.ts';
import type { ClipFeatures } from '../extraction/index.ts';
import type { EpochRecord } from '../training/index.ts';
import type { WorkflowHooks } from './hooks.ts';

export interface SplitRun<C extends RunConfig = RunConfig> {
  readonly dataset: Dataset;
  readonly dataFingerprint: string;
  readonly split: Split;
  readonly config: C;
  /** The model that the network is made from, where `config` names one. */
  readonly imported?: ImportedModel;
  /** SHA-256 of the file of weights that a network starts from; null or absent where there is none. */
  readonly weightsSha256?: string | null;
  /** What clips become, where `config` says that a classifier is fitted. */
  readonly vectors?: ClipVectors;
  /** The model that hears, where `config` says that sounds are compared with prompts. */
  readonly clap?: ClapModel;
  readonly directory: string;
  readonly resume: boolean;
}

/** What was learnt from the training side. */
export interface Learned {
  /** The model, from the waveform on. */
  readonly score: ArtifactParts['score'];
  readonly network: string;
  readonly weights: string;
  readonly clipsPerRun?: number;
  /** What the model says it was trained on; default the training side. */
  readonly trainedOn?: ArtifactInfo['trainedOn'];
  readonly history: readonly EpochRecord[];
  readonly chosenEpoch: number;
  readonly stoppedEarly: boolean;
  readonly parameterCount: number;
  readonly trainedParameterCount: number;
  /** Ids of the clips on each side, those that could not be read left out. */
  readonly train: readonly string[];
  readonly validation: readonly string[];
  /** How many of both are shorter than a window. */
  readonly short: number;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
  /** Probabilities as training computes them, one row per window of these clips: to compare the model with. */
  reference(clips: readonly ClipFeatures[]): Promise<Float32Array[]>;
}

/** @param fingerprint of the run: settings and data */
export type Learner<C extends RunConfig> = (
  run: SplitRun<C>,
  fingerprint: string,
  hooks: WorkflowHooks,
  clock: Stopwatch,
) => Promise<Learned>;

/** Seconds by stage. */
export function stopwatch() {
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

export type Stopwatch = ReturnType<typeof stopwatch>;

/** A notice for classes that no training clip has. */
export function untrainedNotices(classes: readonly string[], labels: Iterable<string>): Notice[] {
  const known = new Set(labels);
  const untrained = classes.filter((label) => !known.has(label));
  if (untrained.length === 0) return [];
  return [
    {
      subject: 'classes',
      message: `No training clip has the class ${untrained.join(', ')}; it cannot be recognised.`,
    },
  ];
}

/** What to say where nothing of the training side could be read. */
export function firstFailure(failures: readonly Notice[]): string {
  return failures[0] === undefined
    ? 'The training side is empty.'
    : `The first failure: ${failures[0].message}`;
}
