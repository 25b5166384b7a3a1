/** @file From a byte source to a stream of samples, whatever the format. Runs in Node and in browsers. */
import { DecodeError, ParameterError } from '../core/errors.ts';
import { type ByteSource, partOf } from './byteSource.ts';
import { SampleCleaner } from './cleanSamples.ts';
import { noSamplesError } from './codecCalls.ts';
import { checkSampleCount } from './collect.ts';
import { openFlac } from './decodeFlac.ts';
import { openMp3 } from './decodeMp3.ts';
import { openOgg } from './decodeOgg.ts';
import { openWav } from './decodeWav.ts';
import { detectFormat, foreignFormatError, isOwnFormat, notAudioError } from './detectFormat.ts';
import { findMp3 } from './mp3Frames.ts';
import type { OpenedSound } from './openedSound.ts';
import type { SoundStream, TimeRange } from './soundStream.ts';
import { skipLeadingTags } from './tags.ts';

/** Bytes looked at to tell a format. */
const HEAD = 4096;

/**
 * Hertz. Below and above there are no recordings of sound (the lowest are of infrasound, the highest of ultrasound), but
 * headers that are damaged: 1 Hz would make hours out of a second.
 */
const RATES = { lowest: 50, highest: 10_000_000 };

/**
 * Reads the headers of a WAV, FLAC, Ogg or MP3 file. Tags before it are skipped, whatever the format.
 * @throws DecodeError as `decodeAudio` does.
 */
export async function readHeaders(source: ByteSource, name: string): Promise<OpenedSound> {
  const start = await skipLeadingTags(source);
  const rest = partOf(source, start);
  const opened = await openAs(rest, name, start > 0, source);
  const { sampleRate } = opened.probe;
  if (sampleRate < RATES.lowest || sampleRate > RATES.highest) {
    throw new DecodeError(
      `${name} states a sample rate of ${sampleRate} Hz, which no recording of sound has (${RATES.lowest} Hz to 10 MHz).`,
      { hint: 'The header is damaged or was written by mistake; give the file its true rate, or remove it.' },
    );
  }
  return opened;
}

async function openAs(
  source: ByteSource,
  name: string,
  tagged: boolean,
  whole: ByteSource,
): Promise<OpenedSound> {
  const head = await source.read(0, HEAD);
  const format = detectFormat(head);
  if (format !== null && !isOwnFormat(format)) throw foreignFormatError(name, format);
  switch (format) {
    case 'wav':
      return openWav(source, name);
    case 'flac':
      return openFlac(source, name);
    case 'ogg':
      return openOgg(source, name);
    default: {
      const start = await findMp3(source, !tagged);
      if (start !== null) return openMp3(source, name, start);
      throw notAudioError(name, await whole.read(0, HEAD), whole.size);
    }
  }
}

/**
 * Opens the sound in `source` for decoding block by block.
 * @throws DecodeError as `decodeAudio` does, here or from `blocks()`; ParameterError for an impossible range.
 */
export function openAudio(
  source: ByteSource,
  { name = 'The audio data', ...range }: TimeRange & { readonly name?: string } = {},
): Promise<SoundStream> {
  return openStream(source, name, range, async () => {});
}

/**
 * The same for a source that must be closed, which `close()` of the stream does. `maxSamples`: a file that is surely
 * longer is refused before anything is decoded.
 */
export async function openStream(
  source: ByteSource,
  name: string,
  range: TimeRange,
  close: () => Promise<void>,
  maxSamples = Number.POSITIVE_INFINITY,
): Promise<SoundStream> {
  checkRange(range);
  let reached = 0;
  const tracked: ByteSource = {
    size: source.size,
    read(offset, length) {
      reached = Math.max(reached, offset + length);
      return source.read(offset, length);
    },
  };
  const opened = await readHeaders(tracked, name);
  const { format, encoding, frames, channels } = opened.probe;
  // The length of a WAV file is counted; the others' is what their header claims.
  if (format === 'wav' && encoding !== 'mp3') checkSampleCount(frames ?? 0, channels, maxSamples, name);
  // Headers may stand at the end, and the last page of an Ogg file was read.
  reached = 0;
  return streamOf(opened, name, range, () => Math.min(1, reached / source.size), close);
}

export function checkRange({ from = 0, to = Number.POSITIVE_INFINITY }: TimeRange): void {
  if (!(from >= 0) || from === Number.POSITIVE_INFINITY || !(to >= from)) {
    throw new ParameterError(
      `A stretch of a recording needs 0 ≤ from ≤ to, in seconds; got ${from} to ${to}.`,
    );
  }
}

/**
 * A stretch of a sound whose headers have been read. `shareRead` is the share of the bytes read so far, the measure of
 * progress where the length is not known.
 */
export function streamOf(
  { probe, warnings, blocks }: OpenedSound,
  name: string,
  { from = 0, to }: TimeRange,
  shareRead: () => number,
  close: () => Promise<void>,
): SoundStream {
  const { sampleRate, channels } = probe;
  const first = Math.round(from * sampleRate);
  const last = to === undefined ? Number.POSITIVE_INFINITY : Math.round(to * sampleRate);
  const frames = probe.frames === null ? null : Math.max(0, Math.min(last, probe.frames) - first);
  const length = frames ?? (last === Number.POSITIVE_INFINITY ? null : last - first);
  let given = 0;
  let ended = false;
  return {
    sampleRate,
    channels,
    frames,
    warnings,
    get progress() {
      if (ended) return 1;
      return length === null || length === 0 ? shareRead() : Math.min(1, given / length);
    },
    async *blocks() {
      const cleaner = new SampleCleaner();
      let left = last - first;
      if (left > 0) {
        for await (const block of blocks(first)) {
          const kept = block[0].length <= left ? block : block.map((samples) => samples.subarray(0, left));
          cleaner.clean(kept);
          given += kept[0].length;
          left -= kept[0].length;
          yield kept;
          if (left <= 0) break;
        }
        if (given === 0 && first === 0) throw noSamplesError(name, NAMES[probe.encoding] ?? probe.encoding);
      }
      ended = true;
      warnings.push(...cleaner.warnings());
    },
    close,
  };
}

const NAMES: Record<string, string> = { flac: 'FLAC', vorbis: 'Ogg Vorbis', opus: 'Opus', mp3: 'MP3' };
