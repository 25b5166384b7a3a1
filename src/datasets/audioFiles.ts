/** @file Finds sound files on disk, by the extensions Earshot's decoders know. */
import { readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { compareText } from './dataset.ts';

/** Extensions taken for sound (lower case). What is inside is found out when decoding. */
const audioExtensions: readonly string[] = [
  '.wav',
  '.wave',
  '.flac',
  '.ogg',
  '.oga',
  '.opus',
  '.mp3',
  '.m4a',
  '.aac',
  '.mp4',
  '.webm',
];

export function isAudioName(name: string): boolean {
  return !name.startsWith('.') && audioExtensions.includes(extname(name).toLowerCase());
}

async function isDirectory(path: string): Promise<boolean> {
  return (await kindOf(path)) === 'directory';
}

export async function isFile(path: string): Promise<boolean> {
  return (await kindOf(path)) === 'file';
}

/** What lies at a path, following symbolic links. */
export async function kindOf(path: string): Promise<'file' | 'directory' | 'other' | 'absent'> {
  try {
    const s = await stat(path);
    return s.isFile() ? 'file' : s.isDirectory() ? 'directory' : 'other';
  } catch {
    return 'absent';
  }
}

/** The entries of a folder by name, hidden ones left out; links count as what they point to. */
export async function listFolder(path: string): Promise<{ files: string[]; folders: string[] }> {
  const files: string[] = [];
  const folders: string[] = [];
  for (const entry of await readdir(path, { withFileTypes: true })) {
    if (entry.name.startsWith('.')) continue;
    const kind = entry.isSymbolicLink()
      ? await kindOf(join(path, entry.name))
      : entry.isFile()
        ? 'file'
        : entry.isDirectory()
          ? 'directory'
          : 'other';
    if (kind === 'file') files.push(entry.name);
    else if (kind === 'directory') folders.push(entry.name);
  }
  return { files: files.sort(compareText), folders: folders.sort(compareText) };
}

/**
 * The sound files of one folder, found by the name the metadata gives or, if only the format differs, by the name
 * without extension: UrbanSound8K's table says `.wav` even where the files were converted to `.ogg`.
 */
export class AudioFolder {
  private readonly names: Set<string>;
  private readonly byStem = new Map<string, string>();
  private readonly asked = new Set<string>();

  private constructor(
    readonly exists: boolean,
    files: readonly string[],
  ) {
    this.names = new Set(files);
    const sounds = files.filter(isAudioName);
    // The order of `audioExtensions` decides between two conversions of one clip.
    const rank = (name: string) => audioExtensions.indexOf(extname(name).toLowerCase());
    for (const name of sounds.sort((a, b) => rank(a) - rank(b))) {
      const stem = stemOf(name);
      if (!this.byStem.has(stem)) this.byStem.set(stem, name);
    }
  }

  static async read(path: string): Promise<AudioFolder> {
    if (!(await isDirectory(path))) return new AudioFolder(false, []);
    return new AudioFolder(true, (await listFolder(path)).files);
  }

  /** The file's name on disk for a name in the metadata, or null. */
  find(name: string): string | null {
    const found = this.names.has(name) ? name : (this.byStem.get(stemOf(name)) ?? null);
    if (found !== null) this.asked.add(stemOf(found));
    return found;
  }

  /** Sound files nobody asked for. */
  unlisted(): string[] {
    return [...this.names]
      .filter((name) => isAudioName(name) && !this.asked.has(stemOf(name)))
      .sort(compareText);
  }
}

function stemOf(name: string): string {
  return isAudioName(name) ? name.slice(0, name.length - extname(name).length) : name;
}
