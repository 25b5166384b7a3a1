/** @file The files of a CLAP model in a folder: ONNX exports of its two encoders, or safetensors; tokenizer and shape. */
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WeightsError } from '../../core/index.ts';
import { fileSize, modelPath, type PublishedModel, publishedModels } from '../../models/index.ts';

/** What is taken where the user names no weights. */
export const usualClap = 'clap-htsat-unfused';

export type ClapFiles = {
  /** Where tokenizer.json is, and config.json. */
  readonly folder: string;
} & (
  | { readonly kind: 'onnx'; readonly audio: string; readonly text: string }
  | { readonly kind: 'safetensors'; readonly weights: string }
);

/**
 * The files of a model.
 * @param weights a folder, a safetensors file in one, the name of fetched weights, or undefined: {@link usualClap}
 * @throws {WeightsError} when they are not there; says how to get them
 */
export async function findClap(weights: string | undefined): Promise<ClapFiles> {
  const named = publishedModels.find(
    ({ name, network }) => network === 'clap' && name === (weights ?? usualClap),
  );
  if (named !== undefined) return publishedFiles(named, weights === undefined);
  const given = weights!;
  const what = await stat(given).catch(() => null);
  if (what === null) {
    const names = publishedModels.filter(({ network }) => network === 'clap').map(({ name }) => name);
    throw new WeightsError(`There is no folder ${given}, and no CLAP model of that name.`, {
      hint: `Fetch one with: earshot models pull ${usualClap} (there are ${names.join(', ')}).`,
    });
  }
  if (what.isFile() && /\.safetensors$/i.test(given))
    return { folder: dirname(given), kind: 'safetensors', weights: given };
  const files = await filesIn(given);
  if (files !== null) return files;
  throw new WeightsError(
    `${given} holds no CLAP model: neither onnx/audio_model.onnx and onnx/text_model.onnx nor model.safetensors.`,
    { hint: `Fetch one with: earshot models pull ${usualClap}` },
  );
}

async function publishedFiles(model: PublishedModel, usual: boolean): Promise<ClapFiles> {
  const path = modelPath(model);
  // `FOLDER/onnx/audio_model.onnx` or `FOLDER/model.safetensors`.
  const folder = join(
    path,
    ...model.file
      .split('/')
      .slice(1)
      .map(() => '..'),
  );
  const files = await filesIn(folder);
  if (files !== null) return files;
  const why = usual
    ? 'CLAP needs its weights, none were named, and'
    : `The weights ${model.name} were not fetched:`;
  throw new WeightsError(`${why} there is no ${path}.`, {
    hint: `Fetch them with: earshot models pull ${model.name}. A folder that you have is named with --weights DIR.`,
  });
}

async function filesIn(folder: string): Promise<ClapFiles | null> {
  const there = async (...names: string[]) => {
    const path = join(folder, ...names);
    return (await fileSize(path)) === null ? null : path;
  };
  for (const inner of [['onnx'], []]) {
    const audio = await there(...inner, 'audio_model.onnx');
    const text = await there(...inner, 'text_model.onnx');
    if (audio !== null && text !== null) return { folder, kind: 'onnx', audio, text };
  }
  const weights = await there('model.safetensors');
  return weights === null ? null : { folder, kind: 'safetensors', weights };
}
