/** @file What a thread does for one clip: from the cache if it is there, else decode, extract and store. */
import * as z from 'zod';
import type { SoundFacts } from '../audio/index.ts';
import { type SoundSpan, spanSuffix } from '../datasets/soundSpan.ts';
import { hashFile } from '../files/index.ts';
import { entryPath, readEntry, writeEntry } from './cacheEntry.ts';
import { type ClipPipeline, canonicalJson, digest, pipelineWindowing } from './clipPipeline.ts';
import { type ExtractedWindows, WindowFeatures } from './extractClip.ts';
import { openWindows } from './openWindows.ts';

/** Raised when decoding, resampling or windowing gives other numbers than before, or entries say other things of a clip. */
const cacheVersion = 2;

export interface ExtractionSettings {
  readonly pipeline: ClipPipeline;
  /** Null: no cache. */
  readonly cacheDir: string | null;
  readonly keepWaveforms: boolean;
}

export interface ExtractedClip extends ExtractedWindows {
  /** SHA-256 of the file's content. */
  readonly hash: string;
  /** What decoding complained of. */
  readonly warnings: readonly string[];
  readonly fromCache: boolean;
}

/** {@link SoundFacts} as a cache entry holds them. */
export const soundFactsSchema: z.ZodType<SoundFacts> = z.object({
  samples: z.int().min(1),
  sampleRate: z.number().positive(),
  channels: z.int().min(1),
  dcOffset: z.number(),
  peak: z.number(),
  channelPeak: z.number(),
  loudest: z.number(),
});

/** What an entry holds beside its numbers. */
const metaSchema = z.object({
  nWindows: z.int().min(1),
  nMels: z.int().min(0),
  nFrames: z.int().min(0),
  sound: soundFactsSchema,
  ownSamples: z.int().min(1).optional(),
  warnings: z.array(z.string()),
});

/** The keys of a clip's two entries: its content, its stretch and the parameters that decide the numbers, nothing else. */
function keysOf(
  hash: string,
  clip: SoundSpan,
  pipeline: ClipPipeline,
): { features: string; waveforms: string } {
  const { frontEnd: _, ...cutting } = pipeline;
  const content = `${hash}${spanSuffix(clip)}`;
  return {
    features: digest(
      ...[pipeline.frontEnd?.kind ?? 'none', String(cacheVersion), content, canonicalJson(pipeline)],
    ),
    waveforms: digest('waveform', String(cacheVersion), content, canonicalJson(cutting)),
  };
}

/** The clip from the cache; null if it is not there whole. */
export async function recallClip(
  hash: string,
  clip: SoundSpan,
  settings: ExtractionSettings,
): Promise<ExtractedClip | null> {
  if (settings.cacheDir === null) return null;
  const keys = keysOf(hash, clip, settings.pipeline);
  const [features, waveforms] = await Promise.all([
    readEntry(entryPath(settings.cacheDir, keys.features), metaSchema),
    settings.keepWaveforms ? readEntry(entryPath(settings.cacheDir, keys.waveforms), z.object({})) : null,
  ]);
  if (features === null || (settings.keepWaveforms && waveforms === null)) return null;
  const { ownSamples, ...meta } = features.meta;
  if (features.data.length !== meta.nWindows * meta.nMels * meta.nFrames) return null;
  const own = ownSamples === undefined ? {} : { ownSamples };
  return { ...meta, ...own, data: features.data, waveforms: waveforms?.data ?? null, hash, fromCache: true };
}

/**
 * Decodes and extracts one clip as a stream, and stores what it came to.
 * @throws {DecodeError} when it cannot be decoded, or is of no use
 */
export async function processClip(clip: SoundSpan, settings: ExtractionSettings): Promise<ExtractedClip> {
  const { path } = clip;
  const hash = await hashFile(path);
  const known = await recallClip(hash, clip, settings);
  if (known !== null) return known;
  const { pipeline, cacheDir, keepWaveforms } = settings;
  const { sampleRate } = pipeline;
  const features = new WindowFeatures(pipeline, path, keepWaveforms);
  const sound = await openWindows(clip, { sampleRate, windowing: pipelineWindowing(pipeline) });
  try {
    for await (const window of sound.windows()) features.add(window);
  } finally {
    await sound.close();
  }
  const { data, waveforms, ...numbers } = features.finish(sound.facts());
  const meta = { ...numbers, warnings: [...sound.warnings] };
  if (cacheDir !== null) {
    const keys = keysOf(hash, clip, pipeline);
    await writeEntry(entryPath(cacheDir, keys.features), meta, data);
    if (waveforms) await writeEntry(entryPath(cacheDir, keys.waveforms), {}, waveforms);
  }
  return { ...meta, data, waveforms, hash, fromCache: false };
}
