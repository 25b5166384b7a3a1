/** @file A CSV manifest: columns `path` and `label`, optionally `fold` and `group`; paths relative to the CSV. */
import { basename, dirname } from 'node:path';
import { classesOf, count, type Dataset } from './dataset.ts';
import { findListedClips, type ListedClip } from './listedClips.ts';
import { readTable, requireText, requireWholeNumber } from './table.ts';

/** Opens a CSV manifest. Columns it does not know are ignored. @throws {DatasetError} naming file and line. */
export async function openManifest(csv: string): Promise<Dataset> {
  const root = dirname(csv);
  const table = await readTable(csv, ['path', 'label']);
  let withGroup = 0;
  let withFold = 0;
  const listed: ListedClip[] = table.rows.map((row) => {
    const path = requireText(table, row, 'path');
    const group = row.cells['group'] || null;
    const fold = row.cells['fold'] ? requireWholeNumber(table, row, 'fold') : null;
    if (group !== null) withGroup++;
    if (fold !== null) withFold++;
    // A table made on Windows; a backslash is otherwise no part of a sound's name worth guarding.
    const file = path.includes('/') ? path : path.replaceAll('\\', '/');
    return { row, file, label: requireText(table, row, 'label'), fold, group };
  });
  const { clips, notices } = await findListedClips(table, root, listed, { reportUnlisted: false });
  const alone = listed.length - withGroup;
  if (withGroup > 0 && alone > 0) {
    notices.push({
      subject: basename(csv),
      message: `${count(alone, 'row')} without a group: each is its own group.`,
    });
  }
  if (withFold > 0 && withFold < listed.length) {
    notices.push({
      subject: basename(csv),
      message: `${count(listed.length - withFold, 'row')} without a fold: splits by fold leave them out.`,
    });
  }
  return {
    name: basename(csv).replace(/\.csv$/i, ''),
    kind: 'manifest',
    root,
    classes: classesOf(clips),
    clips,
    officialFolds: clips.every((clip) => clip.fold !== null),
    groupSource:
      withGroup > 0
        ? 'The group is the manifest’s column group; a clip without one is its own group.'
        : 'The manifest has no column group, so every clip is its own group: if several clips were cut from one recording, add the column.',
    synthetic: false,
    notices,
  };
}
