/** @file What decoding yields, and the small operations on it that need no codec. */
import { ParameterError } from '../core/errors.ts';

/**
 * Decoded sound. `channelData[c][n]` is sample n of channel c; full scale is −1…1 (floating-point files may
 * exceed it and are left as they are). All channels have the same length.
 */
export interface AudioData {
  /** Samples per second and channel, in hertz. */
  sampleRate: number;
  channelData: Float32Array[];
  /** Whole sentences about what was wrong with the file but did not keep it from being read. */
  warnings: string[];
}

/** What a file's headers say, without decoding it. */
export interface AudioProbe {
  format: 'wav' | 'flac' | 'ogg' | 'mp3';
  /** Sample encoding: `pcm-s16`, `float32`, `ms-adpcm`, `vorbis`, … */
  encoding: string;
  sampleRate: number;
  channels: number;
  /** Bits a sample is stored in; null where the codec has no such notion (Vorbis, Opus, MP3). */
  bitsPerSample: number | null;
  /** Samples per channel; null where the headers do not say. */
  frames: number | null;
}

export interface DecodeOptions {
  /** What to call the data in messages: usually the file's path. */
  name?: string;
  /**
   * Most samples (frames × channels) to hold in memory; a DecodeError says that there are more. Default 2^29, which is
   * 2 GiB of float32, or three hours of mono at 48 kHz; less where a few bytes expand to so much (silence), see
   * docs/audio.md. Streams (`openAudio`, `openSound`) have no limit.
   */
  maxSamples?: number;
}

/** One array of all `parts` in a row. */
export function joinSamples(parts: readonly Float32Array[]): Float32Array {
  if (parts.length === 1) return parts[0];
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * Mixes all channels down to one: the mean over channels, as librosa and torchaudio users do it.
 * The sum is taken in double precision, so it does not depend on the order of the channels. A mono recording
 * is returned as it is, without a copy.
 */
export function toMono(audio: Pick<AudioData, 'channelData'>): Float32Array {
  const channels = audio.channelData;
  const first = channels[0];
  if (first === undefined) {
    throw new ParameterError('toMono received audio without channels; it needs at least one.');
  }
  if (channels.length === 1) return first;
  for (const channel of channels) {
    if (channel.length !== first.length) {
      throw new ParameterError(
        `toMono received channels of ${first.length} and ${channel.length} samples; all must have the same length.`,
      );
    }
  }
  const mono = new Float32Array(first.length);
  if (channels.length === 2) {
    const second = channels[1];
    for (let n = 0; n < mono.length; n++) mono[n] = (first[n] + second[n]) / 2;
    return mono;
  }
  for (let n = 0; n < mono.length; n++) {
    let sum = 0;
    for (const channel of channels) sum += channel[n];
    mono[n] = sum / channels.length;
  }
  return mono;
}
