/** @file Which sound files are meant by paths on a command line: files, folders at any depth, and patterns. */
import { readdir, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import { isAudioName } from '../datasets/index.ts';

export interface SoundFile {
  readonly path: string;
  /** Its place below the folder or pattern that it was found through, with `/`; of a file that was named, its name. */
  readonly place: string;
}

/**
 * The files meant, each once, in the order given and sorted within a folder. What does not exist stays in the list, to
 * fail by name. In patterns `*` and `?` stand for characters of one name, `**` for any folders, `[ab]` for one of some
 * characters; shells usually expand patterns themselves.
 */
export async function findSoundFiles(paths: readonly string[]): Promise<SoundFile[]> {
  const found = new Map<string, SoundFile>();
  for (const path of paths) {
    for (const file of await expand(path)) {
      const key = resolve(file.path);
      if (!found.has(key)) found.set(key, file);
    }
  }
  return [...found.values()];
}

async function expand(path: string): Promise<SoundFile[]> {
  const what = await stat(path).catch(() => null);
  if (what?.isDirectory()) return below(path, () => true);
  const parts = path.split(/[\\/]/);
  const first = parts.findIndex((part) => /[*?[]/.test(part));
  if (what !== null || first < 0) return [{ path, place: parts.at(-1)! }];
  const base = parts.slice(0, first).join(sep) || (first > 0 ? sep : '.');
  const pattern = patternOf(parts.slice(first));
  return below(base, (place) => pattern.test(place));
}

async function below(folder: string, matches: (place: string) => boolean): Promise<SoundFile[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const base = resolve(folder);
  return entries
    .filter((entry) => entry.isFile() && isAudioName(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
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
