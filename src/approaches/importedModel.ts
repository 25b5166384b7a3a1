/** @file The model of `--network`: read, identified, and made the network of a run. */
import { createHash } from 'node:crypto';
import { basename, extname } from 'node:path';
import { GraphError, ParameterError, randomWeights, UsageError } from '../core/index.ts';
import { windowSamplesOf } from '../extraction/index.ts';
import { frontEndFrames } from '../features/index.ts';
import { hashFile } from '../files/index.ts';
import {
  candidatesText,
  embeddingCandidates,
  forwardContext,
  importedNetwork,
  inputParameter,
  type Network,
  networkByName,
  ParameterTable,
  type PictureLayout,
  pictureLayoutOf,
  withInput,
} from '../networks/index.ts';
import { GraphBuilder, type Model } from '../onnx/index.ts';
import { readModel } from '../runtime/index.ts';
import { trainableParameters } from '../training/index.ts';
import type { NetworkRunConfig } from './runConfig.ts';

/** A model in memory, and what tells it from any other. */
export interface ImportedModel {
  readonly model: Model;
  /** The file's name without its folder. */
  readonly file: string;
  readonly sha256: string;
  readonly weightsSha256: string;
}

/** @throws {GraphError} when there is no such file, or it is no ONNX model */
export async function openImportedModel(path: string): Promise<ImportedModel> {
  const model = await readModel(path);
  const weights = createHash('sha256');
  for (const [name, { dtype, dims, data }] of model.graph.initializers) {
    weights.update(`${JSON.stringify([name, dtype, dims])}\n`);
    // Strings have no bytes of their own; all other tensors are typed arrays.
    if (ArrayBuffer.isView(data))
      weights.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    else weights.update(JSON.stringify(data));
  }
  return {
    model,
    file: basename(path),
    sha256: await hashFile(path),
    weightsSha256: weights.digest('hex'),
  };
}

/**
 * The settings of a run on a model: those given, and which model, tensor and layout.
 * @throws {ParameterError} when the model has no such tensor; lists those that would do. Also when more parameters are
 *   to be trained than it has
 * @throws {ShapeError} when its input does not fit the front end's pictures, or batches of any size
 * @throws {UnsupportedOpError} when an operator on the way is not handled
 */
export function configureImported(
  config: NetworkRunConfig,
  imported: ImportedModel,
  choice: { readonly embedding: string; readonly layout?: PictureLayout; readonly fromScratch?: boolean },
): NetworkRunConfig {
  const { model, file, sha256, weightsSha256 } = imported;
  const embedding = embeddingTensor(imported, choice.embedding, 'shall the head stand on');
  const { nMels } = config.pipeline.frontEnd;
  const nFrames = frontEndFrames(windowSamplesOf(config.pipeline), config.pipeline.frontEnd);
  const [height, width] = config.network.pictureSize ?? [nMels, nFrames];
  const layout = choice.layout ?? pictureLayoutOf(model, file, height, width);
  const configured: NetworkRunConfig = {
    ...config,
    network: {
      ...config.network,
      name: basename(file, extname(file)),
      imported: {
        ...{ file, sha256, weightsSha256, embedding, layout },
        ...(choice.fromScratch ? { fromScratch: true } : {}),
      },
    },
  };
  // What does not fit is said now, and not when all features are extracted.
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', ['batch', 1, nMels, nFrames]);
  const table = new ParameterTable();
  const network = createNetwork(configured, 2, imported);
  network.forward(forwardContext(g, table, inputParameter(g)), x);
  trainableParameters(network, config.training.trainable, table.specs);
  return configured;
}

/**
 * The tensor of a model that is to be the embedding.
 * @param use what it is for, as the end of the question "Which tensor of the model …?"
 * @throws {UsageError} when none is named
 * @throws {ParameterError} when the model has no such tensor; both list those that would do
 */
export function embeddingTensor(imported: ImportedModel, name: string | undefined, use: string): string {
  const { model, file } = imported;
  if (name === undefined) {
    throw new UsageError(`Which tensor of ${file} ${use}? Name it with --embedding.`, {
      hint: candidatesHint(imported),
    });
  }
  if (!model.graph.nodes.some((node) => node.outputs.includes(name))) {
    throw new ParameterError(`The model ${file} computes no tensor named '${name}'.`, {
      hint: `${candidatesHint(imported)} All names: earshot gradient ${file} --list.`,
    });
  }
  return name;
}

/** Which tensors would do, as the sentence of a hint. */
function candidatesHint({ model }: ImportedModel): string {
  const found = embeddingCandidates(model);
  const which =
    found.candidates.length === 0
      ? 'Name a tensor of shape [N, size] or [N, channels, …].'
      : `A head can stand on ${candidatesText(found)}.`;
  if (found.problem === null) return which;
  return `${which} The shapes inside the model could not be worked out: ${found.problem}`;
}

/**
 * The network of a run.
 * @param imported the model that `config` was made for; not needed for the networks here
 * @throws {GraphError} when that model is missing, or another one is given
 */
export function createNetwork(
  config: NetworkRunConfig,
  classes: number,
  imported: ImportedModel | null = null,
): Network {
  const { name, pictureSize, input, imported: spec, whisper } = config.network;
  if (spec === undefined) {
    const network = networkByName(name).create({
      classes,
      ...(pictureSize === null ? {} : { pictureSize }),
      ...(whisper === undefined ? {} : { whisper }),
    });
    return withInput(network, input);
  }
  if (imported === null || imported.weightsSha256 !== spec.weightsSha256) {
    throw new GraphError(`The run starts from the model ${spec.file}, which is not the one given.`, {
      hint: 'Give --network the file that the run was begun with.',
    });
  }
  return importedNetwork(imported.model, {
    name,
    classes,
    embedding: spec.embedding,
    picture: spec.layout,
    pictureSize,
    ...(input === undefined ? {} : { input }),
    ...(spec.fromScratch ? { fromScratch: true } : {}),
  });
}

/** What an imported network started from: a sentence for reports, or `random`; null for the networks here. */
export function importedWeights({ network }: NetworkRunConfig): string | null {
  const { imported } = network;
  if (imported === undefined) return null;
  const { file, sha256, embedding, fromScratch } = imported;
  if (fromScratch) return randomWeights;
  return `Weights from ${file} (SHA-256 ${sha256.slice(0, 12)}…) up to its tensor '${embedding}'; the head is new.`;
}
