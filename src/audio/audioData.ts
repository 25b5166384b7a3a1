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
   * Most samples (frames × channels) to decode; above it a DecodeError is thrown before memory is taken.
   * Default 2^29, which is 2 GiB of float32, or three hours of mono at 48 kHz.
   */
  maxSamples?: number;
}

export const DEFAULT_MAX_SAMPLES = 2 ** 29;

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
