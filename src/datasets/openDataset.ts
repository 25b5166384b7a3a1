/** @file Opens a dataset, recognising its layout from what lies on disk. */
import { basename, dirname, extname, join, resolve } from 'node:path';
import { DatasetError, ParameterError } from '../core/index.ts';
import { isAudioName, isFile, kindOf, listFolder } from './audioFiles.ts';
import { openClassFolders } from './classFolders.ts';
import { count, type Dataset, type DatasetKind, listSome } from './dataset.ts';
import { demoMarker, openDemo } from './demo/writeDemo.ts';
import { esc50Table, openEsc50 } from './esc50.ts';
import { openManifest } from './manifest.ts';
import { openUrbanSound8k, urbanSound8kTable } from './urbanSound8k.ts';

export interface OpenDatasetOptions {
  /** The layout, where it should not be recognised. */
  readonly kind?: DatasetKind;
  /** `'esc10'`: of an ESC-50, only the clips that make ESC-10. */
  readonly subset?: 'esc10';
}

const manifestName = 'manifest.csv';

/**
 * Opens the dataset at `path`: UrbanSound8K, ESC-50/ESC-10, Earshot's synthetic set, a CSV manifest (given itself, or
 * as `manifest.csv` in the folder) or a folder per class, recognised in this order. No sound is read yet: a file that
 * cannot be decoded is met, and reported, by extraction.
 * @throws {DatasetError} when the path does not exist or is none of these (saying what was looked for), or when its
 *   metadata is wrong (naming file and line).
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
  const kind = options.kind ?? (what === 'file' ? kindOfFile(full) : await recogniseFolder(full));
  if (options.subset && kind !== 'esc50') {
    throw new ParameterError(
      `The subset ${options.subset} is a part of ESC-50; ${path} was opened as ${kind ?? 'unknown'}.`,
    );
  }
  const root = what === 'file' ? rootOfTable(full) : full;
  switch (kind) {
    case 'urbansound8k':
      return openUrbanSound8k(root);
    case 'esc50':
      return openEsc50(root, { subset: options.subset });
    case 'synthetic':
      return openDemo(root);
    case 'manifest':
      return openManifest(what === 'file' ? full : join(full, manifestName));
    case 'folders':
      if (what === 'file')
        throw new DatasetError(`${path} is a file, where a folder with one folder per class was expected.`);
      return openClassFolders(full);
    default:
      throw await notADataset(path, full, what);
  }
}

/** The layout of a folder, or null. */
async function recogniseFolder(root: string): Promise<DatasetKind | null> {
  if (await isFile(join(root, demoMarker))) return 'synthetic';
  if (await isFile(join(root, urbanSound8kTable))) return 'urbansound8k';
  if (await isFile(join(root, esc50Table))) return 'esc50';
  if (await isFile(join(root, manifestName))) return 'manifest';
  const { folders } = await listFolder(root);
  for (const folder of folders) if (await holdsSound(join(root, folder), 4)) return 'folders';
  return null;
}

/** The tables of the known layouts lead to their datasets; any other `.csv` is a manifest. */
function kindOfFile(file: string): DatasetKind | null {
  const tail = `${basename(dirname(file))}/${basename(file)}`;
  if (tail === urbanSound8kTable) return 'urbansound8k';
  if (tail === esc50Table) return 'esc50';
  return ['.csv', '.tsv'].includes(extname(file).toLowerCase()) ? 'manifest' : null;
}

function rootOfTable(file: string): string {
  return dirname(dirname(file));
}

async function holdsSound(folder: string, depth: number): Promise<boolean> {
  const { files, folders } = await listFolder(folder);
  if (files.some(isAudioName)) return true;
  if (depth === 0) return false;
  for (const name of folders) if (await holdsSound(join(folder, name), depth - 1)) return true;
  return false;
}

async function notADataset(path: string, full: string, what: 'file' | 'directory'): Promise<DatasetError> {
  if (what === 'file') {
    return new DatasetError(`${path} is a file but no CSV manifest (its name does not end in .csv).`, {
      hint: 'Give the folder of a dataset, or a CSV with the columns path and label.',
    });
  }
  const { files, folders } = await listFolder(full);
  const inside = `It holds ${count(folders.length, 'folder')}${folders.length > 0 ? ` (${listSome(folders)})` : ''} and ${count(files.length, 'file')}${files.length > 0 ? ` (${listSome(files)})` : ''}.`;
  const nested: string[] = [];
  for (const folder of folders) {
    if (await recogniseFolder(join(full, folder))) nested.push(folder);
  }
  return new DatasetError(
    `${path} is not a dataset Earshot knows. Looked for ${urbanSound8kTable} (UrbanSound8K), ${esc50Table} (ESC-50, ` +
      `ESC-10), ${manifestName} (a manifest with the columns path and label) and folders with sound files (one per ` +
      `class). ${inside}`,
    {
      hint:
        nested.length > 0
          ? `A dataset lies in ${listSome(nested.map((name) => join(path, name)))}: give that path.`
          : 'Put each class’s sounds in a folder named after it, or write a CSV with the columns path and label.',
    },
  );
}
