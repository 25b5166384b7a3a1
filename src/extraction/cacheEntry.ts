/**
 * @file One file of the cache of features or embeddings: a little JSON, float32 numbers, and a SHA-256 over both, so that
 * an entry that was cut short or damaged is known as such and made again. The JSON holds the entry's key too, so that one
 * that was copied or moved under another name is not taken for what that name stands for.
 *
 * Layout: `EARSHOT2`, uint32 length of the JSON text (padded with blanks to a multiple of 4), the text, the numbers
 * (little-endian), 32 bytes of SHA-256 over all before.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { writeFileAtomic } from '../files/index.ts';

const magic = 'EARSHOT2';
const checksumBytes = 32;

/** Where an entry lies: spread over 256 folders. */
export function entryPath(
  cacheDir: string,
  key: string,
  kind: 'features' | 'embeddings' = 'features',
): string {
  return join(cacheDir, kind, key.slice(0, 2), `${key}.bin`);
}

/** Writes an entry. A cache that cannot be written (full, read-only) is no error: the work is merely done again. */
export async function writeEntry(path: string, meta: unknown, data: Float32Array): Promise<boolean> {
  const text = JSON.stringify({ key: keyOf(path), meta });
  const textBytes = Buffer.byteLength(text);
  const header = Buffer.alloc(12 + textBytes + ((4 - (textBytes % 4)) % 4), ' ');
  header.write(magic, 0, 'latin1');
  header.writeUInt32LE(header.length - 12, 8);
  header.write(text, 12);
  const numbers = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const checksum = createHash('sha256').update(header).update(numbers).digest();
  try {
    await writeFileAtomic(path, Buffer.concat([header, numbers, checksum]), { sync: false });
    return true;
  } catch {
    return false;
  }
}

/** What the name of an entry stands for: its kind and its key. */
function keyOf(path: string): string {
  return `${basename(dirname(dirname(path)))}/${basename(path, '.bin')}`;
}

const entryRecord = z.object({ key: z.string(), meta: z.unknown() });

/**
 * Reads an entry; null if it is absent, damaged, or another one's under this name.
 * @param schema of what was stored beside the numbers
 */
export async function readEntry<S extends z.ZodType>(
  path: string,
  schema: S,
): Promise<{ meta: z.output<S>; data: Float32Array } | null> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch {
    return null;
  }
  if (bytes.length < 12 + checksumBytes || bytes.toString('latin1', 0, 8) !== magic) return null;
  const end = bytes.length - checksumBytes;
  const start = 12 + bytes.readUInt32LE(8);
  if (start > end || (end - start) % 4 !== 0) return null;
  const checksum = createHash('sha256').update(bytes.subarray(0, end)).digest();
  if (!checksum.equals(bytes.subarray(end))) return null;
  try {
    const { key, meta: stored } = entryRecord.parse(JSON.parse(bytes.toString('utf8', 12, start)));
    if (key !== keyOf(path)) return null;
    const meta = schema.parse(stored);
    // Its own buffer: float32 views need alignment, and the caller may transfer it.
    const data = new Float32Array((end - start) / 4);
    new Uint8Array(data.buffer).set(bytes.subarray(start, end));
    return { meta, data };
  } catch {
    return null;
  }
}
