/**
 * @file The artefact: the whole pipeline as one ONNX file. Waveform in, `probabilities` and `embedding` out; window,
 * front end, standardisation, network and labels all inside, so it runs wherever ONNX Runtime does.
 */

import { appendTemperature, type ProbabilisticClassifier } from '../classifiers/index.ts';
import { float32, GraphError, int64, ParameterError, type Tensor } from '../core/index.ts';
import { type ClipPipeline, type PicturePipeline, windowSamplesOf } from '../extraction/index.ts';
import { type FrontEndSpec, frontEndNodes } from '../features/index.ts';
import { inferenceContext, type Network } from '../networks/index.ts';
import { GraphBuilder, type Model, type Value } from '../onnx/index.ts';
import { type BandStatistics, standardizeNodes } from '../training/index.ts';
import type { ClipVectors } from './clipVectors.ts';

/** What an artefact says about itself in `metadata_props` under the key `earshot`, as JSON. */
export interface ArtifactInfo {
  readonly format: 1;
  readonly approach: string;
  readonly classes: readonly string[];
  readonly sampleRate: number;
  readonly windowSamples: number;
  readonly windowSeconds: number;
  /** How clips shorter than the window are filled (inside the graph); `none`: the model hears them as they are. */
  readonly pad: ClipPipeline['pad'];
  /** Overlap of the windows that longer recordings are cut into (outside the graph). */
  readonly overlap: number;
  readonly pipeline: ClipPipeline;
  readonly network: string;
  readonly embeddingSize: number;
  /** Clips in one run at most, where each takes much memory. */
  readonly clipsPerRun?: number;
  /** A sentence: where the weights come from. */
  readonly weights: string;
  readonly trainedOn: {
    readonly dataset: string;
    readonly synthetic: boolean;
    readonly fingerprint: string;
    readonly split: string;
  };
  /** What clips held out of training gave; absent where none were. */
  readonly calibration?: CalibrationInfo;
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
}

/** A calibration on clips held out of the training side, by recording. */
export interface CalibrationInfo {
  /** Is part of the graph: softmax(log p / T). */
  readonly temperature: number;
  readonly clips: number;
  /** Recordings they come from. */
  readonly groups: number;
  /** Conformal scores of their true classes, ascending, by method: prediction sets are made with them. */
  readonly scores: Readonly<Record<'lac' | 'aps', readonly number[]>>;
}

export interface ArtifactParts {
  /** Appends everything between the waveform, [batch, samples], and the outputs. */
  readonly score: (g: GraphBuilder, waveform: Value) => ArtifactOutputs;
  readonly info: Omit<
    ArtifactInfo,
    'format' | 'embeddingSize' | 'sampleRate' | 'windowSamples' | 'windowSeconds' | 'pad' | 'overlap'
  >;
}

export interface ArtifactOutputs {
  /** [batch, classes] */
  readonly probabilities: Value;
  /** [batch, embeddingSize] */
  readonly embedding: Value;
}

/**
 * Builds the artefact. Input `waveform`, float32 [batch, samples], mono, at `info.sampleRate`, any number of samples
 * ≥ 1: fewer than a window are repeated or zero-padded as in training, of more only the first window is heard.
 * Outputs `probabilities` [batch, classes] and `embedding` [batch, embeddingSize].
 */
export function buildArtifact(parts: ArtifactParts): { model: Model; info: ArtifactInfo } {
  const { pipeline } = parts.info;
  const samples = windowSamplesOf(pipeline);
  // A model from elsewhere has names of its own inside; these two are the artefact's.
  const reserved = ['probabilities', 'embedding'];
  const g = new GraphBuilder({ name: `earshot ${parts.info.approach}`, reserved });
  const waveform = g.input('waveform', 'float32', ['batch', 'samples']);
  const { probabilities, embedding } = parts.score(g, waveform);
  g.output(probabilities, 'probabilities');
  g.output(embedding, 'embedding');
  const size = embedding.shape[1];
  if (typeof size !== 'number')
    throw new GraphError(`The embedding of ${parts.info.network} has no known size.`);
  const info: ArtifactInfo = {
    format: 1,
    ...parts.info,
    sampleRate: pipeline.sampleRate,
    windowSamples: samples,
    windowSeconds: pipeline.windowSeconds,
    pad: pipeline.pad,
    overlap: pipeline.overlap,
    embeddingSize: size,
  };
  const model = g.model({
    earshot: JSON.stringify(info),
    // The two things every user needs, readable without parsing the rest.
    classes: JSON.stringify(info.classes),
    sample_rate: String(info.sampleRate),
  });
  return { model, info };
}

/** A network on the pictures of a pipeline. @param statistics null where pictures are not standardised */
export function networkScore(
  network: Network,
  parameters: ReadonlyMap<string, Tensor<'float32'>>,
  statistics: BandStatistics | null,
  pipeline: PicturePipeline,
): ArtifactParts['score'] {
  return (g, waveform) => {
    const window = fitWindowNodes(g, waveform, windowSamplesOf(pipeline), pipeline.pad);
    const features = frontEndNodes(g, window, pipeline.frontEnd);
    const picture = g.op('Unsqueeze', [features, g.ints([1])]);
    const x = standardizeNodes(g, picture, statistics);
    const { logits, embedding } = network.forward(inferenceContext(g, parameters), x);
    return { probabilities: g.op('Softmax', [logits], { axis: 1 }), embedding };
  };
}

/** A classifier on the vector of a clip, which is the embedding. @param classes columns of the probabilities */
export function vectorScore(
  vectors: ClipVectors,
  classifier: ProbabilisticClassifier<string>,
  classes: readonly string[],
  pipeline: ClipPipeline,
): ArtifactParts['score'] {
  return (g, waveform) => {
    const embedding = vectors.nodes(g, waveform, windowSamplesOf(pipeline));
    const { probabilities } = classifier.appendTo(g, embedding);
    return { probabilities: inOrder(g, probabilities, classifier.classes, classes), embedding };
  };
}

/** softmax(log p / temperature): [N, classes] → the same shape. The most probable class stays it. */
export function applyTemperatureNodes(g: GraphBuilder, probabilities: Value, temperature: number): Value {
  const logits = g.op('Log', [g.op('Max', [probabilities, g.scalar(1e-30)])]);
  return appendTemperature(g, logits, temperature);
}

/**
 * The calibration of a model.
 * @throws {ParameterError} when it was trained without
 */
export function requireCalibration({ calibration }: ArtifactInfo, name: string): CalibrationInfo {
  if (calibration !== undefined) return calibration;
  throw new ParameterError(
    `${name} was trained without clips held out for calibration, so it makes no prediction sets.`,
    { hint: 'Train it with --calibration-fraction 0.2.' },
  );
}

/** Columns in the order of `classes`; a class that the classifier does not know has probability 0. */
function inOrder(g: GraphBuilder, x: Value, known: readonly string[], classes: readonly string[]): Value {
  if (known.join('\n') === classes.join('\n')) return x;
  const place = new Float32Array(known.length * classes.length);
  known.forEach((label, i) => {
    place[i * classes.length + classes.indexOf(label)] = 1;
  });
  return g.op('MatMul', [x, g.constant(float32([known.length, classes.length], place), 'columns')]);
}

/** [batch, any] → [batch, samples]: position i holds sample i mod length (repeat) or zeros past the end. */
function fitWindowNodes(
  g: GraphBuilder,
  waveform: Value,
  samples: number,
  pad: PicturePipeline['pad'],
): Value {
  if (pad === 'zero') {
    const padded = g.op('Pad', [waveform, g.ints([0, samples]), g.scalar(0), g.ints([1])]);
    const cut = g.op('Slice', [padded, g.ints([0]), g.ints([samples]), g.ints([1])]);
    // Says what shape inference cannot know of a slice of an unknown length.
    return g.op('Reshape', [cut, g.ints([0, samples])]);
  }
  const positions = BigInt64Array.from({ length: samples }, (_, i) => BigInt(i));
  const steps = g.initializer('window_positions', { dtype: 'int64', dims: [samples], data: positions });
  const length = g.op('Gather', [g.op('Shape', [waveform]), g.constant(int64([], [1]))], { axis: 0 });
  return g.op('Gather', [waveform, g.op('Mod', [steps, length])], { axis: 1 });
}

/**
 * Reads what an artefact says about itself.
 * @throws {GraphError} if the model is not an Earshot artefact
 */
export function artifactInfo(model: Model, name: string): ArtifactInfo {
  const text = model.metadata.get('earshot');
  if (text === undefined) {
    throw new GraphError(
      `${name} is an ONNX model but not an Earshot artefact: it has no 'earshot' metadata.`,
      {
        hint: "Pass the model.onnx that 'earshot train' wrote.",
      },
    );
  }
  const stored = JSON.parse(text) as ArtifactInfo;
  if (stored.format !== 1) {
    throw new GraphError(
      `${name} has artefact format ${String(stored.format)}; this version reads format 1.`,
    );
  }
  // Before there were several front ends, specs did not always say that they were log-mel.
  const { pipeline } = stored;
  const written: Partial<FrontEndSpec> | null = pipeline.frontEnd;
  if (written === null) return stored;
  const frontEnd = { kind: 'log-mel', version: 1, ...written } as FrontEndSpec;
  return { ...stored, pipeline: { ...pipeline, frontEnd } };
}
