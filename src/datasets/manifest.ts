/**
 * @file Tables that list files with labels: a manifest with the columns `path` and `label`, and the tables of others,
 * which call them otherwise. Paths are relative to the table.
 */
import { basename, dirname, extname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { DatasetError, type Notice } from '../core/index.ts';
import { AudioFolder, listFolder } from './audioFiles.ts';
import { columnNotices, columnsOf, requireColumns, rowLabel, rowSide, rowTimes } from './columns.ts';
import { type Clip, classesOf, count, type Dataset, listSome, type Side } from './dataset.ts';
import { findListedClips, type ListedClip } from './listedClips.ts';
import { readTable, requireText, requireWholeNumber, type Table } from './table.ts';

/** A table of a dataset, and the side that all its rows are on, where its place says so. */
export interface ManifestTable {
  readonly path: string;
  readonly side?: Side;
}

/** Rows by which the folder of the sounds is found. */
const looked = 20;

/**
 * Opens a dataset that one table lists, or several (one for each side of a split).
 * @param root what ids are relative to; default the table's folder
 * @throws {DatasetError} naming file and line
 */
export async function openManifest(
  tables: readonly ManifestTable[],
  { root = dirname(tables[0].path), name = basename(tables[0].path).replace(/\.(csv|tsv|jsonl)$/i, '') } = {},
): Promise<Dataset> {
  const parts = await Promise.all(tables.map((table) => readManifest(table, root)));
  const clips = parts.flatMap((part) => part.clips);
  requireOnce(clips, tables);
  const notices = parts.flatMap((part) => part.notices);
  const grouped = parts.some((part) => part.groupColumn !== null);
  const column = parts.find((part) => part.groupColumn !== null)?.groupColumn;
  return {
    name,
    kind: 'manifest',
    root,
    classes: classesOf(clips),
    clips,
    officialFolds: clips.every((clip) => clip.fold !== null),
    groupSource: grouped
      ? `The group is the manifest’s column ${column}; a file without one is its own group.`
      : 'The manifest has no column group, so every file is its own group: if several files were cut from one recording, add the column.',
    synthetic: false,
    notices,
  };
}

async function readManifest(
  { path: csv, side }: ManifestTable,
  root: string,
): Promise<{ clips: Clip[]; notices: Notice[]; groupColumn: string | null }> {
  const table = await readTable(csv, []);
  const columns = requireColumns(table);
  const subject = relative(root, csv).split(sep).join('/') || basename(csv);
  const files = table.rows.map((row) => {
    const path = requireText(table, row, columns.path);
    // A table made on Windows; a backslash is otherwise no part of a sound's name worth guarding.
    return path.includes('/') ? path : path.replaceAll('\\', '/');
  });
  const base = await folderOfSounds(dirname(csv), files.slice(0, looked));
  const place = relative(root, base);
  let withGroup = 0;
  let withFold = 0;
  const listed = table.rows.map((row, i): ListedClip => {
    const group = columns.group === undefined ? null : row.cells[columns.group] || null;
    const fold =
      columns.fold !== undefined && row.cells[columns.fold]
        ? requireWholeNumber(table, row, columns.fold)
        : null;
    if (group !== null) withGroup++;
    if (fold !== null) withFold++;
    const times = rowTimes(table, row, columns);
    const { start, end } = times;
    const stated = rowSide(table, row, columns) ?? side;
    return {
      ...{
        row,
        file: isAbsolute(files[i]) ? files[i] : join(place, files[i]),
        label: rowLabel(table, row, columns.label),
        fold,
        group,
      },
      ...times,
      ...(start === undefined || end === undefined
        ? {}
        : { source: { startSeconds: start, endSeconds: end } }),
      ...(stated === undefined ? {} : { side: stated }),
    };
  });
  const { clips, notices } = await findListedClips(table, root, listed, { reportUnlisted: false });
  notices.push(...columnNotices(table, columns, subject));
  const told = (message: string) => notices.push({ subject, message });
  if (base !== dirname(csv)) {
    told(`The files it names were found in ${relative(root, base).split(sep).join('/')}.`);
  }
  const alone = listed.length - withGroup;
  if (withGroup > 0 && alone > 0) told(`${count(alone, 'row')} without a group: each file is its own group.`);
  if (withFold > 0 && withFold < listed.length) {
    told(`${count(listed.length - withFold, 'row')} without a fold: splits by fold leave them out.`);
  }
  const segments = clips.filter(({ start }) => start !== undefined).length;
  if (segments > 0) {
    const recordings = new Set(clips.map(({ path }) => path)).size;
    told(
      `${count(segments, 'clip')} are segments of ${count(recordings, 'file')}; those of one file are one group.`,
    );
  }
  return { clips, notices, groupColumn: withGroup > 0 ? (columns.group ?? null) : null };
}

/** The folder that names are relative to: the table's own, else one of the folders below it in which they are found. */
async function folderOfSounds(folder: string, files: readonly string[]): Promise<string> {
  if (files.some((file) => isAbsolute(file))) return folder;
  if ((await foundIn(folder, files)) > 0) return folder;
  const { folders } = await listFolder(folder);
  let best = { folder, found: 0 };
  for (const name of folders) {
    const below = await listFolder(join(folder, name)).catch(() => ({ folders: [] as string[] }));
    for (const place of [name, ...below.folders.map((inner) => join(name, inner))]) {
      const found = await foundIn(join(folder, place), files);
      if (found > best.found) best = { folder: join(folder, place), found };
    }
  }
  return best.folder;
}

async function foundIn(base: string, files: readonly string[]): Promise<number> {
  const folders = new Map<string, AudioFolder>();
  let found = 0;
  for (const file of files) {
    const path = resolve(base, file);
    const place = dirname(path);
    if (!folders.has(place)) {
      folders.set(place, await AudioFolder.read(place).catch(() => AudioFolder.none));
    }
    if (folders.get(place)!.find(basename(path)) !== null) found++;
  }
  return found;
}

/** @throws {DatasetError} when two tables list the same clip */
function requireOnce(clips: readonly Clip[], tables: readonly ManifestTable[]): void {
  const seen = new Set<string>();
  const twice = clips.filter(({ id }) => seen.size === seen.add(id).size);
  if (twice.length === 0) return;
  throw new DatasetError(
    `${count(twice.length, 'clip')} of ${tables.map(({ path }) => path).join(' and ')} are in more than one of them (${listSome(twice.map(({ id }) => id))}).`,
    { hint: 'A clip is on one side of a split. Remove the row from the other tables.' },
  );
}

/** Names of files that may be a table (in a folder that has no other mark). */
export function isTableName(name: string): boolean {
  return ['.csv', '.tsv', '.jsonl'].includes(extname(name).toLowerCase());
}

/** Whether a file is a table of files with labels, some of which are there. Damaged ones are not. */
export async function isManifest(path: string): Promise<boolean> {
  let table: Table;
  try {
    table = await readTable(path, []);
  } catch (error) {
    if (error instanceof DatasetError) return false;
    throw error;
  }
  const columns = columnsOf(table);
  const column = columns?.path;
  if (column === undefined) return false;
  const files = table.rows.slice(0, looked).flatMap(({ cells }) => cells[column] || []);
  const base = await folderOfSounds(dirname(path), files);
  return (await foundIn(base, files)) > 0;
}
