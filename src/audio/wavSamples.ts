/** @file Samples of uncompressed and companded WAV encodings to float32, one function for each storage type. */
import { DecodeError } from '../core/errors.ts';
import { WAVE_FORMAT, type WavHeader } from './wavHeader.ts';

/** Reads the sample stored at a byte offset, scaled so that full scale is −1…1. */
type ReadSample = (view: DataView, offset: number, littleEndian: boolean) => number;

export interface Storage {
  encoding: string;
  bytesPerSample: number;
  read: ReadSample;
}

const readInt24: ReadSample = (view, offset, littleEndian) => {
  const low = view.getUint8(littleEndian ? offset : offset + 2);
  const middle = view.getUint8(offset + 1);
  const high = view.getInt8(littleEndian ? offset + 2 : offset);
  return (high * 65536 + middle * 256 + low) / 8388608;
};

const PCM: Record<number, Storage> = {
  1: { encoding: 'pcm-u8', bytesPerSample: 1, read: (view, at) => (view.getUint8(at) - 128) / 128 },
  2: { encoding: 'pcm-s16', bytesPerSample: 2, read: (view, at, le) => view.getInt16(at, le) / 32768 },
  3: { encoding: 'pcm-s24', bytesPerSample: 3, read: readInt24 },
  4: { encoding: 'pcm-s32', bytesPerSample: 4, read: (view, at, le) => view.getInt32(at, le) / 2147483648 },
  8: {
    encoding: 'pcm-s64',
    bytesPerSample: 8,
    read: (view, at, le) => Number(view.getBigInt64(at, le)) / 2 ** 63,
  },
};

const FLOAT: Record<number, Storage> = {
  32: { encoding: 'float32', bytesPerSample: 4, read: (view, at, le) => view.getFloat32(at, le) },
  64: { encoding: 'float64', bytesPerSample: 8, read: (view, at, le) => view.getFloat64(at, le) },
};

/** ITU-T G.711 A-law: even bits inverted, then sign, 3-bit exponent, 4-bit mantissa; 13-bit result. */
function expandALaw(code: number): number {
  const bits = code ^ 0x55;
  const exponent = (bits >> 4) & 7;
  const mantissa = bits & 15;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return (bits & 0x80 ? magnitude : -magnitude) / 32768;
}

/** ITU-T G.711 mu-law: all bits inverted, then sign, exponent and mantissa over a bias of 132; 14-bit result. */
function expandMuLaw(code: number): number {
  const bits = ~code & 0xff;
  const magnitude = ((((bits & 15) << 3) + 0x84) << ((bits >> 4) & 7)) - 0x84;
  return (bits & 0x80 ? -magnitude : magnitude) / 32768;
}

const A_LAW_TABLE = Float32Array.from({ length: 256 }, (_, code) => expandALaw(code));
const MU_LAW_TABLE = Float32Array.from({ length: 256 }, (_, code) => expandMuLaw(code));

const COMPANDED: Record<number, Storage> = {
  [WAVE_FORMAT.A_LAW]: {
    encoding: 'a-law',
    bytesPerSample: 1,
    read: (view, at) => A_LAW_TABLE[view.getUint8(at)],
  },
  [WAVE_FORMAT.MU_LAW]: {
    encoding: 'mu-law',
    bytesPerSample: 1,
    read: (view, at) => MU_LAW_TABLE[view.getUint8(at)],
  },
};

/**
 * How the samples of an uncompressed WAV file are stored, or null if its encoding is not one of these.
 * Bits that are not a whole number of bytes (12 in 16, 20 in 24) sit at the high end of their container, so
 * the container alone gives the scale.
 */
export function uncompressedStorage(header: WavHeader): Storage | null {
  switch (header.formatTag) {
    case WAVE_FORMAT.PCM: {
      return header.bitsPerSample > 64 ? null : (PCM[Math.ceil(header.bitsPerSample / 8)] ?? null);
    }
    case WAVE_FORMAT.IEEE_FLOAT:
      return FLOAT[header.bitsPerSample] ?? null;
    default:
      return COMPANDED[header.formatTag] ?? null;
  }
}

/** De-interleaves `frames` frames of uncompressed samples, which begin where `bytes` do. */
export function readUncompressed(
  bytes: Uint8Array,
  header: WavHeader,
  storage: Storage,
  frames: number,
  frameBytes: number,
): Float32Array[] {
  const { channels, littleEndian } = header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { read, bytesPerSample } = storage;
  const channelData = Array.from({ length: channels }, () => new Float32Array(frames));
  // Containers wider than the sample hold it at their high end.
  const inContainer = littleEndian ? frameBytes / channels - bytesPerSample : 0;
  for (let c = 0; c < channels; c++) {
    const samples = channelData[c];
    let offset = c * (frameBytes / channels) + inContainer;
    if (bytesPerSample === 2 && littleEndian) {
      // The commonest case by far, kept free of calls.
      for (let n = 0; n < frames; n++, offset += frameBytes) {
        samples[n] = (((bytes[offset + 1] << 24) >> 16) | bytes[offset]) / 32768;
      }
    } else {
      for (let n = 0; n < frames; n++, offset += frameBytes) samples[n] = read(view, offset, littleEndian);
    }
  }
  return channelData;
}

/**
 * Bytes from one frame to the next. Block sizes that contradict the sample size are corrected with a warning,
 * for the sample size is what players go by.
 */
export function frameSize(header: WavHeader, storage: Storage, name: string, warnings: string[]): number {
  const { blockAlign, channels } = header;
  const needed = storage.bytesPerSample * channels;
  if (blockAlign === needed) return needed;
  const width = blockAlign / channels;
  if (Number.isInteger(width) && width > storage.bytesPerSample && width <= 8) return blockAlign;
  if (channels > 1024) {
    throw new DecodeError(
      `${name} is a WAV file whose header states ${channels} channels in blocks of ${blockAlign} bytes, which cannot be.`,
      { hint: 'The header is damaged; get the file again or remove it.' },
    );
  }
  warnings.push(
    `The header states blocks of ${blockAlign} bytes where ${channels} channels of ${storage.encoding} need ${needed}; ${needed} was taken.`,
  );
  return needed;
}
