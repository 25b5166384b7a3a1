/**
 * @file The artefact: the whole pipeline as one ONNX file. Waveform in, `probabilities` and `embedding` out; window,
 * front end, standardisation, network and labels all inside, so it runs wherever ONNX Runtime does.
 */
import { GraphError, int64, type Tensor } from '../core/index.ts';
import { type ClipPipeline, windowSamplesOf } from '../extraction/index.ts';
import { type FrontEndSpec, frontEndNodes } from '../features/index.ts';
import { inferenceContext, type Network } from '../networks/index.ts';
import { GraphBuilder, type Model, type Value } from '../onnx/index.ts';
import { type BandStatistics, standardizeNodes } from '../training/index.ts';

/** What an artefact says about itself in `metadata_props` under the key `earshot`, as JSON. */
export interface ArtifactInfo {
  readonly format: 1;
  readonly approach: string;
  readonly classes: readonly string[];
  readonly sampleRate: number;
  readonly windowSamples: number;
  readonly windowSeconds: number;
  /** How clips shorter than the window are filled (inside the graph). */
  readonly pad: ClipPipeline['pad'];
  /** Overlap of the windows that longer recordings are cut into (outside the graph). */
  readonly overlap: number;
  readonly pipeline: ClipPipeline;
  readonly network: string;
  readonly embeddingSize: number;
  /** A sentence: where the weights come from. */
  readonly weights: string;
  readonly trainedOn: {
    readonly dataset: string;
    readonly synthetic: boolean;
    readonly fingerprint: string;
    readonly split: string;
  };
  readonly seed: number;
  readonly versions: Readonly<Record<string, string>>;
}

export interface ArtifactParts {
  readonly network: Network;
  readonly parameters: ReadonlyMap<string, Tensor<'float32'>>;
  /** Null where pictures are not standardised. */
  readonly statistics: BandStatistics | null;
  readonly info: Omit<
    ArtifactInfo,
    'format' | 'embeddingSize' | 'sampleRate' | 'windowSamples' | 'windowSeconds' | 'pad' | 'overlap'
  >;
}

/**
 * Builds the artefact. Input `waveform`, float32 [batch, samples], mono, at `info.sampleRate`, any number of samples
 * ≥ 1: fewer than a window are repeated or zero-padded as in training, of more only the first window is heard.
 * Outputs `probabilities` [batch, classes] and `embedding` [batch, embeddingSize].
 */
export function buildArtifact(parts: ArtifactParts): { model: Model; info: ArtifactInfo } {
  const { pipeline } = parts.info;
  const samples = windowSamplesOf(pipeline);
  const g = new GraphBuilder({ name: `earshot ${parts.info.approach}` });
  const waveform = g.input('waveform', 'float32', ['batch', 'samples']);
  const window = fitWindowNodes(g, waveform, samples, pipeline.pad);
  const features = frontEndNodes(g, window, pipeline.frontEnd);
  const picture = g.op('Unsqueeze', [features, g.ints([1])]);
  const x = standardizeNodes(g, picture, parts.statistics);
  const { logits, embedding } = parts.network.forward(inferenceContext(g, parts.parameters), x);
  g.output(g.op('Softmax', [logits], { axis: 1 }), 'probabilities');
  g.output(embedding, 'embedding');
  const size = embedding.shape[1];
  if (typeof size !== 'number')
    throw new GraphError(`The embedding of ${parts.network.name} has no known size.`);
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

/** [batch, any] → [batch, samples]: position i holds sample i mod length (repeat) or zeros past the end. */
function fitWindowNodes(g: GraphBuilder, waveform: Value, samples: number, pad: ClipPipeline['pad']): Value {
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
  const written: Partial<FrontEndSpec> = pipeline.frontEnd;
  const frontEnd = { kind: 'log-mel', version: 1, ...written } as FrontEndSpec;
  return { ...stored, pipeline: { ...pipeline, frontEnd } };
}
