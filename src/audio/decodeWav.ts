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
import { type ByteSource, partOf } from './byteSource.ts';
import { openMp3 } from './decodeMp3.ts';
import { ForeignFormatError } from './detectFormat.ts';
import type { OpenedSound } from './openedSound.ts';
import { readWavHeader, WAVE_FORMAT, type WavHeader } from './wavHeader.ts';
import { frameSize, readUncompressed, type Storage, uncompressedStorage } from './wavSamples.ts';

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
  | {
      kind: 'uncompressed';
      encoding: string;
      storage: Storage;
      frames: number;
      frameBytes: number;
      bits: number;
    }
  | { kind: 'adpcm'; encoding: 'ima-adpcm' | 'ms-adpcm'; frames: number; framesPerBlock: number; bits: 4 }
  | { kind: 'mp3'; encoding: 'mp3'; frames: number | null; bits: null };

/** Bytes of samples read at a time. */
const BLOCK_BYTES = 2 ** 18;

/**
 * Opens a WAV file in any of the encodings of docs/audio.md. Samples are found by arithmetic, so it does not matter
 * how far into the file reading begins.
 * @throws DecodeError if the header is unusable, the encoding is not read, or there is not one sample.
 */
export async function openWav(source: ByteSource, name: string): Promise<OpenedSound> {
  const header = await readWavHeader(source, name);
  const { channels, sampleRate, warnings } = header;
  const layout = measureLayout(header, name, warnings);
  if (layout.kind === 'mp3') {
    const data = partOf(source, header.dataOffset, header.dataOffset + header.dataLength);
    const mp3 = await openMp3(data, name);
    warnings.push(...mp3.warnings);
    return {
      probe: { ...mp3.probe, format: 'wav', sampleRate, channels, frames: layout.frames ?? mp3.probe.frames },
      warnings,
      async *blocks(from) {
        yield* mp3.blocks(from);
        for (const warning of mp3.warnings) if (!warnings.includes(warning)) warnings.push(warning);
      },
    };
  }
  if (layout.frames === 0) {
    throw new DecodeError(
      `${name} is a WAV file with a valid header but without a single sample (${header.dataLength} bytes of data).`,
      { hint: 'The recording is empty or was cut off; get the file again or remove it.' },
    );
  }
  return {
    probe: {
      format: 'wav',
      encoding: layout.encoding,
      sampleRate,
      channels,
      bitsPerSample: layout.bits,
      frames: layout.frames === Number.POSITIVE_INFINITY ? null : layout.frames,
    },
    warnings,
    blocks: (from) =>
      layout.kind === 'uncompressed'
        ? uncompressedBlocks(source, header, layout, from)
        : adpcmBlocks(source, header, layout, from),
  };
}

const BECAME_SHORTER = 'The file became shorter while it was read.';

async function* uncompressedBlocks(
  source: ByteSource,
  header: WavHeader,
  { frames, frameBytes, storage }: Layout & { kind: 'uncompressed' },
  from: number,
): AsyncGenerator<Float32Array[], void, void> {
  const perBlock = Math.max(1, Math.floor(BLOCK_BYTES / frameBytes));
  for (let at = from; at < frames; at += perBlock) {
    const wanted = Math.min(perBlock, frames - at);
    const bytes = await source.read(header.dataOffset + at * frameBytes, wanted * frameBytes);
    const count = Math.floor(bytes.length / frameBytes);
    if (count > 0) yield readUncompressed(bytes, header, storage, count, frameBytes);
    if (count < wanted) {
      if (frames !== Number.POSITIVE_INFINITY) header.warnings.push(BECAME_SHORTER);
      return;
    }
  }
}

async function* adpcmBlocks(
  source: ByteSource,
  header: WavHeader,
  { encoding, frames, framesPerBlock }: Layout & { kind: 'adpcm' },
  from: number,
): AsyncGenerator<Float32Array[], void, void> {
  const { channels, blockAlign, dataOffset, dataLength, extra, littleEndian, warnings } = header;
  const coefficients = msCoefficients(extra, littleEndian);
  const blocksAtOnce = Math.max(1, Math.floor(BLOCK_BYTES / 8 / blockAlign));
  let clamped = 0;
  for (let block = Math.floor(from / framesPerBlock); ; block += blocksAtOnce) {
    const at = block * framesPerBlock;
    const left = Math.min(frames - at, blocksAtOnce * framesPerBlock);
    if (left <= 0) break;
    const offset = block * blockAlign;
    const length = Math.min(blocksAtOnce * blockAlign, dataLength - offset);
    const data = await source.read(dataOffset + offset, length);
    if (data.length < length) {
      if (dataLength !== Number.POSITIVE_INFINITY) warnings.push(BECAME_SHORTER);
      break;
    }
    const result =
      encoding === 'ima-adpcm'
        ? decodeImaAdpcm(data, channels, blockAlign, left)
        : decodeMsAdpcm(data, channels, blockAlign, left, coefficients);
    clamped += result.clamped;
    const skipped = Math.max(0, from - at);
    if (skipped < left) yield result.channelData.map((samples) => samples.subarray(skipped));
  }
  if (clamped > 0) {
    warnings.push(`${clamped} ADPCM block headers held values out of range; the sound there may be wrong.`);
  }
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
      storage,
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
      framesPerBlock: framesPerBlock(blockAlign, channels),
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
