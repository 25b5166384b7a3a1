/** @file The report of a few-shot evaluation: accuracy over the number of examples per class, one curve per method. */
import { join } from 'node:path';
import type { Notice } from '../../core/index.ts';
import { writeFileAtomic } from '../../files/atomic.ts';
import { curvePicture } from '../../pictures/index.ts';
import type { WithInterval } from '../../zeroShot/index.ts';
import { clipNoticeBlocks, type Repetition, repeatBlocks } from './closingBlocks.ts';
import { renderHtml } from './renderHtml.ts';
import { renderMarkdown } from './renderMarkdown.ts';
import { percentText, plural, scoreText } from './scoreText.ts';
import { syntheticBadges } from './syntheticBadges.ts';

/** Scores at one number of examples. */
export interface FewShotPoint {
  readonly shots: number;
  /** Examples per class that there were, on average. */
  readonly examples: number;
  /** By method; a method that needs more examples is absent. */
  readonly accuracy: Readonly<Record<string, WithInterval>>;
}

export interface FewShotReport extends Repetition {
  readonly title: string;
  readonly dataset: string;
  readonly synthetic: boolean;
  readonly embedding: string;
  readonly vectors: string;
  readonly chance: number;
  readonly novel: number;
  readonly splits: number;
  readonly draws: number;
  readonly points: readonly FewShotPoint[];
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/** Writes `report.md`, `report.html` and `few-shot.png` into `directory` (made if need be). */
export async function writeFewShotReport(
  directory: string,
  report: FewShotReport,
): Promise<{ html: string; markdown: string }> {
  const { points, chance } = report;
  const methods = [...new Set(points.flatMap(({ accuracy }) => Object.keys(accuracy)))];
  const x = points.map(({ shots }) => shots);
  const picture = curvePicture(
    [
      {
        yLabel: 'accuracy',
        yRange: [0, 1],
        series: [
          ...methods.map((name) => ({
            name,
            x,
            y: points.map(({ accuracy }) => accuracy[name]?.value ?? null),
            intervals: points.map(({ accuracy }) => accuracy[name]?.interval),
          })),
          { name: 'chance', x, y: points.map(() => chance), dashed: true },
        ],
      },
    ],
    { xLabel: 'examples per class' },
  );
  const last = points.at(-1)!;
  const first = points[0];
  const lead = Object.entries(first.accuracy)
    .map(([name, { value }]) => `${name} ${percentText(value)}`)
    .join(', ');
  const document = {
    title: report.title,
    blocks: [
      {
        kind: 'lead',
        content: [
          `With ${plural(first.shots, 'example')} per class: ${lead}; with ${last.shots}: ` +
            `${Object.entries(last.accuracy)
              .map(([name, { value }]) => `${name} ${percentText(value)}`)
              .join(', ')}. Chance is ${percentText(chance)}.`,
        ],
      },
      ...(report.synthetic ? [{ kind: 'badges' as const, badges: syntheticBadges(true) }] : []),
      {
        kind: 'picture',
        svg: picture.svg,
        file: 'few-shot.png',
        alt: 'Accuracy over the number of examples per class, one curve per method, with 95 % intervals.',
      },
      {
        kind: 'table',
        head: ['examples', 'there were', ...methods],
        align: ['right', 'right', ...methods.map(() => 'right' as const)],
        rows: points.map(({ shots, examples, accuracy }) => [
          String(shots),
          examples.toFixed(1),
          ...methods.map((name) =>
            accuracy[name] === undefined ? '' : scoreText(accuracy[name].value, accuracy[name].interval),
          ),
        ]),
      },
      {
        kind: 'paragraph',
        content: [
          `${report.dataset}: ${plural(report.splits, 'division')} into base and ${report.novel} novel classes, ${plural(report.draws, 'draw')} ` +
            'of examples each. Examples and tested clips are never of one recording. Scaling, and what class vectors say of sounds, are learnt ' +
            'from base classes alone. Intervals are 95 %, by bootstrap over divisions, each with all its draws. ' +
            `Embedding: ${report.embedding}. ${report.vectors}`,
        ],
      },
      ...clipNoticeBlocks(report),
      ...repeatBlocks(report),
    ],
  } as const;
  const [html, markdown] = [join(directory, 'report.html'), join(directory, 'report.md')];
  await writeFileAtomic(join(directory, 'few-shot.png'), picture.png);
  await writeFileAtomic(markdown, renderMarkdown(document));
  await writeFileAtomic(html, renderHtml(document));
  return { html, markdown };
}
