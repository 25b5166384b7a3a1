/** @file MP3 through mpg123 (WebAssembly, @audio/decode-mp3), which also cuts the encoder's delay and padding. */
import type { AudioData } from './audioData.ts';
import { callCodec, noSamplesError } from './codecCalls.ts';
import { id3v2Length, notAudioError } from './detectFormat.ts';
import { checkSampleCount } from './limits.ts';
import { walkMp3Frames } from './mp3Frames.ts';

let codec: Promise<typeof import('@audio/decode-mp3')> | null = null;

/** @throws DecodeError if there is no MPEG audio frame, or no sample comes out. */
export async function decodeMp3(bytes: Uint8Array, name: string, maxSamples: number): Promise<AudioData> {
  const frames = walkMp3Frames(bytes, id3v2Length(bytes));
  if (frames === null) throw notAudioError(name, bytes);
  checkSampleCount(frames.count * frames.samplesPerFrame, 2, maxSamples, name);
  const warnings: string[] = [];
  codec ??= import('@audio/decode-mp3');
  const decoder = await (await codec).decoder();
  let channelData: Float32Array[];
  try {
    // Whole frames only: what precedes, follows or is cut off is not for the decoder to make sense of.
    const { result, complaints } = callCodec(name, 'MP3', () =>
      decoder.decode(bytes.subarray(frames.start, frames.end)),
    );
    if (complaints.length > 0)
      warnings.push(`mpg123 complained ${complaints.length} times: ${complaints[0]}`);
    channelData = [...result.channelData];
  } finally {
    decoder.free();
  }
  if (channelData.length === 0 || channelData[0].length === 0) throw noSamplesError(name, 'MP3');
  if (frames.channels === 1) channelData.length = 1;
  if (frames.skipped > 0)
    warnings.push(`${frames.skipped} bytes between MP3 frames were damaged and left out.`);
  const missing = frames.tag?.count != null && frames.count < frames.tag.count;
  if (missing) {
    warnings.push(
      `The file is truncated: its header claims ${frames.tag?.count} MP3 frames and ${frames.count} are there.`,
    );
  } else if (frames.truncated) {
    warnings.push('The file is truncated: it ends within an MP3 frame, which was left out.');
  }
  return { sampleRate: frames.sampleRate, channelData, warnings };
}
