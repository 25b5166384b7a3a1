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
  inputSettings,
  inputText,
  learntNumbers,
  ParameterTable,
  pictureLayoutOf,
} from '../networks/index.ts';
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { type EmbedderChoice, usualWindowing } from './embedderChoice.ts';
import { embeddingTensor, type ImportedModel } from './importedModel.ts';
import { chooseFrozenInput, modelScaling, sizeOfPicture } from './inputChoices.ts';

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
  const made = frontEndByName((choice.frontEnd ?? 'log-mel') as FrontEndName);
  const frontEnd: FrontEndSpec = made.spec({
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(nMels === undefined ? {} : { nMels }),
  });
  const windowing = chooseWindowing(
    usualWindowing(frontEnd, choice.windowSeconds),
    frontEnd.sampleRate,
    choice,
  );
  const pictureSize = choice.pictureSize === undefined ? null : sizeOfPicture(choice.pictureSize);
  const nFrames = frontEndFrames(windowing.samples, frontEnd);
  const [height, width] = pictureSize ?? [frontEnd.nMels, nFrames];
  const layout = choice.layout ?? pictureLayoutOf(model, file, height, width);
  const input = chooseFrozenInput(choice, made.standardize ? modelScaling : 'none', made.name);
  const body = importedBody(model, { name: file, embedding, picture: layout, pictureSize, input });
  return {
    network: basename(file, extname(file)),
    settings: { layout, pictureSize: sizeSetting(pictureSize), ...inputSettings(input) },
    embedding,
    sampleRate: frontEnd.sampleRate,
    frontEnd,
    windowing,
    weights: {
      description: `Weights from ${file} (SHA-256 ${sha256.slice(0, 12)}…), its tensor '${embedding}'; it sees ${inputText(input)}.`,
      sha256: digest(sha256, weightsSha256),
    },
    parameters: learntNumbers(body.specs.values()),
    forward: (g, x) => appendFrozen(body, g, x),
  };
}

/** A square's side, or both sizes. */
export function sizeSetting(size: readonly [number, number] | null): number | string | null {
  if (size === null) return null;
  return size[0] === size[1] ? size[0] : size.join('x');
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
