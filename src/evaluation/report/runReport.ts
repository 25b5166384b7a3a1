/** @file What a run's report is made from: plain data, filled by the workflow that ran it. */
import type { Notice } from '../../core/index.ts';
import type { Clip, Dataset } from '../../datasets/dataset.ts';
import type { Evaluation } from '../evaluation.ts';
import type { PredictionTable } from '../predictionTable.ts';
import type { RunMedia } from './runMedia.ts';

/** Everything a report states. */
export interface RunReport {
  readonly title: string;
  /** Row of the table of approaches, such as "cnn". */
  readonly approach: string;
  /** The command line that repeats the run. */
  readonly command: string;
  /** When the run began, ISO 8601. */
  readonly startedAt: string;
  readonly network: {
    readonly name: string;
    readonly parameters: number;
    /** How many of them were trained, where not all. */
    readonly trainedParameters?: number;
    /** `'random'`, or where the weights come from. */
    readonly weights: 'random' | (string & {});
  };
  readonly dataset: DatasetSummary;
  readonly evaluation: Evaluation;
  /** The predictions evaluated: the worst errors are taken from them. */
  readonly predictions: PredictionTable;
  /** What can be heard and seen of clips; without it the report is the same, but silent. */
  readonly media?: RunMedia;
  readonly history?: readonly EpochRecord[];
  /** The epoch whose weights were kept. */
  readonly bestEpoch?: number;
  readonly artefact?: {
    /** Path as to be shown, relative to the run's directory. */
    readonly file: string;
    readonly bytes: number;
    readonly sampleRate: number;
    readonly windowSeconds: number;
    /** Largest |difference| between its probabilities and the training pipeline's; null if not measured. */
    readonly parityDifference: number | null;
  };
  /** Clips that could not be used, with the reason. */
  readonly failures: readonly Notice[];
  /** What is worth knowing of clips that were used (silent, truncated) and of the run. */
  readonly notices: readonly Notice[];
  /** The resolved configuration, any JSON value. */
  readonly config: unknown;
  /** Version by name of program: earshot, node, onnxruntime-node. */
  readonly versions: Readonly<Record<string, string>>;
  /** Where the network ran, such as `cpu`. */
  readonly device?: string;
  readonly seed: number;
  /** Seconds by stage, such as `{ features: 12, training: 180 }`. */
  readonly durations: Readonly<Record<string, number>>;
}

/** One epoch of training. Rates are shares in [0, 1]; what was not measured is left out or null. */
export interface EpochRecord {
  readonly epoch: number;
  readonly trainLoss: number;
  readonly trainAccuracy?: number | null;
  readonly validationLoss?: number | null;
  readonly validationAccuracy?: number | null;
  readonly learningRate?: number;
  readonly seconds?: number;
}

export type Side = 'train' | 'validation' | 'test';

/** The data of a run, counted. */
export interface DatasetSummary {
  readonly name: string;
  readonly kind: string;
  readonly synthetic: boolean;
  /** Sentence: how recordings were told apart. */
  readonly groupSource: string;
  /** Hash of sounds and labels. */
  readonly fingerprint: string;
  readonly classes: readonly string[];
  readonly counts: readonly {
    readonly label: string;
    readonly fold: number | null;
    readonly side: Side;
    readonly clips: number;
  }[];
  /** Distinct recordings per side. */
  readonly groups: Readonly<Record<Side, number>>;
}

/** Counts the clips of each side by class and fold. */
export function summariseDataset(
  dataset: Dataset,
  sides: Readonly<Record<Side, readonly Clip[]>>,
  fingerprint: string,
): DatasetSummary {
  const counts = new Map<string, { label: string; fold: number | null; side: Side; clips: number }>();
  const names: readonly Side[] = ['train', 'validation', 'test'];
  for (const side of names) {
    for (const { label, fold } of sides[side]) {
      const key = JSON.stringify([side, fold, label]);
      const entry = counts.get(key);
      if (entry) entry.clips++;
      else counts.set(key, { label, fold, side, clips: 1 });
    }
  }
  const groups = (side: Side) => new Set(sides[side].map((clip) => clip.group)).size;
  const { name, kind, synthetic, groupSource, classes } = dataset;
  return {
    name,
    kind,
    synthetic,
    groupSource,
    fingerprint,
    classes,
    counts: [...counts.values()],
    groups: { train: groups('train'), validation: groups('validation'), test: groups('test') },
  };
}
