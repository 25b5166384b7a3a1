/** @file Published weights: what there is, fetching by name, where a fetched file lies. */
import { DownloadError } from '../core/index.ts';
import {
  fileSize,
  modelPath,
  modelsDirectory,
  type PulledModel,
  publishedModel,
  publishedModels,
  pullModel,
} from '../models/index.ts';
import type { WorkflowHooks } from './hooks.ts';

export interface ListedModel {
  readonly name: string;
  readonly network: string;
  readonly description: string;
  readonly licence: string;
  readonly url: string;
  /** Bytes of all weights unpacked; the published file is smaller where it is compressed. */
  readonly unpackedBytes: number;
  /** Path of the fetched file, or null where it was not fetched. */
  readonly path: string | null;
  /** Bytes of the fetched file. */
  readonly bytes: number | null;
}

/** All published models that can be fetched, and which of them were. */
export async function listModels(): Promise<{ directory: string; models: ListedModel[] }> {
  const directory = modelsDirectory();
  const models = await Promise.all(
    publishedModels.map(async (model): Promise<ListedModel> => {
      const { name, network, description, licence, url, weights } = model;
      const path = modelPath(model, directory);
      const bytes = await fileSize(path);
      const place = bytes === null ? null : path;
      return { name, network, description, licence, url, unpackedBytes: 4 * weights, path: place, bytes };
    }),
  );
  return { directory, models };
}

export interface PullModelOptions extends Pick<WorkflowHooks, 'signal' | 'onProgress'> {
  readonly name: string;
  /** Address of a folder that has the file under its published name. */
  readonly mirror?: string;
}

/** Fetches a model's weights by name, unless they are there. See {@link pullModel} for errors. */
export async function pull({ name, mirror, signal, onProgress }: PullModelOptions): Promise<PulledModel> {
  return pullModel(name, {
    ...(mirror === undefined ? {} : { mirror }),
    ...(signal === undefined ? {} : { signal }),
    ...(onProgress === undefined ? {} : { onProgress }),
  });
}

/**
 * Where the weights of that name lie.
 * @throws {ParameterError} for a name that is not in the catalogue
 * @throws {DownloadError} when they were not fetched
 */
export async function pathOfModel(name: string): Promise<string> {
  const path = modelPath(publishedModel(name));
  if ((await fileSize(path)) === null) {
    throw new DownloadError(`The weights ${name} were not fetched: there is no ${path}.`, {
      hint: `Fetch them with: earshot models pull ${name}`,
    });
  }
  return path;
}
