/**
 * @file UrbanSound8K (Salamon, Jacoby, Bello 2014): `metadata/UrbanSound8K.csv` and `audio/fold1` … `audio/fold10`, or
 * table and folders side by side, as in Kaggle's copy.
 * The columns are those of its UrbanSound8K_README.txt; `fsID` is the Freesound recording a slice was cut from.
 */
import { join } from 'node:path';
import { isDirectory, isFile } from './audioFiles.ts';
import { classesOf, type Dataset } from './dataset.ts';
import { findListedClips, type ListedClip } from './listedClips.ts';
import { readTable, requireText, requireWholeNumber, rowError } from './table.ts';

export const urbanSound8kTable = 'metadata/UrbanSound8K.csv';
/** Where the table lies, as published and in copies. */
export const urbanSound8kTables = [urbanSound8kTable, 'UrbanSound8K.csv'];

/** Opens a folder in UrbanSound8K's layout. @throws {DatasetError} naming file and line. */
export async function openUrbanSound8k(root: string): Promise<Dataset> {
  const place = (await isFile(join(root, urbanSound8kTable))) ? urbanSound8kTable : 'UrbanSound8K.csv';
  const folder = (await isDirectory(join(root, 'audio'))) || place === urbanSound8kTable ? 'audio/' : '';
  const table = await readTable(join(root, place), ['slice_file_name', 'fsID', 'fold', 'class']);
  const listed: ListedClip[] = table.rows.map((row) => {
    const name = requireText(table, row, 'slice_file_name');
    if (/[\\/]/.test(name)) {
      throw rowError(
        table,
        row,
        `the slice_file_name '${name}' holds a path.`,
        'It must be a bare file name.',
      );
    }
    const fold = requireWholeNumber(table, row, 'fold');
    const startSeconds = Number(row.cells['start'] || Number.NaN);
    const endSeconds = Number(row.cells['end'] || Number.NaN);
    return {
      row,
      file: `${folder}fold${fold}/${name}`,
      label: requireText(table, row, 'class'),
      fold,
      group: requireText(table, row, 'fsid'),
      ...(endSeconds >= startSeconds ? { source: { startSeconds, endSeconds } } : {}),
    };
  });
  const { clips, notices } = await findListedClips(table, root, listed);
  return {
    name: 'UrbanSound8K',
    kind: 'urbansound8k',
    root,
    classes: classesOf(clips),
    clips,
    officialFolds: true,
    groupSource: 'The group is the Freesound recording a slice was cut from (column fsID).',
    synthetic: false,
    notices,
  };
}
