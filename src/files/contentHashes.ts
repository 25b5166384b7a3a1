/**
 * @file SHA-256 of file contents, remembered by path, size, times of modification and change, and inode, so that a dataset of
 * thousands of files is read once and not at every run.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from './atomic.ts';
import { readRecord } from './records.ts';

const FORMAT = 'earshot-content-hashes-2';
/** A file changed this recently may change again within one tick of its clock, so its hash is not remembered. */
const UNSETTLED_MS = 2000;

/** SHA-256 of bytes, as 64 hexadecimal digits. */
export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

/** SHA-256 of a file's content, read as a stream. Throws the file system's error if it cannot be read. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** What tells that a file is still the one that was hashed. */
async function identify(path: string): Promise<{ identity: string; settled: boolean }> {
  const s = await stat(path, { bigint: true });
  // The modification time can be set to anything; the time of change is the kernel's own.
  const age = Date.now() - Math.max(Number(s.mtimeMs), Number(s.ctimeMs));
  return {
    identity: `${s.size}:${s.mtimeNs}:${s.ctimeNs}:${s.ino}`,
    settled: age > UNSETTLED_MS,
  };
}

const memoryRecord = z.object({
  format: z.literal(FORMAT),
  files: z.record(z.string(), z.tuple([z.string(), z.string().regex(/^[0-9a-f]{64}$/)])),
});

/** Content hashes with a memory. Without a folder the memory lasts as long as the object. */
export class ContentHashes {
  private readonly entries = new Map<string, [identity: string, hash: string]>();
  private changed = false;

  private constructor(private readonly file: string | null) {}

  /** @param cacheDir folder of the memory file `content-hashes.json`; null keeps nothing on disk. */
  static async open(cacheDir: string | null): Promise<ContentHashes> {
    const hashes = new ContentHashes(cacheDir === null ? null : join(cacheDir, 'content-hashes.json'));
    if (hashes.file !== null) {
      // Absent, damaged or of another version: it is only a memory, so it is built anew.
      const stored = await readRecord(hashes.file, memoryRecord, { what: 'a memory of hashes' }).catch(
        () => null,
      );
      for (const [path, entry] of Object.entries(stored?.files ?? {})) hashes.entries.set(path, entry);
    }
    return hashes;
  }

  /** The hash if the file is unchanged since it was last hashed, else null. Costs one `stat`. */
  async recall(path: string): Promise<string | null> {
    const { identity } = await identify(path);
    const entry = this.entries.get(resolve(path));
    return entry?.[0] === identity ? entry[1] : null;
  }

  /** SHA-256 of the file's content: remembered if unchanged, else read. */
  async hash(path: string): Promise<string> {
    const known = await this.recall(path);
    if (known !== null) return known;
    const before = await identify(path);
    const hash = await hashFile(path);
    this.remember(path, before, hash, await identify(path));
    return hash;
  }

  /** Computes and remembers a hash through `compute`, for callers that read the bytes anyway (in a worker). */
  async hashWith<T extends { readonly hash: string }>(path: string, compute: () => Promise<T>): Promise<T> {
    const before = await identify(path);
    const result = await compute();
    this.remember(path, before, result.hash, await identify(path));
    return result;
  }

  private remember(
    path: string,
    before: { identity: string; settled: boolean },
    hash: string,
    after: { identity: string },
  ): void {
    if (!before.settled || before.identity !== after.identity) return;
    this.entries.set(resolve(path), [before.identity, hash]);
    this.changed = true;
  }

  /** Writes the memory to disk if it grew. A folder that cannot be written loses only the memory. */
  async save(): Promise<void> {
    if (this.file === null || !this.changed) return;
    const files = Object.fromEntries([...this.entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
    try {
      await writeFileAtomic(this.file, JSON.stringify({ format: FORMAT, files }), { sync: false });
      this.changed = false;
    } catch {
      // A read-only cache folder is no reason to fail.
    }
  }
}
