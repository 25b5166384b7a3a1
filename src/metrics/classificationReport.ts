/**
 * @file The per-class report, as text and as an object, in the form of scikit-learn 1.2's
 * `classification_report`. Labels may be a subset of those that occur (then a `micro avg` row stands in place of
 * `accuracy`) or contain classes that occur nowhere (they are listed with zeros).
 */
import { ParameterError } from '../core/index.ts';
import { accuracy } from './accuracy.ts';
import { type Label, type LabelPairs, uniqueLabels } from './labels.ts';
import {
  averageScores,
  type ClassCounts,
  type ClassScores,
  countClasses,
  scoreClasses,
} from './precisionRecallFscore.ts';

/** One row of the report under scikit-learn's `output_dict` keys. */
export interface ReportRow {
  readonly precision: number;
  readonly recall: number;
  readonly 'f1-score': number;
  readonly support: number;
}

/** scikit-learn's `output_dict`: a row per class name and average, and the number `accuracy`. */
export type ClassificationReport = Record<string, ReportRow | number>;

export interface ReportOptions<L extends Label> {
  /** The classes to list, in order; default: all that occur in truth or predictions, sorted. */
  readonly labels?: readonly L[];
  /** Names to show for `labels`, same order and length; default: the labels themselves. */
  readonly targetNames?: readonly string[];
  /**
   * The row between classes and averages. `'auto'` is scikit-learn 1.2's rule: `accuracy` if `labels` are exactly
   * the classes that occur, else `micro avg`. `'accuracy'` asks for accuracy also when a listed class occurs
   * nowhere (newer scikit-learn's rule), where both are the same number.
   */
  readonly overall?: 'auto' | 'accuracy';
}

const reservedRows = new Set(['accuracy', 'micro avg', 'macro avg', 'weighted avg']);

/**
 * The report as an object with scikit-learn's `output_dict` keys.
 *
 * @throws {ParameterError} when lengths differ, there are no items, `targetNames` does not fit or names a class
 *   twice, or a class bears the name of a summary row such as "accuracy", which would overwrite it (the text form
 *   has no such limit).
 */
export function classificationReportDict<L extends Label>(
  pairs: LabelPairs<L>,
  options: ReportOptions<L> = {},
): ClassificationReport {
  const { names, counts, overall } = prepare(pairs, options);
  const rows = new Map<string, ReportRow | number>();
  const classes = scoreClasses(counts);
  names.forEach((name, i) => {
    if (reservedRows.has(name) || rows.has(name)) {
      throw new ParameterError(
        rows.has(name)
          ? `Two classes are called "${name}", so their rows cannot be told apart.`
          : `A class is called "${name}", which is the name of a summary row of the report.`,
        { hint: 'Pass other names in `targetNames`.' },
      );
    }
    rows.set(name, reportRow(classes[i]));
  });
  const micro = averageScores(counts, 'micro');
  rows.set(overall, overall === 'accuracy' ? micro.precision : reportRow(micro));
  rows.set('macro avg', reportRow(averageScores(counts, 'macro')));
  rows.set('weighted avg', reportRow(averageScores(counts, 'weighted')));
  return Object.fromEntries(rows);
}

/**
 * The report as text, byte for byte what scikit-learn 1.2 prints, with a newline at the end.
 *
 * @param options.digits decimals of the scores, 0 to 20; 2 by default.
 * @throws {ParameterError} when lengths differ, there are no items, or `targetNames` or `digits` does not fit.
 */
export function classificationReport<L extends Label>(
  pairs: LabelPairs<L>,
  options: ReportOptions<L> & { digits?: number } = {},
): string {
  const digits = options.digits ?? 2;
  if (!Number.isInteger(digits) || digits < 0 || digits > 20) {
    throw new ParameterError(`digits must be an integer from 0 to 20, got ${digits}.`);
  }
  const { names, counts, overall } = prepare(pairs, options);
  // Where not a single item is right, scikit-learn's counts become floats and it prints supports as "4.0".
  const supportSuffix = accuracy(pairs) === 0 ? '.0' : '';
  const width = Math.max('weighted avg'.length, digits, ...names.map(textWidth));
  const line = (name: string, cells: readonly string[]) =>
    `${padStart(name, width)} ${cells.map((cell) => ` ${padStart(cell, 9)}`).join('')}\n`;
  const row = (name: string, scores: ClassScores, onlyF1 = false) => {
    const numbers = [scores.precision, scores.recall, scores.fScore].map((x) => toFixedHalfEven(x, digits));
    return line(name, [...(onlyF1 ? ['', '', numbers[2]] : numbers), `${scores.support}${supportSuffix}`]);
  };
  const classes = scoreClasses(counts);
  return [
    line('', ['precision', 'recall', 'f1-score', 'support']),
    '\n',
    ...names.map((name, i) => row(name, classes[i])),
    '\n',
    row(overall, averageScores(counts, 'micro'), overall === 'accuracy'),
    row('macro avg', averageScores(counts, 'macro')),
    row('weighted avg', averageScores(counts, 'weighted')),
  ].join('');
}

interface Prepared<L extends Label> {
  readonly names: readonly string[];
  readonly counts: ClassCounts<L>;
  readonly overall: 'accuracy' | 'micro avg';
}

function prepare<L extends Label>(pairs: LabelPairs<L>, options: ReportOptions<L>): Prepared<L> {
  const counts = countClasses(pairs, options.labels);
  const names = options.targetNames ?? counts.labels.map(String);
  if (names.length !== counts.labels.length) {
    throw new ParameterError(
      `The report has ${counts.labels.length} classes but ${names.length} target names; each class needs one.`,
    );
  }
  const listed = new Set<L>(counts.labels);
  const occurring = uniqueLabels(pairs.truth, pairs.predicted);
  const complete = occurring.every((label) => listed.has(label));
  const exact = complete && listed.size === occurring.length;
  return {
    names,
    counts,
    overall: exact || (complete && options.overall === 'accuracy') ? 'accuracy' : 'micro avg',
  };
}

function reportRow(scores: ClassScores): ReportRow {
  const { precision, recall, fScore, support } = scores;
  return { precision, recall, 'f1-score': fScore, support };
}

/** Characters as Python counts them: code points, not UTF-16 units. */
function textWidth(text: string): number {
  return [...text].length;
}

function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - textWidth(text))) + text;
}

/**
 * Decimal rounding as C and Python do it. `toFixed` too rounds the exact binary value, but takes exact ties up
 * (0.125 → 0.13), where Python takes the even digit (0.12).
 */
function toFixedHalfEven(x: number, digits: number): string {
  const up = x.toFixed(digits);
  // A double is an exact tie only if it has a finite expansion of digits + 1 decimals ending in 5: it is then a
  // multiple of 2^-(digits + 1), and scaling by a power of two is exact.
  const tie = Number.isInteger(x * 2 ** (digits + 1)) && x.toFixed(digits + 1).endsWith('5');
  if (!tie || Number(up.at(-1)) % 2 === 0) return up;
  return x.toFixed(digits + 1).slice(0, digits === 0 ? -2 : -1);
}
