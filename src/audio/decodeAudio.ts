/** @file From the bytes of a sound file to samples, whatever the format. Runs in Node and in browsers. */
import { DecodeError, ParameterError } from '../core/errors.ts';
import { type AudioData, DEFAULT_MAX_SAMPLES, type DecodeOptions } from './audioData.ts';
import { decodeFlac, nativeFlac } from './decodeFlac.ts';
import { decodeMp3 } from './decodeMp3.ts';
import { decodeOpus } from './decodeOpus.ts';
import { decodeVorbis } from './decodeVorbis.ts';
import { decodeWav } from './decodeWav.ts';
import { detectFormat, foreignFormatError, isOwnFormat, notAudioError } from './detectFormat.ts';
import { findMp3Start } from './mp3Frames.ts';
import { type OggStream, readOggStreams } from './ogg.ts';

/**
 * Decodes a WAV, FLAC, Ogg (Vorbis, Opus, FLAC) or MP3 file. The format is told by the content. Codecs are
 * loaded when first needed. What is wrong but readable (truncation, lying lengths, NaN) is in `warnings`.
 * @throws DecodeError naming the file, what was found and what to do: empty, not audio, damaged beyond use, or a
 *   format that only ffmpeg reads.
 */
export async function decodeAudio(bytes: Uint8Array, options: DecodeOptions = {}): Promise<AudioData> {
  if (!(bytes instanceof Uint8Array)) {
    throw new ParameterError('decodeAudio needs the bytes of a file as a Uint8Array.', {
      hint: 'Wrap an ArrayBuffer: new Uint8Array(buffer). To read from a path, use readAudio.',
    });
  }
  const name = options.name ?? 'The audio data';
  const maxSamples = options.maxSamples ?? DEFAULT_MAX_SAMPLES;
  const format = detectFormat(bytes);
  if (format !== null && !isOwnFormat(format)) throw foreignFormatError(name, format);
  switch (format) {
    case 'wav':
      return decodeWav(bytes, name, maxSamples);
    case 'flac':
      return decodeFlac(bytes, name, maxSamples);
    case 'ogg':
      return decodeOgg(bytes, name, maxSamples);
    case 'mp3':
      return decodeMp3(bytes, name, maxSamples);
    default:
      if (looksLikeBareMp3(bytes)) return decodeMp3(bytes, name, maxSamples);
      throw notAudioError(name, bytes);
  }
}

/** Frames without any tag: several in a row must agree, and soon, for the sync bits alone occur in any data. */
export function looksLikeBareMp3(bytes: Uint8Array): boolean {
  return findMp3Start(bytes, 0, 3, 4096) >= 0;
}

async function decodeOgg(bytes: Uint8Array, name: string, maxSamples: number): Promise<AudioData> {
  const warnings: string[] = [];
  const parts: AudioData[] = [];
  let samples = 0;
  for (const stream of readOggStreams(bytes, name, warnings)) {
    const link = await decodeLink(stream, name, maxSamples - samples);
    const first = parts[0];
    if (first !== undefined) {
      if (link.sampleRate !== first.sampleRate || link.channelData.length !== first.channelData.length) {
        warnings.push(
          'A later part of the file has another sample rate or channel count and was left out with all after it.',
        );
        break;
      }
    }
    parts.push(link);
    samples += link.channelData.length * link.channelData[0].length;
    for (const warning of link.warnings) if (!warnings.includes(warning)) warnings.push(warning);
  }
  if (parts.length === 1) return { ...parts[0], warnings };
  const frames = parts.reduce((sum, part) => sum + part.channelData[0].length, 0);
  const channelData = parts[0].channelData.map((_, c) => {
    const whole = new Float32Array(frames);
    let offset = 0;
    for (const part of parts) {
      whole.set(part.channelData[c], offset);
      offset += part.channelData[c].length;
    }
    return whole;
  });
  return { sampleRate: parts[0].sampleRate, channelData, warnings };
}

async function decodeLink(stream: OggStream, name: string, maxSamples: number): Promise<AudioData> {
  switch (stream.codec) {
    case 'vorbis':
      return decodeVorbis(stream, name, maxSamples);
    case 'opus':
      return decodeOpus(stream, name, maxSamples);
    case 'flac':
      return decodeFlac(nativeFlac(stream), name, maxSamples);
    default:
      throw new DecodeError(`${name} holds a codec that is not known here.`);
  }
}
