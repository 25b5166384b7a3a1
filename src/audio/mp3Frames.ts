/** @file MPEG audio frame headers (ISO 11172-3, 13818-3) and the Xing/Info tag: what an MP3 is, without decoding it. */
import { latin1 } from './detectFormat.ts';

interface FrameHeader {
  /** Bits that stay the same throughout a file: version, layer, sampling rate. */
  signature: number;
  layer: 1 | 2 | 3;
  lowRate: boolean;
  sampleRate: number;
  channels: 1 | 2;
  length: number;
  samples: number;
}

const BITRATES_1: Record<1 | 2 | 3, number[]> = {
  1: [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
  2: [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
  3: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
};
const BITRATES_2: Record<1 | 2 | 3, number[]> = {
  1: [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
  3: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
};

/** The frame header at `at`, or null. "Free format" streams, which state no bit rate, are not recognised. */
function readFrameHeader(bytes: Uint8Array, at: number): FrameHeader | null {
  if (at + 4 > bytes.length || bytes[at] !== 0xff || (bytes[at + 1] & 0xe0) !== 0xe0) return null;
  const version = (bytes[at + 1] >> 3) & 3; // 0: 2.5, 2: 2, 3: 1
  const layerCode = (bytes[at + 1] >> 1) & 3;
  const bitrateIndex = bytes[at + 2] >> 4;
  const rateIndex = (bytes[at + 2] >> 2) & 3;
  if (version === 1 || layerCode === 0 || bitrateIndex === 0 || bitrateIndex === 15 || rateIndex === 3)
    return null;
  const layer = (4 - layerCode) as 1 | 2 | 3;
  const lowRate = version !== 3;
  const sampleRate = [44100, 48000, 32000][rateIndex] / (version === 3 ? 1 : version === 2 ? 2 : 4);
  const bitrate = (lowRate ? BITRATES_2 : BITRATES_1)[layer][bitrateIndex] * 1000;
  const padding = (bytes[at + 2] >> 1) & 1;
  const samples = layer === 1 ? 384 : layer === 3 && lowRate ? 576 : 1152;
  const length =
    layer === 1
      ? (Math.floor((12 * bitrate) / sampleRate) + padding) * 4
      : Math.floor((samples / 8) * (bitrate / sampleRate)) + padding;
  return {
    signature: ((bytes[at + 1] & 0x1e) << 8) | (bytes[at + 2] & 0x0c),
    layer,
    lowRate,
    sampleRate,
    channels: bytes[at + 3] >> 6 === 3 ? 1 : 2,
    length,
    samples,
  };
}

/**
 * Offset of the first frame at or after `from` that is followed by `following` more of its kind, or by fewer and
 * then the end of the data; −1 if there is none.
 */
export function findMp3Start(
  bytes: Uint8Array,
  from: number,
  following: number,
  searchLength = bytes.length,
): number {
  const limit = Math.min(bytes.length, from + searchLength);
  for (let at = bytes.indexOf(0xff, from); at >= 0 && at < limit; at = bytes.indexOf(0xff, at + 1)) {
    const first = readFrameHeader(bytes, at);
    if (first === null) continue;
    let next = at + first.length;
    let seen = 0;
    while (seen < following && next < bytes.length) {
      const header = readFrameHeader(bytes, next);
      if (header === null || header.signature !== first.signature) break;
      next += header.length;
      seen++;
    }
    if (seen === following || (next >= bytes.length && (seen > 0 || next === bytes.length))) return at;
  }
  return -1;
}

export interface Mp3Frames {
  start: number;
  /** End of the last whole frame. */
  end: number;
  layer: 1 | 2 | 3;
  sampleRate: number;
  channels: 1 | 2;
  /** Frames found, the Xing/Info one not counted. */
  count: number;
  samplesPerFrame: number;
  /** From the Xing/Info tag: frames, and the samples of encoder delay and padding to be cut; null without. */
  tag: { count: number | null; delay: number; padding: number } | null;
  /** The data end within a frame. */
  truncated: boolean;
  /** Bytes between frames that belong to none. */
  skipped: number;
}

/** Walks from frame to frame through the whole of `bytes`; null if there is no MPEG audio in it. */
export function walkMp3Frames(bytes: Uint8Array, from: number): Mp3Frames | null {
  let start = findMp3Start(bytes, from, 2);
  if (start < 0) start = findMp3Start(bytes, from, 0);
  if (start < 0) return null;
  const first = readFrameHeader(bytes, start)!;
  const tag = readInfoTag(bytes, start, first);
  let count = tag === null ? 0 : -1;
  let truncated = false;
  let skipped = 0;
  let at = start;
  let end = start;
  while (at < bytes.length) {
    const header = readFrameHeader(bytes, at);
    if (header !== null && header.signature === first.signature) {
      truncated = at + header.length > bytes.length;
      if (truncated) break;
      count++;
      at += header.length;
      end = at;
      continue;
    }
    if (['TAG', 'APE', 'LYR', 'ID3'].includes(latin1(bytes, at, 3))) break;
    const next = findMp3Start(bytes, at + 1, 1);
    if (next < 0) break;
    skipped += next - at;
    at = next;
  }
  const { layer, sampleRate, channels, samples } = first;
  return {
    start,
    end,
    layer,
    sampleRate,
    channels,
    count,
    samplesPerFrame: samples,
    tag,
    truncated,
    skipped,
  };
}

/** The Xing (variable) or Info (constant bit rate) tag in the first frame, with LAME's delay and padding. */
function readInfoTag(bytes: Uint8Array, start: number, header: FrameHeader): Mp3Frames['tag'] {
  if (header.layer !== 3) return null;
  let at = start + 4 + (header.lowRate ? (header.channels === 1 ? 9 : 17) : header.channels === 1 ? 17 : 32);
  const magic = latin1(bytes, at, 4);
  if ((magic !== 'Xing' && magic !== 'Info') || at + 8 > bytes.length) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const flags = view.getUint32(at + 4);
  at += 8;
  let count: number | null = null;
  if (flags & 1 && at + 4 <= bytes.length) {
    count = view.getUint32(at);
    at += 4;
  }
  at += (flags & 2 ? 4 : 0) + (flags & 4 ? 100 : 0) + (flags & 8 ? 4 : 0);
  if (at + 24 > bytes.length || !/^L[A-Za-z]/.test(latin1(bytes, at, 2)))
    return { count, delay: 0, padding: 0 };
  return {
    count,
    delay: (bytes[at + 21] << 4) | (bytes[at + 22] >> 4),
    padding: ((bytes[at + 22] & 15) << 8) | bytes[at + 23],
  };
}
