/** @file Windows of features of many clips, on several threads, from a cache where they were extracted before. */
import { isSilent, type SoundFacts, shortClipsRemark, soundRemarks } from '../audio/index.ts';
import type { Notice, ProgressListener } from '../core/index.ts';
import type { Clip, SoundSpan } from '../datasets/index.ts';
import { cacheDirectory } from '../files/index.ts';
import { WorkerPool } from '../parallel/index.ts';
import type { Filling } from '../windows/index.ts';
import { type ClipPipeline, checkClipPipeline, windowSamplesOf } from './clipPipeline.ts';
import { type ExtractedClip, type ExtractionSettings, processClip, recallClip } from './clipTask.ts';
import { eachClip } from './eachClip.ts';
import type { ExtractedWindows } from './extractClip.ts';
import { soundSeconds } from './openWindows.ts';

export interface ExtractOptions {
  /** Cache folder; null for none. Default: `EARSHOT_CACHE`, else `.earshot/cache`. */
  readonly cacheDir?: string | null;
  /** Threads; 0 works on the calling thread. Default one per processor, at most 8. */
  readonly workers?: number;
  readonly onProgress?: ProgressListener;
  readonly signal?: AbortSignal;
  /** Also return the waveform windows, for augmentation in the time domain. Default false. */
  readonly keepWaveforms?: boolean;
}

export interface ClipFeatures {
  readonly clip: Clip;
  /** SHA-256 of the file's content. */
  readonly hash: string;
  /** One per window: the front end's picture, shape [nMels · nFrames], row-major; views of one array. Empty without one. */
  readonly windows: Float32Array[];
  readonly nMels: number;
  readonly nFrames: number;
  /** Length of the decoded recording, before windows were cut. */
  readonly seconds: number;
  /** Mixed down to mono it holds nothing but (perhaps) a constant. */
  readonly silent: boolean;
  /** How many samples of each window are the recording's own; only where the pipeline's pad is `mask`. */
  readonly ownSamples?: number;
  /** One per window, shape [windowSamples], shorter where nothing fills it; only with `keepWaveforms`. */
  readonly waveforms?: Float32Array[];
  /** Where the windows of a long clip come in parts: the place of the first of these, and whether they are the last. */
  readonly part?: { readonly first: number; readonly last: boolean };
}

export interface Extraction {
  /** In the order of the clips given, those that failed left out. */
  readonly features: ClipFeatures[];
  /** Clips that could not be read or decoded, and why. */
  readonly failures: { readonly clip: Clip; readonly message: string }[];
  /** Decoder warnings, and clips that are silent or cancel out, in the order of the clips. */
  readonly notices: Notice[];
  /** How many are shorter than a window; see {@link shortNotices}. */
  readonly short: number;
  /** How many came from the cache. */
  readonly fromCache: number;
}

/**
 * Extracts windows of features of clips. A clip that cannot be decoded becomes a failure and the rest go on. The result
 * does not depend on the number of threads, nor on what was cached.
 * @throws {ParameterError} for a pipeline out of range.
 * @throws {CancelledError} when `signal` is aborted; what was extracted stays in the cache.
 * @throws {RuntimeError} when worker threads cannot be kept alive.
 */
export async function extractFeatures(
  clips: readonly Clip[],
  pipeline: ClipPipeline,
  options: ExtractOptions = {},
): Promise<Extraction> {
  checkClipPipeline(pipeline);
  const { cacheDir = cacheDirectory(), workers, onProgress, signal, keepWaveforms = false } = options;
  const settings: ExtractionSettings = { pipeline, cacheDir, keepWaveforms };
  const pool =
    workers === 0
      ? null
      : new WorkerPool<SoundSpan, ExtractedClip>(import.meta.url, 'extractionWorker', {
          size: workers,
          workerData: settings,
          signal,
        });
  let extracted: (ExtractedClip | Error)[];
  try {
    extracted = await eachClip(clips, {
      cacheDir,
      recall: (hash, clip) => recallClip(hash, clip, settings),
      make: (clip) => (pool ? pool.run(clip) : processClip(clip, settings)),
      fatal: () => pool?.failed ?? false,
      task: 'Extracting features',
      onProgress,
      signal,
      stopped: 'Extraction was stopped; what was extracted is in the cache.',
    });
  } finally {
    await pool?.close();
  }
  return gather(clips, extracted, pipeline);
}

function gather(
  clips: readonly Clip[],
  extracted: readonly (ExtractedClip | Error)[],
  pipeline: ClipPipeline,
): Extraction {
  const result = {
    features: [] as ClipFeatures[],
    failures: [] as Extraction['failures'],
    notices: [] as Notice[],
  };
  let [fromCache, short] = [0, 0];
  for (const [i, clip] of clips.entries()) {
    const item = extracted[i];
    if (item instanceof Error) {
      result.failures.push({ clip, message: item.message });
      continue;
    }
    const { sound } = item;
    if (item.fromCache) fromCache++;
    if (isShorter(sound, pipeline)) short++;
    for (const message of item.warnings) result.notices.push({ subject: clip.id, message });
    for (const { message } of soundRemarks(sound)) result.notices.push({ subject: clip.id, message });
    result.features.push(clipFeatures(clip, item));
  }
  return { ...result, short, fromCache };
}

/** A clip's windows as they are trained on. @param extracted with the SHA-256 of the file's content */
export function clipFeatures(
  clip: Clip,
  extracted: ExtractedWindows & { readonly hash: string },
): ClipFeatures {
  const { hash, data, waveforms, nWindows, nMels, nFrames, sound, ownSamples } = extracted;
  return {
    clip,
    hash,
    windows: split(data, nWindows, nMels * nFrames),
    nMels,
    nFrames,
    seconds: soundSeconds(sound),
    silent: isSilent(sound),
    ...(ownSamples === undefined ? {} : { ownSamples }),
    ...(waveforms ? { waveforms: split(waveforms, nWindows, waveforms.length / nWindows) } : {}),
  };
}

/** Whether a recording is shorter than a window of the pipeline. */
export function isShorter(
  { samples, sampleRate }: Pick<SoundFacts, 'samples' | 'sampleRate'>,
  pipeline: ClipPipeline,
): boolean {
  return Math.ceil((samples * pipeline.sampleRate) / sampleRate) < windowSamplesOf(pipeline);
}

/** What becomes of a clip that does not fill its window. */
const fillings = {
  zero: 'zeros fill the rest',
  repeat: 'they are repeated to fill it',
  copies: 'whole copies of them fill it, then zeros',
  mask: 'the network is told how much of it is sound',
  none: 'they are heard as long as they are',
} as const satisfies Record<Filling, string>;

/** One notice for all clips that are shorter than a window; none where there are none. */
export function shortNotices(short: number, clips: number, pipeline: ClipPipeline): Notice[] {
  const message = shortClipsRemark(short, clips, pipeline.windowSeconds, fillings[pipeline.pad]);
  return message === null ? [] : [{ subject: 'clips', message }];
}

function split(data: Float32Array, parts: number, size: number): Float32Array[] {
  return Array.from({ length: parts }, (_, i) => data.subarray(i * size, (i + 1) * size));
}
