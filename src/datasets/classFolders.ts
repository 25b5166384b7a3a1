/** @file One folder per class: `<class>/**`, or `foldN/<class>/**`. Groups are read off the file names. */
import { realpath } from 'node:fs/promises';
import { basename, extname, join, relative, sep } from 'node:path';
import { DatasetError, type Notice } from '../core/index.ts';
import { isAudioName, listFolder } from './audioFiles.ts';
import { type Clip, classesOf, count, type Dataset, listSome } from './dataset.ts';

const foldName = /^fold[ _-]?(\d+)$/i;
const sideName = /^(train|training|test|testing|val|valid|validation|eval|evaluation|dev)$/i;

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
    if (match) return { group: match[1]!, like };
  }
  return null;
}

/** Opens a folder per class. @throws {DatasetError} when it holds no class, or sides instead of classes. */
export async function openClassFolders(root: string): Promise<Dataset> {
  const top = await listFolder(root);
  const notices: Notice[] = [];
  const folders: { path: string; name: string; sounds: string[]; others: number }[] = [];
  const found = { others: 0 };
  for (const name of top.folders) {
    const sounds: string[] = [];
    const before = found.others;
    await collectSounds(join(root, name), sounds, found, []);
    folders.push({ path: join(root, name), name, sounds, others: found.others - before });
  }
  const filled = folders.filter((folder) => folder.sounds.length > 0);
  if (filled.length === 0) {
    throw new DatasetError(`${root} holds no folder with sound files.`, {
      hint: 'A folder per class is expected, such as dog_bark/1.wav and siren/2.wav.',
    });
  }
  const sides = filled.filter((folder) => sideName.test(folder.name));
  if (sides.length === filled.length && sides.length > 1) {
    throw new DatasetError(
      `${root} holds the sides of a split (${sides.map((s) => s.name).join(', ')}), not one folder per class.`,
      {
        hint: 'Open one of them, or write a CSV manifest (path, label, fold) that gives each side a fold number.',
      },
    );
  }
  const folded = filled.every((folder) => foldName.test(folder.name));
  const clips: Clip[] = [];
  const patterns = new Set<string>();
  const empty = new Set<string>();
  let grouped = 0;
  let unlabelled = 0;
  for (const folder of folders) {
    if (folder.sounds.length === 0 && !folded) empty.add(folder.name);
    for (const path of folder.sounds) {
      const inside = relative(folder.path, path).split(sep);
      if (folded && inside.length < 2) {
        unlabelled++;
        continue;
      }
      const id = relative(root, path).split(sep).join('/');
      const named = groupOfName(basename(path));
      if (named) {
        grouped++;
        patterns.add(named.like);
      }
      clips.push({
        id,
        path,
        label: folded ? inside[0]! : folder.name,
        fold: folded ? Number.parseInt(foldName.exec(folder.name)![1]!, 10) : null,
        group: named?.group ?? id,
      });
    }
  }
  if (clips.length === 0) {
    throw new DatasetError(`${root} holds fold folders with sounds but no class folders in them.`, {
      hint: 'Expected foldN/<class>/<file>; for UrbanSound8K, metadata/UrbanSound8K.csv is needed to know the classes.',
    });
  }
  const loose = top.files.filter(isAudioName);
  if (loose.length + unlabelled > 0) {
    notices.push({
      subject: basename(root),
      message: `Outside any class folder and ignored: ${count(loose.length + unlabelled, 'sound file')}${loose.length > 0 ? ` (${listSome(loose)})` : ''}.`,
    });
  }
  if (found.others > 0) {
    notices.push({
      subject: basename(root),
      message: `In the class folders but no sound by extension, ignored: ${count(found.others, 'file')}.`,
    });
  }
  if (empty.size > 0) {
    notices.push({
      subject: basename(root),
      message: `Without sound files, so not taken as a class: ${listSome([...empty])}.`,
    });
  }
  const classes = classesOf(clips);
  if (classes.length === 1) {
    notices.push({
      subject: basename(root),
      message: `There is only one class, ${classes[0]}: nothing can be told apart.`,
    });
  }
  return {
    name: basename(root),
    kind: 'folders',
    root,
    classes,
    clips,
    officialFolds: folded,
    groupSource: describeGroups(grouped, clips.length, [...patterns]),
    synthetic: false,
    notices,
  };
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

async function collectSounds(
  folder: string,
  sounds: string[],
  found: { others: number },
  above: readonly string[],
): Promise<void> {
  // A link to a folder above it would otherwise never end.
  const real = await realpath(folder);
  if (above.includes(real)) return;
  const { files, folders } = await listFolder(folder);
  for (const name of files) {
    if (isAudioName(name)) sounds.push(join(folder, name));
    else found.others++;
  }
  for (const name of folders) await collectSounds(join(folder, name), sounds, found, [...above, real]);
}
