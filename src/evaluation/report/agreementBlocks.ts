/** @file The part of a comparison on where approaches differ, clip by clip. */
import type { ComparisonResult } from '../comparison/comparison.ts';
import type { Block, Cell, Sound } from './document.ts';
import { countText, percentText, plural } from './scoreText.ts';

/** Clips that a report lists; comparison.json has them all. */
export const listedDisputes = 40;

/** Decisions of the first seeds. @param sounds by clip @param soundRemark what is to be said of them */
export function agreementBlocks(
  { agreement, approaches, clips }: ComparisonResult,
  sounds: Readonly<Record<string, Sound>>,
  soundRemark?: string,
): Block[] {
  if (approaches.length < 2) return [];
  const { allRight, allWrong, someRight, disputed } = agreement;
  const shown = disputed.slice(0, listedDisputes);
  return [
    { kind: 'heading', text: 'Where they disagree' },
    {
      kind: 'paragraph',
      content: [
        `All are right on ${plural(allRight, 'clip')}, all wrong on ${countText(allWrong)}; on ${countText(someRight)} some are right. ` +
          `Whoever knew which approach to ask would reach ${percentText((clips - allWrong) / clips)}.`,
      ],
    },
    ...(shown.length === 0
      ? []
      : [
          {
            kind: 'paragraph' as const,
            content: [
              `Of the ${plural(disputed.length, 'clip')} decided differently, these ${shown.length} divide the approaches most evenly. A check marks who was right.${soundRemark === undefined ? '' : ` ${soundRemark}`}`,
            ],
          },
          {
            kind: 'clips' as const,
            head: ['true class', ...approaches.map(({ name }) => name)],
            clips: shown.map(({ clip, label, decisions }) => ({
              name: clip,
              ...(clip in sounds ? { sound: clip } : {}),
              facts: [
                [{ strong: label }],
                ...decisions.map(
                  ({ predicted, confidence }): Cell =>
                    predicted === label
                      ? [{ badge: `✓ ${confidence.toFixed(2)}`, tone: 'good' }]
                      : `${predicted} ${confidence.toFixed(2)}`,
                ),
              ],
            })),
          },
        ]),
  ];
}
