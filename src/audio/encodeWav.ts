/** @file Writes WAV files: 16 and 24-bit PCM and 32-bit float, with the header each of them asks for. */
import { ParameterError } from '../core/errors.ts';
import type { AudioData } from './audioData.ts';

export type WavEncoding = 'pcm16' | 'pcm24' | 'float32';

export interface EncodeWavOptions {
  /** Default `pcm16`. */
  encoding?: WavEncoding;
}

const BYTES: Record<WavEncoding, number> = { pcm16: 2, pcm24: 3, float32: 4 };

/**
 * Encodes audio as a WAV file. Integers are rounded to the nearest and clipped at full scale, without dither;
 * float32 keeps the samples bit for bit. More than two channels, or 24 bits, are written as
 * WAVE_FORMAT_EXTENSIBLE, as the specification asks; float32 gets a fact chunk.
 * @throws ParameterError for no channels, unequal channels, a rate that is not a positive integer, an unknown
 *   encoding, non-finite samples in an integer encoding, or more than 4 GiB.
 */
export function encodeWav(
  audio: Pick<AudioData, 'sampleRate' | 'channelData'>,
  options: EncodeWavOptions = {},
): Uint8Array {
  const encoding = options.encoding ?? 'pcm16';
  const { sampleRate, channelData } = audio;
  const channels = channelData.length;
  const bytesPerSample = BYTES[encoding];
  check(sampleRate, channelData, encoding);
  const frames = channelData[0].length;
  const extensible = encoding === 'pcm24' || channels > 2;
  const float = encoding === 'float32';
  const formatLength = extensible ? 40 : float ? 18 : 16;
  const factLength = float ? 12 : 0;
  const dataLength = frames * channels * bytesPerSample;
  const total = 12 + 8 + formatLength + factLength + 8 + dataLength + (dataLength % 2);
  if (total > 0xffffffff) {
    throw new ParameterError(`encodeWav received ${frames} × ${channels} samples; a WAV file ends at 4 GiB.`);
  }
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  const text = (offset: number, value: string) => {
    for (let i = 0; i < value.length; i++) bytes[offset + i] = value.charCodeAt(i);
  };
  const tag = float ? 3 : 1;
  text(0, 'RIFF');
  view.setUint32(4, total - 8, true);
  text(8, 'WAVEfmt ');
  view.setUint32(16, formatLength, true);
  view.setUint16(20, extensible ? 0xfffe : tag, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, sampleRate, true);
  view.setUint32(28, sampleRate * channels * bytesPerSample, true);
  view.setUint16(32, channels * bytesPerSample, true);
  view.setUint16(34, bytesPerSample * 8, true);
  if (extensible) {
    view.setUint16(36, 22, true);
    view.setUint16(38, bytesPerSample * 8, true);
    view.setUint32(40, channels === 1 ? 4 : channels === 2 ? 3 : 0, true); // speaker mask; 0: no positions
    view.setUint32(44, tag, true);
    bytes.set([0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71], 48);
  }
  let offset = 20 + formatLength;
  if (float) {
    text(offset, 'fact');
    view.setUint32(offset + 4, 4, true);
    view.setUint32(offset + 8, frames, true);
    offset += 12;
  }
  text(offset, 'data');
  view.setUint32(offset + 4, dataLength, true);
  writeSamples(view, offset + 8, channelData, encoding);
  return bytes;
}

function check(sampleRate: number, channelData: Float32Array[], encoding: WavEncoding): void {
  if (!(encoding in BYTES)) {
    throw new ParameterError(
      `encodeWav knows the encodings ${Object.keys(BYTES).join(', ')}, not ${encoding}.`,
    );
  }
  if (!Number.isInteger(sampleRate) || sampleRate < 1 || sampleRate > 0xffffffff) {
    throw new ParameterError(`encodeWav needs a sample rate that is a positive integer, got ${sampleRate}.`);
  }
  if (channelData.length < 1 || channelData.length > 0xffff) {
    throw new ParameterError(`encodeWav received ${channelData.length} channels; it needs 1 to 65535.`);
  }
  if (channelData.some((samples) => samples.length !== channelData[0].length)) {
    throw new ParameterError('encodeWav received channels of different lengths.');
  }
}

function writeSamples(
  view: DataView,
  start: number,
  channelData: Float32Array[],
  encoding: WavEncoding,
): void {
  const step = BYTES[encoding];
  const scale = encoding === 'pcm16' ? 32768 : 8388608;
  let offset = start;
  for (let n = 0; n < channelData[0].length; n++) {
    for (const samples of channelData) {
      const value = samples[n];
      if (encoding === 'float32') {
        view.setFloat32(offset, value, true);
      } else {
        if (!Number.isFinite(value)) {
          throw new ParameterError(
            `encodeWav found ${value} at sample ${n}; ${encoding} holds finite samples only.`,
          );
        }
        const integer = Math.max(-scale, Math.min(scale - 1, Math.round(value * scale)));
        view.setInt16(offset, encoding === 'pcm16' ? integer : integer & 0xffff, true);
        if (encoding === 'pcm24') view.setInt8(offset + 2, integer >> 16);
      }
      offset += step;
    }
  }
}
