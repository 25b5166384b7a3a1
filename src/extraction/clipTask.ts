/** @file What a thread does for one clip: from the cache if it is there, else decode, extract and store. */
import { readFile } from 'node:fs/promises';
import { decodeFile } from '../audio/index.ts';
import { cutToSpan, type SoundSpan, spanSuffix } from '../datasets/soundSpan.ts';
import { sha256 } from '../files/index.ts';
import { entryPath, readEntry, writeEntry } from './cacheEntry.ts';
import { type ClipPipeline, canonicalJson, digest } from './clipPipeline.ts';
import { type ExtractedWindows, extractClip } from './extractClip.ts';

/** Raised when decoding, resampling or windowing gives other numbers than before, so that old entries are not used. */
const cacheVersion = 1;

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

/** What an entry holds beside its numbers. */
interface Meta {
  readonly nWindows: number;
  readonly nMels: number;
  readonly nFrames: number;
  readonly seconds: number;
  readonly silent: boolean;
  readonly ownSamples?: number;
  readonly warnings: readonly string[];
}

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
    readEntry(entryPath(settings.cacheDir, keys.features)),
    settings.keepWaveforms ? readEntry(entryPath(settings.cacheDir, keys.waveforms)) : null,
  ]);
  if (features === null || (settings.keepWaveforms && waveforms === null)) return null;
  const meta = features.meta as Meta;
  if (features.data.length !== meta.nWindows * meta.nMels * meta.nFrames) return null;
  return { ...meta, data: features.data, waveforms: waveforms?.data ?? null, hash, fromCache: true };
}

/** Reads, decodes and extracts one clip, and stores it. @throws {DecodeError} when it cannot be decoded. */
export async function processClip(clip: SoundSpan, settings: ExtractionSettings): Promise<ExtractedClip> {
  const { path } = clip;
  const bytes = await readFile(path);
  const hash = sha256(bytes);
  const known = await recallClip(hash, clip, settings);
  if (known !== null) return known;
  const audio = cutToSpan(await decodeFile(bytes, path), clip);
  const { pipeline, cacheDir, keepWaveforms } = settings;
  const extracted = extractClip(audio, pipeline, { name: path, keepWaveforms });
  const { data, waveforms, ...numbers } = extracted;
  const meta: Meta = { ...numbers, warnings: audio.warnings };
  if (cacheDir !== null) {
    const keys = keysOf(hash, clip, pipeline);
    await writeEntry(entryPath(cacheDir, keys.features), meta, data);
    if (waveforms) await writeEntry(entryPath(cacheDir, keys.waveforms), {}, waveforms);
  }
  return { ...meta, data, waveforms, hash, fromCache: false };
}
