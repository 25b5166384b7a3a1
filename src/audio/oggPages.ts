/** @file Ogg pages and packets (RFC 3533), with checksums, so that damaged pages never reach a codec. */
import { type ByteSource, SlidingWindow } from './byteSource.ts';

export interface OggPage {
  /** The page, header included, as a view into the file. */
  bytes: Uint8Array;
  headerLength: number;
  continued: boolean;
  first: boolean;
  last: boolean;
  /** Codec's sample position at the end of the last packet completed here; null if none is. */
  granule: number | null;
  serial: number;
  sequence: number;
}

/** CRC[k][byte]: the checksum of `byte` and k zero bytes behind it. */
const CRC: Uint32Array[] = [];
for (let k = 0; k < 4; k++) {
  CRC.push(
    Uint32Array.from({ length: 256 }, (_, byte) => {
      let crc = byte << 24;
      for (let bit = 0; bit < 8 * (k + 1); bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
      return crc;
    }),
  );
}

/** The checksum of the page at `from`, its own four bytes taken as 0. */
function pageChecksum(bytes: Uint8Array, from: number, to: number): number {
  const [t0, t1, t2, t3] = CRC;
  let crc = 0;
  let i = from;
  for (; i < from + 22; i++) crc = (crc << 8) ^ t0[(crc >>> 24) ^ bytes[i]];
  for (; i < from + 26; i++) crc = (crc << 8) ^ t0[crc >>> 24];
  for (; i + 4 <= to; i += 4) {
    crc ^= (bytes[i] << 24) | (bytes[i + 1] << 16) | (bytes[i + 2] << 8) | bytes[i + 3];
    crc = t3[crc >>> 24] ^ t2[(crc >>> 16) & 255] ^ t1[(crc >>> 8) & 255] ^ t0[crc & 255];
  }
  for (; i < to; i++) crc = (crc << 8) ^ t0[(crc >>> 24) ^ bytes[i]];
  return crc >>> 0;
}

/** Finds the next capture pattern "OggS" at or after `from`; −1 if there is none. */
function findCapture(bytes: Uint8Array, from: number): number {
  for (let i = bytes.indexOf(0x4f, from); i >= 0; i = bytes.indexOf(0x4f, i + 1)) {
    if (bytes[i + 1] === 0x67 && bytes[i + 2] === 0x67 && bytes[i + 3] === 0x53) return i;
  }
  return -1;
}

/** A page is no longer than this: 27 bytes, 255 lengths, 255 · 255 bytes. */
export const MAX_PAGE = 27 + 255 + 255 * 255;
/**
 * Bytes whose checksum turned out wrong, at most, beside 16 times those that lie behind: every "OggS" in a file may
 * claim a page of 64 KiB, so that all of them together are quadratic work.
 */
const WASTED_LIMIT = 2 ** 23;

/** Goes through the pages of an Ogg file. Pages with a wrong checksum are left out; a cut-off last page is, too. */
export class OggPages {
  damaged = 0;
  /** The file ends within a page. */
  cut = false;
  private readonly window: SlidingWindow;
  private offset: number;
  private wasted = 0;

  constructor(source: ByteSource, offset = 0) {
    this.window = new SlidingWindow(source);
    this.offset = offset;
  }

  /** The next page; null at the end. */
  async next(): Promise<OggPage | null> {
    const { window } = this;
    while (true) {
      const have = await window.fill(this.offset, MAX_PAGE);
      const last = have < MAX_PAGE;
      const { bytes, start } = window;
      const index = findCapture(bytes, this.offset - start);
      if (index < 0) {
        if (last) return null;
        this.offset = Math.max(this.offset, start + bytes.length - 3);
        continue;
      }
      this.offset = start + index;
      if (!last && index + MAX_PAGE > bytes.length) continue;
      const length = pageLength(bytes, index);
      if (index + length > bytes.length) {
        this.cut = true;
        this.offset += 4;
        continue;
      }
      const page = readPage(bytes, index, length);
      if (page === null) {
        this.damaged++;
        this.wasted += length;
        this.offset += 4;
        if (this.wasted > WASTED_LIMIT + 16 * this.offset) return null;
        continue;
      }
      this.cut = false;
      this.offset += length;
      return page;
    }
  }

  warnings(): string[] {
    const warnings: string[] = [];
    if (this.damaged > 0)
      warnings.push(
        `${this.damaged} damaged Ogg pages (wrong checksum) were left out; sound is missing there.`,
      );
    if (this.cut) warnings.push('The file is truncated: it ends within an Ogg page, which was left out.');
    return warnings;
  }
}

/** Bytes of the page that begins at `index`; `Infinity` if not even its header is whole. */
function pageLength(bytes: Uint8Array, index: number): number {
  if (index + 27 > bytes.length || index + 27 + bytes[index + 26] > bytes.length)
    return Number.POSITIVE_INFINITY;
  const headerLength = 27 + bytes[index + 26];
  let length = headerLength;
  for (let i = index + 27; i < index + headerLength; i++) length += bytes[i];
  return length;
}

/** The page at `index`; null if its checksum is wrong. */
function readPage(bytes: Uint8Array, index: number, length: number): OggPage | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset + index, length);
  if (bytes[index + 4] !== 0 || pageChecksum(bytes, index, index + length) !== view.getUint32(22, true))
    return null;
  const flags = bytes[index + 5];
  const granule = view.getBigInt64(6, true);
  return {
    bytes: bytes.subarray(index, index + length),
    headerLength: 27 + bytes[index + 26],
    continued: (flags & 1) !== 0,
    first: (flags & 2) !== 0,
    last: (flags & 4) !== 0,
    granule: granule < 0n || granule > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(granule),
    serial: view.getUint32(14, true),
    sequence: view.getUint32(18, true),
  };
}

/** The last page of the file that is whole, found from its end; null if none is near it. */
export async function lastPage(source: ByteSource): Promise<OggPage | null> {
  const pages = new OggPages(source, Math.max(0, source.size - 2 * MAX_PAGE));
  let last: OggPage | null = null;
  for (let page = await pages.next(); page !== null; page = await pages.next()) last = page;
  return last;
}

/** No packet is longer, comments with pictures included; one that never ends must not fill the memory. */
const MAX_PACKET = 2 ** 26;

/** Puts the packets of one logical stream together. Packets of which a part is missing are dropped. */
export class PacketAssembler {
  /** Pages that do not follow the one before: some are missing between the two, or one came twice. */
  gaps = 0;
  private parts: Uint8Array[] = [];
  private sequence: number | null = null;

  /** The packets completed on `page`, which must come in order. */
  push(page: OggPage): Uint8Array[] {
    const packets: Uint8Array[] = [];
    const { bytes, headerLength } = page;
    const gap = this.sequence !== null && page.sequence !== this.sequence + 1;
    this.sequence = page.sequence;
    if (gap) this.gaps++;
    if (gap || !page.continued) this.parts = [];
    // The tail of a packet whose head was lost.
    let orphan = page.continued && this.parts.length === 0;
    let offset = headerLength;
    let start = offset;
    for (let i = 27; i < headerLength; i++) {
      offset += bytes[i];
      if (bytes[i] === 255) continue;
      if (!orphan) packets.push(join([...this.parts, bytes.subarray(start, offset)]));
      orphan = false;
      this.parts = [];
      start = offset;
    }
    if (offset > start && !orphan) {
      this.parts.push(bytes.subarray(start, offset));
      if (this.parts.length * (MAX_PAGE - 282) > MAX_PACKET) this.parts = [];
    }
    return packets;
  }
}

function join(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
