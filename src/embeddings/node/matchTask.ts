/** @file Two recordings compared by their waveforms, around the places where they seem alike. */
import { resample, toMono } from '../../audio/index.ts';
import { readSpan, type SoundSpan, spanSuffix } from '../../datasets/soundSpan.ts';
import { matchWaveforms, type WaveformMatch } from '../waveformMatch.ts';

export interface MatchTask {
  readonly sounds: readonly [SoundSpan, SoundSpan];
  /** Seconds around which the sounds are compared. */
  readonly times: readonly [number, number];
}

/** Enough for what makes sounds recognisable, and quick. */
const rate = 8000;
/** Seconds compared before and after the given times. */
const reach = 15;
/** Recordings kept decoded: one is compared with several others in a row. */
const kept = 32;

const decoded = new Map<string, Float32Array>();

/** @throws {DecodeError} when a file cannot be decoded */
export async function matchSounds({ sounds, times }: MatchTask): Promise<WaveformMatch> {
  const [a, b] = [await samplesOf(sounds[0]), await samplesOf(sounds[1])];
  const [x, y] = [around(a, times[0]), around(b, times[1])];
  const { correlation, shiftSeconds } = matchWaveforms(x.samples, y.samples, rate);
  return { correlation, shiftSeconds: shiftSeconds + x.start - y.start };
}

async function samplesOf(sound: SoundSpan): Promise<Float32Array> {
  const key = `${sound.path}${spanSuffix(sound)}`;
  const known = decoded.get(key);
  if (known !== undefined) return known;
  const audio = await readSpan(sound);
  const samples = resample(toMono(audio), audio.sampleRate, rate);
  const [oldest] = decoded.keys();
  if (decoded.size >= kept && oldest !== undefined) decoded.delete(oldest);
  decoded.set(key, samples);
  return samples;
}

function around(samples: Float32Array, time: number): { samples: Float32Array; start: number } {
  const from = Math.max(0, Math.round((time - reach) * rate));
  return { samples: samples.subarray(from, Math.round((time + reach) * rate)), start: from / rate };
}
