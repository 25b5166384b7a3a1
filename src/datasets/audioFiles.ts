/** @file Which files are sound: the one list of extensions, what lies at a path, and sounds looked up in a folder. */
import { open, readdir, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { detectFormat } from '../audio/detectFormat.ts';
import { DatasetError } from '../core/index.ts';
import { compareText } from './dataset.ts';

/**
 * Extensions taken for sound (lower case): what Earshot decodes itself, then what a system ffmpeg reads for it. What is
 * inside is found out when decoding. The order decides between two conversions of one clip.
 */
const audioExtensions: readonly string[] = [
  ...['.wav', '.wave', '.flac', '.ogg', '.oga', '.opus', '.mp3'],
  ...['.m4a', '.aac', '.mp4', '.webm'],
  ...['.bwf', '.rf64', '.spx', '.mp2', '.mp1', '.mpga'],
  ...['.aif', '.aiff', '.aifc', '.au', '.snd', '.caf', '.w64', '.wv', '.wma', '.asf', '.amr', '.ac3'],
  ...['.m4b', '.mov', '.3gp', '.mka', '.mkv', '.weba', '.adts'],
];

/** Whether a file is taken for sound: by its extension, and not hidden. */
export function isAudioName(name: string): boolean {
  return !name.startsWith('.') && audioExtensions.includes(extname(name).toLowerCase());
}

/** Whether a file that no extension calls sound begins like one. False where it cannot be read. */
export async function beginsLikeSound(path: string): Promise<boolean> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
      const format = detectFormat(buffer.subarray(0, bytesRead));
      // Two bytes are too few to tell AAC, AC-3 or MP3 frames from anything else.
      return format !== null && !['aac', 'ac3', 'mp3'].includes(format);
    } finally {
      await file.close();
    }
  } catch {
    return false;
  }
}

export async function isDirectory(path: string): Promise<boolean> {
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

/** What is in a folder, hidden entries left out; links count as what they point to. */
export interface FolderContent {
  /** Names, in order. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
  /** Names of links that lead nowhere. */
  readonly deadLinks: readonly string[];
  /** Names that are no valid UTF-8, as far as they can be written: such files cannot be opened by name. */
  readonly unnameable: readonly string[];
}

/** The entries of a folder. @throws {DatasetError} when it cannot be read, saying why */
export async function listFolder(path: string): Promise<FolderContent> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw new DatasetError(`The folder ${path} cannot be read: ${reasonOf(error)}.`, {
      hint: error.code === 'EACCES' ? 'Make it readable for this user.' : 'Check the path.',
      cause: error,
    });
  });
  const files: string[] = [];
  const folders: string[] = [];
  const deadLinks: string[] = [];
  const unnameable: string[] = [];
  for (const entry of entries) {
    const { name } = entry;
    if (name.startsWith('.')) continue;
    const kind = entry.isFile()
      ? 'file'
      : entry.isDirectory()
        ? 'directory'
        : entry.isSymbolicLink()
          ? await kindOf(join(path, name))
          : 'other';
    // Bytes that are no UTF-8 were replaced, and the replacement names nothing on disk.
    if (name.includes('\ufffd') && (await kindOf(join(path, name))) === 'absent') unnameable.push(name);
    else if (kind === 'file') files.push(name);
    else if (kind === 'directory') folders.push(name);
    else if (kind === 'absent') deadLinks.push(name);
  }
  for (const list of [files, folders, deadLinks, unnameable]) list.sort(compareText);
  return { files, folders, deadLinks, unnameable };
}

/** Why the file system refused, in words. */
function reasonOf(error: NodeJS.ErrnoException): string {
  const reasons: Record<string, string> = {
    EACCES: 'permission is denied',
    EPERM: 'permission is denied',
    ENOENT: 'it does not exist',
    ENOTDIR: 'it is no folder',
    ELOOP: 'its links lead in a circle',
    ENAMETOOLONG: 'its path is too long',
  };
  return reasons[error.code ?? ''] ?? error.message;
}

/**
 * The sound files of one folder, found by the name the metadata gives or, if only the format or the Unicode form
 * differs, by the name without extension: UrbanSound8K's table says `.wav` even where the files were converted to `.ogg`.
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

  /** A folder that is not there. */
  static readonly none = new AudioFolder(false, []);

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

/** The name without a sound's extension, in one Unicode form: archives made on a Mac take names apart. */
function stemOf(name: string): string {
  return (isAudioName(name) ? name.slice(0, name.length - extname(name).length) : name).normalize('NFC');
}
