/** @file The measures of many clips, on several threads, from the cache where they were measured before. */
import { soundRemarks } from '../../audio/index.ts';
import type { Notice } from '../../core/index.ts';
import type { Clip, SoundSpan } from '../../datasets/index.ts';
import { type ExtractOptions, eachClip } from '../../extraction/index.ts';
import { cacheDirectory } from '../../files/index.ts';
import { WorkerPool } from '../../parallel/index.ts';
import { measureSettings } from './clipMeasures.ts';
import { type MeasuredClip, type MeasureSettings, measureClip, recallMeasures } from './measureTask.ts';

export interface Measurements {
  /** Clips that were measured, in the order given, and all blocks of each, one after the other. */
  readonly clips: readonly { readonly clip: Clip; readonly numbers: Float32Array }[];
  /** Clips that could not be read, and silent ones, and why. */
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/**
 * Measures clips. What cannot be decoded, and what is silent, becomes a failure and the rest go on. The result does not
 * depend on the number of threads, nor on what was cached.
 * @throws {CancelledError} when `signal` is aborted; what was measured stays in the cache.
 * @throws {RuntimeError} when worker threads cannot be kept alive.
 */
export async function measureClips(
  clips: readonly Clip[],
  seed: number,
  options: Omit<ExtractOptions, 'keepWaveforms'> = {},
): Promise<Measurements> {
  const { cacheDir = cacheDirectory(), workers, onProgress, signal } = options;
  const settings: MeasureSettings = { cacheDir, seed };
  const pool =
    workers === 0
      ? null
      : new WorkerPool<SoundSpan, MeasuredClip>(import.meta.url, 'measureWorker', {
          size: workers,
          workerData: settings,
          signal,
        });
  let measured: (MeasuredClip | Error)[];
  try {
    measured = await eachClip(clips, {
      cacheDir,
      recall: (hash, clip) => recallMeasures(hash, clip, settings),
      make: (clip) => (pool ? pool.run(clip) : measureClip(clip, settings)),
      fatal: () => pool?.failed ?? false,
      task: 'Measuring',
      onProgress,
      signal,
      stopped: 'Measuring was stopped; what was measured is in the cache.',
    });
  } finally {
    await pool?.close();
  }
  const kept: { clip: Clip; numbers: Float32Array }[] = [];
  const failures: Notice[] = [];
  const notices: Notice[] = [];
  clips.forEach((clip, i) => {
    const one = measured[i];
    if (one instanceof Error) {
      failures.push({ subject: clip.id, message: one.message });
      return;
    }
    for (const message of one.warnings) notices.push({ subject: clip.id, message });
    const remarks = soundRemarks(one.sound);
    if (remarks.length > 0) {
      // Silence has neither level nor spectrum to measure.
      failures.push(...remarks.map(({ message }) => ({ subject: clip.id, message })));
      return;
    }
    if (one.cut) {
      notices.push({
        subject: clip.id,
        message: `Only its first ${measureSettings.mostSeconds} s were measured.`,
      });
    }
    kept.push({ clip, numbers: one.numbers });
  });
  return { clips: kept, failures, notices };
}
