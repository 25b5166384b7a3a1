/** @file Walks folders for sound files, the same way for every command, and says what it met on the way. */
import { realpath } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { DatasetError, type Notice } from '../core/index.ts';
import { beginsLikeSound, type FolderContent, isAudioName, listFolder } from './audioFiles.ts';
import { compareText, count, listSome } from './dataset.ts';

/** Files without a sound's extension that are looked into, at most. */
const mostSniffed = 200;

/**
 * Sound files below folders: at any depth, links followed, hidden entries left out, each folder visited once per call of
 * {@link sounds}. One object gathers what several calls meet.
 */
export class FolderWalk {
  private readonly others = new Map<string, number>();
  private readonly unmarked: string[] = [];
  private readonly unreadable: string[] = [];
  private readonly again: string[] = [];
  private readonly deadLinks: string[] = [];
  private readonly unnameable: string[] = [];
  private sniffed = 0;

  /** @param root what the notices' places are relative to */
  constructor(private readonly root: string) {}

  /**
   * Paths of the sound files below `folder`: those of a folder in order of their names, then those of its folders.
   * A folder that cannot be read is told by {@link notices}.
   */
  async sounds(folder: string): Promise<string[]> {
    const found: string[] = [];
    // A link back to the root would take in whatever lies beside the folder.
    const root = folder === this.root ? [] : [await realpath(this.root).catch(() => this.root)];
    await this.visit(folder, found, new Set(root));
    return found;
  }

  private async visit(folder: string, found: string[], visited: Set<string>): Promise<void> {
    let content: FolderContent;
    try {
      const real = await realpath(folder);
      // A link to a folder above it would never end; one to a folder beside it would say everything twice.
      if (visited.has(real)) {
        this.again.push(this.place(folder));
        return;
      }
      visited.add(real);
      content = await listFolder(folder);
    } catch (error) {
      if (!(error instanceof DatasetError) && (error as NodeJS.ErrnoException).code === undefined)
        throw error;
      this.unreadable.push(this.place(folder));
      return;
    }
    this.deadLinks.push(...content.deadLinks.map((name) => this.place(join(folder, name))));
    this.unnameable.push(...content.unnameable.map((name) => this.place(join(folder, name))));
    for (const name of content.files) {
      if (isAudioName(name)) found.push(join(folder, name));
      else await this.passOver(join(folder, name));
    }
    for (const name of content.folders) await this.visit(join(folder, name), found, visited);
  }

  private async passOver(path: string): Promise<void> {
    if (this.sniffed++ < mostSniffed && (await beginsLikeSound(path))) {
      this.unmarked.push(this.place(path));
      return;
    }
    const kind = extname(path).toLowerCase() || 'without extension';
    this.others.set(kind, (this.others.get(kind) ?? 0) + 1);
  }

  private place(path: string): string {
    return relative(this.root, path).split(sep).join('/') || '.';
  }

  /** What was met besides sound files. @param subject what the notices are about */
  notices(subject: string): Notice[] {
    const found: string[] = [];
    const tell = (list: readonly string[], sentence: (n: number, some: string) => string) => {
      if (list.length > 0) found.push(sentence(list.length, listSome(list)));
    };
    tell(
      this.unreadable,
      (n, some) =>
        `Could not be read, so whatever sounds are in there are missing: ${count(n, 'folder')} (${some}).`,
    );
    tell(
      this.unnameable,
      (n, some) =>
        `Names that are not UTF-8, so that the files cannot be opened: ${n} (${some}). Rename them.`,
    );
    tell(this.deadLinks, (n, some) => `Links that lead nowhere: ${n} (${some}).`);
    tell(
      this.again,
      (n, some) => `Links to folders that were visited already, not followed: ${n} (${some}).`,
    );
    tell(
      this.unmarked,
      (n, some) =>
        `Sound by content but not by extension, ignored: ${count(n, 'file')} (${some}). Give them the extension of their format.`,
    );
    const others = [...this.others].sort(([a, x], [b, y]) => y - x || compareText(a, b));
    if (others.length > 0) {
      const kinds = others.slice(0, 8).map(([kind, n]) => `${n} ${kind}`);
      const more = others.length > 8 ? ' and other kinds' : '';
      const total = others.reduce((sum, [, n]) => sum + n, 0);
      found.push(
        `Not sound files by extension, ignored: ${count(total, 'file')} (${kinds.join(', ')}${more}).`,
      );
    }
    return found.map((message) => ({ subject, message }));
  }
}
