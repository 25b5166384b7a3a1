/** @file Which sound files are meant by paths on a command line: files, folders at any depth, and patterns. */
import { stat } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { type Notice, ParameterError } from '../core/index.ts';
import { FolderWalk } from '../datasets/index.ts';

export interface SoundFile {
  readonly path: string;
  /** Its place below the folder or pattern that it was found through, with `/`; of a file that was named, its name. */
  readonly place: string;
}

/**
 * The files meant, each once, in the order given and sorted within a folder. What does not exist stays in the list, to
 * fail by name. In patterns `*` and `?` stand for characters of one name, `**` for any folders, `[ab]` for one of some
 * characters; shells usually expand patterns themselves. Folders are walked as datasets are ({@link FolderWalk}).
 * @param onNotice told what was met in folders besides sound files
 * @throws {ParameterError} when there is not one sound file
 */
export async function findSoundFiles(
  paths: readonly string[],
  onNotice: (notice: Notice) => void = () => {},
): Promise<SoundFile[]> {
  const found = new Map<string, SoundFile>();
  const notices: Notice[] = [];
  for (const path of paths) {
    for (const file of await expand(path, notices)) {
      const key = resolve(file.path);
      if (!found.has(key)) found.set(key, file);
    }
  }
  if (found.size === 0) {
    throw new ParameterError(`There is no sound file in ${paths.join(', ') || '(nothing given)'}.`, {
      hint: notices.map(({ subject, message }) => `${subject}: ${message}`).join(' ') || undefined,
    });
  }
  for (const notice of notices) onNotice(notice);
  return [...found.values()];
}

async function expand(path: string, notices: Notice[]): Promise<SoundFile[]> {
  const what = await stat(path).catch(() => null);
  if (what?.isDirectory()) {
    const walk = new FolderWalk(path);
    const files = await below(path, walk, () => true);
    notices.push(...walk.notices(path));
    return files;
  }
  const parts = path.split(/[\\/]/);
  const first = parts.findIndex((part) => /[*?[]/.test(part));
  if (what !== null || first < 0) return [{ path, place: parts.at(-1)! }];
  const base = parts.slice(0, first).join(sep) || (first > 0 ? sep : '.');
  const pattern = patternOf(parts.slice(first));
  // A pattern chooses: what it leaves out is no surprise.
  return below(base, new FolderWalk(base), (place) => pattern.test(place));
}

async function below(
  folder: string,
  walk: FolderWalk,
  matches: (place: string) => boolean,
): Promise<SoundFile[]> {
  const base = resolve(folder);
  return (await walk.sounds(folder))
    .map((path) => ({
      path,
      place: resolve(path)
        .slice(base.length)
        .split(sep)
        .filter((part) => part !== '')
        .join('/'),
    }))
    .filter(({ place }) => matches(place))
    .sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

/** A pattern's parts, one per folder, as an expression for places. */
function patternOf(parts: readonly string[]): RegExp {
  const source = parts.map((part, i) => {
    const last = i === parts.length - 1;
    if (part === '**') return last ? '.*' : '(?:[^/]+/)*';
    const name = part
      .replace(/[.+^${}()|\\]/g, '\\$&')
      .replace(/\[!/g, '[^')
      .replace(/\*+/g, '[^/]*')
      .replace(/\?/g, '[^/]');
    return last ? name : `${name}/`;
  });
  try {
    return new RegExp(`^${source.join('')}$`);
  } catch {
    // A bracket that is never closed is a bracket.
    return new RegExp(`^${source.join('').replace(/[[\]]/g, '\\$&')}$`);
  }
}
