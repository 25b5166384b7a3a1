/** @file Tags that programs put before and behind sound: not part of it, and no damage. */
import type { ByteSource } from './byteSource.ts';
import { latin1 } from './latin1.ts';

/** Length of the ID3v2 or APEv2 tag that begins at `offset` (0 if none does). */
export function leadingTagLength(bytes: Uint8Array, offset: number): number {
  if (latin1(bytes, offset, 3) === 'ID3' && offset + 10 <= bytes.length) {
    const size = bytes.subarray(offset + 6, offset + 10);
    if (size.some((byte) => byte > 127)) return 0;
    const footer = bytes[offset + 5] & 0x10 ? 10 : 0;
    return 10 + ((size[0] << 21) | (size[1] << 14) | (size[2] << 7) | size[3]) + footer;
  }
  if (latin1(bytes, offset, 8) === 'APETAGEX' && offset + 32 <= bytes.length) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + offset, 32);
    const isHeader = (view.getUint32(20, true) & 0x20000000) !== 0;
    return 32 + (isHeader ? view.getUint32(12, true) : 0);
  }
  return 0;
}

/** Offset behind the tags at the start of `source`, which players put before MP3 and some programs before any format. */
export async function skipLeadingTags(source: ByteSource): Promise<number> {
  let offset = 0;
  while (true) {
    const length = leadingTagLength(await source.read(offset, 32), 0);
    if (length === 0 || offset + length > source.size) return offset;
    offset += length;
  }
}

/**
 * Where the sound of `source` ends at the latest: before the ID3v1, Lyrics3, APEv2 and ID3v2.4 tags at its end, in
 * whatever order they stand.
 */
export async function trailingTagsStart(source: ByteSource): Promise<number> {
  let end = source.size;
  for (let found = true; found && end > 0; ) {
    const from = Math.max(0, end - 160);
    const tail = await source.read(from, end - from);
    const length = Math.min(end, trailingTagLength(tail));
    found = length > 0;
    end -= length;
  }
  return end;
}

/** Length of the tag that ends where `tail` ends; 0 if there is none. */
function trailingTagLength(tail: Uint8Array): number {
  const size = tail.length;
  if (size >= 128 && latin1(tail, size - 128, 3) === 'TAG') {
    // An extended ID3v1 tag of 227 bytes may stand before it; its start is not worth a further read.
    return 128;
  }
  if (size >= 15 && latin1(tail, size - 9, 9) === 'LYRICS200') {
    const stated = latin1(tail, size - 15, 6);
    return /^\d{6}$/.test(stated) ? Number(stated) + 15 : 0;
  }
  if (size >= 32 && latin1(tail, size - 32, 8) === 'APETAGEX') {
    const view = new DataView(tail.buffer, tail.byteOffset + size - 32, 32);
    const hasHeader = (view.getUint32(20, true) & 0x80000000) !== 0;
    return view.getUint32(12, true) + (hasHeader ? 32 : 0);
  }
  if (size >= 10 && latin1(tail, size - 10, 3) === '3DI') {
    const at = size - 4;
    return 20 + ((tail[at] << 21) | (tail[at + 1] << 14) | (tail[at + 2] << 7) | tail[at + 3]);
  }
  return 0;
}
