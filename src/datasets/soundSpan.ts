/** @file The sound of a clip: a whole file, or a stretch of one. */
import {
  collectSound,
  hasSoundAt,
  type MonoOptions,
  openUsableSound,
  readSound,
  type SoundStretch,
  soundLength,
  type UsableSound,
} from '../audio/index.ts';
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
 * Opens the sound of a clip as a stream. One that ends after the recording does is cut short, with a warning.
 * @throws {DecodeError} here or from `blocks()`, when it cannot be decoded or is of no use, or when the recording ends
 *   before the stretch begins
 */
export async function openSpan(
  span: SoundSpan,
  options: Pick<MonoOptions, 'sampleRate' | 'onBlock'> = {},
): Promise<UsableSound> {
  const { path, start = 0, end } = span;
  const range = { ...(start > 0 ? { from: start } : {}), ...(end === undefined ? {} : { to: end }) };
  const sound = await openUsableSound(path, { ...range, ...options });
  const warnings: string[] = [];
  return {
    ...sound,
    get progress() {
      return sound.progress;
    },
    get warnings() {
      return [...sound.warnings, ...warnings];
    },
    async *blocks() {
      try {
        yield* sound.blocks();
      } catch (error) {
        if (start > 0 && sound.facts().samples === 0) await requireSoundAt(path, start);
        throw error;
      }
      const { samples, sampleRate: rate } = sound.facts();
      // Times in tables are rounded; a millisecond is not worth a word.
      if (end !== undefined && (end - start) * rate - samples > 1 + rate / 1000) {
        const seconds = Number((start + samples / rate).toFixed(3));
        warnings.push(
          `The segment ends at ${end} s, and the recording at ${seconds} s: it is shorter than stated.`,
        );
      }
    },
  };
}

/** @throws {DecodeError} when the recording ends before a time */
async function requireSoundAt(path: string, start: number): Promise<void> {
  const seconds = await soundLength(path);
  if (start < seconds) return;
  throw new DecodeError(
    `${path} lasts ${Number(seconds.toFixed(3))} s: the segment from ${start} s on lies behind its end.`,
    { hint: 'Correct the times in the table, or remove the row.' },
  );
}

/**
 * Reads the sound of a clip, mixed down and resampled, or its beginning.
 * @param options.seconds at most so much of it
 * @returns with it whether there is more than that
 * @throws {DecodeError} as {@link openSpan} does
 */
export async function readSpan(
  span: SoundSpan,
  { seconds, ...options }: { readonly sampleRate?: number; readonly seconds?: number } = {},
): Promise<SoundStretch & { readonly more: boolean }> {
  const { path, start = 0, end } = span;
  if (seconds === undefined || (end !== undefined && end - start <= seconds))
    return { ...(await collectSound(await openSpan(span, options))), more: false };
  const read = await readSound(path, { ...options, from: start, to: start + seconds });
  const full = read.facts.samples >= Math.round(seconds * read.facts.sampleRate);
  return { ...read, more: full && (await hasSoundAt(path, start + seconds)) };
}
