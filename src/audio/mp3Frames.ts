/** @file MPEG audio frame headers (ISO 11172-3, 13818-3) and the Xing/Info tag: what an MP3 is, without decoding it. */
import { type ByteSource, SlidingWindow } from './byteSource.ts';
import { latin1 } from './latin1.ts';
import { leadingTagLength } from './tags.ts';

export interface Mp3FrameHeader {
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
function readFrameHeader(bytes: Uint8Array, at: number): Mp3FrameHeader | null {
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

/** More than four frames take, whatever their layer and bit rate. */
const LOOKAHEAD = 2 ** 14;
/** Frames in a run: about 3 seconds, so that a low bit rate does not make for endless blocks. */
const RUN = 128;

/**
 * Index of the first frame at or after `from` and below `limit` that is followed by `following` more of its kind, or
 * by fewer and then the end of `bytes`; −1 if there is none.
 */
function findFrames(bytes: Uint8Array, from: number, limit: number, following: number): number {
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

/** The same for a whole source, from offset `from` up to `limit`. */
async function findFramesIn(
  window: SlidingWindow,
  from: number,
  following: number,
  limit = Number.POSITIVE_INFINITY,
): Promise<number> {
  for (let offset = from; offset < limit; ) {
    const have = await window.fill(offset, 2 * LOOKAHEAD);
    const index = offset - window.start;
    // Only at the end of the source is the end of the window the end of the data.
    const last = have < 2 * LOOKAHEAD;
    const end = last ? window.bytes.length : window.bytes.length - LOOKAHEAD;
    const found = findFrames(window.bytes, index, Math.min(end, limit - window.start), following);
    if (found >= 0) return window.start + found;
    if (last) break;
    offset = window.start + end;
  }
  return -1;
}

/** The first frame of an MP3. */
export interface Mp3Start {
  /** Offset of the first frame with sound: the Xing/Info frame holds none. */
  offset: number;
  first: Mp3FrameHeader;
  /** From the Xing/Info tag: frames, and the samples of encoder delay and padding to be cut; null without. */
  tag: Mp3Tag | null;
}

export interface Mp3Tag {
  count: number | null;
  /** Null where the tag does not say how many samples the encoder added. */
  delay: number | null;
  padding: number;
}

/** Bytes looked at to judge whether a file is an MP3. */
const JUDGED = 2 ** 22;

/**
 * Finds the first frame of an MP3, or null if `source` is none: the bits that mark a frame occur in any data, so
 * most of the file (of its first 4 MiB) must be frames. `bare`: without a tag before it, three more must follow the
 * first one, which begins within 4096 bytes.
 */
export async function findMp3(source: ByteSource, bare: boolean): Promise<Mp3Start | null> {
  const window = new SlidingWindow(source);
  let offset = bare ? await findFramesIn(window, 0, 3, 4096) : await findFramesIn(window, 0, 2);
  if (offset < 0 && !bare) offset = await findFramesIn(window, 0, 0);
  if (offset < 0) return null;
  await window.fill(offset, LOOKAHEAD);
  const first = readFrameHeader(window.bytes, offset - window.start);
  if (first === null) return null;
  const tag = readInfoTag(window.bytes, offset - window.start, first);
  const walk = new Mp3Walk(source, offset, first);
  for await (const run of walk.runs()) if (run.end >= JUDGED) break;
  const judged = Math.min(JUDGED, source.size - (await leadingZeros(source, JUDGED)));
  if (2 * (walk.frameBytes + (walk.truncated ? first.length : 0)) < judged) return null;
  return { offset: tag === null ? offset : offset + first.length, first, tag };
}

/** Zero bytes at the start, which tags of a wrong length leave behind. */
async function leadingZeros(source: ByteSource, limit: number): Promise<number> {
  const bytes = await source.read(0, limit);
  const found = bytes.findIndex((byte) => byte !== 0);
  return found < 0 ? bytes.length : found;
}

/** Whole frames in a row, without anything between them. */
export interface Mp3Run {
  bytes: Uint8Array;
  /** Number of the first frame, counted from the start of the walk. */
  index: number;
  frames: number;
  /** Offset behind the last frame. */
  end: number;
}

/** Goes from frame to frame through an MP3; what lies between frames is left out, tags silently. */
export class Mp3Walk {
  count = 0;
  frameBytes = 0;
  /** Bytes between frames that belong to neither a frame nor a tag. */
  skipped = 0;
  /** The data end within a frame. */
  truncated = false;
  private readonly source: ByteSource;
  private readonly offset: number;
  private readonly first: Mp3FrameHeader;

  constructor(source: ByteSource, offset: number, first: Mp3FrameHeader) {
    this.source = source;
    this.offset = offset;
    this.first = first;
  }

  async *runs(): AsyncGenerator<Mp3Run, void, void> {
    const window = new SlidingWindow(this.source);
    for (let at = this.offset; ; ) {
      const have = await window.fill(at, LOOKAHEAD);
      if (have === 0) return;
      const { bytes } = window;
      const from = at - window.start;
      let index = from;
      const before = this.count;
      let header: Mp3FrameHeader | null = null;
      while (this.count - before < RUN) {
        header = readFrameHeader(bytes, index);
        if (header === null || header.signature !== this.first.signature) {
          header = null;
          break;
        }
        if (index + header.length > bytes.length) break;
        index += header.length;
        this.count++;
      }
      at = window.start + index;
      const frames = this.count - before;
      if (frames > 0) {
        this.frameBytes += index - from;
        yield { bytes: bytes.subarray(from, index), index: before, frames, end: at };
        continue;
      }
      if (header !== null) {
        this.truncated = true;
        return;
      }
      const tag = tagLength(bytes, index);
      const next = tag > 0 ? at + tag : await findFramesIn(window, at + 1, 1);
      if (next < 0 || next >= this.source.size) return;
      if (tag === 0) this.skipped += next - at;
      at = next;
    }
  }
}

/** Bytes of the first `count` frames of a run. */
export function framesLength(bytes: Uint8Array, count: number): number {
  let at = 0;
  for (let n = 0; n < count; n++) at += readFrameHeader(bytes, at)?.length ?? 0;
  return at;
}

/**
 * A copy of `bytes` in which the first `count` frames of layer 3 are silence: their side information says that they
 * use none of the bytes behind it, which are still there for later frames to borrow. How far they reach back
 * themselves (main_data_begin) stays, for mpg123 hands borrowed bytes on from frame to frame.
 */
export function silenced(bytes: Uint8Array, count: number): Uint8Array {
  const changed = bytes.slice();
  let at = 0;
  for (let n = 0; n < count; n++) {
    const header = readFrameHeader(changed, at);
    if (header === null || header.layer !== 3) break;
    const side = sideInfoLength(header);
    const checksum = changed[at + 1] & 1 ? 0 : 2;
    const from = at + 4 + checksum;
    const reach = [changed[from], header.lowRate ? 0 : changed[from + 1] & 0x80];
    changed[at + 1] |= 1; // no checksum: it would be wrong now
    changed.fill(0, at + 4, from + side);
    changed.set(reach, at + 4);
    at += header.length;
  }
  return changed;
}

function sideInfoLength({ lowRate, channels }: Mp3FrameHeader): number {
  if (lowRate) return channels === 1 ? 9 : 17;
  return channels === 1 ? 17 : 32;
}

/** Tags stand between the parts of files that were put together. */
function tagLength(bytes: Uint8Array, index: number): number {
  return latin1(bytes, index, 3) === 'TAG' ? 128 : leadingTagLength(bytes, index);
}

/** The Xing (variable) or Info (constant bit rate) tag in the frame at `start`, with LAME's delay and padding. */
function readInfoTag(bytes: Uint8Array, start: number, header: Mp3FrameHeader): Mp3Tag | null {
  if (header.layer !== 3) return null;
  let at = start + 4 + sideInfoLength(header);
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
    return { count, delay: null, padding: 0 };
  return {
    count,
    delay: (bytes[at + 21] << 4) | (bytes[at + 22] >> 4),
    padding: ((bytes[at + 22] & 15) << 8) | bytes[at + 23],
  };
}
