/**
 * @file One folder per class: `<class>/**`, below folds (`foldN/<class>/**`) or the sides of a split
 * (`train/<class>/**`). Groups are read off the file names.
 */
import { readFile } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { DatasetError, type Notice } from '../core/index.ts';
import { isAudioName, listFolder } from './audioFiles.ts';
import { sideNamed } from './columns.ts';
import { type Clip, classesOf, count, type Dataset, groupBy, listSome, type Side } from './dataset.ts';
import { FolderWalk } from './folderWalk.ts';

const foldName = /^fold[ _-]?(\d+)$/i;
/** Speech Commands' long recordings of noise, from which clips are to be cut: no class. */
const noiseFolder = '_background_noise_';

/** File names that tell the recording they were cut from, each with where it is used. */
const groupPatterns: readonly { readonly like: string; readonly pattern: RegExp }[] = [
  { like: '<recording>-<class>-<take>-<slice> as in UrbanSound8K', pattern: /^(\d+)-\d+-\d+-\d+$/ },
  { like: '<fold>-<recording>-<take>-<class> as in ESC-50', pattern: /^\d-(\d+)-[A-Z]-\d+$/ },
  { like: '<speaker>_nohash_<n> as in Speech Commands', pattern: /^([0-9a-f]{8})_nohash_\d+$/ },
];

/** The recording a file name speaks of, or null. */
function groupOfName(name: string): { group: string; like: string } | null {
  const stem = name.slice(0, name.length - extname(name).length);
  for (const { like, pattern } of groupPatterns) {
    const match = pattern.exec(stem);
    if (match) return { group: match[1], like };
  }
  return null;
}

interface TopFolder {
  readonly path: string;
  readonly name: string;
  /** For each sound its path below the folder, in parts. */
  readonly sounds: readonly { readonly path: string; readonly inside: readonly string[] }[];
}

/**
 * Opens a folder per class.
 * @throws {DatasetError} when it holds no folder with sounds, or only folders around the dataset
 */
export async function openClassFolders(root: string): Promise<Dataset> {
  const top = await listFolder(root);
  const walk = new FolderWalk(root);
  const folders: TopFolder[] = [];
  for (const name of top.folders) {
    const path = join(root, name);
    const sounds = (await walk.sounds(path)).map((sound) => ({
      path: sound,
      inside: relative(path, sound).split(sep),
    }));
    folders.push({ path, name, sounds });
  }
  const subject = basename(root);
  const filled = folders.filter(({ name, sounds }) => sounds.length > 0 && name !== noiseFolder);
  const met = walk.notices(subject);
  if (filled.length === 0) {
    throw new DatasetError(`${root} holds no folder with sound files.`, {
      hint: [
        'A folder per class is expected, such as dog_bark/1.wav and siren/2.wav.',
        ...met.map(({ message }) => message),
      ].join(' '),
    });
  }
  const folded = filled.every(({ name }) => foldName.test(name));
  const sided = filled.length > 1 && filled.every(({ name }) => sideNamed(name) !== null);
  if (!folded && !sided) refuseWrapper(root, filled);

  const notices: Notice[] = [];
  const tell = (message: string) => notices.push({ subject, message });
  const clips: Clip[] = [];
  const patterns = new Set<string>();
  const outside: string[] = top.files.filter(isAudioName);
  let grouped = 0;
  for (const { name, sounds } of filled) {
    for (const { path, inside } of sounds) {
      const id = relative(root, path).split(sep).join('/');
      if ((folded || sided) && inside.length < 2) {
        outside.push(id);
        continue;
      }
      const named = groupOfName(basename(path));
      if (named) {
        grouped++;
        patterns.add(named.like);
      }
      clips.push({
        ...{ id, path, label: folded || sided ? inside[0] : name },
        fold: folded ? Number.parseInt(foldName.exec(name)![1], 10) : null,
        ...(sided ? { side: sideNamed(name)! } : {}),
        group: named?.group ?? id,
      });
    }
  }
  if (clips.length === 0) throw unlabelled(root, filled, folded);
  if (outside.length > 0) {
    tell(
      `Outside any class folder and ignored: ${count(outside.length, 'sound file')} (${listSome(outside)}).`,
    );
  }
  notices.push(...met);
  if (folders.some(({ name, sounds }) => name === noiseFolder && sounds.length > 0)) {
    tell(`${noiseFolder} holds noise to be mixed in, and is not taken as a class.`);
  }
  const empty = folders.filter(({ sounds }) => sounds.length === 0).map(({ name }) => name);
  if (empty.length > 0 && !folded && !sided)
    tell(`Without sound files, so not taken as a class: ${listSome(empty)}.`);
  const sessions = folded || sided ? null : sameInside(filled);
  if (sessions !== null) {
    tell(
      `The folders ${listSome(sessions.outer)} are taken as the classes, and all hold the same folders (${listSome(sessions.inner, 6)}). ` +
        `If those are the classes, and ${sessions.outer[0]} is a session, a place or a device: write a CSV manifest with the columns path, label and group, or move the outer folders below the class folders.`,
    );
  }
  const classes = classesOf(clips);
  if (classes.length === 1) tell(`There is only one class, ${classes[0]}: nothing can be told apart.`);
  const lists = sided ? null : await speechCommandsLists(root, clips);
  if (lists !== null) notices.push(...lists.notices);
  return {
    name: basename(root),
    kind: 'folders',
    root,
    classes,
    clips: lists?.clips ?? clips,
    officialFolds: folded,
    groupSource: describeGroups(grouped, clips.length, [...patterns]),
    synthetic: false,
    notices,
  };
}

/** @throws {DatasetError} when a single folder holds all sounds, and the class folders lie in it */
function refuseWrapper(root: string, filled: readonly TopFolder[]): void {
  const [only, ...others] = filled;
  if (only === undefined || others.length > 0) return;
  let depth = 0;
  const names = () => new Set(only.sounds.map(({ inside }) => inside[depth]));
  const nested = () => only.sounds.every(({ inside }) => inside.length > depth + 1);
  while (nested() && names().size === 1) depth++;
  if (!nested()) return;
  const inner = [...names()];
  const place = join(root, only.name, ...only.sounds[0].inside.slice(0, depth));
  const folds = inner.every((name) => foldName.test(name));
  throw new DatasetError(
    `${root} would be a dataset of one class, ${only.name}: all sounds lie below ${place}, in its folders ${listSome(inner, 6)}.`,
    {
      hint: folds
        ? `The folds of a dataset lie in ${place}: give the path of its folder, with the table that says the classes.`
        : `Give ${place} if its folders are the classes.`,
    },
  );
}

/** The error for folds or sides whose sounds lie in no class folder. */
function unlabelled(root: string, filled: readonly TopFolder[], folded: boolean): DatasetError {
  if (folded) {
    return new DatasetError(`${root} holds fold folders with sounds but no class folders in them.`, {
      hint: 'Expected foldN/<class>/<file>; for UrbanSound8K, metadata/UrbanSound8K.csv is needed to know the classes: give the folder that holds it.',
    });
  }
  return new DatasetError(
    `${root} holds the sides of a split (${filled.map(({ name }) => name).join(', ')}) without class folders in them.`,
    {
      hint: 'Expected train/<class>/<file>, a metadata.csv in each side (file_name, label), or a CSV manifest with the columns path, label and split.',
    },
  );
}

/** Folders that all hold the same folders, such as sessions around classes; null where they do not. */
function sameInside(filled: readonly TopFolder[]): { outer: string[]; inner: string[] } | null {
  if (filled.length < 2) return null;
  const inner = filled.map(({ sounds }) =>
    sounds.every(({ inside }) => inside.length > 1)
      ? [...new Set(sounds.map(({ inside }) => inside[0]))].sort()
      : [],
  );
  const [first] = inner as [string[], ...string[][]];
  if (first.length < 2 || inner.some((names) => names.join('/') !== first.join('/'))) return null;
  return { outer: filled.map(({ name }) => name), inner: first };
}

/** Speech Commands' split: what `testing_list.txt` and `validation_list.txt` do not name is trained on. */
async function speechCommandsLists(
  root: string,
  clips: readonly Clip[],
): Promise<{ clips: Clip[]; notices: Notice[] } | null> {
  const sides = new Map<string, Side>();
  const read: string[] = [];
  for (const [name, side] of [
    ['validation_list.txt', 'validation'],
    ['testing_list.txt', 'test'],
  ] as const) {
    const text = await readFile(join(root, name), 'utf8').catch(() => null);
    if (text === null) continue;
    read.push(name);
    for (const line of text.split(/\r?\n/)) if (line.trim() !== '') sides.set(line.trim(), side);
  }
  const listed = clips.map((clip): Clip => ({ ...clip, side: sides.get(clip.id) ?? 'train' }));
  const found = groupBy(listed, ({ side }) => side);
  const known = listed.length - (found.get('train')?.length ?? 0);
  if (known === 0) return null;
  const missing = sides.size - known;
  const message =
    missing === 0
      ? `The split is that of ${read.join(' and ')}.`
      : `The split is that of ${read.join(' and ')}, of whose files ${missing} are not there.`;
  return { clips: listed, notices: [{ subject: basename(root), message }] };
}

function describeGroups(grouped: number, total: number, patterns: readonly string[]): string {
  if (grouped === 0) {
    return (
      'No file name tells its recording, so every clip is its own group: if several clips were cut from one ' +
      'recording, use a CSV manifest with a column group.'
    );
  }
  const rest = grouped < total ? `; the other ${total - grouped} are each their own group` : '';
  return `The group is the recording in the file name (${patterns.join('; ')}) for ${grouped} of ${total} clips${rest}.`;
}
