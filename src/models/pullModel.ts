/** @file Fetches a published model's weights: downloaded, compared with what was published, put in place whole. */
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DownloadError, ParameterError } from '../core/errors.ts';
import { removeAbandoned, writeFileAtomic } from '../files/atomic.ts';
import { readRecord } from '../files/records.ts';
import { takeTurn } from '../files/turn.ts';
import { type PublishedModel, publishedModel } from './catalogue.ts';
import { type DownloadOptions, download, forget } from './download.ts';
import {
  type FileDigest,
  type HuggingFaceListing,
  huggingFaceUrl,
  listingRecord,
  listRepository,
} from './huggingFace.ts';
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
  const { companions = [], repository, ...alone } = model;
  const { mirror, directory = modelsDirectory() } = options;
  // A mirror may hold another revision, or have been made before the list.
  const listing =
    repository === undefined || mirror !== undefined ? null : await knownListing(model, directory, options);
  const pulled: PulledModel[] = [];
  // The model itself comes last: where it is, everything is.
  for (const file of [...companions, alone]) {
    const one = { ...alone, ...file, ...(file === alone ? {} : { gitBlob: null }) };
    pulled.push(await pullFile(listing === null ? one : pinned(one, repository!, listing), options));
  }
  const own = pulled.at(-1)!;
  return {
    ...own,
    bytes: pulled.reduce((sum, { bytes }) => sum + bytes, 0),
    present: pulled.every(({ present }) => present),
    resumedFrom: pulled.reduce((sum, { resumedFrom }) => sum + resumedFrom, 0),
  };
}

/** The list that the files were fetched by before, else the repository's of today, which is kept. */
async function knownListing(
  model: PublishedModel,
  directory: string,
  { signal }: PullOptions,
): Promise<HuggingFaceListing> {
  const path = join(dirname(modelPath(model, directory)), 'listing.json');
  // What a power cut left of it is no list, and there is another one where it came from.
  const kept = await readRecord(path, listingRecord, { what: 'a list of files', error: DownloadError }).catch(
    () => null,
  );
  if (kept !== null) return kept;
  const listing = await listRepository(model.repository!, signal);
  await writeFileAtomic(path, JSON.stringify(listing));
  return listing;
}

/** A file at the revision of the list, with its digest. @throws {DownloadError} when it is not in the list */
function pinned(
  file: Expected,
  repository: NonNullable<PublishedModel['repository']>,
  { revision, files }: HuggingFaceListing,
): Expected {
  const name = file.file.slice(file.file.indexOf('/') + 1);
  const digests = Object.hasOwn(files, name) ? files[name] : null;
  if (digests === null || (digests.sha256 ?? digests.gitBlob) === null) {
    throw new DownloadError(`${repository.id} lists no digest of ${name} at its revision ${revision}.`, {
      hint: 'Has the repository changed? The file may be fetched by hand and named with --weights.',
    });
  }
  return { ...file, ...digests, url: `${huggingFaceUrl(repository, revision)}/${name}` };
}

/** A file and its digests, where they are known. */
interface Expected
  extends Pick<PublishedModel, 'name' | 'file' | 'url' | 'licence' | 'weights'>,
    Partial<FileDigest> {}

/** Bytes that a model's files may have, each: twice its weights in float32, and room for what comes with them. */
function largestFile({ weights }: Expected): number {
  return 8 * weights + 2 ** 28;
}

/** Fetches a file, unless it is there. Who comes second waits, and finds it there. */
async function pullFile(model: Expected, options: PullOptions): Promise<PulledModel> {
  const path = modelPath(model, options.directory ?? modelsDirectory());
  await mkdir(dirname(path), { recursive: true });
  const release = await takeTurn(path, options.signal);
  try {
    await removeAbandoned(dirname(path));
    return await pullClaimed(model, path, options);
  } finally {
    await release();
  }
}

async function pullClaimed(model: Expected, path: string, options: PullOptions): Promise<PulledModel> {
  const { mirror, directory: _, ...rest } = options;
  const url = mirror === undefined ? model.url : mirrored(mirror, model.file);
  const verified = (model.sha256 ?? model.gitBlob ?? null) !== null;
  const told = { name: model.name, path, url, licence: model.licence, verified };

  const size = await fileSize(path);
  if (size !== null) {
    const digests = await digestsOf(path);
    if ((await difference(path, model, digests)) === null)
      return { ...told, bytes: size, sha256: digests.sha256, present: true, resumedFrom: 0 };
    await rm(path);
  }
  for (;;) {
    const { part, bytes, resumedFrom } = await download(url, path, {
      ...rest,
      task: model.file,
      maxBytes: largestFile(model),
    });
    const digests = await digestsOf(part);
    const why = await difference(part, model, digests);
    if (why === null) {
      await rename(part, path);
      await forget(part);
      return { ...told, bytes, sha256: digests.sha256, present: false, resumedFrom };
    }
    await forget(part);
    // The beginning may have been damaged on this side: once more, from nothing.
    if (resumedFrom > 0) continue;
    throw new DownloadError(`What ${url} sent is not the published file: ${why} (${bytes} bytes).`, {
      hint: 'It was removed. Is the mirror complete, or has a proxy answered in its place?',
    });
  }
}

/**
 * How a file differs from the published one, by its digest; null where it does not. Where no digest is known, only
 * whether it begins as a file of its kind does.
 */
async function difference(
  path: string,
  { sha256, gitBlob, file }: Expected,
  digests: { readonly sha256: string; readonly gitBlob: string },
): Promise<string | null> {
  if (sha256)
    return digests.sha256 === sha256 ? null : `its SHA-256 is ${digests.sha256}, ${sha256} was expected`;
  if (gitBlob)
    return digests.gitBlob === gitBlob
      ? null
      : `its Git blob id is ${digests.gitBlob}, ${gitBlob} was expected`;
  return (await looksLikeWeights(path, file)) ? null : 'it does not begin as a file of its kind does';
}

function mirrored(mirror: string, file: string): string {
  if (!URL.canParse(mirror) || !/^https?:$/.test(new URL(mirror).protocol)) {
    throw new ParameterError(`A mirror must be an http or https address, got '${mirror}'.`, {
      hint: 'Such as https://example.org/models; the file is looked for under its published name.',
    });
  }
  return `${mirror.replace(/\/+$/, '')}/${file.split('/').map(encodeURIComponent).join('/')}`;
}
