/** @file What a thread does for one clip: measures from the cache if they are there, else decode, measure and store. */
import * as z from 'zod';
import { isSilent, type SoundFacts } from '../../audio/index.ts';
import { readSpan, type SoundSpan, spanSuffix } from '../../datasets/index.ts';
import {
  canonicalJson,
  digest,
  entryPath,
  readEntry,
  soundFactsSchema,
  writeEntry,
} from '../../extraction/index.ts';
import { hashFile } from '../../files/index.ts';
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
  /** What was measured of what was decoded. */
  readonly sound: SoundFacts;
  /** Only its beginning was measured. */
  readonly cut: boolean;
  /** What decoding complained of. */
  readonly warnings: readonly string[];
}

const metaSchema = z.object({ sound: soundFactsSchema, cut: z.boolean(), warnings: z.array(z.string()) });

type Meta = z.output<typeof metaSchema>;

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
  const entry = place === null ? null : await readEntry(place, metaSchema);
  if (entry === null) return null;
  const { meta, data } = entry;
  if (data.length !== (isSilent(meta.sound) ? 0 : measureLength)) return null;
  return { ...meta, hash, numbers: data };
}

/** Decodes and measures one clip, and stores the numbers. @throws {DecodeError} when it cannot be decoded, or is of no use */
export async function measureClip(clip: SoundSpan, settings: MeasureSettings): Promise<MeasuredClip> {
  const hash = await hashFile(clip.path);
  const known = await recallMeasures(hash, clip, settings);
  if (known !== null) return known;
  const content = `${hash}${spanSuffix(clip)}`;
  const { sampleRate, mostSeconds } = measureSettings;
  const read = await readSpan(clip, { sampleRate, seconds: mostSeconds });
  const { samples, facts: sound, more: cut } = read;
  const numbers = isSilent(sound)
    ? new Float32Array(0)
    : clipMeasures(samples, `${settings.seed}/${content}`);
  const meta: Meta = { cut, sound, warnings: [...read.warnings] };
  const place = entryOf(content, settings);
  if (place !== null) await writeEntry(place, meta, numbers);
  return { ...meta, hash, numbers };
}
