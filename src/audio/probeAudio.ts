/** @file What the headers of a sound file say: for inspecting many files fast. Runs in Node and in browsers. */
import type { AudioProbe } from './audioData.ts';
import { looksLikeBareMp3 } from './decodeAudio.ts';
import { nativeFlac, readFlacHeader } from './decodeFlac.ts';
import { OPUS_RATE, readOpusHeader } from './decodeOpus.ts';
import { readVorbisHeader } from './decodeVorbis.ts';
import { probeWav } from './decodeWav.ts';
import { detectFormat, foreignFormatError, id3v2Length, isOwnFormat, notAudioError } from './detectFormat.ts';
import { walkMp3Frames } from './mp3Frames.ts';
import { readOggStreams, readPackets } from './ogg.ts';

/**
 * Reads format, encoding, rate, channels, bits and length from the headers, without decoding. The length of Ogg
 * files is that of the last page; of MP3s, that of the Xing tag, else the frames counted. It may differ from
 * what decoding yields if the file is damaged.
 * @throws DecodeError as `decodeAudio` does.
 */
export function probeAudio(bytes: Uint8Array, options: { name?: string } = {}): AudioProbe {
  const name = options.name ?? 'The audio data';
  const format = detectFormat(bytes);
  if (format !== null && !isOwnFormat(format)) throw foreignFormatError(name, format);
  switch (format) {
    case 'wav':
      return probeWav(bytes, name);
    case 'flac':
      return probeFlac(bytes, name, 'flac');
    case 'ogg':
      return probeOgg(bytes, name);
    case 'mp3':
      return probeMp3(bytes, name);
    default:
      if (looksLikeBareMp3(bytes)) return probeMp3(bytes, name);
      throw notAudioError(name, bytes);
  }
}

function probeFlac(bytes: Uint8Array, name: string, format: 'flac' | 'ogg'): AudioProbe {
  const { sampleRate, channels, bitsPerSample, frames } = readFlacHeader(bytes, name);
  return { format, encoding: 'flac', sampleRate, channels, bitsPerSample, frames };
}

function probeOgg(bytes: Uint8Array, name: string): AudioProbe {
  const stream = readOggStreams(bytes, name, [])[0];
  const last = stream.pages.findLast((page) => page.granule !== null)?.granule ?? null;
  if (stream.codec === 'flac') {
    const probe = probeFlac(nativeFlac(stream), name, 'ogg');
    return { ...probe, frames: probe.frames ?? last };
  }
  const packets = readPackets({ ...stream, pages: stream.pages.slice(0, 1) });
  if (stream.codec === 'vorbis') {
    const { sampleRate, channels } = readVorbisHeader(packets, name);
    return { format: 'ogg', encoding: 'vorbis', sampleRate, channels, bitsPerSample: null, frames: last };
  }
  const { channels, preSkip } = readOpusHeader(packets, name);
  const frames = last === null ? null : Math.max(0, last - preSkip);
  return { format: 'ogg', encoding: 'opus', sampleRate: OPUS_RATE, channels, bitsPerSample: null, frames };
}

function probeMp3(bytes: Uint8Array, name: string): AudioProbe {
  const walked = walkMp3Frames(bytes, id3v2Length(bytes));
  if (walked === null) throw notAudioError(name, bytes);
  const { sampleRate, channels, samplesPerFrame, tag } = walked;
  const count = tag?.count ?? walked.count;
  const cut = tag === null ? 0 : tag.delay + tag.padding;
  return {
    format: 'mp3',
    encoding: walked.layer === 3 ? 'mp3' : `mpeg-layer-${walked.layer}`,
    sampleRate,
    channels,
    bitsPerSample: null,
    frames: Math.max(0, count * samplesPerFrame - cut),
  };
}
