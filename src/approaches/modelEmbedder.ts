/** @file Any ONNX model as an embedder: front end, windowing, and the model up to a tensor of it. */
import { basename, extname } from 'node:path';
import { float32, Random } from '../core/index.ts';
import { chooseWindowing, type EmbedderParts } from '../embeddings/browser.ts';
import { digest } from '../extraction/index.ts';
import { type FrontEndName, type FrontEndSpec, frontEndByName, frontEndFrames } from '../features/index.ts';
import {
  forwardContext,
  type ImportedBody,
  importedBody,
  learntNumbers,
  ParameterTable,
  pictureLayoutOf,
} from '../networks/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { type EmbedderChoice, usualWindowing } from './embedderChoice.ts';
import { embeddingTensor, type ImportedModel } from './importedModel.ts';

/**
 * The parts of an embedder whose vectors are a tensor of an ONNX model.
 * @throws {UsageError} when the tensor is not named; lists those that would do
 * @throws {ParameterError} when the model has no such tensor, or the front end refuses a choice
 */
export function modelEmbedder(imported: ImportedModel, choice: EmbedderChoice): EmbedderParts {
  const { model, file, sha256, weightsSha256 } = imported;
  const embedding = embeddingTensor(imported, choice.embedding, 'is the embedding');
  const { sampleRate, nMels } = choice;
  // A name that is none is refused there.
  const frontEnd: FrontEndSpec = frontEndByName((choice.frontEnd ?? 'log-mel') as FrontEndName).spec({
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(nMels === undefined ? {} : { nMels }),
  });
  const windowing = chooseWindowing(
    usualWindowing(frontEnd, choice.windowSeconds),
    frontEnd.sampleRate,
    choice,
  );
  const side = choice.pictureSize ?? null;
  const nFrames = frontEndFrames(windowing.samples, frontEnd);
  const layout = choice.layout ?? pictureLayoutOf(model, file, side ?? frontEnd.nMels, side ?? nFrames);
  const body = importedBody(model, {
    name: file,
    embedding,
    picture: layout,
    pictureSize: side === null ? null : [side, side],
  });
  return {
    network: basename(file, extname(file)),
    settings: { layout, pictureSize: side },
    embedding,
    sampleRate: frontEnd.sampleRate,
    frontEnd,
    windowing,
    weights: {
      description: `Weights from ${file} (SHA-256 ${sha256.slice(0, 12)}…), its tensor '${embedding}'.`,
      sha256: digest(sha256, weightsSha256),
    },
    parameters: learntNumbers(body.specs.values()),
    forward: (g, x) => appendFrozen(body, g, x),
  };
}

/** Appends a part of a model with its own weights as constants. @param x pictures @returns [N, size] */
export function appendFrozen(body: ImportedBody, g: GraphBuilder, x: Value): Value {
  // An imported parameter starts from the model's own values; nothing is drawn.
  const random = new Random(0);
  const c = forwardContext(g, new ParameterTable(), ({ name, shape, initialize }) =>
    g.initializer(g.uniqueName(name), float32(shape, initialize(shape, random))),
  );
  return body.embed(c, x);
}
