/** @file Waveforms of many clips at constant memory: some at a time, the next decoded while these are worked on. */
import { stat } from 'node:fs/promises';
import { openSound, soundRemarks } from '../audio/index.ts';
import { CancelledError, fileProblem } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import {
  type ClipFeatures,
  type ClipPipeline,
  clipFeatures,
  type Extraction,
  extractFeatures,
  inBatches,
  isShorter,
  openWindows,
  pipelineWindowing,
  WindowFeatures,
  windowSamplesOf,
} from '../extraction/index.ts';
import { hashFile } from '../files/index.ts';
import { extractionOptions, type WorkflowHooks } from './hooks.ts';

/** Clips whose waveforms are held at a time, and bytes of their files: fewer clips where they are long. */
const mostClips = 64;
const mostBytes = 2 ** 25;

/** Samples in the windows of one clip that are held together; a longer clip comes in parts of {@link partSamples}. */
export const longSamples = 2 ** 23;
const partSamples = 2 ** 21;
/** Bytes of a file that no long clip is smaller than, short of silence: 24 kbit/s. */
const shortFile = 2 ** 19;

/**
 * Extracts clips with their waveforms, chunk after chunk. Progress is told when a chunk has been worked on. A long clip is
 * a chunk for every part of its windows ({@link WholeClips} puts what is made of them together) and is not kept in the
 * cache.
 * @param task what the progress is called
 * @throws {CancelledError} when stopped
 */
export async function* waveformChunks(
  clips: readonly Clip[],
  pipeline: ClipPipeline,
  hooks: WorkflowHooks,
  task: string,
  most = longSamples,
): AsyncGenerator<Extraction> {
  const { onProgress, ...quiet } = extractionOptions(hooks);
  const extract = async (start: number) => {
    const { end, long } = await chunkEnd(clips, start, pipeline, most);
    const extraction = long
      ? null
      : await extractFeatures(clips.slice(start, end), pipeline, { ...quiet, keepWaveforms: true });
    return { start, end, extraction };
  };
  let next = clips.length > 0 ? extract(0) : null;
  while (next !== null) {
    const { start, end, extraction } = await next;
    next = end < clips.length ? extract(end) : null;
    next?.catch(() => {});
    if (extraction === null) yield* clipParts(clips[start], pipeline, hooks, Math.min(most, partSamples));
    else yield extraction;
    onProgress?.({ task, done: end, total: clips.length, unit: 'clips' });
  }
}

/** The first clip that is not of the chunk that begins at `start`, and whether the chunk is one long clip. */
async function chunkEnd(
  clips: readonly Clip[],
  start: number,
  pipeline: ClipPipeline,
  most: number,
): Promise<{ end: number; long: boolean }> {
  let bytes = 0;
  let end = start;
  while (end < clips.length && end - start < mostClips) {
    // What is not there fails by name when it is opened.
    const size = (await stat(clips[end].path).catch(() => null))?.size ?? 0;
    if ((size > shortFile || most < longSamples) && (await windowedSamples(clips[end], pipeline)) > most)
      return end > start ? { end, long: false } : { end: end + 1, long: true };
    bytes += size;
    if (bytes > mostBytes && end > start) break;
    end++;
  }
  return { end, long: false };
}

/** Samples in all windows of a clip, about; infinite where a header does not tell, 0 where there is none. */
async function windowedSamples(
  { path, start = 0, end }: Clip,
  { sampleRate, overlap }: ClipPipeline,
): Promise<number> {
  let seconds = end === undefined ? Number.POSITIVE_INFINITY : end - start;
  try {
    const sound = await openSound(path);
    await sound.close();
    if (sound.frames !== null) seconds = Math.min(seconds, sound.frames / sound.sampleRate - start);
  } catch {
    // It fails by name when it is decoded.
    return 0;
  }
  return (seconds * sampleRate) / (1 - overlap);
}

/** One clip, some windows at a time; where it fails, a failure ends it. */
async function* clipParts(
  clip: Clip,
  pipeline: ClipPipeline,
  { signal }: WorkflowHooks,
  samples: number,
): AsyncGenerator<Extraction> {
  const size = Math.max(1, Math.floor(samples / windowSamplesOf(pipeline)));
  const none: Extraction = { features: [], failures: [], notices: [], short: 0, fromCache: 0 };
  try {
    const hash = await hashFile(clip.path);
    const { sampleRate } = pipeline;
    const sound = await openWindows(clip, { sampleRate, windowing: pipelineWindowing(pipeline) });
    const made = (windows: readonly Float32Array[], first: number, last: boolean): ClipFeatures => {
      const features = new WindowFeatures(pipeline, clip.path, true);
      for (const window of windows) features.add(window);
      const part = clipFeatures(clip, { ...features.finish(sound.facts()), hash });
      return { ...part, part: { first, last } };
    };
    try {
      let first = 0;
      let held: Float32Array[] = [];
      for await (const windows of inBatches(sound.windows(), size)) {
        if (signal?.aborted) throw new CancelledError(`Stopped in the middle of ${clip.path}.`);
        if (held.length > 0) yield { ...none, features: [made(held, first, false)] };
        first += held.length;
        held = windows;
      }
      const facts = sound.facts();
      const remarks = [...sound.warnings, ...soundRemarks(facts).map(({ message }) => message)];
      yield {
        ...none,
        features: [made(held, first, true)],
        notices: remarks.map((message) => ({ subject: clip.id, message })),
        short: isShorter(facts, pipeline) ? 1 : 0,
      };
    } finally {
      await sound.close();
    }
  } catch (error) {
    if (error instanceof CancelledError) throw error;
    yield { ...none, failures: [{ clip, message: fileProblem(clip.path, error).message }] };
  }
}

/** Puts together what is made of the windows of clips where those of a clip come in parts. */
export class WholeClips<R> {
  private held: R[] = [];

  /** What was made of all windows of a clip, with its last part; nothing before. */
  add({ part }: Pick<ClipFeatures, 'part'>, rows: R[]): R[] {
    if (part === undefined) return rows;
    // Parts of a clip that failed may be left.
    if (part.first === 0) this.held = [];
    for (const row of rows) this.held.push(row);
    return part.last ? this.held.splice(0) : [];
  }
}
