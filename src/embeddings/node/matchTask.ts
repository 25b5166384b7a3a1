/** @file Two recordings compared by their waveforms, around the places where they seem alike. */
import { readSound } from '../../audio/index.ts';
import type { SoundSpan } from '../../datasets/soundSpan.ts';
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
/** Stretches kept decoded: one is compared with several others in a row. */
const kept = 32;

interface StretchOfSound {
  readonly samples: Float32Array;
  /** Seconds into the recording. */
  readonly start: number;
}

const decoded = new Map<string, StretchOfSound>();

/** @throws {DecodeError} when a file cannot be decoded */
export async function matchSounds({ sounds, times }: MatchTask): Promise<WaveformMatch> {
  const x = await around(sounds[0], times[0]);
  const y = await around(sounds[1], times[1]);
  const { correlation, shiftSeconds } = matchWaveforms(x.samples, y.samples, rate);
  return { correlation, shiftSeconds: shiftSeconds + x.start - y.start };
}

/** What lies about a time, decoded alone. */
async function around(sound: SoundSpan, time: number): Promise<StretchOfSound> {
  const start = Math.max(0, time - reach);
  const key = JSON.stringify([sound, start, time]);
  const known = decoded.get(key);
  if (known !== undefined) return known;
  const { path, start: begin = 0, end = Number.POSITIVE_INFINITY } = sound;
  const range = { from: begin + start, to: Math.min(end, begin + time + reach) };
  const { samples } = await readSound(path, { ...range, sampleRate: rate });
  const stretch = { samples, start };
  const [oldest] = decoded.keys();
  if (decoded.size >= kept && oldest !== undefined) decoded.delete(oldest);
  decoded.set(key, stretch);
  return stretch;
}
