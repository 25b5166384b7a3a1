/** @file Tells what a file is from its first bytes. Names and extensions are not looked at: they lie too often. */
import { DecodeError } from '../core/errors.ts';
import { latin1 } from './latin1.ts';

/** Containers this folder decodes itself. */
type OwnFormat = 'wav' | 'flac' | 'ogg' | 'mp3';
/** Containers that are recognised, but only read by a system ffmpeg. The names are those of ffmpeg's demuxers. */
type ForeignFormat = 'mov' | 'matroska' | 'aac' | 'aiff' | 'au' | 'caf' | 'asf' | 'amr' | 'wv' | 'ac3';

const FOREIGN_NAMES: Record<ForeignFormat, string> = {
  mov: 'an MP4/M4A (AAC) file',
  matroska: 'a WebM or Matroska file',
  aac: 'a raw AAC (ADTS) stream',
  aiff: 'an AIFF file',
  au: 'a Sun/NeXT .au file',
  caf: 'an Apple CAF file',
  asf: 'a Windows Media (ASF) file',
  amr: 'an AMR speech file',
  wv: 'a WavPack file',
  ac3: 'an AC-3 stream',
};

/**
 * Sound in a form that Earshot does not decode itself but a system ffmpeg may: `readAudio` catches this and
 * tries. `demuxer` is the ffmpeg demuxer to force, so that ffmpeg never guesses (and never follows a playlist).
 */
export class ForeignFormatError extends DecodeError {
  readonly demuxer: string;

  constructor(message: string, demuxer: string) {
    super(message, {
      hint: 'Read it with readAudio on a machine that has ffmpeg on its PATH, or convert it once: ffmpeg -i in -c:a pcm_s16le out.wav',
    });
    this.demuxer = demuxer;
  }
}

export function foreignFormatError(name: string, format: ForeignFormat): ForeignFormatError {
  return new ForeignFormatError(
    `${name} is ${FOREIGN_NAMES[format]}, which Earshot does not decode itself.`,
    format,
  );
}

export function isOwnFormat(format: OwnFormat | ForeignFormat): format is OwnFormat {
  return format === 'wav' || format === 'flac' || format === 'ogg' || format === 'mp3';
}

/** The container that begins with `bytes`, or null if none is recognised. MPEG audio is told by its frames. */
export function detectFormat(bytes: Uint8Array): OwnFormat | ForeignFormat | null {
  const magic = latin1(bytes, 0, 4);
  if (['RIFF', 'RIFX', 'RF64', 'BW64'].includes(magic)) {
    return latin1(bytes, 8, 4) === 'WAVE' ? 'wav' : null;
  }
  // Wave64's magic is a GUID that begins with these letters.
  if (magic === 'riff' && bytes[4] === 0x2e && latin1(bytes, 24, 4) === 'wave') return 'wav';
  if (magic === 'fLaC') return 'flac';
  if (magic === 'OggS') return 'ogg';
  return detectForeign(bytes, magic) ?? (isAdts(bytes) ? 'aac' : null);
}

function detectForeign(bytes: Uint8Array, magic: string): ForeignFormat | null {
  const box = latin1(bytes, 4, 4);
  if (box === 'ftyp' || ((box === 'moov' || box === 'mdat') && bytes[0] === 0)) return 'mov';
  if (magic === '\x1aE\xdf\xa3') return 'matroska';
  if (magic === 'FORM' && /^AIF[FC]$/.test(latin1(bytes, 8, 4))) return 'aiff';
  if (magic === '.snd') return 'au';
  if (magic === 'caff') return 'caf';
  if (magic === '0&\xb2u') return 'asf';
  if (magic === '#!AM' && /^#!AMR(-WB)?\n/.test(latin1(bytes, 0, 9))) return 'amr';
  if (magic === 'wvpk') return 'wv';
  if (bytes[0] === 0x0b && bytes[1] === 0x77) return 'ac3';
  return null;
}

/** An ADTS header has sync 0xFFF and layer 00, where MPEG audio frames have layer 01–11. */
function isAdts(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && (bytes[1] & 0xf6) === 0xf0 && ((bytes[2] >> 2) & 15) < 13;
}

/** Says in words what `bytes`, the first of `size`, begin with. */
function describeBytes(bytes: Uint8Array, size: number): string {
  if (size === 0) return 'is empty (0 bytes)';
  const known: [string, string][] = [
    ['\x89PNG', 'is a PNG picture'],
    ['\xff\xd8\xff', 'is a JPEG picture'],
    ['GIF8', 'is a GIF picture'],
    ['PK\x03\x04', 'is a ZIP archive'],
    ['\x1f\x8b', 'is gzip-compressed'],
    ['%PDF', 'is a PDF document'],
    ['BZh', 'is bzip2-compressed'],
    ['\x7fELF', 'is an executable program'],
    ['\x89HDF', 'is an HDF5 file'],
    ['version https://git-lfs', 'is a Git LFS pointer, not the file itself'],
  ];
  const head = latin1(bytes, 0, 48);
  for (const [start, words] of known) if (head.startsWith(start)) return words;
  if (head.startsWith('RIFF')) return `is a RIFF file of type ${JSON.stringify(head.slice(8, 12))}, not WAVE`;
  if (bytes.subarray(0, 4096).every((byte) => byte === 0)) {
    return `holds zero bytes only at its start (${size} bytes in all)`;
  }
  const text = latin1(bytes, 0, 24).replace(/[\r\n\t]+/g, ' ');
  if (/^[\x20-\x7e]+$/.test(text)) return `starts with the text ${JSON.stringify(text)}`;
  const hex = Array.from(bytes.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0'));
  return `starts with the bytes ${hex.join(' ')}`;
}

/** What a server answers in place of a file: HTML or XML, or a JSON object or list. */
const ERROR_PAGE = /^(?:\xef\xbb\xbf)?\s*(?:<!doctype|<html|<\?xml|<head|<body|[{[]\s*(?:["{[]|$))/i;

/** The error for data in which no sound was recognised. `bytes` are the first of `size`. */
export function notAudioError(name: string, bytes: Uint8Array, size = bytes.length): DecodeError {
  const found = describeBytes(bytes, size);
  const isText = bytes.subarray(0, 256).every((byte) => byte >= 32 || (byte >= 9 && byte <= 13));
  return new DecodeError(`${name} is not an audio file: it ${found}.`, {
    hint: found.includes('Git LFS')
      ? 'Fetch the real file with `git lfs pull`.'
      : isText && ERROR_PAGE.test(latin1(bytes, 0, 64))
        ? 'A download probably returned an error page in place of the file; download it again.'
        : size === 0
          ? 'The copy or download of this file failed; get it again or remove it.'
          : 'Expected WAV, FLAC, Ogg Vorbis, Opus or MP3 (with ffmpeg installed also AAC/M4A, WebM and others); convert the file or remove it.',
  });
}
