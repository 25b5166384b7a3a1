/** @file A recording as a stream that ends in an error where the recording is of no use. Node only. */
import { type MonoOptions, type MonoStream, openMono } from './openMono.ts';
import { type SoundFacts, SoundMeter } from './soundMeter.ts';
import { requireUsableSound } from './usability.ts';

export interface UsableSound extends MonoStream {
  /** What was measured of the blocks that came out so far. */
  facts(): SoundFacts;
}

/**
 * What {@link openMono} opens, measured as it is decoded.
 * @throws {DecodeError} here or from `blocks()`, naming the file, when it cannot be decoded or is of no use
 *   ({@link requireUsableSound}): what comes out before is sound
 */
export async function openUsableSound(path: string, options: MonoOptions = {}): Promise<UsableSound> {
  const meter = new SoundMeter();
  const onBlock = (block: readonly Float32Array[]) => {
    meter.observe(block);
    options.onBlock?.(block);
  };
  const sound = await openMono(path, { ...options, onBlock });
  const facts = () => meter.facts(sound.originalRate);
  return {
    sampleRate: sound.sampleRate,
    originalRate: sound.originalRate,
    channels: sound.channels,
    samples: sound.samples,
    get warnings() {
      return sound.warnings;
    },
    get progress() {
      return sound.progress;
    },
    facts,
    async *blocks() {
      for await (const block of sound.blocks()) {
        requireUsableSound(facts(), path);
        yield block;
      }
      requireUsableSound(facts(), path);
    },
    close: () => sound.close(),
  };
}
