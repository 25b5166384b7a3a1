/** @file A stretch of a recording as one array: for what needs it whole. Node only. */
import { joined } from '../core/tensor.ts';
import type { MonoOptions } from './openMono.ts';
import { openSound } from './openSound.ts';
import { openUsableSound, type UsableSound } from './openUsableSound.ts';
import type { SoundFacts } from './soundMeter.ts';

/** Mono samples in memory. */
export interface SoundStretch {
  readonly samples: Float32Array;
  /** Hertz, of these samples. */
  readonly sampleRate: number;
  /** What was measured of the stretch as decoded. */
  readonly facts: SoundFacts;
  /** What decoding complained of. */
  readonly warnings: readonly string[];
}

/**
 * Decodes a recording, or the stretch of it between `from` and `to`, mixed down and resampled.
 * @throws {DecodeError} when it cannot be decoded, or is of no use
 */
export async function readSound(
  path: string,
  options: Omit<MonoOptions, 'onBlock'> = {},
): Promise<SoundStretch> {
  return collectSound(await openUsableSound(path, options));
}

/** All of an opened recording, which is closed then. @throws {DecodeError} as {@link readSound} does */
export async function collectSound(sound: UsableSound): Promise<SoundStretch> {
  const blocks: Float32Array[] = [];
  try {
    for await (const block of sound.blocks()) blocks.push(block);
  } finally {
    await sound.close();
  }
  const { sampleRate, warnings } = sound;
  return { samples: joined(blocks), sampleRate, facts: sound.facts(), warnings: [...warnings] };
}

/** Whether a recording reaches beyond a time. @throws {DecodeError} when it cannot be decoded */
export async function hasSoundAt(path: string, seconds: number): Promise<boolean> {
  const sound = await openSound(path, { from: seconds, to: seconds + 1 });
  try {
    const { done } = await sound.blocks().next();
    return !done;
  } finally {
    await sound.close();
  }
}

/**
 * Seconds that a recording lasts; decoded to its end where its header does not tell.
 * @throws {DecodeError} when it cannot be decoded
 */
export async function soundLength(path: string): Promise<number> {
  const sound = await openSound(path);
  try {
    if (sound.frames !== null) return sound.frames / sound.sampleRate;
    let samples = 0;
    for await (const [first] of sound.blocks()) samples += first.length;
    return samples / sound.sampleRate;
  } finally {
    await sound.close();
  }
}
