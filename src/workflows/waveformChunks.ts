/** @file Waveforms of many clips at constant memory: some at a time, the next decoded while these are worked on. */
import { stat } from 'node:fs/promises';
import type { Clip } from '../datasets/index.ts';
import { type ClipPipeline, type Extraction, extractFeatures } from '../extraction/index.ts';
import { extractionOptions, type WorkflowHooks } from './hooks.ts';

/** Clips whose waveforms are held at a time, and bytes of their files: fewer clips where they are long. */
const mostClips = 64;
const mostBytes = 2 ** 25;

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
  const extract = async (start: number) => {
    const end = await chunkEnd(clips, start);
    return {
      end,
      extraction: await extractFeatures(clips.slice(start, end), pipeline, { ...quiet, keepWaveforms: true }),
    };
  };
  let next = clips.length > 0 ? extract(0) : null;
  while (next !== null) {
    const { end, extraction } = await next;
    next = end < clips.length ? extract(end) : null;
    next?.catch(() => {});
    yield extraction;
    onProgress?.({ task, done: end, total: clips.length, unit: 'clips' });
  }
}

/** The first clip that is not of the chunk that begins at `start`. */
async function chunkEnd(clips: readonly Clip[], start: number): Promise<number> {
  let bytes = 0;
  let end = start;
  while (end < clips.length && end - start < mostClips) {
    // What is not there fails by name when it is opened.
    bytes += (await stat(clips[end]!.path).catch(() => null))?.size ?? 0;
    if (bytes > mostBytes && end > start) break;
    end++;
  }
  return end;
}
