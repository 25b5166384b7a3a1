/** @file `earshot zero-shot train`: a model of classes that it was never trained on, from clips of others. */
import { resolve } from 'node:path';
import {
  buildArtifact,
  type EmbedderChoice,
  openVectors,
  vectorPipeline,
  vectorsName,
} from '../approaches/index.ts';
import { fitStandardScaler } from '../classifiers/index.ts';
import { type Notice, ParameterError } from '../core/index.ts';
import { fingerprint } from '../datasets/index.ts';
import type { Pooling } from '../embeddings/browser.ts';
import { windowSamplesOf } from '../extraction/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { encodeModel } from '../onnx/index.ts';
import {
  FitRows,
  SeenTuner,
  scaledVectors,
  type VectorScaling,
  vectorsOf,
  type ZeroShotMethodName,
  type ZeroShotSettings,
  zeroShotMethodByName,
} from '../zeroShot/index.ts';
import { openClassVectors } from './classVectorFile.ts';
import { clipRows, labelledRows } from './clipRows.ts';
import { fingerprintOptions, type WorkflowHooks } from './hooks.ts';
import { openNamedDataset, suggestWindowSeconds } from './namedDataset.ts';
import { versions } from './versions.ts';

export interface ZeroShotTrainOptions extends WorkflowHooks {
  /** Clips of the seen classes: a dataset's path, or `demo`. */
  readonly dataset: string;
  readonly subset?: 'esc10';
  readonly embedder: EmbedderChoice;
  /** Default `mean`. */
  readonly pooling?: Pooling;
  /** Vectors of the seen classes and of those to be recognised. */
  readonly classVectors: string;
  /** The classes of the model, seen or not; default all with a vector that the dataset does not have. */
  readonly classes?: readonly string[];
  /** Default `eszsl`. */
  readonly method?: ZeroShotMethodName;
  /** Default `centred`. */
  readonly scaling?: VectorScaling;
  readonly seed?: number;
  /** Path of the model. */
  readonly out: string;
}

export interface ZeroShotTrainOutcome {
  readonly output: string;
  readonly method: ZeroShotMethodName;
  readonly settings: ZeroShotSettings;
  readonly seen: readonly string[];
  readonly classes: readonly string[];
  readonly clips: number;
  readonly failures: readonly Notice[];
  readonly notices: readonly Notice[];
}

/**
 * Fits to the clips of a dataset and leaves a model of other classes, as `earshot train` leaves one: waveform in,
 * probabilities of those classes out. Settings, and the temperature behind the probabilities, are chosen inside the seen
 * classes, some of which play the unseen ones.
 * @throws {DatasetError} when the dataset or the class vectors cannot be used
 * @throws {ParameterError} for a class without a vector, or fewer than two classes to recognise
 */
export async function zeroShotTrain(options: ZeroShotTrainOptions): Promise<ZeroShotTrainOutcome> {
  const { seed = 0, method = 'eszsl', scaling = 'centred' } = options;
  const dataset = await openNamedDataset(options.dataset, options);
  const table = await openClassVectors(options.classVectors, dataset.classes);
  const classes = options.classes ?? table.classes.filter((label) => !dataset.classes.includes(label));
  if (classes.length < 2) {
    throw new ParameterError(
      `A model tells two classes apart or more; besides those of ${dataset.name}, ${options.classVectors} has ${classes.length}.`,
      { hint: 'Add rows of the classes to recognise, or name classes with --classes.' },
    );
  }
  const seen = vectorsOf(table, dataset.classes);
  const wanted = vectorsOf(table, classes);
  const vectors = await openVectors(options.embedder, options.pooling ?? 'mean');
  const pipeline = vectorPipeline(vectors, await suggestWindowSeconds(dataset));
  const dataFingerprint = await fingerprint(dataset, fingerprintOptions(options));
  const rows = await clipRows(dataset.clips, vectors, pipeline, options);
  const fit = labelledRows(rows, rows.clips);
  const scaler = fitStandardScaler(fit.x);
  const chosen = zeroShotMethodByName(method);
  const tuner = new SeenTuner(chosen, fit, dataset.classes, { scaling, unseen: 2, seed });
  const settings = tuner.choose(table);
  const temperature = tuner.temperature(table, settings);
  const learnt = chosen.learn(
    new FitRows(scaler.apply(fit.x), fit.labels, dataset.classes),
    settings.clips,
    seed,
  );
  const scaled = scaledVectors(seen, wanted, scaling);
  const { spec } = vectors;
  const { model } = buildArtifact({
    score: (g, waveform) => {
      const { vector: embedding } = vectors.nodes(g, waveform, windowSamplesOf(pipeline));
      const x = scaler.appendTo(g, embedding);
      const scores = learnt.nodes(g, x, scaled.seen, scaled.candidates, settings.vectors);
      const logits = g.op('Div', [scores, g.scalar(temperature)]);
      return { probabilities: g.op('Softmax', [logits], { axis: 1 }), embedding };
    },
    info: {
      approach: `zero-shot ${method}`,
      classes,
      pipeline,
      network: vectorsName(spec),
      weights: vectors.weights,
      trainedOn: {
        dataset: dataset.name,
        synthetic: dataset.synthetic,
        fingerprint: dataFingerprint,
        split: `all clips of ${dataset.classes.join(', ')}; ${table.source}`,
      },
      seed,
      versions: versions(),
    },
  });
  const output = resolve(options.out);
  await writeFileAtomic(output, encodeModel(model));
  const { failures, notices } = rows;
  return {
    ...{ output, method, settings, seen: dataset.classes, classes },
    ...{ clips: rows.clips.length, failures, notices: [...dataset.notices, ...notices] },
  };
}
