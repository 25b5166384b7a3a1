/** @file Opens a dataset, recognising its layout from what lies on disk. */
import { basename, dirname, join, resolve } from 'node:path';
import { DatasetError, ParameterError } from '../core/index.ts';
import { isAudioName, isDirectory, isFile, kindOf, listFolder } from './audioFiles.ts';
import { openClassFolders } from './classFolders.ts';
import { sideNamed } from './columns.ts';
import { count, type Dataset, type DatasetKind, hasGivenSplit, listSome } from './dataset.ts';
import { demoMarker, openDemo } from './demo/writeDemo.ts';
import { esc50Table, esc50Tables, openEsc50 } from './esc50.ts';
import { FolderWalk } from './folderWalk.ts';
import { labelNotices } from './labelNames.ts';
import { isManifest, isTableName, type ManifestTable, openManifest } from './manifest.ts';
import { isRavdess, openRavdess } from './ravdess.ts';
import { openUrbanSound8k, urbanSound8kTable, urbanSound8kTables } from './urbanSound8k.ts';

export interface OpenDatasetOptions {
  /** The layout, where it should not be recognised. */
  readonly kind?: DatasetKind;
  /** `'esc10'`: of an ESC-50, only the clips that make ESC-10. */
  readonly subset?: 'esc10';
}

const manifestName = 'manifest.csv';
/** What tables of labels are usually called; other names count where no class folders lie beside the table. */
const usualTable =
  /^(metadata|meta|labels?|annotations?|train|training|dev|test|eval(uation)?|val(id(ation)?)?)\.(csv|tsv|jsonl)$/i;

/** A layout, and the tables that it was recognised by where their names are free. */
interface Layout {
  readonly kind: DatasetKind;
  readonly tables?: readonly ManifestTable[];
}

/**
 * Opens the dataset at `path`: UrbanSound8K, ESC-50/ESC-10, RAVDESS, Earshot's synthetic set, a table of files and labels
 * (given itself, as `manifest.csv` in the folder, or as `metadata.csv` and the like), or a folder per class, below folds
 * or the sides of a split where there are such. No sound is read yet: a file that cannot be decoded is met, and reported,
 * by extraction.
 * @throws {DatasetError} when the path does not exist or is none of these (saying what was looked for), when a dataset
 *   lies in a folder below it (naming that), or when its metadata is wrong (naming file and line).
 * @throws {ParameterError} when `subset` is asked of a dataset that has none.
 * @example const dataset = await openDataset('UrbanSound8K'); dataset.classes // ['air_conditioner', 'car_horn', …]
 */
export async function openDataset(path: string, options: OpenDatasetOptions = {}): Promise<Dataset> {
  const full = resolve(path);
  const what = await kindOf(full);
  if (what !== 'file' && what !== 'directory') {
    throw new DatasetError(
      what === 'absent' ? `${path} does not exist.` : `${path} is neither a folder nor a file.`,
      { hint: 'Give the folder of a dataset, or a CSV manifest.' },
    );
  }
  const layout = await layoutOf(full, what, options.kind);
  if (options.subset && layout?.kind !== 'esc50') {
    throw new ParameterError(
      `The subset ${options.subset} is a part of ESC-50; ${path} was opened as ${layout?.kind ?? 'unknown'}.`,
    );
  }
  if (layout === null) throw await notADataset(path, full, what);
  const dataset = await openAs(layout, full, what, options);
  const subject = basename(full);
  const notices = labelNotices(dataset.clips, subject);
  if (hasGivenSplit(dataset.clips)) {
    const sides = (['train', 'validation', 'test'] as const).map(
      (side) => `${dataset.clips.filter((clip) => clip.side === side).length} ${side}`,
    );
    const outside = dataset.clips.filter(({ side }) => side === undefined).length;
    notices.push({
      subject,
      message: `The dataset comes with a split, and it is used unless another is asked for: ${sides.join(', ')}${outside > 0 ? `; ${count(outside, 'clip')} on no side` : ''}.`,
    });
  }
  return { ...dataset, notices: [...dataset.notices, ...notices] };
}

async function openAs(
  { kind, tables }: Layout,
  full: string,
  what: 'file' | 'directory',
  { subset }: OpenDatasetOptions,
): Promise<Dataset> {
  const root = what === 'file' ? rootOfTable(full) : full;
  switch (kind) {
    case 'urbansound8k':
      return openUrbanSound8k(root);
    case 'esc50':
      return openEsc50(root, { subset });
    case 'synthetic':
      return openDemo(root);
    case 'ravdess':
      return openRavdess(root);
    case 'manifest':
      if (what === 'file') return openManifest([{ path: full }]);
      if (tables === undefined) return openManifest([{ path: join(full, manifestName) }]);
      return openManifest(tables, { root: full, name: basename(full) });
    case 'folders':
      if (what === 'file')
        throw new DatasetError(`${full} is a file, where a folder with one folder per class was expected.`);
      return openClassFolders(full);
  }
}

/** The layout of a path, or null. @throws {DatasetError} when a dataset lies below it */
async function layoutOf(
  full: string,
  what: 'file' | 'directory',
  kind: DatasetKind | undefined,
): Promise<Layout | null> {
  if (kind !== undefined) return { kind };
  if (what === 'file') return kindOfFile(full);
  const marked = await markedLayout(full);
  if (marked !== null) return marked;
  await refuseMultilabel(full);
  const below = await datasetsBelow(full, 3);
  if (below.length > 0) {
    throw new DatasetError(
      `${full} is no dataset itself: ${below.length === 1 ? 'one lies' : 'several lie'} in the folders below it, ${listSome(below)}.`,
      { hint: `Give that path: ${below[0]}.` },
    );
  }
  if (await isRavdess(full)) return { kind: 'ravdess' };
  const tables = await tablesOf(full);
  if (tables !== null) return { kind: 'manifest', tables };
  return (await holdsSoundBelow(full)) ? { kind: 'folders' } : null;
}

/** Layouts that a file of a certain name tells. */
async function markedLayout(root: string): Promise<Layout | null> {
  const holds = async (names: readonly string[]) =>
    (await Promise.all(names.map((name) => isFile(join(root, name))))).includes(true);
  if (await holds([demoMarker])) return { kind: 'synthetic' };
  if (await holds(urbanSound8kTables)) return { kind: 'urbansound8k' };
  if (await holds(esc50Tables)) return { kind: 'esc50' };
  if (await holds([manifestName])) return { kind: 'manifest' };
  return null;
}

/** Paths of marked datasets in folders below, at most `depth` deep; what lies in one of them is not looked at. */
async function datasetsBelow(root: string, depth: number): Promise<string[]> {
  const found: string[] = [];
  const { folders } = await listFolder(root).catch(() => ({ folders: [] }));
  // Thousands of folders are classes, and no wrapper.
  for (const name of folders.slice(0, 200)) {
    const path = join(root, name);
    if ((await markedLayout(path)) !== null) found.push(path);
    else if (depth > 1) found.push(...(await datasetsBelow(path, depth - 1)));
  }
  return found;
}

/** The tables of files and labels in a folder, or in the folders of its sides; null where there is none. */
async function tablesOf(root: string): Promise<ManifestTable[] | null> {
  const { files, folders } = await listFolder(root);
  const named = files.filter(isTableName);
  const usual = named.filter((name) => usualTable.test(name));
  const few = folders.length < 2 ? named.filter((name) => !usual.includes(name)) : [];
  const found: string[] = [];
  for (const name of [...usual, ...few].slice(0, 20))
    if (await isManifest(join(root, name))) found.push(name);
  const sideOf = (name: string) => sideNamed(name.replace(/\.\w+$/, ''));
  const tables = found.map((name) => ({ path: join(root, name) }));
  if (found.length === 1) return tables;
  if (found.length > 1) {
    const sides = found.map(sideOf);
    if (sides.every((side) => side !== null) && new Set(sides).size === sides.length)
      return found.map((name, i) => ({ path: join(root, name), side: sides[i] }));
    throw new DatasetError(`${root} holds several tables of files and labels: ${listSome(found, 6)}.`, {
      hint: `Give the path of the one that is meant, such as ${join(root, found[0])}.`,
    });
  }
  const sided: ManifestTable[] = [];
  for (const folder of folders) {
    const side = sideNamed(folder);
    if (side === null) continue;
    for (const name of ['metadata.csv', 'metadata.jsonl', 'metadata.tsv']) {
      const path = join(root, folder, name);
      if ((await isFile(path)) && (await isManifest(path))) sided.push({ path, side });
    }
  }
  return sided.length > 0 ? sided : null;
}

/** @throws {DatasetError} for FSD50K, whose clips have several labels */
async function refuseMultilabel(root: string): Promise<void> {
  const truth = join(root, 'FSD50K.ground_truth');
  if (!(await isDirectory(truth))) return;
  throw new DatasetError(
    `${root} is FSD50K, whose clips have several labels each (${join(truth, 'dev.csv')}); here a clip has one.`,
    {
      hint: 'Write a CSV manifest with the columns path, label and split that lists the clips with a single label, or one label for each.',
    },
  );
}

/** The tables of the known layouts lead to their datasets; any other table is a manifest. */
function kindOfFile(file: string): Layout | null {
  const leads = (tables: readonly string[]) =>
    tables.some((table) => basename(table) === basename(file)) && basename(dirname(file)) !== '';
  if (leads(urbanSound8kTables)) return { kind: 'urbansound8k' };
  if (leads(esc50Tables)) return { kind: 'esc50' };
  return isTableName(file) ? { kind: 'manifest' } : null;
}

/** The dataset's folder: the one above `metadata` or `meta`, else the table's own. */
function rootOfTable(file: string): string {
  const folder = dirname(file);
  const known = [urbanSound8kTable, esc50Table].map((table) => dirname(table));
  return known.includes(basename(folder)) ? dirname(folder) : folder;
}

async function holdsSoundBelow(root: string): Promise<boolean> {
  const walk = new FolderWalk(root);
  for (const name of (await listFolder(root)).folders)
    if ((await walk.sounds(join(root, name))).length > 0) return true;
  return false;
}

async function notADataset(path: string, full: string, what: 'file' | 'directory'): Promise<DatasetError> {
  if (what === 'file') {
    return new DatasetError(
      `${path} is a file but no CSV manifest (its name does not end in .csv, .tsv or .jsonl).`,
      { hint: 'Give the folder of a dataset, or a CSV with the columns path and label.' },
    );
  }
  const { files, folders } = await listFolder(full);
  const inside = `It holds ${count(folders.length, 'folder')}${folders.length > 0 ? ` (${listSome(folders)})` : ''} and ${count(files.length, 'file')}${files.length > 0 ? ` (${listSome(files)})` : ''}.`;
  const walk = new FolderWalk(full);
  await walk.sounds(full);
  const met = walk.notices(path).map(({ message }) => message);
  const above = await markedLayout(dirname(full));
  const sounds = files.filter(isAudioName).length;
  const hint =
    above !== null
      ? `It is a part of the dataset ${dirname(full)}: give that path.`
      : sounds > 0
        ? `Its ${count(sounds, 'sound file')} lie in no class folder: put each class’s sounds in a folder named after it, or write a CSV with the columns path and label.`
        : 'Put each class’s sounds in a folder named after it, or write a CSV with the columns path and label.';
  return new DatasetError(
    `${path} is not a dataset Earshot knows. Looked for ${urbanSound8kTable} (UrbanSound8K), ${esc50Table} (ESC-50, ` +
      `ESC-10), ${manifestName} (a manifest with the columns path and label) and folders with sound files (one per ` +
      `class). ${inside}`,
    { hint: [hint, ...met].join(' ') },
  );
}
