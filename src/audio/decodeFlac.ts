/** @file FLAC files (RFC 9639): frame after frame, with silence in place of frames that are damaged or missing. */
import { DecodeError } from '../core/errors.ts';
import { type ByteSource, SlidingWindow } from './byteSource.ts';
import {
  decodeFlacFrame,
  FLAC_PADDING,
  type FlacFrameHeader,
  type FlacInfo,
  readFlacFrameHeader,
} from './flacFrame.ts';
import { latin1 } from './latin1.ts';
import { type OpenedSound, withoutFirst } from './openedSound.ts';
import { leadingTagLength } from './tags.ts';

/** No frame is longer: 65,535 samples in eight channels of 32 bits, and their heads. */
const MAX_FRAME_BYTES = 2 ** 21 + 2 ** 16;
const FIRST_READ = 2 ** 16;
/** Samples computed in vain while frames are looked for, at most, beside four times those that were found. */
const WASTED_LIMIT = 2 ** 24;
/** The longest stretch of missing frames that is filled where the header does not state the length, in seconds. */
const GAP_LIMIT = 600;
/** Bytes that may stand behind the last frame without being worth a word. */
const SMALL_REST = 2 ** 16;

export interface FlacStart {
  info: FlacInfo;
  /** Offset of the first frame. */
  audioStart: number;
}

/** Reads STREAMINFO at `start`, where "fLaC" stands, and walks over the other metadata. */
export async function readFlacStart(source: ByteSource, start: number, name: string): Promise<FlacStart> {
  const head = await source.read(start, 42);
  const info = readStreamInfo(head, name);
  let audioStart = start + 4;
  for (let last = false; !last; ) {
    const block = await source.read(audioStart, 4);
    if (block.length < 4) break;
    last = (block[0] & 128) !== 0;
    audioStart += 4 + ((block[1] << 16) | (block[2] << 8) | block[3]);
  }
  return { info, audioStart };
}

/** The STREAMINFO block behind the letters "fLaC" (RFC 9639, 8.2). @throws DecodeError if it is not there or unusable. */
export function readStreamInfo(bytes: Uint8Array, name: string): FlacInfo {
  if (latin1(bytes, 0, 4) !== 'fLaC' || (bytes[4] & 127) !== 0 || bytes.length < 42) {
    throw new DecodeError(
      `${name} is a FLAC file without a whole STREAMINFO header, so it cannot be decoded.`,
      { hint: 'The file is cut off or damaged; get it again or remove it.' },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const info = 8;
  const smallest = view.getUint16(info);
  const largest = view.getUint16(info + 2);
  const frames = (bytes[info + 13] & 15) * 2 ** 32 + view.getUint32(info + 14);
  const sampleRate = (bytes[info + 10] << 12) | (bytes[info + 11] << 4) | (bytes[info + 12] >> 4);
  if (sampleRate === 0) {
    throw new DecodeError(
      `${name} is a FLAC file whose header states a sample rate of 0, so it cannot be played.`,
      { hint: 'The header is damaged; get the file again or remove it.' },
    );
  }
  return {
    sampleRate,
    channels: ((bytes[info + 12] >> 1) & 7) + 1,
    bitsPerSample: (((bytes[info + 12] & 1) << 4) | (bytes[info + 13] >> 4)) + 1,
    frames: frames === 0 ? null : frames,
    blockSize: smallest === largest && largest > 0 ? largest : null,
  };
}

/** Opens a native FLAC file. @throws DecodeError if STREAMINFO is missing or impossible. */
export async function openFlac(source: ByteSource, name: string): Promise<OpenedSound> {
  const start = await readFlacStart(source, 0, name);
  const { sampleRate, channels, bitsPerSample, frames } = start.info;
  const warnings: string[] = [];
  return {
    probe: { format: 'flac', encoding: 'flac', sampleRate, channels, bitsPerSample, frames },
    warnings,
    async *blocks(from) {
      const place = from === 0 ? null : await findPlace(source, start, from);
      const position = place?.position ?? 0;
      yield* withoutFirst(new FlacReader(source, name, start, warnings).blocks(place), from - position);
    },
  };
}

/** A frame, where it begins in the file and in the sound. */
interface Place {
  offset: number;
  position: number;
}

/**
 * Puts frames in a row. Frames carry their number: where some are missing, silence takes their place, so that what
 * follows keeps its time. Numbers that go back, as in files that were put together, are not heeded.
 */
export class FlacTimeline {
  /** Samples put out so far, from the start of the file. */
  position: number;
  /** Samples of silence among them, never more than the header states samples. */
  filled = 0;
  private readonly info: FlacInfo;
  /** Samples to a frame, for frames that state their own number. */
  private blockSize: number | null;
  /** Position of the sample that the numbers call 0. */
  private origin: number | null;

  /** `origin`: null if the first frame's number may be anything, as in the middle of a broadcast. */
  constructor(info: FlacInfo, position: number, origin: number | null) {
    this.info = info;
    this.position = position;
    this.origin = origin;
    this.blockSize = info.blockSize;
  }

  /** Takes the frame's place in, and returns the samples of silence that belong before it. */
  add(header: FlacFrameHeader): number {
    const missing = this.missingBefore(header);
    this.filled += missing;
    this.position += missing + header.blockSize;
    return missing;
  }

  private missingBefore(header: FlacFrameHeader): number {
    this.blockSize ??= header.counted === 'frames' ? header.blockSize : null;
    const stated = firstSample(header, this.blockSize);
    this.origin ??= this.position - stated;
    const missing = this.origin + stated - this.position;
    const { frames, sampleRate } = this.info;
    const limit = frames ?? GAP_LIMIT * sampleRate;
    const inside = frames === null || stated + header.blockSize <= frames;
    if (missing > 0 && inside && this.filled + missing <= limit) return missing;
    this.origin = this.position - stated;
    return 0;
  }
}

function firstSample({ number, counted, blockSize }: FlacFrameHeader, usual: number | null): number {
  return counted === 'samples' ? number : number * (usual ?? blockSize);
}

/** Silence in blocks. */
export function* silence(channels: number, samples: number): Generator<Float32Array[], void, void> {
  for (let left = samples; left > 0; left -= 65536) {
    const block = new Float32Array(Math.min(left, 65536));
    yield Array.from({ length: channels }, () => block);
  }
}

interface FoundFrame {
  header: FlacFrameHeader;
  offset: number;
  length: number;
  channelData: Float32Array[];
}

/** Finds and decodes frames in a source. */
class FrameFinder {
  readonly window: SlidingWindow;
  /** A frame had another number of channels than STREAMINFO says. */
  otherChannels: number | null = null;
  info: FlacInfo;
  private wasted = 0;
  private decoded = 0;

  constructor(source: ByteSource, info: FlacInfo) {
    this.window = new SlidingWindow(source);
    this.info = info;
  }

  /** The frame at `offset`; null if there is none, or it is damaged. */
  async at(offset: number): Promise<FoundFrame | null> {
    let header: FlacFrameHeader | null = null;
    for (let wanted = FIRST_READ; ; wanted *= 4) {
      const have = await this.window.fill(offset, wanted);
      const index = offset - this.window.start;
      header ??= readFlacFrameHeader(this.window.bytes, index);
      if (header === null) return null;
      if (header.channels !== this.info.channels) {
        this.otherChannels ??= header.channels;
        return null;
      }
      const atEnd = have < wanted;
      let { bytes } = this.window;
      let at = index;
      if (atEnd) {
        bytes = new Uint8Array(have + FLAC_PADDING);
        bytes.set(this.window.bytes.subarray(index));
        at = 0;
      }
      const result = decodeFlacFrame(bytes, at, header, this.info.bitsPerSample);
      if (result.state === 'decoded') {
        this.decoded += header.blockSize * header.channels;
        return { header, offset, length: result.length, channelData: result.channelData };
      }
      if (result.state === 'damaged') this.wasted += result.samples;
      if (result.state === 'damaged' || atEnd || wanted > MAX_FRAME_BYTES) return null;
    }
  }

  /** The first whole frame at or after `from` and before `to`; null if there is none. */
  async next(from: number, to = Number.POSITIVE_INFINITY): Promise<FoundFrame | null> {
    for (let offset = from; offset < to; ) {
      if ((await this.window.fill(offset, 32)) === 0) return null;
      const { bytes, start } = this.window;
      const index = bytes.indexOf(0xff, offset - start);
      offset = start + (index < 0 ? bytes.length : index);
      if (index < 0) continue;
      if (offset >= to) return null;
      if (index + 1 === bytes.length || (bytes[index + 1] & 0xfe) === 0xf8) {
        const frame = await this.at(offset);
        if (frame !== null) return frame;
        if (this.wasted > WASTED_LIMIT + 4 * this.decoded) return null;
      }
      offset++;
    }
    return null;
  }

  /** Up to `length` bytes at `offset`. */
  async bytes(offset: number, length: number): Promise<Uint8Array> {
    await this.window.fill(offset, length);
    const index = offset - this.window.start;
    return this.window.bytes.subarray(index, index + length);
  }
}

class FlacReader {
  private readonly source: ByteSource;
  private readonly name: string;
  private readonly start: FlacStart;
  private readonly warnings: string[];

  constructor(source: ByteSource, name: string, start: FlacStart, warnings: string[]) {
    this.source = source;
    this.name = name;
    this.start = start;
    this.warnings = warnings;
  }

  /** Blocks from a place in the middle, or from the start. */
  async *blocks(place: Place | null): AsyncGenerator<Float32Array[], void, void> {
    const { info, audioStart } = this.start;
    const finder = new FrameFinder(this.source, info);
    let timeline = new FlacTimeline(info, place?.position ?? 0, place === null ? null : 0);
    // Metadata of a wrong length may hide the frames.
    let offset = place?.offset ?? (audioStart < this.source.size ? audioStart : 42);
    let damaged = 0;
    let filled = 0;
    let streams = 1;
    let decoded = 0;
    while (offset < this.source.size) {
      let frame = await finder.at(offset);
      if (frame === null) {
        const chained = await this.chainedStream(finder, offset);
        if (chained !== null) {
          if (chained.info.channels !== info.channels || chained.info.sampleRate !== info.sampleRate) {
            this.warnings.push(
              'Another FLAC stream with another sample rate or channel count follows in the file and was left out.',
            );
            break;
          }
          streams++;
          filled += timeline.filled;
          finder.info = chained.info;
          timeline = new FlacTimeline(chained.info, timeline.position, timeline.position);
          offset = chained.audioStart;
          continue;
        }
        frame = await finder.next(offset + 1);
        if (frame === null) break;
        damaged += frame.offset - offset;
        // Frames at the very start were lost: the first number that is there tells how many.
        if (decoded === 0 && place === null) timeline = new FlacTimeline(info, 0, 0);
      }
      yield* silence(info.channels, timeline.add(frame.header));
      yield frame.channelData;
      decoded += frame.header.blockSize;
      offset = frame.offset + frame.length;
    }
    if (decoded === 0 && place === null && finder.otherChannels !== null) {
      throw new DecodeError(
        `${this.name} is a FLAC file whose header states ${info.channels} channels and whose frames hold ${finder.otherChannels}.`,
        { hint: 'The header is damaged; get the file again or remove it.' },
      );
    }
    this.warn(damaged, filled + timeline.filled, streams, timeline.position);
    await this.warnAboutRest(finder, offset, timeline.position);
  }

  /** Another file that was appended; tags may stand between the two. */
  private async chainedStream(finder: FrameFinder, from: number): Promise<FlacStart | null> {
    const offset = from + leadingTagLength(await finder.bytes(from, 32), 0);
    if (latin1(await this.source.read(offset, 4), 0, 4) !== 'fLaC') return null;
    return readFlacStart(this.source, offset, this.name).catch(() => null);
  }

  private warn(damaged: number, filled: number, streams: number, position: number): void {
    const { frames } = this.start.info;
    if (streams > 1) {
      this.warnings.push(`The file is ${streams} FLAC files one behind the other, which were put together.`);
    }
    if (damaged > 0) this.warnings.push(`${damaged} bytes of damaged FLAC frames were left out.`);
    if (filled > 0)
      this.warnings.push(`${filled} samples per channel are missing and were replaced by silence.`);
    if (frames !== null && position < frames) {
      this.warnings.push(
        `The file is truncated or damaged: its header claims ${frames} samples per channel and ${position} could be decoded.`,
      );
    }
  }

  /** What stands behind the last frame: a tag, or some text, is no damage; what is missing has been told. */
  private async warnAboutRest(finder: FrameFinder, offset: number, position: number): Promise<void> {
    const rest = this.source.size - offset;
    const { frames } = this.start.info;
    if (rest <= 0 || (frames !== null && (position < frames || rest <= SMALL_REST))) return;
    const head = await finder.bytes(offset, SMALL_REST);
    const tag = /^(TAG|APETAGEX|LYRICSBEGIN|ID3|3DI)/.test(latin1(head, 0, 11));
    const text = rest <= SMALL_REST && head.every((byte) => byte === 0 || (byte >= 9 && byte < 127));
    if (tag || text) return;
    this.warnings.push(`The last ${rest} bytes of the file hold no FLAC frame and were left out.`);
  }
}

/**
 * The last frame at or before sample `target` that can be found with few reads; null if the numbers of the frames do
 * not rise as they do in an undisturbed file, so that only decoding from the start tells where the sample is.
 *
 * The search goes forward in steps that grow by half before it closes in, for a file of two streams has every number
 * twice: halving alone could land in the second one, while a step of half the way meets a number that is too low.
 */
async function findPlace(
  source: ByteSource,
  { info, audioStart }: FlacStart,
  target: number,
): Promise<Place | null> {
  const finder = new FrameFinder(source, info);
  const first = await finder.at(audioStart);
  if (first === null || first.header.number !== 0) return null;
  const usual = info.blockSize ?? (first.header.counted === 'frames' ? first.header.blockSize : null);
  let low: Place = { offset: audioStart, position: 0 };
  let high = source.size;
  const look = async (offset: number, end: number): Promise<Place | null> => {
    const frame = await finder.next(offset, end);
    return frame && { offset: frame.offset, position: firstSample(frame.header, usual) };
  };
  while (true) {
    const at = Math.max(low.offset + 2 ** 19, Math.floor(1.5 * (low.offset - audioStart)) + audioStart);
    const found = at < source.size ? await look(at, source.size) : null;
    if (found === null) break;
    if (found.position <= low.position) return null;
    if (found.position > target) {
      high = found.offset;
      break;
    }
    low = found;
  }
  while (high - low.offset > 2 ** 18) {
    const middle = Math.floor((low.offset + high) / 2);
    const found = await look(middle, high);
    if (found === null || found.position > target) {
      high = middle;
    } else {
      if (found.position <= low.position) return null;
      low = found;
    }
  }
  return low;
}
