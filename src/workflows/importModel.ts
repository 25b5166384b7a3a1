/** @file `earshot import`: a classifier that was trained elsewhere as a model file of Earshot's. */
import { basename, resolve } from 'node:path';
import {
  type ArtifactInfo,
  type ArtifactParts,
  buildArtifact,
  networkScore,
  openWhisperCheckpoint,
  type WhisperSettings,
  whisperFrontEndOf,
  whisperSeconds,
} from '../approaches/index.ts';
import { type Tensor, WeightsError } from '../core/index.ts';
import { type ClipPipeline, windowSamplesOf } from '../extraction/index.ts';
import { frontEndNodes, type WhisperContext, type WhisperSpec, whisperSpec } from '../features/index.ts';
import { writeFileAtomic } from '../files/index.ts';
import { inferenceContext, loadWeights, type Network, parameterSpecs, whisper } from '../networks/index.ts';
import { encodeModel, GraphBuilder } from '../onnx/index.ts';
import { versions } from './versions.ts';

export interface ImportModelOptions {
  /** Folder of a WhisperForAudioClassification, as Hugging Face's `save_pretrained` writes it. */
  readonly path: string;
  /** The model file to write. */
  readonly out: string;
  /**
   * `full` (default): clips are followed by silence up to the length that the model was trained on (30 s), as in Python;
   * `clip`: the model hears each clip alone, which costs less and gives other probabilities.
   */
  readonly context?: WhisperContext;
}

export interface ImportedModelFile {
  readonly model: string;
  readonly bytes: number;
  readonly info: ArtifactInfo;
}

/**
 * Turns a Hugging Face folder into one ONNX file: waveform in, probabilities and embedding out.
 * @throws {WeightsError} when there is no such checkpoint, it is of another class, or it names no classes
 */
export async function importModel(options: ImportModelOptions): Promise<ImportedModelFile> {
  const { path, out, context = 'full' } = options;
  const checkpoint = await openWhisperCheckpoint(path);
  const { config, sha256 } = checkpoint;
  const classes = requireClasses(checkpoint.classes, path);
  const settings: WhisperSettings = { config, context, pooling: 'mean' };
  const network = whisper({ classes: classes.length, ...settings });
  const frontEnd = whisperSpec(whisperFrontEndOf(config));
  const specs = parameterSpecs(network, [1, 1, frontEnd.nMels, 2], new GraphBuilder());
  requireHead(checkpoint.tensors, path);
  const loaded = loadWeights(network, specs, checkpoint.tensors, { replaceHead: false, source: path });
  const { pipeline, score } = scoring(network, loaded.values, settings, frontEnd);
  const { model, info } = buildArtifact({
    score,
    info: {
      approach: 'whisper',
      classes,
      pipeline,
      network: 'whisper',
      whisper: settings,
      weights: loaded.description,
      trainedOn: {
        dataset: `unknown: imported from ${basename(resolve(path))}`,
        synthetic: false,
        fingerprint: sha256,
        split: 'unknown',
      },
      seed: 0,
      versions: versions(),
    },
  });
  const bytes = encodeModel(model);
  await writeFileAtomic(out, bytes);
  return { model: out, bytes: bytes.length, info };
}

/**
 * In the full context the window is filled with zeros inside the graph, and everything in it counts. Otherwise the graph
 * takes a clip of any length up to the window's.
 */
function scoring(
  network: Network,
  values: ReadonlyMap<string, Tensor<'float32'>>,
  { config, context }: WhisperSettings,
  frontEnd: WhisperSpec,
): { pipeline: ClipPipeline; score: ArtifactParts['score'] } {
  const windows = { sampleRate: frontEnd.sampleRate, windowSeconds: whisperSeconds(config), overlap: 0 };
  if (context === 'full') {
    const pipeline = { ...windows, pad: 'zero', frontEnd } as const;
    return { pipeline, score: networkScore(network, values, null, pipeline) };
  }
  const pipeline: ClipPipeline = { ...windows, pad: 'none', frontEnd: null };
  const score: ArtifactParts['score'] = (g, waveform) => {
    const heard = g.op('Slice', [waveform, g.ints([0]), g.ints([windowSamplesOf(pipeline)]), g.ints([1])]);
    const picture = g.op('Unsqueeze', [frontEndNodes(g, heard, frontEnd), g.ints([1])]);
    const { logits, embedding } = network.forward(inferenceContext(g, values), picture);
    return { probabilities: g.op('Softmax', [logits], { axis: 1 }), embedding };
  };
  return { pipeline, score };
}

function requireClasses(classes: readonly string[] | null, path: string): readonly string[] {
  if (classes !== null && classes.length > 0) return classes;
  throw new WeightsError(`The config.json of ${path} names no classes (id2label).`, {
    hint: 'A WhisperForAudioClassification is imported. To train on the encoder of another Whisper, see earshot train --approach whisper --weights.',
  });
}

function requireHead(tensors: ReadonlyMap<string, Tensor>, path: string): void {
  if (tensors.has('classifier.weight')) return;
  throw new WeightsError(`${path} has no classification head: there is no 'classifier.weight' in it.`, {
    hint: 'It is a speech recogniser. Train a head on its encoder: earshot train --approach whisper --weights.',
  });
}
