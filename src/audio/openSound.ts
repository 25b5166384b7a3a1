/** @file Sound files by path, as streams. Node only. */
import { readAudio } from './readAudio.ts';
import type { SoundStream, TimeRange } from './soundStream.ts';

const blockSamples = 65536;

/**
 * Opens the sound file at `path` for decoding block by block; concatenated, the blocks are what `readAudio` gives.
 * @throws DecodeError as `readAudio` does, here or from `blocks()`
 */
export async function openSound(path: string, { from = 0, to }: TimeRange = {}): Promise<SoundStream> {
  const audio = await readAudio(path);
  const length = audio.channelData[0].length;
  const first = Math.min(length, Math.round(from * audio.sampleRate));
  const last = to === undefined ? length : Math.min(length, Math.round(to * audio.sampleRate));
  let at = first;
  return {
    sampleRate: audio.sampleRate,
    channels: audio.channelData.length,
    frames: Math.max(0, last - first),
    warnings: audio.warnings,
    get progress() {
      return last <= first ? 1 : (at - first) / (last - first);
    },
    async *blocks() {
      while (at < last) {
        const end = Math.min(last, at + blockSamples);
        yield audio.channelData.map((channel) => channel.subarray(at, end));
        at = end;
      }
    },
    async close() {},
  };
}
