/** @file Labels that a person reads as one and a program tells apart. */
import type { Notice } from '../core/index.ts';
import { type Clip, count, groupBy, listSome } from './dataset.ts';

/** A label as it reads: without regard to case, Unicode form, and blanks, hyphens or underscores between its words. */
function asRead(label: string): string {
  return label
    .normalize('NFKC')
    .trim()
    .replace(/(?<=\p{L})[\s_-]+(?=\p{L})/gu, ' ')
    .replace(/\s+/g, ' ')
    .toLowerCase();
}

/** One notice for each set of labels that differ by case, blanks or Unicode form only. */
export function labelNotices(clips: readonly Clip[], subject: string): Notice[] {
  const counts = new Map(
    [...groupBy(clips, ({ label }) => label)].map(([label, own]) => [label, own.length]),
  );
  return [...groupBy(counts.keys(), asRead).values()]
    .filter((labels) => labels.length > 1)
    .map((labels) => {
      const same = new Set(labels.map((label) => label.normalize('NFC'))).size === 1;
      const shown = labels.map((label) => `${JSON.stringify(label)} (${count(counts.get(label)!, 'clip')})`);
      return {
        subject,
        message:
          `${listSome(shown, 6)} read as one label and are ${labels.length} classes: they differ by ` +
          `${same ? 'Unicode form' : 'case, blanks or Unicode form'} only. If they are one class, give them one spelling.`,
      };
    });
}
