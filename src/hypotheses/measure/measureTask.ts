/** @file What a thread does for one clip: measures from the cache if they are there, else decode, measure and store. */
import { readFile } from 'node:fs/promises';
import { decodeFile, resample, toMono } from '../../audio/index.ts';
import { DecodeError } from '../../core/index.ts';
import { cutToSpan, isSilent, measureLevels, type SoundSpan, spanSuffix } from '../../datasets/index.ts';
import { canonicalJson, digest, entryPath, readEntry, writeEntry } from '../../extraction/index.ts';
import { sha256 } from '../../files/index.ts';
import { clipMeasures, measureLength, measureSettings } from './clipMeasures.ts';

export interface MeasureSettings {
  /** Null: no cache. */
  readonly cacheDir: string | null;
  readonly seed: number;
}

export interface MeasuredClip {
  /** SHA-256 of the file's content. */
  readonly hash: string;
  /** All blocks; empty where the clip is silent, of which nothing can be measured. */
  readonly numbers: Float32Array;
  readonly silent: boolean;
  /** Only its beginning was measured. */
  readonly cut: boolean;
  /** What decoding complained of. */
  readonly warnings: readonly string[];
}

type Meta = Pick<MeasuredClip, 'silent' | 'cut' | 'warnings'>;

/** Where a clip's measures lie: by its content, its stretch, the definitions and the seed. */
function entryOf(content: string, { cacheDir, seed }: MeasureSettings): string | null {
  if (cacheDir === null) return null;
  return entryPath(
    cacheDir,
    digest('hypotheses', canonicalJson(measureSettings), String(seed), content),
    'features',
  );
}

/** The measures from the cache; null if they are not there whole. */
export async function recallMeasures(
  hash: string,
  clip: SoundSpan,
  settings: MeasureSettings,
): Promise<MeasuredClip | null> {
  const place = entryOf(`${hash}${spanSuffix(clip)}`, settings);
  const entry = place === null ? null : await readEntry(place);
  if (entry === null) return null;
  const meta = entry.meta as Meta;
  if (entry.data.length !== (meta.silent ? 0 : measureLength)) return null;
  return { ...meta, hash, numbers: entry.data };
}

/** Decodes and measures one clip, and stores the numbers. @throws {DecodeError} when it cannot be decoded. */
export async function measureClip(clip: SoundSpan, settings: MeasureSettings): Promise<MeasuredClip> {
  const { path } = clip;
  const bytes = await readFile(path);
  const hash = sha256(bytes);
  const known = await recallMeasures(hash, clip, settings);
  if (known !== null) return known;
  const audio = cutToSpan(await decodeFile(bytes, path), clip);
  const mono = toMono(audio);
  const { sampleRate, mostSeconds } = measureSettings;
  const cut = mono.length > mostSeconds * audio.sampleRate;
  const part = cut ? mono.subarray(0, Math.round(mostSeconds * audio.sampleRate)) : mono;
  const samples = resample(part, audio.sampleRate, sampleRate);
  if (samples.length === 0) {
    throw new DecodeError(`${path} holds no sound: ${mono.length} samples at ${audio.sampleRate} Hz.`, {
      hint: 'Remove the file, or record it again.',
    });
  }
  const silent = isSilent(measureLevels(samples));
  const numbers = silent
    ? new Float32Array(0)
    : clipMeasures(samples, `${settings.seed}/${hash}${spanSuffix(clip)}`);
  const meta: Meta = { silent, cut, warnings: audio.warnings };
  const place = entryOf(`${hash}${spanSuffix(clip)}`, settings);
  if (place !== null) await writeEntry(place, meta, numbers);
  return { ...meta, hash, numbers };
}
