/** @file Ogg files: the first stream of sound and those chained behind it in the same codec. */
import { DecodeError } from '../core/errors.ts';
import type { ByteSource } from './byteSource.ts';
import { ForeignFormatError } from './detectFormat.ts';
import { latin1 } from './latin1.ts';
import { createOggFlacLink } from './oggFlac.ts';
import type { OggCodec, OggLink } from './oggLink.ts';
import { createOpusLink } from './oggOpus.ts';
import { lastPage, type OggPage, OggPages, PacketAssembler } from './oggPages.ts';
import { createVorbisLink } from './oggVorbis.ts';
import { type OpenedSound, withoutFirst } from './openedSound.ts';

const SIGNATURES: [OggCodec, string][] = [
  ['vorbis', '\x01vorbis'],
  ['opus', 'OpusHead'],
  ['flac', '\x7fFLAC'],
];

const CODEC_NAMES: Record<OggCodec, string> = { vorbis: 'Vorbis', opus: 'Opus', flac: 'FLAC' };

function codecOf(page: OggPage): OggCodec | undefined {
  const magic = latin1(page.bytes, page.headerLength, 8);
  return SIGNATURES.find(([, signature]) => magic.startsWith(signature))?.[0];
}

/**
 * The link that begins with `page`, its first packet read; `packets`: what else is completed on that page.
 * @throws DecodeError if that first packet is not whole or not usable.
 */
async function createLink(page: OggPage, assembler: PacketAssembler, name: string) {
  const codec = codecOf(page) ?? 'vorbis';
  const [head, ...packets] = assembler.push(page);
  if (head === undefined) {
    throw new DecodeError(
      `${name} is an Ogg ${CODEC_NAMES[codec]} file whose first packet does not end on its first page, so it cannot be decoded.`,
      { hint: 'The header is damaged; get the file again or remove it.' },
    );
  }
  const create = { vorbis: createVorbisLink, opus: createOpusLink, flac: createOggFlacLink }[codec];
  return { link: await create(head, name), packets };
}

/** Pages of a stream that are read, at most, to find out where its time begins. */
const OPENING_PAGES = 64;

/**
 * Opens an Ogg file. The length is that of the last page, where there is but one stream.
 * @throws DecodeError if no page is whole; ForeignFormatError if there is no stream of a codec read here.
 */
export async function openOgg(source: ByteSource, name: string): Promise<OpenedSound> {
  const pages = new OggPages(source);
  const first = await firstSound(pages, source, name);
  const assembler = new PacketAssembler();
  const { link } = await createLink(first, assembler, name);
  try {
    const warnings: string[] = [];
    return {
      probe: {
        format: 'ogg',
        encoding: link.codec,
        sampleRate: link.sampleRate,
        channels: link.channels,
        bitsPerSample: link.bitsPerSample,
        frames: link.frames ?? (await statedFrames(source, pages, assembler, first.serial, link)),
      },
      warnings,
      blocks: (from) => oggBlocks(source, name, warnings, from, from > 0),
    };
  } finally {
    link.free(true);
  }
}

/** The first page of the first stream of a codec read here. */
async function firstSound(pages: OggPages, source: ByteSource, name: string): Promise<OggPage> {
  const first = await pages.next();
  if (first === null) {
    throw new DecodeError(`${name} is an Ogg file of ${source.size} bytes without one whole page.`, {
      hint: 'The file is cut off or damaged; get it again or remove it.',
    });
  }
  for (let page: OggPage | null = first; page !== null; page = await pages.next()) {
    if (page.first && codecOf(page) !== undefined) return page;
  }
  if (!first.first) {
    throw new DecodeError(
      `${name} is an Ogg file whose beginning is missing or damaged, so its codec is unknown.`,
      { hint: 'Get the file again or remove it.' },
    );
  }
  const found = latin1(first.bytes, first.headerLength, 8).replace(/[^\x20-\x7e]/g, '');
  throw new ForeignFormatError(
    `${name} is an Ogg file with a "${found}" stream, which Earshot does not decode itself (Vorbis, Opus and FLAC it does).`,
    'ogg',
  );
}

/** Samples by the positions of the first and the last page; null if they do not tell. */
async function statedFrames(
  source: ByteSource,
  pages: OggPages,
  assembler: PacketAssembler,
  serial: number,
  link: OggLink,
): Promise<number | null> {
  const last = await lastPage(source);
  if (last === null || last.granule === null || last.serial !== serial) return null;
  const audio: Uint8Array[] = [];
  let headers = link.codec === 'vorbis' ? 2 : 1;
  for (let n = 0; n < OPENING_PAGES; n++) {
    const page = await pages.next();
    if (page === null) return null;
    if (page.serial !== serial) continue;
    const packets = assembler.push(page);
    const skipped = Math.min(headers, packets.length);
    headers -= skipped;
    audio.push(...packets.slice(skipped));
    if (page.granule === null || audio.length === 0) continue;
    const start = link.startOf(audio, page.granule);
    return start === null ? null : Math.max(0, last.granule - start);
  }
  return null;
}

/** Where decoding may be left out: until the page that holds the sample wanted. */
interface Skip {
  /** Granule position less samples from the start; null until a page has told. */
  offset: number | null;
  /** The last packet of the last page that lies before the sample wanted, and that page's position. */
  packet: Uint8Array | null;
  granule: number;
}

/**
 * All samples from `from` on. `skipping`: pages before are checked, but decoded only where the codec's state depends on
 * them. Behind damage, or in a chain, positions do not tell how many samples come before; then all is decoded.
 */
async function* oggBlocks(
  source: ByteSource,
  name: string,
  warnings: string[],
  from: number,
  skipping: boolean,
): AsyncGenerator<Float32Array[], void, void> {
  const pages = new OggPages(source);
  const chain = new OggChain(name, skipping ? [] : warnings);
  let skip: Skip | null = skipping ? { offset: null, packet: null, granule: 0 } : null;
  let position = 0;
  let intact = false;
  try {
    for (let page = await pages.next(); page !== null; page = await pages.next()) {
      if (page.first) for (const block of await chain.begin(page)) yield* fromOn(block);
      if (chain.ended) break;
      const { link } = chain;
      const packets = chain.packets(page);
      if (link === null || packets === null) continue;
      const stuck =
        skip?.packet != null && page.granule !== null && packets.length > 1 && page.granule <= skip.granule;
      if (skip !== null && (link.resume === null || chain.irregular || stuck || pages.damaged > 0)) {
        // Nothing has been put out yet.
        yield* withoutFirst(oggBlocks(source, name, warnings, 0, false), from);
        return;
      }
      if (skip !== null && skip.offset !== null) {
        if (packets.length === 0) continue;
        if (page.granule !== null && page.granule - skip.offset <= from) {
          skip = { ...skip, packet: packets.at(-1) ?? null, granule: page.granule };
          continue;
        }
        position = resume(link, skip, position);
        skip = null;
      }
      for (const block of link.push(packets, page.granule, page.last)) yield* fromOn(block);
      if (skip !== null && skip.offset === null && page.granule !== null && position > 0) {
        skip.offset = page.granule - position;
      }
    }
    if (skip !== null && chain.link !== null) resume(chain.link, skip, position);
    for (const block of chain.end()) yield* fromOn(block);
    intact = true;
  } finally {
    chain.link?.free(intact);
  }
  warnings.push(...pages.warnings());
  if (skipping) for (const warning of chain.warnings) warnings.push(warning);

  /** The part of the next block that lies behind `from`. */
  function* fromOn(block: Float32Array[]) {
    const before = from - position;
    position += block[0].length;
    if (before <= 0) yield block;
    else if (before < block[0].length) yield block.map((samples) => samples.subarray(before));
  }
}

/** Makes `link` ready for what follows the pages that were skipped, and returns its new position. */
function resume(link: OggLink, { offset, packet, granule }: Skip, position: number): number {
  if (packet === null || offset === null || link.resume === null) return position;
  link.resume(packet, granule - offset, granule);
  return granule - offset;
}

/** The streams of a file: which of them are decoded, one after the other. */
class OggChain {
  link: OggLink | null = null;
  /** A later link does not fit the first, so that the rest is left out. */
  ended = false;
  /** Positions do not tell how many samples have come: pages are missing, or this is not the first link. */
  irregular = false;
  readonly warnings: string[];
  private readonly name: string;
  private assembler = new PacketAssembler();
  private serial = 0;
  /** The current link's last page has come. */
  private closed = false;
  private pages = 0;
  private links = 0;
  private parallel = 0;
  private layout: { codec: OggCodec; sampleRate: number; channels: number } | null = null;

  constructor(name: string, warnings: string[]) {
    this.name = name;
    this.warnings = warnings;
  }

  /** A stream begins. Returns what was held back of the one before, if it takes its place. */
  async begin(page: OggPage): Promise<Float32Array[][]> {
    const codec = codecOf(page);
    if (codec === undefined) return [];
    // The first pages of streams that run side by side come before any other.
    const besides = this.link !== null && !this.closed && this.pages <= 1 && page.serial !== this.serial;
    if (besides || (this.layout !== null && this.layout.codec !== codec)) {
      this.parallel++;
      return [];
    }
    const rest = this.finishLink(true);
    const assembler = new PacketAssembler();
    const created = await createLink(page, assembler, this.name).catch((error: unknown) => {
      if (this.layout === null) throw error;
      return null;
    });
    const link = created?.link ?? null;
    this.layout ??= link;
    if (
      link === null ||
      link.sampleRate !== this.layout?.sampleRate ||
      link.channels !== this.layout.channels
    ) {
      this.warnings.push(
        link === null
          ? 'The header of a later part of the file is damaged; it was left out with all after it.'
          : 'A later part of the file has another sample rate or channel count and was left out with all after it.',
      );
      link?.free(true);
      this.ended = true;
      return rest;
    }
    this.links++;
    this.irregular ||= this.links > 1;
    this.link = link;
    this.assembler = assembler;
    this.serial = page.serial;
    this.closed = false;
    this.pages = 0;
    return [...rest, ...link.push(created?.packets ?? [], page.granule, page.last)];
  }

  /** The packets completed on `page`; null if it does not belong to the current link. */
  packets(page: OggPage): Uint8Array[] | null {
    if (this.link === null || this.closed || page.serial !== this.serial) return null;
    this.pages++;
    this.closed = page.last;
    // Those of a first page have been taken when the link began.
    const packets = page.first ? [] : this.assembler.push(page);
    this.irregular ||= this.assembler.gaps > 0;
    return packets;
  }

  /** No page follows. */
  end(): Float32Array[][] {
    if (this.parallel > 0) {
      this.warnings.push(`The file holds ${this.parallel} further audio streams, which were left out.`);
    }
    return this.finishLink(false);
  }

  private finishLink(intact: boolean): Float32Array[][] {
    if (this.link === null) return [];
    const found: string[] = [];
    if (this.assembler.gaps > 0) {
      found.push(
        `${this.assembler.gaps} times an Ogg page is missing or comes twice; the sound is wrong there.`,
      );
    }
    const rest = this.link.finish(this.closed, found);
    for (const warning of found) if (!this.warnings.includes(warning)) this.warnings.push(warning);
    if (intact) this.link.free(true);
    if (intact) this.link = null;
    return rest;
  }
}
