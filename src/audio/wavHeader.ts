/**
 * @file The chunks of a WAV file: RIFF, big-endian RIFX, 64-bit RF64/BW64 (EBU Tech 3306) and Wave64. Sources:
 * Microsoft, "Multimedia Programming Interface and Data Specifications 1.0" (1991), mmreg.h; Sonic Foundry, "Wave64
 * file format"; and the files found in the wild.
 */
import { DecodeError } from '../core/errors.ts';
import { type ByteSource, SlidingWindow } from './byteSource.ts';
import { latin1 } from './latin1.ts';
import { trailingTagsStart } from './tags.ts';

export const WAVE_FORMAT = {
  PCM: 0x0001,
  MS_ADPCM: 0x0002,
  IEEE_FLOAT: 0x0003,
  A_LAW: 0x0006,
  MU_LAW: 0x0007,
  IMA_ADPCM: 0x0011,
  MP3: 0x0055,
  EXTENSIBLE: 0xfffe,
} as const;

/** Encodings whose last block is padded, so that the fact chunk says where the sound ends. */
const ENDED_BY_FACT = new Set<number>([WAVE_FORMAT.MS_ADPCM, WAVE_FORMAT.IMA_ADPCM, WAVE_FORMAT.MP3]);

export interface WavHeader {
  littleEndian: boolean;
  /** The format tag; for WAVE_FORMAT_EXTENSIBLE that of the sub-format. */
  formatTag: number;
  extensible: boolean;
  channels: number;
  sampleRate: number;
  blockAlign: number;
  bitsPerSample: number;
  /** Bits in use within `bitsPerSample` (EXTENSIBLE); the rest is zero padding at the low end. */
  validBits: number;
  /** What follows the 16 common bytes and cbSize in the fmt chunk (ADPCM: samples per block, coefficients). */
  extra: Uint8Array;
  /** Frames by the fact chunk; null if there is none, or if it says 0 or −1. */
  factFrames: number | null;
  dataOffset: number;
  /** Bytes of samples that are really there. */
  dataLength: number;
  /** Bytes of samples the header claims; null where it makes no claim (0, 0xFFFFFFFF). */
  declaredDataLength: number | null;
  warnings: string[];
}

const KNOWN_CHUNKS = new Set(
  'fmt |data|LIST|fact|cue |smpl|inst|bext|JUNK|junk|PAD |FLLR|PEAK|id3 |ID3 |iXML|_PMX|acid|plst|labl|note|adtl|DISP|strc|wavl|slnt|ds64|axml|chna|minf|elm1|regn|umid|afsp|cart|levl|LGWV|SAUR|INFO'.split(
    '|',
  ),
);

/** Data chunks of a recorder that never came back to fill in their length state none: `declared` is null. */
interface DataChunk {
  offset: number;
  length: number;
  declared: number | null;
}

interface Chunk {
  id: string;
  /** Offset of the content. */
  start: number;
  size: number;
}

/** Wave64 (Sony, 2003) names chunks by 16 bytes, of which the first four are RIFF's, and counts their heads in. */
const W64_HEAD = 24;

/** Walks through the chunks of a file. Only the heads are read, not what lies between them. */
class ChunkReader {
  readonly littleEndian: boolean;
  readonly wave64: boolean;
  readonly size: number;
  private readonly window: SlidingWindow;
  private readonly headLength: number;

  constructor(source: ByteSource, magic: string) {
    this.window = new SlidingWindow(source, 2 ** 16);
    this.size = source.size;
    this.littleEndian = magic !== 'RIFX';
    this.wave64 = magic === 'riff';
    this.headLength = this.wave64 ? W64_HEAD : 8;
  }

  /** Where the first chunk stands. */
  get first(): number {
    return this.wave64 ? 40 : 12;
  }

  /** Up to `length` bytes from `offset` on. */
  async bytes(offset: number, length: number): Promise<Uint8Array> {
    if (this.window.available(offset) < length) await this.window.fill(offset, length);
    const from = Math.max(0, offset - this.window.start);
    return this.window.bytes.subarray(from, from + length);
  }

  /** The chunk whose head stands at `offset`; null at the end of the file. */
  async chunk(offset: number): Promise<Chunk | null> {
    const head = await this.bytes(offset, this.headLength);
    if (head.length < this.headLength) return null;
    const view = new DataView(head.buffer, head.byteOffset, head.length);
    const size = this.wave64
      ? Math.max(0, Number(view.getBigUint64(16, true)) - W64_HEAD)
      : view.getUint32(4, this.littleEndian);
    return { id: latin1(head, 0, 4), start: offset + this.headLength, size };
  }

  /**
   * Where the chunk behind one that ends at `end` stands: at an even offset (Wave64: a multiple of 8). Some writers
   * forget the pad byte, which shows in where a known name appears.
   */
  async next(end: number): Promise<number> {
    if (this.wave64) return Math.ceil(end / 8) * 8;
    if (end % 2 === 0) return end;
    const five = await this.bytes(end, 5);
    return KNOWN_CHUNKS.has(latin1(five, 0, 4)) && !KNOWN_CHUNKS.has(latin1(five, 1, 4)) ? end : end + 1;
  }

  /** True if from `offset` to the end of the file there is nothing but a clean list of known chunks. */
  async isChunkList(offset: number): Promise<boolean> {
    while (true) {
      const chunk = await this.chunk(offset);
      if (chunk === null) return offset >= this.size && offset <= this.size + 1;
      if (!KNOWN_CHUNKS.has(chunk.id)) return false;
      offset = await this.next(chunk.start + chunk.size);
    }
  }

  /** Offset of the next chunk called `id` at or after `from`; −1 if there is none. */
  async find(id: string, from: number): Promise<number> {
    const letters = Array.from(id, (letter) => letter.charCodeAt(0));
    for (let offset = from; ; ) {
      if ((await this.window.fill(offset, this.headLength)) < this.headLength) return -1;
      const { bytes, start } = this.window;
      for (let i = bytes.indexOf(letters[0], offset - start); i >= 0; i = bytes.indexOf(letters[0], i + 1)) {
        if (i + this.headLength <= bytes.length && letters.every((letter, k) => bytes[i + k] === letter)) {
          return start + i;
        }
      }
      offset = start + bytes.length - this.headLength + 1;
    }
  }
}

/**
 * Reads the chunk list of a RIFF, RIFX, RF64, BW64 or Wave64 file. Where it is damaged, reading goes on at the next
 * "fmt " or "data" chunk.
 * @throws DecodeError if there is no usable fmt or data chunk, or the fmt chunk describes nothing playable.
 */
export async function readWavHeader(source: ByteSource, name: string): Promise<WavHeader> {
  const reader = new ChunkReader(source, latin1(await source.read(0, 4), 0, 4));
  const warnings: string[] = [];
  const found = await readChunks(reader, name, warnings);
  const { format, data } = found;
  if (format === null) throw noChunk(name, 'fmt ', 'what the samples are', source.size);
  if (data === null) throw noChunk(name, 'data', 'the samples', source.size);
  if (data.declared === null && source.size !== Number.POSITIVE_INFINITY) {
    // Whatever comes last is taken for samples, but for tags.
    data.length = Math.min(data.length, Math.max(0, (await trailingTagsStart(source)) - data.offset));
  }
  warnAboutLength(data, warnings);
  return {
    littleEndian: reader.littleEndian,
    ...format,
    factFrames: found.factFrames,
    dataOffset: data.offset,
    dataLength: data.length,
    declaredDataLength: data.declared,
    warnings,
  };
}

interface FoundChunks {
  format: ReturnType<typeof parseFormat> | null;
  factFrames: number | null;
  data: DataChunk | null;
}

async function readChunks(reader: ChunkReader, name: string, warnings: string[]): Promise<FoundChunks> {
  const found: FoundChunks = { format: null, factFrames: null, data: null };
  const { littleEndian } = reader;
  let longDataLength: number | null = null;
  /** An empty data chunk was seen whose successors are a clean list: so are those of the next one. */
  let cleanList = false;
  /** Damage is searched from here on: behind the head of the last chunk that was known. */
  let sure = reader.first;
  let offset = reader.first;
  while (true) {
    const chunk = await reader.chunk(offset);
    let lost = chunk === null;
    if (chunk !== null) {
      const { id, start } = chunk;
      let { size } = chunk;
      if (KNOWN_CHUNKS.has(id)) sure = start;
      if (id === 'data') {
        if (size === 0xffffffff && longDataLength !== null) size = longDataLength;
        const clean: boolean = size === 0 && (cleanList || (await reader.isChunkList(start)));
        cleanList ||= clean;
        const data = measureData(reader.size, start, size, clean);
        if (found.data === null || found.data.length === 0) found.data = data;
        if (data.length !== size) break;
      } else if (id === 'fmt ' && found.format === null) {
        found.format = parseFormat(
          await reader.bytes(start, Math.min(size, 2 ** 16)),
          littleEndian,
          name,
          warnings,
        );
      } else if (id === 'fact' && size >= 4) {
        found.factFrames = readFact(await reader.bytes(start, 4), littleEndian) ?? found.factFrames;
      } else if (id === 'ds64' && size >= 24) {
        const bytes = await reader.bytes(start, 24);
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
        if (bytes.length === 24) longDataLength = Number(view.getBigUint64(8, littleEndian));
      }
      if (hasAll(found)) break;
      if (start + size > reader.size && found.data === null) {
        warnings.push(
          `Chunk "${printable(id)}" claims ${size} bytes, more than the file has; reading goes on at the next known chunk.`,
        );
        lost = true;
      } else {
        offset = await reader.next(start + size);
        // A name that is none, and no chunk behind it: what stands here was never written as a chunk.
        lost = found.data === null && printable(id) !== id && !(await leadsToChunk(reader, offset));
        if (lost)
          warnings.push('The file is damaged between its chunks; reading goes on at the next known chunk.');
      }
    }
    if (!lost) continue;
    const missing = found.format === null ? 'fmt ' : found.data === null ? 'data' : null;
    offset = missing === null ? -1 : await reader.find(missing, sure);
    if (offset < 0) break;
    if (chunk === null) {
      warnings.push('The file is damaged between its chunks; reading goes on at the next known chunk.');
    }
  }
  return found;
}

/** Nothing that may still come matters: the fact chunk does to compressed samples only. */
function hasAll({ format, data, factFrames }: FoundChunks): boolean {
  if (format === null || data === null || data.length === 0) return false;
  return factFrames !== null || !ENDED_BY_FACT.has(format.formatTag);
}

async function leadsToChunk(reader: ChunkReader, offset: number): Promise<boolean> {
  const chunk = await reader.chunk(offset);
  return chunk === null ? offset === reader.size : KNOWN_CHUNKS.has(chunk.id);
}

function readFact(bytes: Uint8Array, littleEndian: boolean): number | null {
  if (bytes.length < 4) return null;
  const frames = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, littleEndian);
  return frames === 0 || frames === 0xffffffff ? null : frames;
}

function noChunk(name: string, id: string, holding: string, length: number): DecodeError {
  return new DecodeError(
    `${name} is a WAV file of ${length} bytes without a "${id.trim()}" chunk (${holding}), so it holds no readable audio.`,
    { hint: 'The file is cut off or damaged; get it again or remove it.' },
  );
}

/** `clean`: behind a data chunk of length 0 there is a clean list of further chunks, so it really is empty. */
function measureData(fileSize: number, start: number, size: number, clean: boolean): DataChunk {
  const available = Math.max(0, fileSize - start);
  if (size === 0xffffffff || (size === 0 && available > 0 && !clean)) {
    return { offset: start, length: available, declared: null };
  }
  return { offset: start, length: Math.min(size, available), declared: size };
}

function warnAboutLength(data: DataChunk, warnings: string[]): void {
  // A pipe cannot be rewound, so its writer could not fill in the length: no fault of the sound.
  if (data.length === Number.POSITIVE_INFINITY) return;
  if (data.declared === null && data.length > 0) {
    warnings.push(
      `The data chunk does not state its length (a recording that was never closed); all ${data.length} bytes up to the end of the file were read.`,
    );
  } else if (data.declared !== null && data.declared > data.length) {
    warnings.push(
      `The file is truncated: its data chunk claims ${data.declared} bytes and ${data.length} are there.`,
    );
  }
}

function printable(id: string): string {
  return id.replace(/[^\x20-\x7e]/g, '?');
}

/** Bytes 4–15 of the registered sub-format GUIDs: KSDATAFORMAT_SUBTYPE_* (as RIFF and as RIFX), Ambisonic B-format. */
const GUID_TAILS = ['00001000800000aa00389b71', '00000010800000aa00389b71', '2107d3118644c8c1ca000000'];

/** Reads the content of a fmt chunk, as far as the file holds it. */
function parseFormat(bytes: Uint8Array, littleEndian: boolean, name: string, warnings: string[]) {
  const size = bytes.length;
  const view = new DataView(bytes.buffer, bytes.byteOffset, size);
  if (size < 14) {
    throw new DecodeError(`${name} has a WAV fmt chunk of ${size} bytes; at least 14 are needed.`, {
      hint: 'The file is cut off or damaged; get it again or remove it.',
    });
  }
  let formatTag = view.getUint16(0, littleEndian);
  const channels = view.getUint16(2, littleEndian);
  const sampleRate = view.getUint32(4, littleEndian);
  const blockAlign = view.getUint16(12, littleEndian);
  const impossible =
    channels === 0
      ? 'no channels'
      : sampleRate === 0
        ? 'a sample rate of 0'
        : blockAlign === 0
          ? 'a block size of 0'
          : '';
  if (impossible) {
    throw new DecodeError(
      `${name} is a WAV file whose header states ${impossible}, so it cannot be played.`,
      {
        hint: 'The header is damaged; get the file again or remove it.',
      },
    );
  }
  let bitsPerSample = size >= 16 ? view.getUint16(14, littleEndian) : 0;
  if (bitsPerSample === 0 && (formatTag === WAVE_FORMAT.PCM || formatTag === WAVE_FORMAT.EXTENSIBLE)) {
    bitsPerSample = Math.floor(blockAlign / channels) * 8;
  }
  let validBits = bitsPerSample;
  const extraLength = size >= 18 ? Math.min(view.getUint16(16, littleEndian), size - 18) : 0;
  const extensible = formatTag === WAVE_FORMAT.EXTENSIBLE;
  // The fields of the sub-format stand behind the 22 bytes of the extension.
  const extra = bytes.subarray(extensible ? 40 : 18, 18 + extraLength);
  if (extensible) {
    if (size >= 40) {
      const stated = view.getUint16(18, littleEndian);
      if (stated > 0 && stated <= bitsPerSample) validBits = stated;
      const guidTag = view.getUint32(24, littleEndian);
      const tail = Array.from(bytes.subarray(28, 40), (byte) => byte.toString(16).padStart(2, '0')).join('');
      if (!GUID_TAILS.includes(tail)) {
        warnings.push(
          'The sub-format GUID of the header is not a registered one; its first two bytes were taken as the format.',
        );
      }
      formatTag = guidTag & 0xffff;
    } else {
      formatTag = WAVE_FORMAT.PCM;
      warnings.push('The header says EXTENSIBLE but has no sub-format; PCM was assumed.');
    }
  }
  return { formatTag, extensible, channels, sampleRate, blockAlign, bitsPerSample, validBits, extra };
}
