/** @file Two files of sound compared by their waveforms, around the places where they seem alike. */
import { readAudio, resample, toMono } from '../../audio/index.ts';
import { matchWaveforms, type WaveformMatch } from '../waveformMatch.ts';

export interface MatchTask {
  readonly files: readonly [string, string];
  /** Seconds around which the files are compared. */
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
export async function matchFiles({ files, times }: MatchTask): Promise<WaveformMatch> {
  const [a, b] = [await samplesOf(files[0]), await samplesOf(files[1])];
  const [x, y] = [around(a, times[0]), around(b, times[1])];
  const { correlation, shiftSeconds } = matchWaveforms(x.samples, y.samples, rate);
  return { correlation, shiftSeconds: shiftSeconds + x.start - y.start };
}

async function samplesOf(file: string): Promise<Float32Array> {
  const known = decoded.get(file);
  if (known !== undefined) return known;
  const audio = await readAudio(file);
  const samples = resample(toMono(audio), audio.sampleRate, rate);
  const [oldest] = decoded.keys();
  if (decoded.size >= kept && oldest !== undefined) decoded.delete(oldest);
  decoded.set(file, samples);
  return samples;
}

function around(samples: Float32Array, time: number): { samples: Float32Array; start: number } {
  const from = Math.max(0, Math.round((time - reach) * rate));
  return { samples: samples.subarray(from, Math.round((time + reach) * rate)), start: from / rate };
}
