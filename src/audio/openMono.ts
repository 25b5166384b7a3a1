/** @file Recordings as streams of mono samples at one rate. Node only. */
import { DecodeError } from '../core/errors.ts';
import { toMono } from './audioData.ts';
import { openSound } from './openSound.ts';
import { StreamingResampler } from './resample.ts';
import { MAX_RATIO } from './resampleFilter.ts';
import type { SoundStream, TimeRange } from './soundStream.ts';

/** Mono samples at the rate asked for, block by block. */
export interface MonoStream extends Pick<SoundStream, 'warnings' | 'progress' | 'close'> {
  /** Hertz: the rate of the samples that come out. */
  readonly sampleRate: number;
  /** Hertz: the recording's own rate. */
  readonly originalRate: number;
  readonly channels: number;
  /** Samples that will come out; null where the headers do not tell. */
  readonly samples: number | null;
  blocks(): AsyncGenerator<Float32Array, void, void>;
}

export interface MonoOptions extends TimeRange {
  /** Hertz; default the recording's own. */
  readonly sampleRate?: number;
  /** Called with each decoded block, all channels at the recording's own rate, before it is mixed down. */
  readonly onBlock?: (channels: readonly Float32Array[]) => void;
}

/**
 * The file at `path` mixed down and resampled while it is decoded: the same samples, to the bit, as
 * `resample(toMono(await readAudio(path)), rate, sampleRate)`. Without `sampleRate` the recording's own rate is kept.
 * A range is cut out before resampling.
 * @throws DecodeError as `openSound` does, and if the recording's rate is too far from the one asked for;
 *   ParameterError for an impossible range or rate
 */
export async function openMono(
  path: string,
  { sampleRate, onBlock, ...range }: MonoOptions = {},
): Promise<MonoStream> {
  const sound = await openSound(path, range);
  const rate = sampleRate ?? sound.sampleRate;
  try {
    const resampler = createResampler(path, sound.sampleRate, rate);
    return {
      sampleRate: rate,
      originalRate: sound.sampleRate,
      channels: sound.channels,
      samples: sound.frames === null ? null : Math.ceil((sound.frames * rate) / sound.sampleRate),
      warnings: sound.warnings,
      get progress() {
        return sound.progress;
      },
      async *blocks() {
        for await (const block of sound.blocks()) {
          onBlock?.(block);
          const mono = toMono({ channelData: block });
          const samples = resampler === null ? mono : resampler.push(mono);
          if (samples.length > 0) yield samples;
        }
        const rest = resampler?.flush();
        if (rest !== undefined && rest.length > 0) yield rest;
      },
      close: () => sound.close(),
    };
  } catch (error) {
    await sound.close();
    throw error;
  }
}

/** null where nothing is to be resampled. */
function createResampler(path: string, fromRate: number, toRate: number): StreamingResampler | null {
  if (fromRate === toRate) return null;
  if (
    Number.isSafeInteger(toRate) &&
    toRate > 0 &&
    Math.max(fromRate / toRate, toRate / fromRate) > MAX_RATIO
  ) {
    throw new DecodeError(
      `${path} was recorded at ${fromRate} Hz, more than a factor of ${MAX_RATIO} from the ${toRate} Hz that are needed.`,
      { hint: 'Its header is damaged or was written by mistake; give the file its true rate, or remove it.' },
    );
  }
  return new StreamingResampler(fromRate, toRate);
}
