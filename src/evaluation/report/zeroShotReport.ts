/** @file The report of a zero-shot evaluation: unseen classes, seen and unseen together, and sounds of unknown class. */
import { join } from 'node:path';
import type { Notice } from '../../core/index.ts';
import { writeFileAtomic } from '../../files/atomic.ts';
import { curvePicture, type Picture } from '../../pictures/index.ts';
import {
  type MethodSummary,
  type SplitOutcome,
  type UnknownScore,
  type WithInterval,
  type ZeroShotSummary,
  zeroShotMethodByName,
} from '../../zeroShot/index.ts';
import { clipNoticeBlocks, type Repetition, repeatBlocks } from './closingBlocks.ts';
import type { Block, ReportDocument } from './document.ts';
import { renderHtml } from './renderHtml.ts';
import { renderMarkdown } from './renderMarkdown.ts';
import { percentRange, percentText, plural, scoreText } from './scoreText.ts';
import { syntheticBadges } from './syntheticBadges.ts';

export interface ZeroShotReport extends Repetition {
  readonly title: string;
  readonly dataset: {
    readonly name: string;
    readonly synthetic: boolean;
    readonly groupSource: string;
    readonly clips: number;
    readonly classes: readonly string[];
  };
  /** A sentence or a phrase: what the numbers of a clip are. */
  readonly embedding: string;
  readonly vectors: {
    readonly source: string;
    readonly columns: number;
    readonly attributes: readonly string[] | null;
  };
  readonly summary: ZeroShotSummary;
  readonly splits: readonly SplitOutcome[];
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

const scoreNames: Readonly<Record<UnknownScore, string>> = {
  softmax: 'largest softmax probability',
  energy: 'energy',
  mahalanobis: 'Mahalanobis distance',
};

/**
 * Writes `report.md`, `report.html` and `stacking.png` into `directory` (made if need be).
 * @returns the paths of both texts
 */
export async function writeZeroShotReport(
  directory: string,
  report: ZeroShotReport,
): Promise<{ html: string; markdown: string }> {
  const picture = stackingPicture(report.summary);
  const page = zeroShotDocument(report, picture);
  const [html, markdown] = [join(directory, 'report.html'), join(directory, 'report.md')];
  await writeFileAtomic(join(directory, 'stacking.png'), picture.png);
  await writeFileAtomic(markdown, renderMarkdown(page));
  await writeFileAtomic(html, renderHtml(page));
  return { html, markdown };
}

function stackingPicture({ methods }: ZeroShotSummary): Picture {
  const x = methods[0].curve.map((_, k) => k / 100);
  return curvePicture(
    [
      {
        yLabel: 'accuracy on seen classes',
        yRange: [0, 1],
        series: methods.map(({ method, curve }) => ({ name: method, x, y: curve })),
      },
    ],
    { xLabel: 'accuracy on unseen classes' },
  );
}

/** The document. */
export function zeroShotDocument(report: ZeroShotReport, picture: Picture): ReportDocument {
  const { summary, dataset, vectors, splits, notices, failures } = report;
  const best = summary.methods.reduce((a, b) => (b.accuracy.value > a.accuracy.value ? b : a));
  const range = percentRange(best.accuracy.recordings);
  const badges = [
    ...syntheticBadges(dataset.synthetic),
    ...notices
      .filter(({ subject }) => subject === 'embedding')
      .map(({ message }) => ({ tone: 'warning' as const, text: message })),
  ];
  const groups = best.accuracy.recordings.groups;
  return {
    title: report.title,
    blocks: [
      {
        kind: 'lead',
        content: [
          { strong: best.method },
          ` tells classes that nothing was fitted to apart in ${percentText(best.accuracy.value)} of their clips` +
            `${range === null ? '' : ` (95 % interval ${range})`}; chance is ${percentText(summary.chance)}.`,
        ],
      },
      ...(badges.length === 0 ? [] : [{ kind: 'badges', badges } as const]),
      {
        kind: 'paragraph',
        content: [
          `${plural(summary.splits, 'division')} of ${plural(dataset.classes.length, 'class', 'classes')} into seen and unseen ones. ` +
            'Embedding, scaling, settings and models learn from clips of seen classes alone, and no recording is both ' +
            `learnt from and tested on. Embedding: ${report.embedding}. ${vectors.source} ${plural(vectors.columns, 'number')} per class` +
            `${vectors.attributes === null ? '.' : `: ${vectors.attributes.join(', ')}.`}`,
        ],
      },
      { kind: 'heading', text: 'Unseen classes among themselves' },
      accuracyTable(summary),
      {
        kind: 'paragraph',
        content: [
          'Accuracy is the mean over divisions of the mean over unseen classes. Intervals are 95 %, by bootstrap: ' +
            `over ${plural(groups, 'recording')}, and over divisions (these share classes, so that interval only describes). ` +
            'Shuffled: the same fits with the class vectors handed to the wrong classes at random, settings chosen anew each time; ' +
            'p is the share of shuffles that do as well or better.',
        ],
      },
      {
        kind: 'list',
        items: summary.methods.map(({ method }) => [
          { strong: method },
          `: ${zeroShotMethodByName(method).description}.`,
        ]),
      },
      { kind: 'heading', text: 'Seen and unseen classes together' },
      generalisedTable(summary),
      {
        kind: 'paragraph',
        content: [
          'Every clip is decided among all classes. Plain: by the scores as they are. Calibrated: a constant is taken off the ' +
            'scores of seen classes, chosen inside the seen classes. AUSUC is the area under the curve of all constants.',
        ],
      },
      {
        kind: 'picture',
        svg: picture.svg,
        file: 'stacking.png',
        alt: 'Accuracy on seen classes over accuracy on unseen ones as a constant is taken off the scores of seen classes, mean over divisions.',
      },
      { kind: 'heading', text: 'Is it of a known class at all?' },
      unknownTable(summary),
      {
        kind: 'paragraph',
        content: [
          'A classifier of the seen classes hears recordings held out of them and clips of the unseen classes; its score should be ' +
            'higher for the former. AUROC is 0.5 by chance. FPR95 is the share of unseen-class clips taken for known where 95 % ' +
            `of the known ones are. Its balanced accuracy on the seen classes is ${withInterval(summary.seenAccuracy)}.`,
        ],
      },
      { kind: 'details', summary: 'Every division', blocks: [splitTable(splits)] },
      ...clipNoticeBlocks({
        failures,
        notices: notices.filter(({ subject }) => subject !== 'embedding'),
      }),
      { kind: 'heading', text: 'Data' },
      {
        kind: 'paragraph',
        content: [
          `${dataset.name}: ${plural(dataset.clips, 'clip')} of ${dataset.classes.join(', ')}. ${dataset.groupSource}`,
        ],
      },
      ...repeatBlocks(report),
    ],
  };
}

function withInterval({ value, interval }: WithInterval): string {
  return scoreText(value, interval);
}

function accuracyTable({ methods, chance }: ZeroShotSummary): Block {
  return {
    kind: 'table',
    head: ['model', 'accuracy [recordings]', '[divisions]', 'chance', 'shuffled [95 % of shuffles]', 'p'],
    align: ['left', 'right', 'right', 'right', 'right', 'right'],
    rows: methods.map(({ method, accuracy, shuffled }) => [
      method,
      scoreText(accuracy.value, accuracy.recordings),
      intervalText(accuracy.splits),
      chance.toFixed(3),
      shuffled === null
        ? 'not tried'
        : `${shuffled.mean.toFixed(3)} [${shuffled.low.toFixed(3)}, ${shuffled.high.toFixed(3)}]`,
      shuffled === null ? '' : shuffled.p.toFixed(3),
    ]),
  };
}

function intervalText({ low, high }: MethodSummary['accuracy']['splits']): string {
  return low === null || high === null ? '' : `[${low.toFixed(3)}, ${high.toFixed(3)}]`;
}

function generalisedTable({ methods }: ZeroShotSummary): Block {
  return {
    kind: 'table',
    head: ['model', 'plain seen / unseen', 'harmonic', 'calibrated seen / unseen', 'harmonic', 'AUSUC'],
    align: ['left', ...Array.from({ length: 5 }, () => 'right' as const)],
    rows: methods.map(({ method, generalised: g }) => {
      const both = (a: WithInterval, b: WithInterval) => `${a.value.toFixed(3)} / ${b.value.toFixed(3)}`;
      return [
        method,
        both(g.plainSeen, g.plainUnseen),
        g.plainHarmonic.value.toFixed(3),
        both(g.seen, g.unseen),
        withInterval(g.harmonic),
        withInterval(g.ausuc),
      ];
    }),
  };
}

function unknownTable({ unknown }: ZeroShotSummary): Block {
  return {
    kind: 'table',
    head: ['score', 'AUROC [divisions]', 'FPR95 [divisions]'],
    align: ['left', 'right', 'right'],
    rows: (Object.keys(unknown) as UnknownScore[]).map((score) => [
      scoreNames[score],
      withInterval(unknown[score].auroc),
      withInterval(unknown[score].fpr95),
    ]),
  };
}

function splitTable(splits: readonly SplitOutcome[]): Block {
  const methods = splits[0].methods.map(({ method }) => method);
  return {
    kind: 'table',
    head: ['unseen', ...methods, 'AUROC by energy', 'clips learnt from', 'tested: seen', 'unseen'],
    align: ['left', ...methods.map(() => 'right' as const), 'right', 'right', 'right', 'right'],
    rows: splits.map(({ split, methods: runs, unknown, rows }) => [
      split.name,
      ...runs.map(({ accuracy }) => accuracy.toFixed(3)),
      unknown.energy.auroc.toFixed(3),
      ...[rows.fit, rows.seenTest, rows.unseen].map(String),
    ]),
  };
}
