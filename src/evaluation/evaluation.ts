/** @file The result of an evaluation as plain data: what `evaluation.json` holds. */
import type { Notice } from '../core/index.ts';
import type { Split } from '../datasets/splitDataset.ts';
import { type ConfusionMatrix, classificationReport, type ReportRow } from '../metrics/index.ts';
import type { Interval, MeanDeviation } from '../statistics/index.ts';

/** How training and tested clips were set apart. */
export interface SplitSummary {
  /** `folds`, `grouped`, `stratified`, `random`, `cross-validation`, or `external` (tested on another dataset). */
  readonly kind: string;
  /** One line for people. */
  readonly description: string;
  readonly trainFolds: readonly number[];
  readonly testFolds: readonly number[];
  /** Clips trained on, those set aside for validation not counted. */
  readonly trainClips: number;
  readonly validationClips: number;
  readonly testClips: number;
  readonly leak: {
    /** Tested clips whose recording is also in training (or validation). */
    readonly clips: number;
    /** Their share of all tested clips, in [0, 1]. */
    readonly share: number;
    /** Recordings on both sides. */
    readonly groups: number;
    /** Tested clips that overlap in time with a training clip of their recording; null or absent: not known. */
    readonly overlapping?: number | null;
  };
}

/** Intervals in the shape of the scores they belong to. */
export interface EvaluationIntervals {
  readonly accuracy: Interval;
  readonly 'macro avg': AverageIntervals;
  readonly 'weighted avg': AverageIntervals;
  readonly topK: Readonly<Record<string, Interval>>;
  readonly logLoss: Interval;
  readonly calibrationError: Interval;
}

export interface AverageIntervals {
  readonly precision: Interval;
  readonly recall: Interval;
  readonly 'f1-score': Interval;
}

/** The folds of a cross-validation, each evaluated alone, and their spread. */
export interface CrossValidation {
  readonly folds: readonly {
    readonly name: string;
    readonly clips: number;
    readonly accuracy: number;
    readonly macroF1: number;
  }[];
  readonly accuracy: MeanDeviation;
  readonly macroF1: MeanDeviation;
}

export interface EvaluationSummary {
  readonly accuracy: number;
  readonly 'macro avg': ReportRow;
  readonly 'weighted avg': ReportRow;
  readonly intervals: EvaluationIntervals;
  /** Rows are true classes, columns predicted ones; `classes` gives the order and the true names of the classes. */
  readonly confusion: ConfusionMatrix<string>;
  readonly split: SplitSummary | null;
  /** Top-k accuracy by k. */
  readonly topK: Readonly<Record<string, number>>;
  /** Mean of −ln p(true class), in nats. */
  readonly logLoss: number;
  /** Mean squared distance from the one-hot truth, in [0, 2]. */
  readonly brierScore: number;
  /** Expected calibration error, 15 bins of equal width. */
  readonly calibrationError: number;
  /** Number of tested clips, and of recordings they come from. */
  readonly clips: number;
  readonly groups: number;
  readonly notices: readonly Notice[];
  /** For a cross-validation: its folds. */
  readonly crossValidation?: CrossValidation;
}

/**
 * The scores, and beside them a {@link ReportRow} per class under the class's name: the keys of scikit-learn's
 * `classification_report(output_dict=True)`. Read class rows with {@link classScores}, which knows about renaming.
 */
export type Evaluation = EvaluationSummary & Readonly<Record<string, unknown>>;

const reserved: ReadonlySet<string> = new Set([
  ...[
    'accuracy',
    'micro avg',
    'macro avg',
    'weighted avg',
    'intervals',
    'confusion',
    'split',
    'topK',
    'logLoss',
  ],
  ...['brierScore', 'calibrationError', 'clips', 'groups', 'notices', 'crossValidation', 'run', '__proto__'],
]);

/**
 * The key of each class in an {@link Evaluation}: its name, except that a class named like another key of the
 * evaluation ("accuracy", "split") has " (class)" appended, until the key is free.
 */
export function classKeys(classes: readonly string[]): string[] {
  const taken = new Set([...reserved, ...classes]);
  return classes.map((name) => {
    if (!reserved.has(name)) return name;
    let key = name;
    while (taken.has(key)) key += ' (class)';
    taken.add(key);
    return key;
  });
}

/** Scores of every class, in the order of `evaluation.confusion.classes`. */
export function classScores(evaluation: Evaluation): { name: string; scores: ReportRow }[] {
  const { classes } = evaluation.confusion;
  const keys = classKeys(classes);
  return classes.map((name, i) => ({ name, scores: evaluation[keys[i]] as ReportRow }));
}

/** The per-class report in scikit-learn's text form, with every class listed and accuracy stated. */
export function evaluationText(evaluation: Evaluation): string {
  const { classes, matrix } = evaluation.confusion;
  const truth: string[] = [];
  const predicted: string[] = [];
  matrix.forEach((row, t) => {
    row.forEach((count, p) => {
      for (let i = 0; i < count; i++) {
        truth.push(classes[t]);
        predicted.push(classes[p]);
      }
    });
  });
  return classificationReport({ truth, predicted }, { labels: classes, overall: 'accuracy' });
}

/** A confusion matrix as text: a row per true class, numbered columns for predicted ones, zeros as dots. */
export function confusionText({ classes, matrix }: ConfusionMatrix<string>): string {
  const width =
    Math.max(...matrix.flat().map((count) => String(count).length), String(classes.length).length) + 1;
  const numberWidth = String(classes.length).length;
  const nameWidth = Math.max('true class'.length, ...classes.map((name) => [...name].length));
  const padded = (text: string) => text + ' '.repeat(nameWidth - [...text].length);
  const numbers = classes.map((_, i) => String(i + 1).padStart(width)).join('');
  const lines = matrix.map((row, i) => {
    const cells = row.map((count) => (count === 0 ? '·' : String(count)).padStart(width)).join('');
    return `${String(i + 1).padStart(numberWidth)} ${padded(classes[i])} ${cells}`;
  });
  const head = `${' '.repeat(numberWidth)} ${padded('true class')} ${numbers}  predicted as`;
  return `${[head, ...lines].join('\n')}\n`;
}

/**
 * The summary of a split as the datasets make them.
 * @param validationClips how many clips of its training side are used for validation.
 */
export function summariseSplit(split: Split, validationClips = 0): SplitSummary {
  const folds = (clips: Split['train']) =>
    [...new Set(clips.flatMap(({ fold }) => (fold === null ? [] : [fold])))].sort((a, b) => a - b);
  return {
    kind: split.kind,
    description: split.description,
    trainFolds: folds(split.train),
    testFolds: folds(split.test),
    trainClips: split.train.length - validationClips,
    validationClips,
    testClips: split.test.length,
    leak: {
      clips: split.leak.leakedClips,
      share: split.leak.share,
      groups: split.leak.sharedGroups.length,
      overlapping: split.leak.overlappingClips,
    },
  };
}
