/** @file Recordings as streams of mono samples at one rate. Node only. */
import { toMono } from './audioData.ts';
import { openSound } from './openSound.ts';
import { resample } from './resample.ts';
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
 */
export async function openMono(
  path: string,
  { sampleRate, onBlock, ...range }: MonoOptions = {},
): Promise<MonoStream> {
  const sound = await openSound(path, range);
  const rate = sampleRate ?? sound.sampleRate;
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
      const parts: Float32Array[] = [];
      for await (const block of sound.blocks()) {
        onBlock?.(block);
        parts.push(toMono({ channelData: block }));
      }
      const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        whole.set(part, at);
        at += part.length;
      }
      yield resample(whole, sound.sampleRate, rate);
    },
    close: () => sound.close(),
  };
}
