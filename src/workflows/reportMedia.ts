/** @file What a run's report lets one hear and see: sounds of its clips, and why it erred where it erred most surely. */
import { basename } from 'node:path';
import { resample } from '../audio/index.ts';
import { CancelledError, EarshotError } from '../core/index.ts';
import { type Clip, readSpan } from '../datasets/index.ts';
import {
  type ClipError,
  clipsToHear,
  type PredictionTable,
  type RunMedia,
  shownErrors,
  worstErrors,
} from '../evaluation/index.ts';
import { logMel } from '../features/index.ts';
import { spectrogramPicture } from '../pictures/index.ts';
import { clipSounds } from './clipSounds.ts';
import { saliencyOverlay } from './explain.ts';
import { Explainer } from './explainer.ts';
import type { WorkflowHooks } from './hooks.ts';
import { pictureSpec } from './spectrogram.ts';

/** Clips of a test side with the model that predicted them. */
export interface TestedClips {
  readonly model: string;
  readonly clips: readonly Clip[];
}

/** Seconds of a clip that its picture shows: what is longer would not be told apart. */
const picturedSeconds = 20;

/**
 * Sounds of the clips that are worth hearing, and pictures of the worst errors with what spoke for the wrong class. What
 * cannot be read or explained is left out, and a remark says so.
 * @param megabytes of sound at most; 0 for none
 */
export async function reportMedia(
  tested: readonly TestedClips[],
  predictions: PredictionTable,
  megabytes: number,
  hooks: WorkflowHooks,
): Promise<RunMedia> {
  const byId = new Map(tested.flatMap(({ clips }) => clips.map((clip) => [clip.id, clip] as const)));
  const clips = clipsToHear(predictions).flatMap((id) => byId.get(id) ?? []);
  const { sounds, remark: heard } = await clipSounds(clips, megabytes, hooks);
  const errors = worstErrors(predictions, shownErrors);
  const pictures = new Map<string, { svg: string; alt: string }>();
  const remarks: string[] = [];
  for (const { model, clips: own } of tested) {
    const ids = new Set(own.map(({ id }) => id));
    const here = errors.filter(({ clip }) => ids.has(clip));
    if (here.length === 0) continue;
    const { explainer, reason } = await openExplainer(model, hooks);
    try {
      const failed = await drawErrors(here, byId, explainer, pictures, hooks);
      if (reason !== null) remarks.push(`The errors are not explained: ${reason}`);
      else if (failed !== null) remarks.push(`Not all errors could be explained: ${failed}`);
      else {
        remarks.push(
          'Orange in a picture marks what spoke for the class predicted (gradient × input, see the command explain).',
        );
      }
    } finally {
      await explainer?.close();
    }
  }
  return { sounds, pictures, heard, remarks: [...new Set(remarks)] };
}

async function openExplainer(
  model: string,
  hooks: WorkflowHooks,
): Promise<{ explainer: Explainer | null; reason: string | null }> {
  try {
    return { explainer: await Explainer.open(model, hooks), reason: null };
  } catch (error) {
    if (!(error instanceof EarshotError)) throw error;
    return { explainer: null, reason: error.message };
  }
}

/** @returns why an error could not be explained, of the first that could not; null where all were */
async function drawErrors(
  errors: readonly ClipError[],
  clips: ReadonlyMap<string, Clip>,
  explainer: Explainer | null,
  pictures: Map<string, { svg: string; alt: string }>,
  hooks: WorkflowHooks,
): Promise<string | null> {
  let failed: string | null = null;
  for (const [i, { clip: id, predicted }] of errors.entries()) {
    if (hooks.signal?.aborted)
      throw new CancelledError('The report was stopped while its errors were explained.');
    try {
      const { samples: mono, sampleRate } = await readSpan(clips.get(id)!, { seconds: picturedSeconds });
      const draw = async () => {
        if (explainer === null || failed !== null) return plainPicture(mono, sampleRate, id);
        try {
          const samples = resample(mono, sampleRate, explainer.info.sampleRate);
          const explained = await explainer.explain(samples, predicted, { signal: hooks.signal });
          return {
            svg: saliencyOverlay(mono, sampleRate, explained, basename(id)).svg,
            alt: `Spectrogram of ${id}, and the same with what spoke for ${predicted} marked`,
          };
        } catch (error) {
          if (!(error instanceof EarshotError) || error instanceof CancelledError) throw error;
          failed = error.message;
          return plainPicture(mono, sampleRate, id);
        }
      };
      pictures.set(id, await draw());
    } catch (error) {
      if (!(error instanceof EarshotError) || error instanceof CancelledError) throw error;
      failed ??= error.message;
    }
    hooks.onProgress?.({
      task: 'Explaining the worst errors',
      done: i + 1,
      total: errors.length,
      unit: 'clips',
    });
  }
  return failed;
}

function plainPicture(mono: Float32Array, sampleRate: number, id: string) {
  const spec = pictureSpec(sampleRate);
  const { svg } = spectrogramPicture(logMel(mono, spec), spec, {
    title: basename(id),
    width: 760,
    height: 320,
  });
  return { svg, alt: `Spectrogram of ${id}` };
}
