/** @file Predictions for clips of a dataset, by the artefact itself: what a report states is what that file does. */
import { type Classifier, meanProbabilities, requireFiniteScores } from '../approaches/index.ts';
import { fileProblem, type Notice } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import type { PredictionRow } from '../evaluation/index.ts';
import type { ClipFeatures } from '../extraction/index.ts';
import type { WorkflowHooks } from './hooks.ts';
import { WholeClips, waveformChunks } from './waveformChunks.ts';

export interface Predictions {
  readonly rows: PredictionRow[];
  /** Of each row the probabilities of its windows. */
  readonly windows: readonly (readonly Float32Array[])[];
  readonly failures: Notice[];
  readonly notices: Notice[];
  /** How many clips are shorter than a window. */
  readonly short: number;
  /** Pictures of the first clips, to compare the artefact with the training pipeline. */
  readonly sample: readonly { readonly features: ClipFeatures; readonly windows: readonly Float32Array[] }[];
}

/**
 * Classifies clips by their mean window probabilities, at constant memory.
 * @param sampleSize how many clips to keep with their window probabilities for the parity check
 * @param task what the progress is called
 */
export async function predictClips(
  classifier: Classifier,
  clips: readonly Clip[],
  hooks: WorkflowHooks,
  sampleSize = 0,
  task = 'Classifying the test clips',
): Promise<Predictions> {
  const rows: PredictionRow[] = [];
  const windowsOfRows: Float32Array[][] = [];
  const failures: Notice[] = [];
  const notices: Notice[] = [];
  const sample: { features: ClipFeatures; windows: Float32Array[] }[] = [];
  const { pipeline } = classifier.info;
  const whole = new WholeClips<Float32Array>();
  let short = 0;
  for await (const extraction of waveformChunks(clips, pipeline, hooks, task)) {
    failures.push(...extraction.failures.map(({ clip, message }) => ({ subject: clip.id, message })));
    notices.push(...extraction.notices);
    short += extraction.short;
    const windows = extraction.features.flatMap((features) => features.waveforms ?? []);
    const { probabilities } = await classifier.score(windows);
    let at = 0;
    for (const features of extraction.features) {
      const { clip, waveforms = [] } = features;
      const here = probabilities.slice(at, at + waveforms.length);
      at += here.length;
      const own = whole.add(features, here);
      if (own.length === 0) continue;
      try {
        requireFiniteScores({ probabilities: own }, clip.path);
      } catch (error) {
        failures.push({ subject: clip.id, message: fileProblem(clip.path, error).message });
        continue;
      }
      windowsOfRows.push([...own]);
      rows.push({
        clip: clip.id,
        label: clip.label,
        group: clip.group,
        fold: clip.fold,
        probabilities: meanProbabilities(own),
      });
      // Of a long clip its last part.
      if (sample.length < sampleSize) sample.push({ features, windows: [...here] });
    }
  }
  return { rows, windows: windowsOfRows, failures, notices, short, sample };
}
