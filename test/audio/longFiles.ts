/** @file Sound files that are longer than what a decoder reads at a time, made without an encoder. */
import { decodeAudio } from '../../src/audio/index.ts';
import { fixtureBytes } from './fixtures.ts';

/** Offsets of the pages of an Ogg file. */
export function pageOffsets(bytes: Uint8Array): number[] {
  const offsets: number[] = [];
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = buffer.indexOf('OggS'); at >= 0; at = buffer.indexOf('OggS', at + 4)) offsets.push(at);
  return offsets;
}

/** Writes the right checksum into the page at `at` (RFC 3533: polynomial 04c11db7, not reflected). */
function fixChecksum(bytes: Uint8Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let length = 27 + bytes[at + 26];
  for (let i = at + 27; i < at + 27 + bytes[at + 26]; i++) length += bytes[i];
  view.setUint32(at + 22, 0);
  let crc = 0;
  for (let i = at; i < at + length; i++) {
    crc ^= bytes[i] << 24;
    for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  }
  view.setUint32(at + 22, crc, true);
}

export function fixChecksums(bytes: Uint8Array): void {
  for (const at of pageOffsets(bytes)) fixChecksum(bytes, at);
}

/** One FLAC frame of 16 bits: every sample as it is, or (`constant`) one for all. */
function flacFrame(
  channels: Int16Array[],
  from: number,
  count: number,
  number: number,
  constant = false,
): Uint8Array {
  // A number like a letter in UTF-8, here of up to 16 bits.
  const coded =
    number < 0x80
      ? [number]
      : number < 0x800
        ? [0xc0 | (number >> 6), 0x80 | (number & 63)]
        : [0xe0 | (number >> 12), 0x80 | ((number >> 6) & 63), 0x80 | (number & 63)];
  const head = [
    0xff,
    0xf8,
    0x70,
    ((channels.length - 1) << 4) | 0x08,
    ...coded,
    (count - 1) >> 8,
    (count - 1) & 255,
  ];
  let crc8 = 0;
  for (const byte of head) {
    crc8 ^= byte;
    for (let bit = 0; bit < 8; bit++) crc8 = crc8 & 0x80 ? ((crc8 << 1) ^ 7) & 255 : crc8 << 1;
  }
  const perChannel = 1 + 2 * (constant ? 1 : count);
  const bytes = new Uint8Array(head.length + 1 + channels.length * perChannel + 2);
  const view = new DataView(bytes.buffer);
  bytes.set([...head, crc8]);
  let at = head.length + 1;
  for (const samples of channels) {
    bytes[at++] = constant ? 0 : 2;
    for (let n = 0; n < (constant ? 1 : count); n++, at += 2) view.setInt16(at, samples[from + n]);
  }
  let crc16 = 0;
  for (let i = 0; i < at; i++) {
    crc16 ^= bytes[i] << 8;
    for (let bit = 0; bit < 8; bit++) crc16 = crc16 & 0x8000 ? ((crc16 << 1) ^ 0x8005) & 0xffff : crc16 << 1;
  }
  view.setUint16(at, crc16);
  return bytes;
}

/** A FLAC file of 16-bit samples and the offsets of its frames. `stated`: the length in its header. */
export function encodeFlac(
  channels: Int16Array[],
  { sampleRate = 8000, blockSize = 1000, stated = channels[0].length } = {},
): { bytes: Uint8Array; frames: number[] } {
  const info = new Uint8Array(42);
  const view = new DataView(info.buffer);
  info.set([0x66, 0x4c, 0x61, 0x43, 0x80, 0, 0, 34]);
  view.setUint16(8, blockSize);
  view.setUint16(10, blockSize);
  // 20 bits of rate, 3 of channels, 5 of bits, 36 of length.
  view.setUint32(18, (sampleRate << 12) | ((channels.length - 1) << 9) | (15 << 4));
  view.setUint32(22, stated);
  const parts: Uint8Array[] = [info];
  const frames: number[] = [];
  let offset = info.length;
  for (let from = 0, number = 0; from < channels[0].length; from += blockSize, number++) {
    const frame = flacFrame(channels, from, Math.min(blockSize, channels[0].length - from), number);
    frames.push(offset);
    offset += frame.length;
    parts.push(frame);
  }
  return { bytes: new Uint8Array(Buffer.concat(parts)), frames };
}

/** A FLAC file of silence: a dozen bytes for every `blockSize` samples. */
export function silentFlac(
  frames: number,
  channels: number,
  sampleRate: number,
  blockSize = 40_000,
): Uint8Array {
  const zeros = Array.from({ length: channels }, () => new Int16Array(1));
  const { bytes } = encodeFlac(zeros, { sampleRate, blockSize, stated: frames });
  const parts = [bytes.subarray(0, 42)];
  for (let from = 0, number = 0; from < frames; from += blockSize, number++) {
    parts.push(flacFrame(zeros, 0, Math.min(blockSize, frames - from), number, true));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** Noise that does not repeat, so that a sample tells where it comes from. */
export function noise(length: number, seed: number): Int16Array {
  let state = seed;
  return Int16Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state >> 16;
  });
}

/** The audio pages of an Ogg fixture `copies` times in a row as one stream, with positions that are right. */
export async function longOgg(file: string, copies: number): Promise<Uint8Array> {
  const original = fixtureBytes(file);
  const offsets = pageOffsets(original);
  const pages = offsets.map((at, i) => new Uint8Array(original.subarray(at, offsets[i + 1])));
  const isHeader = (page: Uint8Array) => new DataView(page.buffer).getBigInt64(6, true) === 0n;
  const headers = pages.filter(isHeader);
  const audio = pages.filter((page) => !isHeader(page));
  const build = (count: number, granuleOf: (index: number) => bigint) => {
    const all: Uint8Array[] = headers.map((page) => page.slice());
    for (let n = 0; n < count; n++) all.push(...audio.map((page) => page.slice()));
    all.forEach((page, i) => {
      const view = new DataView(page.buffer);
      view.setUint32(18, i, true);
      page[5] = i === 0 ? 2 : i === all.length - 1 ? 4 : 0;
      if (i >= headers.length) view.setBigInt64(6, granuleOf(i - headers.length), true);
    });
    const bytes = new Uint8Array(Buffer.concat(all));
    fixChecksums(bytes);
    return bytes;
  };
  // Lengths by decoding with positions beyond any end: nothing is cut then.
  const lengths: number[] = [];
  for (const count of [1, 2]) {
    const { channelData } = await decodeAudio(build(count, (index) => BigInt(index + 1) * 10n ** 9n));
    lengths.push(channelData[0].length);
  }
  const [one, two] = lengths;
  if (audio.length !== 1) throw new Error(`${file} has ${audio.length} pages of sound; one is needed here`);
  return build(copies, (index) => BigInt(one + index * (two - one)));
}

/** The frames of an MP3 fixture `copies` times in a row, without the frame of its tag. */
export function longMp3(file: string, copies: number): Uint8Array {
  const bytes = Buffer.from(fixtureBytes(file));
  const first = bytes.findIndex((byte, i) => byte === 0xff && (bytes[i + 1] & 0xe0) === 0xe0);
  const second = bytes.indexOf(bytes.subarray(first, first + 2), first + 10);
  return new Uint8Array(Buffer.concat(Array.from({ length: copies }, () => bytes.subarray(second))));
}
