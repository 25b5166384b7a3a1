/**
 * @file ESC-50 and its part ESC-10 (Piczak 2015): `meta/esc50.csv` and `audio/`; in Kaggle's copy `esc50.csv` and
 * `audio/audio/`. A class is known by its `category`;
 * the `target` numbers of ESC-10 are not 0 to 9 but ESC-50's, so they are never used as indices.
 */
import { join } from 'node:path';
import { DatasetError } from '../core/index.ts';
import { isDirectory, isFile } from './audioFiles.ts';
import { classesOf, type Dataset } from './dataset.ts';
import { findListedClips, type ListedClip } from './listedClips.ts';
import { readTable, requireText, requireWholeNumber, rowError } from './table.ts';

export const esc50Table = 'meta/esc50.csv';
/** Where the table lies, as published and in copies. */
export const esc50Tables = [esc50Table, 'esc50.csv'];

/**
 * Opens a folder in ESC-50's layout.
 * @param subset `'esc10'` keeps the rows whose column `esc10` is true.
 * @throws {DatasetError} naming file and line.
 */
export async function openEsc50(root: string, { subset }: { subset?: 'esc10' } = {}): Promise<Dataset> {
  const required = ['filename', 'fold', 'category', 'src_file', ...(subset ? ['esc10'] : [])];
  const place = (await isFile(join(root, esc50Table))) ? esc50Table : 'esc50.csv';
  const folder = (await isDirectory(join(root, 'audio/audio'))) ? 'audio/audio' : 'audio';
  const table = await readTable(join(root, place), required);
  const listed: ListedClip[] = [];
  let inEsc10 = 0;
  for (const row of table.rows) {
    const flag = (row.cells['esc10'] ?? '').toLowerCase();
    if (!['true', 'false', '1', '0', ''].includes(flag)) {
      throw rowError(
        table,
        row,
        `the column esc10 holds '${row.cells['esc10']}'.`,
        'It must be True or False.',
      );
    }
    const esc10 = flag === 'true' || flag === '1';
    if (subset === 'esc10' && !esc10) continue;
    if (esc10) inEsc10++;
    listed.push({
      row,
      file: `${folder}/${requireText(table, row, 'filename')}`,
      label: requireText(table, row, 'category'),
      fold: requireWholeNumber(table, row, 'fold'),
      group: requireText(table, row, 'src_file'),
    });
  }
  if (subset && listed.length === 0) {
    throw new DatasetError(`${table.path} marks no clip as part of ESC-10.`, {
      hint: 'Leave the subset out to use every clip.',
    });
  }
  // A whole ESC-50 restricted on purpose still holds the other sounds on disk: those are no surprise.
  const { clips, notices } = await findListedClips(table, root, listed, { reportUnlisted: !subset });
  return {
    name: inEsc10 === listed.length ? 'ESC-10' : 'ESC-50',
    kind: 'esc50',
    root,
    classes: classesOf(clips),
    clips,
    officialFolds: true,
    groupSource: 'The group is the Freesound recording a clip was cut from (column src_file).',
    synthetic: false,
    notices,
  };
}
