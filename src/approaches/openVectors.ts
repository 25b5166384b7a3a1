/** @file From what a user names to the vectors of clips: classic features, a frozen network, or a trained model. */
import { UsageError } from '../core/index.ts';
import { describeEmbedder, type EmbedderDescription, type Pooling } from '../embeddings/browser.ts';
import { clapSpec } from '../features/index.ts';
import { importGraph, replayGraph } from '../onnx/index.ts';
import { type ClapModel, openClap } from './clap/clapModel.ts';
import { clapVectors } from './clap/labelVectors.ts';
import { type ClipVectors, embeddingVectors, mfccVectors } from './clipVectors.ts';
import { checkOptions, type EmbedderChoice } from './embedderChoice.ts';
import { openEmbedderParts } from './embedders.ts';
import type { ImportedModel } from './importedModel.ts';
import { artifactInfo } from './readArtifact.ts';

/** Asks for the classic features instead of a network. */
export const mfccName = 'mfcc';

/** Asks for CLAP's audio encoder. */
export const clapName = 'clap';

/**
 * The vectors that a choice comes to.
 * @param choice a network as for `earshot embed`, a model that Earshot trained, or `mfcc`
 * @param pooling of a network's windows
 * @throws {UsageError} for an option that does not apply, and for weights that are needed and not named
 * @throws {ParameterError} for a network that there is not, a value out of range, or windows that cannot be pooled
 * @throws {GraphError} when a model cannot be read
 * @throws {WeightsError} when a weights file cannot be read, or does not fit
 */
export async function openVectors(choice: EmbedderChoice, pooling: Pooling): Promise<ClipVectors> {
  if (choice.network === mfccName) {
    checkOptions(choice, []);
    return mfccVectors;
  }
  if (choice.network === clapName) return clapVectors(await openChosenClap(choice), clapSpec);
  const opened = await openEmbedderParts(choice);
  if ('artifact' in opened) {
    checkOptions(choice, []);
    return artifactVectors(opened.artifact);
  }
  if ('description' in opened) return waveformVectors(opened.description, pooling);
  return embeddingVectors(opened.parts, describeEmbedder(opened.parts).spec.size, pooling);
}

/**
 * The vectors of a network that takes waveforms of any length up to its window and gives one vector each.
 * @throws {UsageError} for any other pooling than its own, or where every position is wanted
 */
function waveformVectors({ spec, graph }: EmbedderDescription, pooling: Pooling): ClipVectors {
  const { network, settings, embedding, weights, sampleRate, size, windowing } = spec;
  if (pooling !== 'mean' || spec.rowSeconds !== undefined) {
    throw new UsageError(`The vector of a clip by ${network} is the mean over its positions.`, {
      hint: 'Leave out --pooling and --pool.',
    });
  }
  const mostSeconds = windowing.samples / sampleRate;
  return {
    spec: { kind: 'waveform', network, settings, embedding, weights, mostSeconds },
    ...{ sampleRate, size, weights: weights.description, networkParameters: null },
    windows: () => 1,
    nodes: (g, waveform) => ({
      vector: replayGraph(importGraph(graph.model, { tensors: [graph.output] }), graph.output, g, waveform, {
        what: network,
      }),
    }),
  };
}

/** The CLAP model of a choice. Throws as {@link openVectors}. */
export async function openChosenClap(choice: EmbedderChoice): Promise<ClapModel> {
  checkOptions(choice, ['weights']);
  return openClap(choice.weights);
}

/** The embedding of a model that `earshot train` left. Its front end and its windows are in the graph. */
export function artifactVectors({ model, file, sha256 }: ImportedModel): ClipVectors {
  const info = artifactInfo(model, file);
  const weights = {
    description: `The model ${file} (SHA-256 ${sha256.slice(0, 12)}…), trained on ${info.trainedOn.dataset}.`,
    sha256,
  };
  const { approach, classes, windowSeconds, sampleRate } = info;
  return {
    spec: { kind: 'artifact', approach, classes, windowSeconds, weights },
    sampleRate,
    size: info.embeddingSize,
    networkParameters: null,
    weights: weights.description,
    windows: () => 1,
    nodes: (g, waveform) => ({
      vector: replayGraph(importGraph(model, { tensors: ['embedding'] }), 'embedding', g, waveform, {
        what: file,
      }),
    }),
  };
}
