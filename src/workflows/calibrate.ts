/**
 * @file Calibration on clips held out of the training side: a temperature that becomes part of the model, and the scores
 * that prediction sets are made with. The test side has no say in either.
 */
import {
  type ArtifactParts,
  applyTemperatureNodes,
  type CalibrationInfo,
  Classifier,
} from '../approaches/index.ts';
import { applyTemperature, fitMeanTemperature } from '../classifiers/index.ts';
import { DatasetError } from '../core/index.ts';
import { type Clip, heldOutPart, type Split } from '../datasets/index.ts';
import { probabilisticOf } from '../evaluation/index.ts';
import { calibrationScores } from '../metrics/index.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import type { Learned } from './learner.ts';
import { type Predictions, predictClips } from './predict.ts';

/** What `run.json` keeps of a calibration. */
export interface FittedCalibration {
  /** Ids of the clips held out. */
  readonly clips: readonly string[];
  readonly info: CalibrationInfo;
}

/**
 * Sets a part of the training side aside, by recording.
 * @param fraction wanted share, in [0, 1); 0 sets nothing aside
 * @throws {DatasetError} when nothing can be spared
 */
export function calibrationPart(
  split: Split,
  fraction: number,
  seed: number,
): { split: Split; held: readonly Clip[] } {
  if (fraction === 0) return { split, held: [] };
  const { kept, held } = heldOutPart(split.train, fraction, `${seed}/calibration`);
  if (held.length === 0) {
    throw new DatasetError(
      'No class has two recordings in training, so none can be held out for calibration.',
      {
        hint: 'Add recordings, or leave calibration out.',
      },
    );
  }
  return { split: { ...split, train: kept }, held };
}

/**
 * Fits the temperature by what the untempered model says of the windows of the clips held out, and takes conformal scores from what
 * the tempered one says.
 * @param build makes the model's bytes of a score
 * @returns what was learnt with the temperature built in
 */
export async function calibrate(
  learned: Learned,
  held: readonly Clip[],
  classes: readonly string[],
  build: (score: ArtifactParts['score']) => Uint8Array,
  hooks: WorkflowHooks,
): Promise<{ learned: Learned; calibration: FittedCalibration }> {
  const before = await predicted(build(learned.score), held, hooks);
  // The model divides by it in every window, and a clip's probabilities are the means of its windows': so it is fitted.
  const temperature = fitMeanTemperature(
    before.windows.map(logProbabilities),
    before.rows.map(({ label }) => label),
    classes,
  );
  const tempered: Learned = {
    ...learned,
    score: (g, waveform) => {
      const outputs = learned.score(g, waveform);
      return { ...outputs, probabilities: applyTemperatureNodes(g, outputs.probabilities, temperature) };
    },
    reference: async (clips) => {
      const rows = await learned.reference(clips);
      const { data } = applyTemperature(logProbabilities(rows), temperature);
      return rows.map((row, i) => Float32Array.from(data.subarray(i * row.length, (i + 1) * row.length)));
    },
  };
  const { rows } = await predicted(build(tempered.score), held, hooks);
  const predictions = probabilisticOf({ classes, rows });
  const scores = (method: 'lac' | 'aps') =>
    // Rounded up: a set may grow by it, never lose its promise.
    Array.from(calibrationScores(predictions, method).sort(), (score) => Math.ceil(score * 1e6) / 1e6);
  return {
    learned: tempered,
    calibration: {
      clips: rows.map(({ clip }) => clip),
      info: {
        temperature,
        clips: rows.length,
        groups: new Set(rows.map(({ group }) => group)).size,
        scores: { lac: scores('lac'), aps: scores('aps') },
      },
    },
  };
}

async function predicted(
  bytes: Uint8Array,
  clips: readonly Clip[],
  hooks: WorkflowHooks,
): Promise<Pick<Predictions, 'rows' | 'windows'>> {
  const classifier = await Classifier.fromBytes(bytes, 'the model', engineOptions(hooks));
  try {
    const { rows, windows, failures } = await predictClips(classifier, clips, hooks, 0, 'Calibrating');
    if (rows.length > 0) return { rows, windows };
    throw new DatasetError('Not one clip held out for calibration could be read.', {
      hint: failures[0]?.message ?? 'There are none.',
    });
  } finally {
    await classifier.close();
  }
}

/** Logits up to a constant per row, which no softmax sees; a probability of 0 counts as 1e-30, as in the model. */
function logProbabilities(rows: readonly ArrayLike<number>[]) {
  const columns = rows[0]?.length ?? 0;
  const data = new Float64Array(rows.length * columns);
  rows.forEach((row, i) => {
    for (let c = 0; c < columns; c++) data[i * columns + c] = Math.log(Math.max(row[c], 1e-30));
  });
  return { data, rows: rows.length, columns };
}
