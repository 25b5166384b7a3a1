/** @file The approaches that fit a linear SVM to one vector per clip: frozen embeddings, or classic features. */
import { ParameterError, UsageError } from '../core/index.ts';
import { describeEmbedder, type Pooling } from '../embeddings/browser.ts';
import { frontEndByName } from '../features/index.ts';
import type { Openl3InputRepr, PictureLayout } from '../networks/index.ts';
import { type ClipVectors, embeddingVectors, mfccVectors, vectorPipeline } from './clipVectors.ts';
import { checkOptions, type EmbedderChoice } from './embedderChoice.ts';
import type { ImportedModel } from './importedModel.ts';
import { modelEmbedder } from './modelEmbedder.ts';
import { namedEmbedderByName } from './namedEmbedders.ts';
import {
  checkCalibrationFraction,
  type Overrides,
  type VectorChoices,
  type VectorRunConfig,
} from './runConfig.ts';

export interface VectorApproach {
  readonly name: string;
  readonly description: string;
  /** The frozen network; `model`: an ONNX model that the user names; null for features without one. */
  readonly network: 'openl3' | 'edgel3' | 'yamnet' | 'model' | null;
  readonly pooling: Pooling;
  /** Seconds from one window of the network to the next; absent: the network's own. */
  readonly hopSeconds?: number;
}

export const vectorApproaches: readonly VectorApproach[] = [
  {
    name: 'openl3-svm',
    description: "Frozen OpenL3 embeddings and a linear SVM: the report's first system. Needs --weights.",
    network: 'openl3',
    pooling: 'mean',
    // The network's own tenth of a second costs five times as much.
    hopSeconds: 0.5,
  },
  {
    name: 'yamnet-svm',
    description: 'Frozen YAMNet embeddings and a linear SVM. Needs --weights.',
    network: 'yamnet',
    pooling: 'mean',
  },
  {
    name: 'edgel3-svm',
    description: 'Frozen EdgeL3-SEA embeddings and a linear SVM. Needs --weights.',
    network: 'edgel3',
    pooling: 'mean-deviation',
  },
  {
    name: 'onnx-svm',
    description: 'Any tensor of any ONNX model, as it is, and a linear SVM. Needs --network.',
    network: 'model',
    pooling: 'mean',
  },
  {
    name: 'mfcc-svm',
    description: 'MFCC, their slopes and the zero-crossing rate, 82 numbers a clip, and a linear SVM.',
    network: null,
    pooling: 'mean',
  },
];

/** The costs that are tried to choose C, the most regular first. */
export const tunedC: readonly number[] = [1e-4, 1e-3, 1e-2, 1e-1, 1];

/** The settings that apply to these approaches; of a network's training none does. */
const applicable = new Set<keyof Overrides>([
  'weights',
  'vectors',
  'windowSeconds',
  'classWeights',
  'frontEnd',
  'calibrationFraction',
]);

/** What a user may set of the pictures that an ONNX model is fed with. */
const pictureChoices = [
  ...(['frontEnd', 'sampleRate', 'nMels', 'pictureSize'] as const),
  ...(['pictureScaling', 'pictureRange', 'pictureMean', 'pictureDeviation'] as const),
];

/** The model that `onnx-svm` takes its vectors from. */
export interface VectorModel {
  readonly imported: ImportedModel;
  /** The tensor that is the vector. */
  readonly embedding: string;
  readonly layout?: PictureLayout;
}

/** What decides the vectors of a network. */
const networkChoices = ['inputRepr', 'contentType', 'embeddingSize', 'hopSeconds', 'center'] as const;

/**
 * The settings of a run, and the vectors they name, with weights read.
 * @param windowSeconds what the dataset suggests as the length of a window
 * @throws {UsageError} for a setting that does not apply
 * @throws {ParameterError} for a value out of range
 * @throws {WeightsError} when the network lacks its weights, or they do not fit
 */
export async function resolveVectorRun(
  approach: VectorApproach,
  windowSeconds: number,
  seed: number,
  o: Overrides = {},
  model?: VectorModel,
): Promise<{ config: VectorRunConfig; vectors: ClipVectors }> {
  checkVectorOverrides(approach, o);
  const choices = o.vectors ?? {};
  const { svmC = 0.01, tune = false, svmLoss = 'squared-hinge', probabilities = 'temperature' } = choices;
  const vectors =
    approach.network === 'model'
      ? modelVectors(approach, windowSeconds, o, model)
      : await openVectors(approach, choices, o);
  return {
    vectors,
    config: {
      approach: approach.name,
      pipeline: vectorPipeline(vectors, o.windowSeconds ?? windowSeconds),
      vectors: vectors.spec,
      classifier: {
        kind: 'linear-svm',
        C: tune ? tunedC : svmC,
        loss: svmLoss,
        classWeights: o.classWeights ?? 'none',
        probabilities,
        innerFolds: 5,
      },
      ...(o.calibrationFraction ? { calibrationFraction: o.calibrationFraction } : {}),
      seed,
    },
  };
}

/** The vectors of an ONNX model: of its front end's windows, or of whole clips where any length will do. */
function modelVectors(
  approach: VectorApproach,
  windowSeconds: number,
  o: Overrides,
  model: VectorModel | undefined,
): ClipVectors {
  if (model === undefined) {
    throw new UsageError(`${approach.name} needs an ONNX model whose vectors the SVM is fitted to.`, {
      hint: 'Name it with --network FILE and its tensor with --embedding NAME.',
    });
  }
  const choices = o.vectors ?? {};
  const openl3 = (['inputRepr', 'contentType', 'embeddingSize'] as const).find(
    (key) => choices[key] !== undefined,
  );
  if (openl3 !== undefined) {
    throw new UsageError(`The setting ${openl3} is about OpenL3; ${approach.name} takes an ONNX model.`, {
      hint: 'Leave it out.',
    });
  }
  const ofWindows = frontEndByName(o.frontEnd ?? 'log-mel').window.seconds !== null;
  const seconds = o.windowSeconds ?? (ofWindows ? undefined : windowSeconds);
  const { imported, embedding, layout } = model;
  const { hopSeconds, center } = choices;
  const parts = modelEmbedder(imported, {
    network: imported.file,
    embedding,
    ...Object.fromEntries(pictureChoices.map((key) => [key, o[key]])),
    ...(layout === undefined ? {} : { layout }),
    ...(seconds === undefined || ofWindows ? {} : { windowSeconds: seconds }),
    ...(hopSeconds === undefined ? {} : { hopSeconds }),
    ...(center === undefined ? {} : { center }),
  });
  return embeddingVectors(parts, describeEmbedder(parts).spec.size, choices.pooling ?? approach.pooling);
}

/** @throws what {@link resolveVectorRun} throws of settings, before anything is read */
export function checkVectorOverrides(approach: VectorApproach, o: Overrides): void {
  const own = approach.network === 'model' ? new Set<keyof Overrides>(pictureChoices) : null;
  const wrong = (Object.keys(o) as (keyof Overrides)[]).find(
    (key) => o[key] !== undefined && !applicable.has(key) && own?.has(key) !== true,
  );
  if (wrong !== undefined) {
    throw new UsageError(
      `The setting ${wrong} is about training a network; ${approach.name} fits a linear SVM.`,
      {
        hint: 'Leave it out.',
      },
    );
  }
  const choices = o.vectors ?? {};
  const { svmC = 0.01, tune = false } = choices;
  if (!(svmC > 0)) throw new ParameterError(`C must be above 0, got ${svmC}.`);
  if (tune && choices.svmC !== undefined) {
    throw new UsageError('C is either given or chosen by tuning, not both.', {
      hint: 'Leave one of them out.',
    });
  }
  checkCalibrationFraction(o);
  if (approach.network === null) checkNoNetwork(approach, choices, o);
}

/** @throws {UsageError} for a setting of a network where there is none */
function checkNoNetwork({ name }: VectorApproach, choices: VectorChoices, o: Overrides): void {
  const set = [...networkChoices, 'pooling' as const].find((key) => choices[key] !== undefined);
  const named =
    set ?? (o.weights === undefined ? (o.frontEnd === undefined ? undefined : 'frontEnd') : 'weights');
  if (named === undefined) return;
  throw new UsageError(`The setting ${named} is about a network; ${name} has none.`, {
    hint: 'Leave it out.',
  });
}

async function openVectors(
  approach: VectorApproach,
  choices: VectorChoices,
  o: Overrides,
): Promise<ClipVectors> {
  const { network } = approach;
  if (network === null) return mfccVectors;
  const { inputRepr, contentType, embeddingSize, center } = choices;
  const hopSeconds = choices.hopSeconds ?? approach.hopSeconds;
  const choice: EmbedderChoice = {
    network,
    ...frontEndChoice(network, o.frontEnd, inputRepr),
    ...(o.weights === undefined ? {} : { weights: o.weights }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(embeddingSize === undefined ? {} : { embeddingSize }),
    ...(hopSeconds === undefined ? {} : { hopSeconds }),
    ...(center === undefined ? {} : { center }),
  };
  const named = namedEmbedderByName(network);
  checkOptions(choice, named.options);
  const parts = await named.open(choice);
  return embeddingVectors(parts, describeEmbedder(parts).spec.size, choices.pooling ?? approach.pooling);
}

/** OpenL3's front ends are named after representation and variant, which are two settings of its network. */
function frontEndChoice(
  network: string,
  frontEnd: Overrides['frontEnd'],
  inputRepr: Openl3InputRepr | undefined,
): Pick<EmbedderChoice, 'frontEnd' | 'inputRepr'> {
  const own = inputRepr === undefined ? {} : { inputRepr };
  if (frontEnd === undefined) return own;
  const parts = /^openl3-(linear|mel128|mel256)-(.+)$/.exec(frontEnd);
  if (network !== 'openl3' || parts === null) return { ...own, frontEnd };
  const representation = parts[1] as Openl3InputRepr;
  if (inputRepr !== undefined && inputRepr !== representation) {
    throw new UsageError(`The front end ${frontEnd} is not of the input representation ${inputRepr}.`, {
      hint: 'Leave one of them out.',
    });
  }
  return { inputRepr: representation, frontEnd: parts[2] };
}
