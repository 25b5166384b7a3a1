/**
 * @file The chunks of a WAV file: RIFF, big-endian RIFX, and 64-bit RF64/BW64 (EBU Tech 3306). Sources: Microsoft,
 * "Multimedia Programming Interface and Data Specifications 1.0" (1991), mmreg.h, and the files found in the wild.
 */
import { DecodeError } from '../core/errors.ts';
import { latin1 } from './detectFormat.ts';

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

/**
 * Reads the chunk list. `byteLength` is the whole file's size where `bytes` holds only its head (probing).
 * @throws DecodeError if there is no usable fmt or data chunk, or the fmt chunk describes nothing playable.
 */
export function parseWavHeader(bytes: Uint8Array, name: string, byteLength = bytes.length): WavHeader {
  const magic = latin1(bytes, 0, 4);
  const littleEndian = magic !== 'RIFX';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const warnings: string[] = [];
  let format: ReturnType<typeof parseFormat> | null = null;
  let factFrames: number | null = null;
  let longDataLength: number | null = null;
  let data: { offset: number; length: number; declared: number | null } | null = null;

  let offset = 12;
  while (offset + 8 <= bytes.length) {
    const id = latin1(bytes, offset, 4);
    let size = view.getUint32(offset + 4, littleEndian);
    const start = offset + 8;
    if (id === 'data') {
      if (size === 0xffffffff && longDataLength !== null) size = longDataLength;
      const found = measureData(bytes, start, size, byteLength, littleEndian);
      if (data === null || data.length === 0) data = found;
      if (found.length !== size) break;
    } else if (id === 'fmt ' && format === null) {
      format = parseFormat(view, start, Math.min(size, bytes.length - start), littleEndian, name, warnings);
    } else if (id === 'fact' && size >= 4 && start + 4 <= bytes.length) {
      const frames = view.getUint32(start, littleEndian);
      factFrames = frames === 0 || frames === 0xffffffff ? null : frames;
    } else if (id === 'ds64' && size >= 24 && start + 24 <= bytes.length) {
      longDataLength = Number(view.getBigUint64(start + 8, littleEndian));
    }
    if (start + size > byteLength && data === null) {
      const recovered = findChunk(bytes, start, format === null ? 'fmt ' : 'data');
      if (recovered < 0) break;
      warnings.push(
        `Chunk "${printable(id)}" claims ${size} bytes, more than the file has; reading goes on at the next known chunk.`,
      );
      offset = recovered;
      continue;
    }
    offset = nextChunk(bytes, start + size);
  }

  if (format === null) throw noChunk(name, 'fmt ', 'what the samples are', bytes.length);
  if (data === null) throw noChunk(name, 'data', 'the samples', bytes.length);
  warnAboutLength(data, warnings);
  return {
    littleEndian,
    ...format,
    factFrames,
    dataOffset: data.offset,
    dataLength: data.length,
    declaredDataLength: data.declared,
    warnings,
  };
}

function noChunk(name: string, id: string, holding: string, length: number): DecodeError {
  return new DecodeError(
    `${name} is a WAV file of ${length} bytes without a "${id.trim()}" chunk (${holding}), so it holds no readable audio.`,
    { hint: 'The file is cut off or damaged; get it again or remove it.' },
  );
}

function measureData(
  bytes: Uint8Array,
  start: number,
  size: number,
  byteLength: number,
  littleEndian: boolean,
) {
  const available = Math.max(0, byteLength - start);
  if (size === 0xffffffff) return { offset: start, length: available, declared: null };
  // A zero length is either a recorder that never came back to fill it in, or really no sound: in the latter
  // case the rest of the file is a clean list of further chunks.
  if (size === 0 && available > 0 && !isChunkList(bytes, start, byteLength, littleEndian)) {
    return { offset: start, length: available, declared: null };
  }
  return { offset: start, length: Math.min(size, available), declared: size };
}

function warnAboutLength(data: { length: number; declared: number | null }, warnings: string[]): void {
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

function isChunkList(bytes: Uint8Array, start: number, byteLength: number, littleEndian: boolean): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = start;
  while (offset + 8 <= bytes.length) {
    if (!KNOWN_CHUNKS.has(latin1(bytes, offset, 4))) return false;
    offset = nextChunk(bytes, offset + 8 + view.getUint32(offset + 4, littleEndian));
  }
  return offset >= byteLength && offset <= byteLength + 1;
}

/** Chunks start at even offsets; some writers forget the pad byte, which shows in where a known name appears. */
function nextChunk(bytes: Uint8Array, end: number): number {
  if (end % 2 === 0) return end;
  const unpadded = KNOWN_CHUNKS.has(latin1(bytes, end, 4)) && !KNOWN_CHUNKS.has(latin1(bytes, end + 1, 4));
  return unpadded ? end : end + 1;
}

function findChunk(bytes: Uint8Array, from: number, id: string): number {
  const [a, b, c, d] = Array.from(id, (letter) => letter.charCodeAt(0));
  for (let i = bytes.indexOf(a, from); i >= 0 && i + 8 <= bytes.length; i = bytes.indexOf(a, i + 1)) {
    if (bytes[i + 1] === b && bytes[i + 2] === c && bytes[i + 3] === d) return i;
  }
  return -1;
}

function printable(id: string): string {
  return id.replace(/[^\x20-\x7e]/g, '?');
}

/** Bytes 4–15 of the registered sub-format GUIDs: KSDATAFORMAT_SUBTYPE_* (as RIFF and as RIFX), Ambisonic B-format. */
const GUID_TAILS = ['00001000800000aa00389b71', '00000010800000aa00389b71', '2107d3118644c8c1ca000000'];

function parseFormat(
  view: DataView,
  start: number,
  size: number,
  littleEndian: boolean,
  name: string,
  warnings: string[],
) {
  if (size < 14) {
    throw new DecodeError(
      `${name} has a WAV fmt chunk of ${Math.max(0, size)} bytes; at least 14 are needed.`,
      {
        hint: 'The file is cut off or damaged; get it again or remove it.',
      },
    );
  }
  let formatTag = view.getUint16(start, littleEndian);
  const channels = view.getUint16(start + 2, littleEndian);
  const sampleRate = view.getUint32(start + 4, littleEndian);
  const blockAlign = view.getUint16(start + 12, littleEndian);
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
  let bitsPerSample = size >= 16 ? view.getUint16(start + 14, littleEndian) : 0;
  if (bitsPerSample === 0 && (formatTag === WAVE_FORMAT.PCM || formatTag === WAVE_FORMAT.EXTENSIBLE)) {
    bitsPerSample = Math.floor(blockAlign / channels) * 8;
  }
  let validBits = bitsPerSample;
  const extraLength = size >= 18 ? Math.min(view.getUint16(start + 16, littleEndian), size - 18) : 0;
  const extra = new Uint8Array(
    view.buffer,
    view.byteOffset + start + 18 * Number(extraLength > 0),
    extraLength,
  );
  const extensible = formatTag === WAVE_FORMAT.EXTENSIBLE;
  if (extensible) {
    if (size >= 40) {
      const stated = view.getUint16(start + 18, littleEndian);
      if (stated > 0 && stated <= bitsPerSample) validBits = stated;
      const guidTag = view.getUint32(start + 24, littleEndian);
      let tail = '';
      for (let i = 28; i < 40; i++)
        tail += view
          .getUint8(start + i)
          .toString(16)
          .padStart(2, '0');
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
