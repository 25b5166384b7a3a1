/** @file FLAC, native and within Ogg, through libFLAC (WebAssembly, @audio/decode-flac). */
import { DecodeError } from '../core/errors.ts';
import type { AudioData } from './audioData.ts';
import { callCodec, noSamplesError } from './codecCalls.ts';
import { id3v2Length, latin1 } from './detectFormat.ts';
import { checkSampleCount } from './limits.ts';
import { join, type OggStream, readPackets } from './ogg.ts';

/** The STREAMINFO block (RFC 9639, 8.2), and where the audio frames begin. */
export function readFlacHeader(bytes: Uint8Array, name: string) {
  const start = id3v2Length(bytes);
  const info = start + 8;
  if (latin1(bytes, start, 4) !== 'fLaC' || (bytes[start + 4] & 127) !== 0 || info + 34 > bytes.length) {
    throw new DecodeError(
      `${name} is a FLAC file without a whole STREAMINFO header, so it cannot be decoded.`,
      {
        hint: 'The file is cut off or damaged; get it again or remove it.',
      },
    );
  }
  const sampleRate = (bytes[info + 10] << 12) | (bytes[info + 11] << 4) | (bytes[info + 12] >> 4);
  const channels = ((bytes[info + 12] >> 1) & 7) + 1;
  const bitsPerSample = (((bytes[info + 12] & 1) << 4) | (bytes[info + 13] >> 4)) + 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const frames = (bytes[info + 13] & 15) * 2 ** 32 + view.getUint32(info + 14);
  if (sampleRate === 0) {
    throw new DecodeError(
      `${name} is a FLAC file whose header states a sample rate of 0, so it cannot be played.`,
      {
        hint: 'The header is damaged; get the file again or remove it.',
      },
    );
  }
  let audioStart = start + 4;
  for (let lastBlock = false; !lastBlock && audioStart + 4 <= bytes.length; ) {
    lastBlock = (bytes[audioStart] & 128) !== 0;
    audioStart += 4 + (view.getUint32(audioStart) & 0xffffff);
  }
  return { start, audioStart, sampleRate, channels, bitsPerSample, frames: frames === 0 ? null : frames };
}

/** Samples per channel of the frame whose header is at `at`, or 0 if there is none (its CRC-8 must hold). */
function frameSamples(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0xff || (bytes[at + 1] & 0xfe) !== 0xf8) return 0;
  const sizeCode = bytes[at + 2] >> 4;
  const rateCode = bytes[at + 2] & 15;
  if (sizeCode === 0 || rateCode === 15 || bytes[at + 3] & 1) return 0;
  let next = at + 4;
  const leading = bytes[next] < 0x80 ? 1 : Math.clz32(~(bytes[next] << 24));
  next += Math.max(1, leading);
  const samples =
    sizeCode === 1
      ? 192
      : sizeCode < 6
        ? 576 << (sizeCode - 2)
        : sizeCode === 6
          ? bytes[next] + 1
          : sizeCode === 7
            ? ((bytes[next] << 8) | bytes[next + 1]) + 1
            : 256 << (sizeCode - 8);
  next += (sizeCode === 6 ? 1 : sizeCode === 7 ? 2 : 0) + (rateCode === 12 ? 1 : rateCode > 12 ? 2 : 0);
  if (next >= bytes.length) return 0;
  let crc = 0;
  for (let i = at; i < next; i++) {
    crc ^= bytes[i];
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80 ? ((crc << 1) ^ 7) & 0xff : crc << 1;
  }
  return crc === bytes[next] ? samples : 0;
}

/** An upper bound of the samples per channel: a frame of silence takes 12 bytes and may stand for 65,535. */
function countSamples(bytes: Uint8Array, from: number): number {
  let samples = 0;
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1))
    samples += frameSamples(bytes, at);
  return samples;
}

let codec: Promise<typeof import('@audio/decode-flac')> | null = null;

/** @throws DecodeError if STREAMINFO is missing or impossible, or no sample comes out. */
export async function decodeFlac(bytes: Uint8Array, name: string, maxSamples: number): Promise<AudioData> {
  const header = readFlacHeader(bytes, name);
  checkSampleCount(countSamples(bytes, header.audioStart), header.channels, maxSamples, name);
  codec ??= import('@audio/decode-flac');
  const decoder = await (await codec).decoder();
  const warnings: string[] = [];
  let parts: Float32Array[][];
  try {
    const { result, complaints } = callCodec(name, 'FLAC', () => [
      decoder.decode(bytes.subarray(header.start)),
      decoder.flush(),
    ]);
    if (complaints.length > 0)
      warnings.push(`libFLAC complained ${complaints.length} times: ${complaints[0]}`);
    parts = result
      .map((part) => [...part.channelData])
      .filter((part) => part.length > 0 && part[0].length > 0);
  } finally {
    decoder.free();
  }
  if (parts.length === 0) throw noSamplesError(name, 'FLAC');
  const channelData = parts[0].map((first, c) => {
    const length = parts.reduce((sum, part) => sum + part[0].length, 0);
    const samples = new Float32Array(length);
    samples.set(first);
    if (parts.length > 1) samples.set(parts[1][c], first.length);
    rescale(samples, header.bitsPerSample);
    return samples;
  });
  const decoded = channelData[0].length;
  if (header.frames !== null && decoded < header.frames) {
    warnings.push(
      `The file is truncated or damaged: its header claims ${header.frames} samples per channel and ${decoded} could be decoded.`,
    );
  }
  return { sampleRate: header.sampleRate, channelData, warnings };
}

/** The library divides integers by 2^(b−1) − 1; everything else here, and ffmpeg, by 2^(b−1). */
function rescale(samples: Float32Array, bits: number): void {
  const full = 2 ** (bits - 1);
  if (bits <= 24) {
    for (let n = 0; n < samples.length; n++) samples[n] = Math.round(samples[n] * (full - 1)) / full;
  } else {
    for (let n = 0; n < samples.length; n++) samples[n] = (samples[n] * (full - 1)) / full;
  }
}

/** FLAC within Ogg: its packets, put in a row, are a native FLAC file (RFC 9639, 10.1). */
export function nativeFlac(stream: OggStream): Uint8Array {
  const packets = readPackets(stream);
  const header = packets[0].data.slice(9);
  if (header.length > 4) header[4] |= 0x80; // STREAMINFO becomes the last metadata block; comments are left out
  const audio = packets.slice(1).filter(({ data }) => data[0] === 0xff);
  return join([header, ...audio.map(({ data }) => data)]);
}
