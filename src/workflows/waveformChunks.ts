/** @file Waveforms of many clips at constant memory: some at a time, the next decoded while these are worked on. */
import type { Clip } from '../datasets/index.ts';
import { type ClipPipeline, type Extraction, extractFeatures } from '../extraction/index.ts';
import { extractionOptions, type WorkflowHooks } from './hooks.ts';

/** Clips whose waveforms are held at a time. */
const chunk = 64;

/**
 * Extracts clips with their waveforms, chunk after chunk. Progress is told when a chunk has been worked on.
 * @param task what the progress is called
 */
export async function* waveformChunks(
  clips: readonly Clip[],
  pipeline: ClipPipeline,
  hooks: WorkflowHooks,
  task: string,
): AsyncGenerator<Extraction> {
  const { onProgress, ...quiet } = extractionOptions(hooks);
  const extract = (start: number) =>
    extractFeatures(clips.slice(start, start + chunk), pipeline, { ...quiet, keepWaveforms: true });
  let next = clips.length > 0 ? extract(0) : null;
  for (let start = 0; start < clips.length; start += chunk) {
    const extraction = await next!;
    next = start + chunk < clips.length ? extract(start + chunk) : null;
    next?.catch(() => {});
    yield extraction;
    const done = Math.min(start + chunk, clips.length);
    onProgress?.({ task, done, total: clips.length, unit: 'clips' });
  }
}
