/**
 * @file From what a user names to an embedder: a network of the table in `namedEmbedders.ts`, any ONNX model, or a
 * model that Earshot trained, each with a front end and a windowing.
 */
import { stat } from 'node:fs/promises';
import {
  chooseWindowing,
  describeEmbedder,
  type EmbedderDescription,
  type EmbedderParts,
  type Windowing,
} from '../embeddings/browser.ts';
import { checkOptions, type EmbedderChoice, type EmbedderOption } from './embedderChoice.ts';
import { type ImportedModel, openImportedModel } from './importedModel.ts';
import { modelEmbedder } from './modelEmbedder.ts';
import { namedEmbedderByName, namedEmbedders } from './namedEmbedders.ts';
import { artifactInfo, artifactWindowing } from './readArtifact.ts';
import { whisperEmbedder } from './whisperEmbedder.ts';

const modelOptions: readonly EmbedderOption[] = [
  ...(['embedding', 'layout', 'pictureSize', 'frontEnd', 'sampleRate', 'nMels'] as const),
  ...(['pictureScaling', 'pictureRange', 'pictureMean', 'pictureDeviation'] as const),
  ...(['windowSeconds', 'hopSeconds', 'center'] as const),
];
const artifactOptions: readonly EmbedderOption[] = ['hopSeconds', 'center'];

/**
 * The embedder that a choice comes to, not loaded yet.
 * @throws {UsageError} for an option that does not apply to the network, for weights that are needed and not named, and
 *   for an ONNX model without the name of its embedding (listing the tensors that would do)
 * @throws {ParameterError} for a network that there is not, or a value out of range
 * @throws {GraphError} when a model cannot be read
 * @throws {WeightsError} when a weights file cannot be read, or does not fit
 * @throws {ShapeError} when the front end's pictures do not fit the network
 */
export async function openEmbedder(choice: EmbedderChoice): Promise<EmbedderDescription> {
  const opened = await openEmbedderParts(choice);
  if ('parts' in opened) return describeEmbedder(opened.parts);
  if ('description' in opened) return opened.description;
  checkOptions(choice, artifactOptions);
  return artifactEmbedder(opened.artifact, choice);
}

/** An embedder: in its parts, whole where it cannot be taken apart, or the model that Earshot trained. */
export type OpenedEmbedder =
  | { readonly parts: EmbedderParts }
  | { readonly description: EmbedderDescription }
  | { readonly artifact: ImportedModel };

/** What a choice names. Throws as {@link openEmbedder}. */
export async function openEmbedderParts(choice: EmbedderChoice): Promise<OpenedEmbedder> {
  const { network } = choice;
  if (!network.toLowerCase().endsWith('.onnx') && !(await isFile(network))) {
    if (network === whisperEmbedder.name) {
      checkOptions(choice, whisperEmbedder.options);
      return { description: await whisperEmbedder.describe(choice) };
    }
    const named = namedEmbedderByName(network);
    checkOptions(choice, named.options);
    return { parts: await named.open(choice) };
  }
  const imported = await openImportedModel(network);
  if (imported.model.metadata.has('earshot')) return { artifact: imported };
  checkOptions(choice, modelOptions);
  return { parts: modelEmbedder(imported, choice) };
}

/** Names and descriptions of the networks that need no model file, for help texts. */
export function embedderNames(): readonly string[] {
  return [...namedEmbedders, whisperEmbedder].map(({ name }) => name);
}

/** What `earshot train` left: waveforms in, its embedding out. */
function artifactEmbedder(
  { model, file, sha256 }: ImportedModel,
  choice: EmbedderChoice,
): EmbedderDescription {
  const info = artifactInfo(model, file);
  const { sampleRate, windowSamples, pad } = info;
  const usual: Windowing = {
    ...artifactWindowing(info),
    // Cut into windows of one length here, whatever the model would make of a shorter one.
    pad: pad === 'repeat' ? 'repeat' : 'zero',
  };
  return {
    spec: {
      network: `${info.approach} (${file})`,
      settings: {},
      embedding: 'embedding',
      size: info.embeddingSize,
      sampleRate,
      frontEnd: null,
      windowing: chooseWindowing(usual, sampleRate, choice),
      weights: {
        description: `The model ${file} (SHA-256 ${sha256.slice(0, 12)}…), trained on ${info.trainedOn.dataset}.`,
        sha256,
      },
    },
    graph: { model, input: 'waveform', inputDims: [windowSamples], output: 'embedding' },
  };
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => null))?.isFile() ?? false;
}
