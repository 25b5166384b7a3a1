/** @file How long a finished model takes for a clip, measured when no training runs beside it. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { Classifier } from '../../approaches/index.ts';
import type { Clip } from '../../datasets/index.ts';
import { readRecord, writeJson } from '../../files/index.ts';
import { quantile } from '../../statistics/index.ts';
import { engineOptions, type WorkflowHooks } from '../hooks.ts';
import { waveformChunks } from '../waveformChunks.ts';

/** Clips that are timed; their median is the model's time. */
const timedClips = 20;

const storedTiming = z.object({
  model: z.string(),
  threads: z.number().nullable(),
  device: z.string(),
  clips: z.int().min(1),
  /** Median over clips. */
  seconds: z.number().positive(),
});

/**
 * Median seconds for one clip: waveform in memory to probabilities, clips one by one, the first not counted. Kept beside
 * the model, so that a comparison made again from finished runs need not measure again.
 * @param directory of the run, with `model.onnx`
 * @returns null where no clip can be read
 */
export async function inferenceSeconds(
  directory: string,
  clips: readonly Clip[],
  hooks: WorkflowHooks,
): Promise<number | null> {
  const path = join(directory, 'model.onnx');
  const { size, mtimeMs } = await stat(path);
  const setting = {
    model: `${size}:${mtimeMs}`,
    threads: hooks.threads ?? null,
    device: hooks.device ?? 'cpu',
  };
  const kept = join(directory, 'inference.json');
  // A timing that cannot be read is measured again.
  const known = await readRecord(kept, storedTiming, { what: 'a timing' }).catch(() => null);
  if (
    known !== null &&
    known.model === setting.model &&
    known.threads === setting.threads &&
    known.device === setting.device
  ) {
    return known.seconds;
  }
  const classifier = await Classifier.open(path, engineOptions(hooks));
  try {
    const { onProgress: _, ...quiet } = hooks;
    const every = Math.max(1, Math.floor(clips.length / (timedClips + 1)));
    const chosen = clips.filter((_clip, i) => i % every === 0).slice(0, timedClips + 1);
    const seconds: number[] = [];
    let spent = 0;
    for await (const { features } of waveformChunks(chosen, classifier.info.pipeline, quiet, 'Timing')) {
      for (const { waveforms = [], part } of features) {
        const start = performance.now();
        await classifier.score(waveforms);
        spent += (performance.now() - start) / 1000;
        if (part?.last === false) continue;
        seconds.push(spent);
        spent = 0;
      }
    }
    // The first run of a session pays for what later ones find ready.
    const counted = seconds.length > 1 ? seconds.slice(1) : seconds;
    if (counted.length === 0) return null;
    const timing: z.input<typeof storedTiming> = {
      ...setting,
      clips: counted.length,
      seconds: quantile(counted, 0.5),
    };
    await writeJson(kept, timing);
    return timing.seconds;
  } finally {
    await classifier.close();
  }
}
