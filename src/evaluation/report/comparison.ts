/** @file Several approaches on the same test clips, side by side, as `earshot demo` shows them. */
import { join } from 'node:path';
import { DatasetError, ParameterError } from '../../core/index.ts';
import { writeFileAtomic } from '../../files/atomic.ts';
import { bootstrapGroups } from '../../statistics/index.ts';
import { classScores, type Evaluation } from '../evaluation.ts';
import { decide, type PredictionTable } from '../predictionTable.ts';
import { dataBlocks } from './dataBlocks.ts';
import type { Block, ReportDocument } from './document.ts';
import { renderHtml } from './renderHtml.ts';
import { renderMarkdown } from './renderMarkdown.ts';
import type { DatasetSummary } from './runReport.ts';
import { countText, durationText, percentText, plural, scoreText } from './scoreText.ts';

/** One approach of a comparison. */
export interface ComparedRun {
  readonly approach: string;
  readonly evaluation: Evaluation;
  readonly predictions: PredictionTable;
  readonly parameters: number;
  readonly weights: 'random' | (string & {});
  readonly trainingSeconds: number;
  /** Where the approach's own report lies, relative to the comparison's directory. */
  readonly report?: string;
}

export interface Comparison {
  readonly title: string;
  readonly command: string;
  readonly dataset: DatasetSummary;
  readonly runs: readonly ComparedRun[];
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * Writes `comparison.md` and `comparison.html` into `directory` (made if need be).
 * @returns the paths written.
 * @throws {ParameterError} when there are no runs.
 * @throws {DatasetError} when the runs were not tested on the same clips.
 */
export async function writeComparison(directory: string, comparison: Comparison): Promise<string[]> {
  const page = comparisonDocument(comparison);
  const files = [
    [join(directory, 'comparison.md'), renderMarkdown(page)],
    [join(directory, 'comparison.html'), renderHtml(page)],
  ] as const;
  for (const [path, content] of files) await writeFileAtomic(path, content);
  return files.map(([path]) => path);
}

/** The document of a comparison, best accuracy first. */
export function comparisonDocument(comparison: Comparison): ReportDocument {
  const { dataset, versions, seed, command, title } = comparison;
  const runs = [...comparison.runs].sort((a, b) => b.evaluation.accuracy - a.evaluation.accuracy);
  const [best] = runs;
  if (best === undefined) throw new ParameterError('There are no runs to compare; at least one is needed.');
  for (const run of runs) checkSameClips(best, run);
  const differences = runs.slice(1).map((run) => ({
    approach: run.approach,
    ...accuracyDifference(best.predictions, run.predictions, seed),
  }));
  const { split, clips, groups, intervals } = best.evaluation;
  const level = `${Math.round(100 * intervals.accuracy.level)} %`;
  const warnings = [
    ...(dataset.synthetic
      ? [
          'Synthetic data: these sounds were computed, not recorded. The numbers show that the program works, not how well it hears.',
        ]
      : []),
    ...(split !== null && split.leak.clips > 0
      ? [
          `Leak: ${percentText(split.leak.share)} of the test clips share their recording with training. ` +
            'The scores tell in part how well known recordings are recognised again.',
        ]
      : []),
  ];
  const random = runs.every((run) => run.weights === 'random');
  return {
    title,
    blocks: [
      {
        kind: 'lead',
        content: [
          { strong: best.approach },
          ` classifies ${percentText(best.evaluation.accuracy)} of ${plural(clips, 'test clip')} correctly`,
          runs.length > 1 ? `, the best of ${runs.length} approaches${leadText(differences)}.` : '.',
        ],
      },
      {
        kind: 'badges',
        badges: [
          ...warnings.map((text) => ({ tone: 'warning' as const, text })),
          ...(random
            ? [{ tone: 'note' as const, text: 'All approaches were trained from random weights.' }]
            : []),
        ],
      },
      {
        kind: 'table',
        head: [
          'approach',
          `accuracy [${level}]`,
          `macro F1 [${level}]`,
          'log-loss',
          'parameters',
          'weights',
          'training',
        ],
        align: ['left', 'right', 'right', 'right', 'right', 'left', 'right'],
        rows: runs.map(({ approach, evaluation, parameters, weights, trainingSeconds }) => [
          approach,
          scoreText(evaluation.accuracy, evaluation.intervals.accuracy),
          scoreText(evaluation['macro avg']['f1-score'], evaluation.intervals['macro avg']['f1-score']),
          evaluation.logLoss.toFixed(3),
          countText(parameters),
          weights,
          durationText(trainingSeconds),
        ]),
      },
      {
        kind: 'paragraph',
        content: [
          `Intervals by bootstrap over ${plural(groups, 'recording')}. All approaches were tested on the same clips, so ` +
            'the difference of two is known better than overlapping intervals suggest.',
        ],
      },
      ...differenceBlocks(best, differences),
      ...perClassBlocks(runs),
      ...dataBlocks(dataset, split),
      { kind: 'heading', text: 'Repeat it' },
      { kind: 'code', language: 'sh', text: command },
      {
        kind: 'table',
        head: ['what', 'value'],
        align: ['left', 'left'],
        rows: [
          ['seed', String(seed)],
          ['data fingerprint', dataset.fingerprint],
          ...Object.entries(versions),
        ],
      },
    ],
  };
}

function checkSameClips(first: ComparedRun, other: ComparedRun): void {
  const labels = new Map(first.predictions.rows.map((row) => [row.clip, row.label]));
  const same =
    other.predictions.rows.length === labels.size &&
    other.predictions.rows.every((row) => labels.get(row.clip) === row.label);
  if (!same) {
    throw new DatasetError(
      `The approaches ${first.approach} and ${other.approach} were not tested on the same clips with the same labels.`,
      { hint: 'Compare runs that share dataset and split.' },
    );
  }
}

type Difference = ReturnType<typeof accuracyDifference> & { readonly approach: string };

/** Whether the best is clearly ahead of the next, as the end of a sentence. */
function leadText([next]: readonly Difference[]): string {
  if (next === undefined || next.low === null || next.low > 0) return '';
  return `; its lead over ${next.approach} is no larger than chance can make it`;
}

/** How far the others lie behind the best: the same recordings are drawn for both, so their difficulty cancels. */
function differenceBlocks(best: ComparedRun, differences: readonly Difference[]): Block[] {
  if (differences.length === 0) return [];
  const points = (value: number) => `${value >= 0 ? '+' : '−'}${Math.abs(100 * value).toFixed(1)}`;
  const rows = differences.map(({ approach, difference, low, high }) => {
    const interval = low === null || high === null ? 'none' : `${points(low)} to ${points(high)}`;
    return [
      `${best.approach} − ${approach}`,
      points(difference),
      interval,
      low !== null && low > 0 ? 'yes' : 'no',
    ];
  });
  return [
    {
      kind: 'table',
      head: ['difference in accuracy', 'points', '95 % interval', 'clear of zero'],
      align: ['left', 'right', 'right', 'left'],
      rows,
    },
  ];
}

/**
 * Accuracy of the first minus accuracy of the second on the same clips, with a 95 % interval by bootstrap over
 * recordings (paired: each resample is scored for both).
 * @throws {DatasetError} when the tables do not hold the same clips.
 */
export function accuracyDifference(
  first: PredictionTable,
  second: PredictionTable,
  seed: number,
): { difference: number; low: number | null; high: number | null } {
  const right = (table: PredictionTable) =>
    new Map(table.rows.map((row) => [row.clip, decide(table.classes, row).predicted === row.label ? 1 : 0]));
  const [rightFirst, rightSecond] = [right(first), right(second)];
  const gain = first.rows.map(({ clip }) => {
    const other = rightSecond.get(clip);
    if (other === undefined || rightSecond.size !== rightFirst.size) {
      throw new DatasetError(
        `The two tables do not hold the same clips; "${clip}" is one that may be missing.`,
      );
    }
    return rightFirst.get(clip)! - other;
  });
  const mean = (items: Uint32Array) => {
    let sum = 0;
    for (const i of items) sum += gain[i]!;
    return { difference: sum / items.length };
  };
  const groups = first.rows.map((row) => row.group);
  const { low, high } = bootstrapGroups(groups, mean, { seed }).difference;
  return { ...mean(Uint32Array.from(gain, (_, i) => i)), low, high };
}

function perClassBlocks(runs: readonly ComparedRun[]): Block[] {
  const { classes } = runs[0]!.evaluation.confusion;
  const f1 = runs.map(
    ({ evaluation }) => new Map(classScores(evaluation).map((c) => [c.name, c.scores['f1-score']])),
  );
  return [
    { kind: 'heading', text: 'F1 per class' },
    {
      kind: 'table',
      head: ['class', ...runs.map((run) => run.approach)],
      align: ['left', ...runs.map(() => 'right' as const)],
      rows: classes.map((name) => [name, ...f1.map((scores) => scores.get(name)?.toFixed(3) ?? '')]),
    },
    ...runs.flatMap(({ approach, report }): Block[] =>
      report === undefined
        ? []
        : [{ kind: 'paragraph', content: [`Report of ${approach}: `, { link: report, text: report }, '.'] }],
    ),
  ];
}
