/**
 * @file Ogg pages and packets (RFC 3533), with checksums, so that damaged pages never reach a codec. The codecs
 * get whole packets or a repaired stream; what was lost is told in the warnings.
 */
import { DecodeError } from '../core/errors.ts';
import { ForeignFormatError, latin1 } from './detectFormat.ts';

export type OggCodec = 'vorbis' | 'opus' | 'flac';

interface OggPage {
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

/** One logical stream, from its first page to its last. */
export interface OggStream {
  codec: OggCodec;
  pages: OggPage[];
  /** The last page carries the end mark, and no page in between is missing. */
  complete: boolean;
  ended: boolean;
}

export interface OggPacket {
  data: Uint8Array;
  /** Set on the last packet completed on a page that states a position. */
  granule: number | null;
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, i) => {
  let crc = i << 24;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x80000000 ? (crc << 1) ^ 0x04c11db7 : crc << 1;
  return crc;
});

function pageChecksum(page: Uint8Array): number {
  let crc = 0;
  for (let i = 0; i < page.length; i++) {
    const byte = i >= 22 && i < 26 ? 0 : page[i];
    crc = (crc << 8) ^ CRC_TABLE[(crc >>> 24) ^ byte];
  }
  return crc >>> 0;
}

/** Finds the next capture pattern "OggS" at or after `from`; −1 if there is none. */
function findCapture(bytes: Uint8Array, from: number): number {
  for (let i = bytes.indexOf(0x4f, from); i >= 0; i = bytes.indexOf(0x4f, i + 1)) {
    if (bytes[i + 1] === 0x67 && bytes[i + 2] === 0x67 && bytes[i + 3] === 0x53) return i;
  }
  return -1;
}

/** Splits a file into pages. Pages with a wrong checksum are left out; a cut-off last page is, too. */
function readPages(bytes: Uint8Array, warnings: string[]): OggPage[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pages: OggPage[] = [];
  let damaged = 0;
  let cut = false;
  let offset = 0;
  while (true) {
    offset = findCapture(bytes, offset);
    if (offset < 0) break;
    const headerLength = offset + 27 <= bytes.length ? 27 + bytes[offset + 26] : 0;
    let length = headerLength;
    for (let i = offset + 27; i < offset + headerLength; i++) length += bytes[i];
    if (headerLength === 0 || offset + length > bytes.length || Number.isNaN(length)) {
      cut = true;
      offset += 4;
      continue;
    }
    const page = bytes.subarray(offset, offset + length);
    if (bytes[offset + 4] !== 0 || pageChecksum(page) !== view.getUint32(offset + 22, true)) {
      damaged++;
      offset += 4;
      continue;
    }
    cut = false;
    const flags = bytes[offset + 5];
    const granule = view.getBigInt64(offset + 6, true);
    pages.push({
      bytes: page,
      headerLength,
      continued: (flags & 1) !== 0,
      first: (flags & 2) !== 0,
      last: (flags & 4) !== 0,
      granule: granule < 0n || granule > BigInt(Number.MAX_SAFE_INTEGER) ? null : Number(granule),
      serial: view.getUint32(offset + 14, true),
      sequence: view.getUint32(offset + 18, true),
    });
    offset += length;
  }
  if (damaged > 0)
    warnings.push(`${damaged} damaged Ogg pages (wrong checksum) were left out; sound is missing there.`);
  if (cut) warnings.push('The file is truncated: it ends within an Ogg page, which was left out.');
  return pages;
}

const SIGNATURES: [OggCodec, string][] = [
  ['vorbis', '\x01vorbis'],
  ['opus', 'OpusHead'],
  ['flac', '\x7fFLAC'],
];

/**
 * The sound of an Ogg file: its first audio stream and those chained behind it in the same codec.
 * @throws DecodeError if no page is whole; ForeignFormatError if there is no stream of a codec read here.
 */
export function readOggStreams(bytes: Uint8Array, name: string, warnings: string[]): OggStream[] {
  const pages = readPages(bytes, warnings);
  if (pages.length === 0) {
    throw new DecodeError(`${name} is an Ogg file of ${bytes.length} bytes without one whole page.`, {
      hint: 'The file is cut off or damaged; get it again or remove it.',
    });
  }
  const streams: OggStream[] = [];
  const open = new Map<number, OggStream>();
  let current: OggStream | null = null;
  let parallel = 0;
  for (const page of pages) {
    if (page.first) {
      open.delete(page.serial);
      const magic = latin1(page.bytes, page.headerLength, 8);
      const codec = SIGNATURES.find(([, signature]) => magic.startsWith(signature))?.[0];
      if (codec !== undefined) {
        const busy: boolean =
          current !== null && open.has(current.pages[0].serial) && current.pages.length <= 1;
        if (busy || (streams.length > 0 && streams[0].codec !== codec)) {
          parallel++;
        } else {
          current = { codec, pages: [], complete: true, ended: false };
          streams.push(current);
          open.set(page.serial, current);
        }
      }
    }
    const stream = open.get(page.serial);
    if (stream === undefined || stream.ended) continue;
    const before = stream.pages.at(-1);
    if (before !== undefined && page.sequence !== before.sequence + 1) stream.complete = false;
    stream.pages.push(page);
    stream.ended = page.last;
  }
  if (parallel > 0) warnings.push(`The file holds ${parallel} further audio streams, which were left out.`);
  if (streams.length > 0) return streams;
  const found = latin1(pages[0].bytes, pages[0].headerLength, 8).replace(/[^\x20-\x7e]/g, '');
  if (!pages[0].first) {
    throw new DecodeError(
      `${name} is an Ogg file whose beginning is missing or damaged, so its codec is unknown.`,
      {
        hint: 'Get the file again or remove it.',
      },
    );
  }
  throw new ForeignFormatError(
    `${name} is an Ogg file with a "${found}" stream, which Earshot does not decode itself (Vorbis, Opus and FLAC it does).`,
    'ogg',
  );
}

/** The packets of a stream in order. Packets of which a part is missing are dropped. */
export function readPackets(stream: OggStream): OggPacket[] {
  const packets: OggPacket[] = [];
  let parts: Uint8Array[] = [];
  let sequence: number | null = null;
  for (const page of stream.pages) {
    const { bytes, headerLength } = page;
    const gap = sequence !== null && page.sequence !== sequence + 1;
    sequence = page.sequence;
    if (gap || !page.continued) parts = [];
    // The tail of a packet whose head was lost.
    let orphan = page.continued && parts.length === 0;
    let offset = headerLength;
    let start = offset;
    let completed: OggPacket | null = null;
    for (let i = 27; i < headerLength; i++) {
      offset += bytes[i];
      if (bytes[i] === 255) continue;
      if (!orphan) {
        parts.push(bytes.subarray(start, offset));
        completed = { data: join(parts), granule: null };
        packets.push(completed);
      }
      orphan = false;
      parts = [];
      start = offset;
    }
    if (offset > start && !orphan) parts.push(bytes.subarray(start, offset));
    if (completed !== null) completed.granule = page.granule;
  }
  return packets;
}

export function join(parts: Uint8Array[]): Uint8Array {
  if (parts.length === 1) return parts[0];
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/**
 * The stream as one run of pages that starts and ends as Ogg asks: no half packets at gaps, an end mark on the
 * last page. Checksums are not renewed. An intact stream is only copied together.
 */
export function repairedStream(stream: OggStream): Uint8Array {
  const { pages } = stream;
  const repaired = pages.map((page, i) => {
    const before = pages[i - 1];
    const after = pages[i + 1];
    const gapBefore = i > 0 && page.sequence !== before.sequence + 1;
    const gapAfter = after === undefined || after.sequence !== page.sequence + 1;
    let bytes = page.bytes;
    if ((gapBefore && page.continued) || (gapAfter && bytes[page.headerLength - 1] === 255)) {
      bytes = withoutHalfPackets(page, gapBefore && page.continued, gapAfter);
    }
    if (after === undefined && !page.last) {
      bytes = bytes.slice();
      bytes[5] |= 4;
    }
    return bytes;
  });
  return join(repaired);
}

function withoutHalfPackets(page: OggPage, atStart: boolean, atEnd: boolean): Uint8Array {
  const lacing = Array.from(page.bytes.subarray(27, page.headerLength));
  let from = 0;
  let bodyStart = page.headerLength;
  if (atStart) {
    const end = lacing.findIndex((value) => value < 255);
    from = end < 0 ? lacing.length : end + 1;
    for (let i = 0; i < from; i++) bodyStart += lacing[i];
  }
  let to = lacing.length;
  if (atEnd) while (to > from && lacing[to - 1] === 255) to--;
  const kept = lacing.slice(from, to);
  const bodyLength = kept.reduce((sum, value) => sum + value, 0);
  const header = page.bytes.slice(0, 27);
  if (atStart) header[5] &= ~1;
  header[26] = kept.length;
  return join([header, Uint8Array.from(kept), page.bytes.subarray(bodyStart, bodyStart + bodyLength)]);
}
