/** @file WAV files to samples: the header decides the encoding, this file decides how much of it to believe. */
import { DecodeError } from '../core/errors.ts';
import {
  blockedFrames,
  decodeImaAdpcm,
  decodeMsAdpcm,
  imaBlockFrames,
  msBlockFrames,
  msCoefficients,
} from './adpcm.ts';
import type { AudioData, AudioProbe } from './audioData.ts';
import { decodeMp3 } from './decodeMp3.ts';
import { ForeignFormatError } from './detectFormat.ts';
import { checkSampleCount } from './limits.ts';
import { parseWavHeader, WAVE_FORMAT, type WavHeader } from './wavHeader.ts';
import { frameSize, readUncompressed, replaceNonFinite, uncompressedStorage } from './wavSamples.ts';

/** Names of formats that are recognised only to say in words what is not read. */
const OTHER_TAGS: Record<number, string> = {
  32: 'Yamaha ADPCM',
  49: 'GSM 6.10',
  64: 'G.721 ADPCM',
  69: 'G.726 ADPCM',
  80: 'MPEG layer 1 or 2',
  100: 'G.726 ADPCM',
  101: 'G.722 ADPCM',
  255: 'AAC',
  353: 'Windows Media Audio',
  354: 'Windows Media Audio Professional',
  8192: 'AC-3',
  22127: 'Vorbis',
  61868: 'FLAC',
};

type Layout =
  | { kind: 'uncompressed'; encoding: string; frames: number; frameBytes: number; bits: number }
  | { kind: 'adpcm'; encoding: 'ima-adpcm' | 'ms-adpcm'; frames: number; bits: 4 }
  | { kind: 'mp3'; encoding: 'mp3'; frames: number | null; bits: null };

/**
 * Decodes a WAV file in any of the encodings of docs/audio.md.
 * @throws DecodeError if the header is unusable, the encoding is not read, or there is not one sample.
 */
export async function decodeWav(bytes: Uint8Array, name: string, maxSamples: number): Promise<AudioData> {
  const header = parseWavHeader(bytes, name);
  const { channels, sampleRate, warnings } = header;
  const layout = measureLayout(header, name, warnings);
  const data = bytes.subarray(header.dataOffset, header.dataOffset + header.dataLength);
  if (layout.kind === 'mp3') {
    const audio = await decodeMp3(data, name, maxSamples);
    return { ...audio, warnings: [...warnings, ...audio.warnings] };
  }
  const { frames } = layout;
  if (frames === 0) {
    throw new DecodeError(
      `${name} is a WAV file with a valid header but without a single sample (${data.length} bytes of data).`,
      { hint: 'The recording is empty or was cut off; get the file again or remove it.' },
    );
  }
  checkSampleCount(frames, channels, maxSamples, name);
  let channelData: Float32Array[];
  if (layout.kind === 'uncompressed') {
    const storage = uncompressedStorage(header)!;
    channelData = readUncompressed(bytes, header, storage, frames, layout.frameBytes);
    if (header.formatTag === WAVE_FORMAT.IEEE_FLOAT) replaceNonFinite(channelData, warnings);
  } else {
    const { blockAlign, extra, littleEndian } = header;
    const result =
      layout.encoding === 'ima-adpcm'
        ? decodeImaAdpcm(data, channels, blockAlign, frames)
        : decodeMsAdpcm(data, channels, blockAlign, frames, msCoefficients(extra, littleEndian));
    channelData = result.channelData;
    if (result.clamped > 0) {
      warnings.push(
        `${result.clamped} ADPCM block headers held values out of range; the sound there may be wrong.`,
      );
    }
  }
  return { sampleRate, channelData, warnings };
}

/** What the headers of a WAV file say. `byteLength` is the size of the whole file if `bytes` is only its head. */
export function probeWav(bytes: Uint8Array, name: string, byteLength = bytes.length): AudioProbe {
  const header = parseWavHeader(bytes, name, byteLength);
  const layout = measureLayout(header, name, []);
  return {
    format: 'wav',
    encoding: layout.encoding,
    sampleRate: header.sampleRate,
    channels: header.channels,
    bitsPerSample: layout.bits,
    frames: layout.frames,
  };
}

function measureLayout(header: WavHeader, name: string, warnings: string[]): Layout {
  const { formatTag, channels, dataLength, blockAlign } = header;
  const storage = uncompressedStorage(header);
  if (storage !== null) {
    const frameBytes = frameSize(header, storage, name, warnings);
    const frames = Math.floor(dataLength / frameBytes);
    const left = dataLength - frames * frameBytes;
    if (left > 0 && frames > 0) {
      warnings.push(`The last ${left} bytes are not a whole frame of ${frameBytes} bytes and were left out.`);
    }
    return {
      kind: 'uncompressed',
      encoding: storage.encoding,
      frames,
      frameBytes,
      bits: storage.bytesPerSample * 8,
    };
  }
  if (formatTag === WAVE_FORMAT.MP3) {
    return { kind: 'mp3', encoding: 'mp3', frames: header.factFrames, bits: null };
  }
  const ima = formatTag === WAVE_FORMAT.IMA_ADPCM;
  if (
    (ima || formatTag === WAVE_FORMAT.MS_ADPCM) &&
    (header.bitsPerSample === 4 || header.bitsPerSample === 0)
  ) {
    if (!header.littleEndian || (!ima && channels > 2)) {
      throw unsupported(
        header,
        name,
        `${ima ? 'IMA' : 'MS'} ADPCM in ${header.littleEndian ? `${channels} channels` : 'big-endian order'}`,
      );
    }
    const framesPerBlock = ima ? imaBlockFrames : msBlockFrames;
    if (framesPerBlock(blockAlign, channels) === 0) {
      throw new DecodeError(
        `${name} is an ADPCM WAV file whose blocks of ${blockAlign} bytes are too small for ${channels} channels.`,
        { hint: 'The header is damaged; get the file again or remove it.' },
      );
    }
    const held = blockedFrames(dataLength, blockAlign, channels, framesPerBlock);
    return {
      kind: 'adpcm',
      encoding: ima ? 'ima-adpcm' : 'ms-adpcm',
      frames: honourFact(held, header, warnings),
      bits: 4,
    };
  }
  throw unsupported(header, name, null);
}

/** The last ADPCM block is padded to full length; the fact chunk says where the sound ends. */
function honourFact(held: number, header: WavHeader, warnings: string[]): number {
  if (header.factFrames === null) return held;
  if (header.factFrames > held && header.declaredDataLength === header.dataLength) {
    warnings.push(
      `The fact chunk claims ${header.factFrames} samples per channel and the data hold ${held}.`,
    );
  }
  return Math.min(held, header.factFrames);
}

function unsupported(header: WavHeader, name: string, what: string | null): DecodeError {
  const tag = `0x${header.formatTag.toString(16).padStart(4, '0')}`;
  const kind = { [WAVE_FORMAT.PCM]: 'PCM', [WAVE_FORMAT.IEEE_FLOAT]: 'floating-point' }[header.formatTag];
  const words =
    what ??
    OTHER_TAGS[header.formatTag] ??
    (kind === undefined ? `format ${tag}` : `${kind} samples of ${header.bitsPerSample} bits`);
  return new ForeignFormatError(
    `${name} is a WAV file whose samples are stored as ${words}, which Earshot does not decode itself.`,
    'wav',
  );
}
