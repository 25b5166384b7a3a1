/** @file The sound of a clip: a whole file, or a stretch of one. */
import { type AudioData, readAudio } from '../audio/index.ts';
import { DecodeError } from '../core/index.ts';

/** A sound file, or the part of it between two times. */
export interface SoundSpan {
  readonly path: string;
  /** Seconds from the start of the file, ≥ 0; default 0. */
  readonly start?: number;
  /** Seconds from the start of the file, above `start`; default the end of the file. */
  readonly end?: number;
}

/** A media fragment such as `#t=1.5,4` that tells the stretch from others of its file; empty for a whole file. */
export function spanSuffix({ start, end }: Pick<SoundSpan, 'start' | 'end'>): string {
  if (start === undefined && end === undefined) return '';
  return `#t=${start ?? 0}${end === undefined ? '' : `,${end}`}`;
}

/** The fields of a stretch alone: none for a whole file. */
export function spanTimes({ start, end }: Pick<SoundSpan, 'start' | 'end'>): {
  start?: number;
  end?: number;
} {
  return { ...(start === undefined ? {} : { start }), ...(end === undefined ? {} : { end }) };
}

/**
 * The stretch of decoded audio that a span names. One that ends after the recording does is cut short, with a warning.
 * @throws {DecodeError} when the recording ends before the stretch begins
 */
export function cutToSpan(audio: AudioData, span: SoundSpan): AudioData {
  if (spanSuffix(span) === '') return audio;
  const { sampleRate } = audio;
  const length = audio.channelData[0]!.length;
  const from = Math.round((span.start ?? 0) * sampleRate);
  const to = span.end === undefined ? length : Math.round(span.end * sampleRate);
  const seconds = Number((length / sampleRate).toFixed(3));
  if (from >= length) {
    throw new DecodeError(
      `${span.path} lasts ${seconds} s: the segment from ${span.start} s on lies behind its end.`,
      { hint: 'Correct the times in the table, or remove the row.' },
    );
  }
  // Times in tables are rounded; a millisecond is not worth a word.
  const short = to - length > sampleRate / 1000;
  return {
    ...audio,
    channelData: audio.channelData.map((channel) => channel.subarray(from, to)),
    warnings: short
      ? [
          ...audio.warnings,
          `The segment ends at ${span.end} s, and the recording at ${seconds} s: it is shorter than stated.`,
        ]
      : audio.warnings,
  };
}

/** Reads the sound of a clip. @throws {DecodeError} as `readAudio` and {@link cutToSpan} do */
export async function readSpan(span: SoundSpan): Promise<AudioData> {
  return cutToSpan(await readAudio(span.path), span);
}
