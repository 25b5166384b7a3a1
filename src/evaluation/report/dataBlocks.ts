/** @file The part of a report that says on what data: sizes, split, counts by class and fold. */
import type { SplitSummary } from '../evaluation.ts';
import type { Block, Table } from './document.ts';
import type { DatasetSummary, Side } from './runReport.ts';
import { countText, plural } from './scoreText.ts';

/** Heading, a paragraph, counts by class and side, and (folded) by class and fold. */
export function dataBlocks(dataset: DatasetSummary, split: SplitSummary | null): Block[] {
  const total = sum(dataset.counts);
  const blocks: Block[] = [
    { kind: 'heading', text: 'Data' },
    {
      kind: 'paragraph',
      content: [
        { strong: dataset.name },
        ` (${dataset.kind}): ${plural(total, 'clip')} of ${plural(dataset.classes.length, 'class', 'classes')}. `,
        split === null ? '' : `Split: ${split.description}. `,
        dataset.groupSource,
      ].filter((part) => part !== ''),
    },
    sideTable(dataset),
  ];
  const folds = foldTable(dataset);
  if (folds !== null) blocks.push({ kind: 'details', summary: 'Clips by class and fold', blocks: [folds] });
  return blocks;
}

type Counts = DatasetSummary['counts'];

function sum(counts: Counts, keep: (entry: Counts[number]) => boolean = () => true): number {
  let total = 0;
  for (const entry of counts) if (keep(entry)) total += entry.clips;
  return total;
}

function sideTable({ classes, counts, groups }: DatasetSummary): Table {
  const names = { train: 'training', validation: 'validation', test: 'test' };
  const sides = (['train', 'validation', 'test'] as const).filter(
    (side) => sum(counts, (entry) => entry.side === side) > 0,
  );
  const row = (title: string, of: (side: Side) => number) => [
    title,
    ...sides.map((side) => countText(of(side))),
  ];
  return {
    kind: 'table',
    head: ['class', ...sides.map((side) => names[side])],
    align: ['left', ...sides.map(() => 'right' as const)],
    rows: [
      ...classes.map((label) =>
        row(label, (side) => sum(counts, (e) => e.side === side && e.label === label)),
      ),
      row('all clips', (side) => sum(counts, (entry) => entry.side === side)),
      row('recordings', (side) => groups[side]),
    ],
    summaryRows: 2,
  };
}

function foldTable({ classes, counts }: DatasetSummary): Table | null {
  const folds = [...new Set(counts.map(({ fold }) => fold))].sort(
    (a, b) => (a ?? Infinity) - (b ?? Infinity),
  );
  if (folds.length < 2) return null;
  const cells = (keep: (entry: Counts[number]) => boolean) =>
    folds.map((fold) => countText(sum(counts, (entry) => entry.fold === fold && keep(entry))));
  return {
    kind: 'table',
    head: ['class', ...folds.map((fold) => (fold === null ? 'no fold' : `fold ${fold}`))],
    align: ['left', ...folds.map(() => 'right' as const)],
    rows: [
      ...classes.map((label) => [label, ...cells((entry) => entry.label === label)]),
      ['all clips', ...cells(() => true)],
    ],
    summaryRows: 1,
  };
}
