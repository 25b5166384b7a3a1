/** @file `earshot unknown`: teaches a finished model when a sound is of none of its classes. */
import { resolve } from 'node:path';
import {
  artifactInfo,
  Classifier,
  logitsTensor,
  recordingScore,
  storedMahalanobis,
  type UnknownInfo,
  type WindowOutputs,
  withLogits,
  withUnknown,
} from '../approaches/index.ts';
import { foldOfRows, matrixOf } from '../classifiers/index.ts';
import { DatasetError, type Notice, UsageError } from '../core/index.ts';
import type { Clip } from '../datasets/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { encodeModel } from '../onnx/index.ts';
import { readModel } from '../runtime/index.ts';
import {
  fitMahalanobis,
  type MahalanobisModel,
  type UnknownScore,
  unknownScores,
  unknownThreshold,
} from '../zeroShot/index.ts';
import { chooseFolds } from './evaluate.ts';
import { engineOptions, type WorkflowHooks } from './hooks.ts';
import { openNamedDataset } from './namedDataset.ts';
import { WholeClips, waveformChunks } from './waveformChunks.ts';

export interface UnknownOptions extends WorkflowHooks {
  /** Path of an artefact. */
  readonly model: string;
  /** Labelled recordings of the model's classes that it was not trained on: a dataset's path, or `demo`. */
  readonly dataset: string;
  readonly subset?: 'esc10';
  /** Only these official folds; default all clips. */
  readonly folds?: readonly number[];
  /** Share of known recordings that may be called unknown; default 0.05. */
  readonly falseAlarms?: number;
  /** Where the model with thresholds goes. */
  readonly out: string;
  readonly seed?: number;
}

export interface UnknownOutcome {
  readonly output: string;
  readonly clips: number;
  readonly recordings: number;
  readonly falseAlarms: number;
  readonly thresholds: Readonly<Record<UnknownScore, number | null>>;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/** Parts, by recording, of which each is scored by distances that were fitted to the others. */
const parts = 5;

/**
 * Scores held-out recordings of known classes and sets a threshold on each score, under which that share of them falls.
 * Distances are fitted to these recordings too; those that set the threshold are measured by what was fitted to others.
 * @throws {DatasetError} when the dataset cannot be used, or has classes that the model does not know
 * @throws {GraphError} when the model cannot be read
 * @throws {UsageError} when output and model are one file
 * @throws {ParameterError} for a rate out of range, or too few recordings
 */
export async function learnUnknown(options: UnknownOptions): Promise<UnknownOutcome> {
  const { falseAlarms = 0.05, seed = 0 } = options;
  const output = resolve(options.out);
  if (output === resolve(options.model))
    throw new UsageError('The model with thresholds would replace the one it is made from.', {
      hint: 'Give another -o.',
    });
  const plain = await readModel(options.model);
  const info = artifactInfo(plain, options.model);
  const logits = logitsTensor(plain);
  const model = logits === null ? plain : withLogits(plain, logits);
  const dataset = await openNamedDataset(options.dataset, options);
  const foreign = dataset.classes.find((label) => !info.classes.includes(label));
  if (foreign !== undefined) {
    throw new DatasetError(`${dataset.name} has the class '${foreign}', which the model does not know.`, {
      hint: `Thresholds are set by known sounds: ${info.classes.join(', ')}.`,
    });
  }
  const notices: Notice[] = [...dataset.notices];
  if (info.trainedOn.dataset === dataset.name) {
    notices.push({
      subject: 'leak',
      message: `The model was trained on clips of ${dataset.name} too (${info.trainedOn.split}): thresholds set by clips it has seen call too many others unknown.`,
    });
  }
  const unset = { logits, falseAlarms, thresholds: { softmax: null, energy: null, mahalanobis: null } };
  const none = { means: [], directions: [], variances: [], rest: 1 };
  const calibratedOn = { dataset: dataset.name, clips: 0, recordings: 0 };
  const bytes = encodeModel(withUnknown(model, info, { ...unset, calibratedOn, mahalanobis: none }));
  const classifier = await Classifier.fromBytes(bytes, options.model, engineOptions(options));
  const clips: Clip[] = [];
  const outputs: WindowOutputs[][] = [];
  const failures: Notice[] = [];
  const whole = new WholeClips<WindowOutputs>();
  try {
    const chosen = chooseFolds(dataset.clips, options.folds, dataset.name);
    for await (const extraction of waveformChunks(chosen, info.pipeline, options, 'Held-out recordings')) {
      failures.push(...extraction.failures.map(({ clip, message }) => ({ subject: clip.id, message })));
      for (const features of extraction.features) {
        const scores = await classifier.score(features.waveforms ?? []);
        const own = whole.add(
          features,
          scores.probabilities.map((probabilities, i) => ({
            probabilities,
            embedding: scores.embeddings[i],
            logits: scores.logits[i],
          })),
        );
        if (own.length === 0) continue;
        clips.push(features.clip);
        outputs.push([...own]);
      }
    }
  } finally {
    await classifier.close();
  }
  if (clips.length === 0) {
    throw new DatasetError('Not one clip could be read.', {
      hint: failures[0]?.message ?? 'There are no clips.',
    });
  }
  const labels = clips.map(({ label }) => label);
  const groups = clips.map(({ group }) => group);
  const distances = (keep: (i: number) => boolean): MahalanobisModel => {
    const rows = outputs.flatMap((own, i) =>
      keep(i) ? own.map(({ embedding }) => ({ embedding, label: labels[i] })) : [],
    );
    return fitMahalanobis(
      matrixOf(rows.map(({ embedding }) => embedding)),
      rows.map(({ label }) => label),
    );
  };
  const folds = foldOfRows(labels, { folds: Math.min(parts, new Set(groups).size), groups, seed });
  const fitted = new Map([...new Set(folds)].map((fold) => [fold, distances((i) => folds[i] !== fold)]));
  const thresholds = Object.fromEntries(
    unknownScores.map((score) => {
      if (score === 'energy' && logits === null) return [score, null];
      const scores = outputs.map((own, i) => recordingScore(score, own, fitted.get(folds[i])!));
      return [score, unknownThreshold(scores, falseAlarms)];
    }),
  ) as UnknownInfo['thresholds'];
  const recordings = new Set(groups).size;
  const unknown: UnknownInfo = {
    ...{ logits, falseAlarms, thresholds },
    calibratedOn: { dataset: dataset.name, clips: clips.length, recordings },
    mahalanobis: storedMahalanobis(distances(() => true)),
  };
  await writeFileAtomic(output, encodeModel(withUnknown(model, info, unknown)));
  return { output, clips: clips.length, recordings, falseAlarms, thresholds, failures, notices };
}
