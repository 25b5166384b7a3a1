/**
 * @file The artefact: the whole pipeline as one ONNX file. Waveform in, `probabilities` and `embedding` out; window,
 * front end, standardisation, network and labels all inside, so it runs wherever ONNX Runtime does.
 */

import { appendTemperature, type ProbabilisticClassifier } from '../classifiers/index.ts';
import { float32, GraphError, type Tensor } from '../core/index.ts';
import { type ClipPipeline, type PicturePipeline, windowSamplesOf } from '../extraction/index.ts';
import { type FrontEndSpec, frontEndFrames, frontEndNodes } from '../features/index.ts';
import { inferenceContext, type Network, type NetworkInput, type PictureLayout } from '../networks/index.ts';
import { GraphBuilder, type Model, type Precision, type Value } from '../onnx/index.ts';
import { type BandStatistics, standardizeNodes } from '../training/index.ts';
import { windowNodes } from '../windows/index.ts';
import type { ClipVectors } from './clipVectors.ts';
import type { NetworkRunConfig } from './runConfig.ts';
import type { UnknownInfo } from './unknownSounds.ts';
import type { WhisperSettings } from './whisperSettings.ts';

/** What an artefact says about itself in `metadata_props` under the key `earshot`, as JSON. */
export interface ArtifactInfo {
  readonly format: 1;
  readonly approach: string;
  readonly classes: readonly string[];
  readonly sampleRate: number;
  readonly windowSamples: number;
  readonly windowSeconds: number;
  /**
   * How clips shorter than the window are filled (inside the graph); `none` and `mask`: the model is given them as they
   * are, and hears no more.
   */
  readonly pad: ClipPipeline['pad'];
  /** Overlap of the windows that longer recordings are cut into (outside the graph). */
  readonly overlap: number;
  readonly pipeline: ClipPipeline;
  readonly network: string;
  readonly embeddingSize: number;
  /** Of Whisper's encoder and its head, what the weights do not tell; absent for other networks. */
  readonly whisper?: WhisperSettings;
  /** What the network is fed, from the front end's picture on; absent where no network sees one, or before it was told. */
  readonly input?: ArtifactInput;
  /** How the weights were stored in fewer bits, and what that cost; absent where they are float32. */
  readonly precision?: PrecisionRecord;
  /** Clips in one run at most, where each takes much memory. */
  readonly clipsPerRun?: number;
  /** What the network sees, where a network sees a picture: what is explained is what it shows. */
  readonly picture?: NetworkPicture;
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
  /** How sounds of no class are told; absent until `earshot unknown` has set thresholds. */
  readonly unknown?: UnknownInfo;
}

/** What is done to a front end's picture before the network sees it: it is in the graph, and said here. */
export interface ArtifactInput extends NetworkInput {
  /** Whether mel bands are standardised by the training side. */
  readonly standardize: boolean;
  /** What pictures are resized to; null: as they come. */
  readonly pictureSize: readonly [height: number, width: number] | null;
  /** Order of the axes of an imported model's picture. */
  readonly layout?: PictureLayout;
}

/** {@link ArtifactInfo.input} of a run. */
export function artifactInput({ standardize, network }: NetworkRunConfig): ArtifactInput {
  const { pictureSize, input, imported } = network;
  return {
    ...{ standardize, pictureSize, ...input },
    ...(imported === undefined ? {} : { layout: imported.layout }),
  };
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

/** Both models on the same clips. */
export interface PrecisionEvaluation {
  readonly dataset: string;
  readonly clips: number;
  /** Share of the clips whose likeliest class is the right one. */
  readonly accuracyBefore: number;
  readonly accuracyAfter: number;
  /** Clips that another class is given to. */
  readonly decisionsChanged: number;
  /** Of a clip's and a class's probability. */
  readonly largestProbabilityDifference: number;
  /** Milliseconds of the model for a clip, one at a time, front end and all; the median. */
  readonly millisecondsBefore: number;
  readonly millisecondsAfter: number;
}

/** What a reduced artefact says about itself in its metadata, under `precision`. */
export interface PrecisionRecord {
  readonly precision: Precision;
  /** The model that it was made from. */
  readonly source: { readonly file: string; readonly sha256: string; readonly bytes: number };
  /** Numbers stored in fewer bits, and matrix products computed with whole numbers. */
  readonly numbers: number;
  readonly integerProducts: number;
  /** Null where nothing was measured. */
  readonly evaluation: PrecisionEvaluation | null;
}

/** Where in the graph the network's input is, and what it stands for. */
export interface NetworkPicture {
  /** The tensor, [windows, 1, bands, frames]: the front end's result, standardised if it is. */
  readonly tensor: string;
  readonly frontEnd: FrontEndSpec;
  /** How the waveform is cut into the tensor's windows, in samples; null: one window, the whole waveform. */
  readonly windows: { readonly hopSamples: number; readonly leading: number } | null;
  /** The value that says nothing: 0 is the mean of standardised bands. Null: the picture's least value, silence. */
  readonly baseline: number | null;
}

export interface ArtifactParts {
  /** Appends everything between the waveform, [batch, samples], and the outputs. */
  readonly score: (g: GraphBuilder, waveform: Value) => ArtifactOutputs;
  readonly info: Omit<
    ArtifactInfo,
    | 'format'
    | 'embeddingSize'
    | 'picture'
    | 'sampleRate'
    | 'windowSamples'
    | 'windowSeconds'
    | 'pad'
    | 'overlap'
  >;
}

export interface ArtifactOutputs {
  /** [batch, classes] */
  readonly probabilities: Value;
  /** [batch, embeddingSize] */
  readonly embedding: Value;
  readonly picture?: NetworkPicture;
}

/**
 * Builds the artefact. Input `waveform`, float32 [batch, samples], mono, at `info.sampleRate`, any number of samples
 * ≥ 1: fewer than a window are repeated or zero-padded as in training, of more only the first window is heard. Where
 * padding is masked, the waveform's length is the recording's own: zeros at its end count as sound.
 * Outputs `probabilities` [batch, classes] and `embedding` [batch, embeddingSize].
 */
export function buildArtifact(parts: ArtifactParts): { model: Model; info: ArtifactInfo } {
  const { pipeline } = parts.info;
  const samples = windowSamplesOf(pipeline);
  // A model from elsewhere has names of its own inside; these two are the artefact's.
  const reserved = ['probabilities', 'embedding'];
  const g = new GraphBuilder({ name: `earshot ${parts.info.approach}`, reserved });
  const waveform = g.input('waveform', 'float32', ['batch', 'samples']);
  const { probabilities, embedding, picture } = parts.score(g, waveform);
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
    ...(picture === undefined ? {} : { picture }),
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
    const window = windowNodes(g, waveform, windowSamplesOf(pipeline), pipeline.pad);
    const features = frontEndNodes(g, window, pipeline.frontEnd);
    const picture = g.op('Unsqueeze', [features, g.ints([1])]);
    const x = standardizeNodes(g, picture, statistics);
    const context = inferenceContext(g, parameters);
    const nFrames = frontEndFrames(windowSamplesOf(pipeline), pipeline.frontEnd);
    const own = () => ownFramesNodes(g, waveform, windowSamplesOf(pipeline), nFrames);
    const { logits, embedding } = network.forward(
      pipeline.pad === 'mask' ? { ...context, ownFrames: own } : context,
      x,
    );
    const seen: NetworkPicture = {
      tensor: x.name,
      frontEnd: pipeline.frontEnd,
      windows: null,
      baseline: statistics === null ? null : 0,
    };
    return { probabilities: g.op('Softmax', [logits], { axis: 1 }), embedding, picture: seen };
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
    const { vector: embedding, picture } = vectors.nodes(g, waveform, windowSamplesOf(pipeline));
    const { probabilities } = classifier.appendTo(g, embedding);
    return {
      probabilities: inOrder(g, probabilities, classifier.classes, classes),
      embedding,
      ...(picture === undefined ? {} : { picture }),
    };
  };
}

/** softmax(log p / temperature): [N, classes] → the same shape. The most probable class stays it. */
export function applyTemperatureNodes(g: GraphBuilder, probabilities: Value, temperature: number): Value {
  const logits = g.op('Log', [g.op('Max', [probabilities, g.scalar(1e-30)])]);
  return appendTemperature(g, logits, temperature);
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

/** {@link ownFrames} of a waveform [batch, any], whose length is the recording's own: float32 [batch]. */
function ownFramesNodes(g: GraphBuilder, waveform: Value, samples: number, nFrames: number): Value {
  const shape = g.op('Shape', [waveform]);
  const length = g.op('Min', [g.op('Slice', [shape, g.ints([1]), g.ints([2])]), g.ints([samples])]);
  // ⌈length · nFrames / samples⌉ in whole numbers.
  const scaled = g.op('Add', [g.op('Mul', [length, g.ints([nFrames])]), g.ints([samples - 1])]);
  const frames = g.op('Cast', [g.op('Div', [scaled, g.ints([samples])])], { to: 1 });
  return g.op('Expand', [frames, g.op('Slice', [shape, g.ints([0]), g.ints([1])])]);
}
