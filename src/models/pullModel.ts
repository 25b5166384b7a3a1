/** @file Fetches a published model's weights: downloaded, compared with what was published, put in place whole. */
import { rename, rm } from 'node:fs/promises';
import { DownloadError, ParameterError } from '../core/errors.ts';
import { type PublishedModel, publishedModel } from './catalogue.ts';
import { type DownloadOptions, download, forget } from './download.ts';
import { digestsOf, fileSize, looksLikeWeights, modelPath, modelsDirectory } from './modelFiles.ts';

export interface PullOptions extends Omit<DownloadOptions, 'task'> {
  /** Address of a folder that has the file under its published name; default where it is published. */
  readonly mirror?: string;
  /** Where the file is kept; default {@link modelsDirectory}. */
  readonly directory?: string;
}

export interface PulledModel {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly url: string;
  readonly licence: string;
  readonly sha256: string;
  /** Whether the content was compared with a published digest; there is not one for every file. */
  readonly verified: boolean;
  /** Whether the file was there already, so that nothing was fetched. */
  readonly present: boolean;
  /** Bytes that were there from a download that broke off. */
  readonly resumedFrom: number;
}

/**
 * Fetches a model's weights by name, unless they are there. A file that is there is compared too; a damaged one is fetched
 * anew.
 * @throws {ParameterError} for a name that is not in the catalogue, or a mirror that is no address
 * @throws {DownloadError} when it cannot be fetched, or what came is not what was published
 * @throws {CancelledError} when stopped by `signal`; the part that has come is kept
 */
export async function pullModel(name: string, options: PullOptions = {}): Promise<PulledModel> {
  return pullPublished(publishedModel(name), options);
}

/** The same for a model that need not be in the catalogue. */
export async function pullPublished(model: PublishedModel, options: PullOptions = {}): Promise<PulledModel> {
  const { companions = [], ...alone } = model;
  const pulled: PulledModel[] = [];
  // The model itself comes last: where it is, everything is.
  for (const companion of companions)
    pulled.push(await pullFile({ ...alone, ...companion, gitBlob: null }, options));
  pulled.push(await pullFile(alone, options));
  const own = pulled.at(-1)!;
  return {
    ...own,
    bytes: pulled.reduce((sum, { bytes }) => sum + bytes, 0),
    present: pulled.every(({ present }) => present),
    resumedFrom: pulled.reduce((sum, { resumedFrom }) => sum + resumedFrom, 0),
  };
}

async function pullFile(model: PublishedModel, options: PullOptions): Promise<PulledModel> {
  const { mirror, directory = modelsDirectory(), ...rest } = options;
  const path = modelPath(model, directory);
  const url = mirror === undefined ? model.url : mirrored(mirror, model.file);
  const told = { name: model.name, path, url, licence: model.licence, verified: model.gitBlob !== null };

  const size = await fileSize(path);
  if (size !== null) {
    const digests = await digestsOf(path);
    if (await isPublished(path, model, digests.gitBlob))
      return { ...told, bytes: size, sha256: digests.sha256, present: true, resumedFrom: 0 };
    await rm(path);
  }
  for (;;) {
    const { part, bytes, resumedFrom } = await download(url, path, { ...rest, task: model.file });
    const digests = await digestsOf(part);
    if (await isPublished(part, model, digests.gitBlob)) {
      await rename(part, path);
      await forget(part);
      return { ...told, bytes, sha256: digests.sha256, present: false, resumedFrom };
    }
    await forget(part);
    // The beginning may have been damaged on this side: once more, from nothing.
    if (resumedFrom > 0) continue;
    const why =
      model.gitBlob === null
        ? 'it does not begin as a file of its kind does'
        : `its Git blob id is ${digests.gitBlob}, ${model.gitBlob} was expected`;
    throw new DownloadError(`What ${url} sent is not the published file: ${why} (${bytes} bytes).`, {
      hint: 'It was removed. Is the mirror complete, or has a proxy answered in its place?',
    });
  }
}

/** By the published digest; where there is none, only that it is a file of weights at all. */
async function isPublished(path: string, model: PublishedModel, gitBlob: string): Promise<boolean> {
  return model.gitBlob === null ? looksLikeWeights(path, model.file) : gitBlob === model.gitBlob;
}

function mirrored(mirror: string, file: string): string {
  if (!URL.canParse(mirror) || !/^https?:$/.test(new URL(mirror).protocol)) {
    throw new ParameterError(`A mirror must be an http or https address, got '${mirror}'.`, {
      hint: 'Such as https://example.org/models; the file is looked for under its published name.',
    });
  }
  return `${mirror.replace(/\/+$/, '')}/${file.split('/').map(encodeURIComponent).join('/')}`;
}
