/** @file The parts of a run's report that are about single clips: the confusion matrix to listen to, the worst errors. */

import type { Block, ClipEntry, Inline } from './document.ts';
import { clipsByCell, type DecidedClip, shownErrors } from './runMedia.ts';
import type { RunReport } from './runReport.ts';
import { percentText, plural } from './scoreText.ts';
import { confusedPairs, worstErrors } from './worstErrors.ts';

/** How many clips a cell lists: of a large set not all, or the page would be all lists. */
const listedClips = 40;

const head = ['p(predicted)', 'p(true)'];

/** The matrix, and the classes most often confused. @param svg the matrix as a picture, confusion.png */
export function confusionBlocks(
  { evaluation, predictions, media }: Pick<RunReport, 'evaluation' | 'predictions' | 'media'>,
  svg: string,
): Block[] {
  const { classes, matrix } = evaluation.confusion;
  const alt = 'Confusion matrix: rows are true classes, columns predicted ones';
  const pairs = confusedPairs(evaluation.confusion, 5);
  const entry = ({ clip, confidence, truthProbability }: DecidedClip): ClipEntry => ({
    name: clip,
    ...(media?.sounds.has(clip) ? { sound: clip } : {}),
    facts: [confidence.toFixed(3), truthProbability.toFixed(3)],
  });
  const heardFirst = (clips: readonly ClipEntry[]) => [
    ...clips.filter(({ sound }) => sound !== undefined),
    ...clips.filter(({ sound }) => sound === undefined),
  ];
  const cells = [...clipsByCell({ classes, rows: predictions.rows }).values()].map((clips) => ({
    row: clips[0].row,
    column: clips[0].column,
    clips: heardFirst(clips.map(entry)).slice(0, listedClips),
  }));
  const blocks: Block[] = [
    {
      kind: 'matrix',
      classes,
      matrix,
      cells,
      head,
      picture: { kind: 'picture', svg, file: 'confusion.png', alt },
    },
  ];
  if (media !== undefined) blocks.push({ kind: 'paragraph', content: [media.heard] });
  if (pairs.length > 0) {
    blocks.push(
      { kind: 'paragraph', content: ['Most often confused:'] },
      {
        kind: 'list',
        items: pairs.map(({ truth, predicted, count, share }): Inline[] => [
          { strong: truth },
          ' taken for ',
          { strong: predicted },
          `: ${plural(count, 'clip')}, ${percentText(share)} of the class`,
        ]),
      },
    );
  }
  return blocks;
}

/** The most confident mistakes. */
export function errorBlocks({ predictions, evaluation, media }: RunReport): Block[] {
  const errors = worstErrors(predictions, shownErrors);
  if (errors.length === 0) {
    return [
      {
        kind: 'paragraph',
        content: [`None: all ${plural(evaluation.clips, 'test clip')} are classified correctly.`],
      },
    ];
  }
  return [
    {
      kind: 'paragraph',
      content: ['The mistakes made with most confidence; listen to them first, some may be mislabelled.'],
    },
    {
      kind: 'clips',
      head: ['true class', 'predicted', ...head],
      clips: errors.map((error): ClipEntry => {
        const picture = media?.pictures.get(error.clip);
        return {
          name: error.clip,
          ...(media?.sounds.has(error.clip) ? { sound: error.clip } : {}),
          facts: [
            error.label,
            error.predicted,
            error.confidence.toFixed(3),
            error.truthProbability.toFixed(3),
          ],
          ...(picture === undefined ? {} : { picture }),
        };
      }),
    },
    ...(media?.remarks ?? []).map((remark): Block => ({ kind: 'paragraph', content: [remark] })),
  ];
}
