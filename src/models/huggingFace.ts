/**
 * @file What Hugging Face says of a repository's files: the revision they are at, and for each one the SHA-256 of its
 * content (large files) or the SHA-1 that Git gives it (the rest).
 */
import * as z from 'zod';
import { DownloadError } from '../core/errors.ts';
import { parseRecord } from '../core/records.ts';

export interface HuggingFaceRepository {
  /** Address of the hub. */
  readonly hub: string;
  /** Owner and name, such as `openai/whisper-tiny`. */
  readonly id: string;
}

export const huggingFace = 'https://huggingface.co';

export interface HuggingFaceListing {
  /** The commit that the digests are of; files are fetched at it. */
  readonly revision: string;
  readonly files: Readonly<Record<string, FileDigest>>;
}

export interface FileDigest {
  readonly sha256: string | null;
  readonly gitBlob: string | null;
}

/** Address of the folder of a repository's files at a revision (a commit or a branch). */
export function huggingFaceUrl({ hub, id }: HuggingFaceRepository, revision: string): string {
  return `${hub}/${id}/resolve/${revision}`;
}

/**
 * Asks for a repository's files on its branch `main`.
 * @throws {DownloadError} when it cannot be asked, or answers something else
 */
export async function listRepository(
  repository: HuggingFaceRepository,
  signal?: AbortSignal,
): Promise<HuggingFaceListing> {
  const url = `${repository.hub}/api/models/${repository.id}/revision/main?blobs=true`;
  const fail = (what: string, cause?: unknown): never => {
    throw new DownloadError(`The list of files of ${repository.id} cannot be had from ${url}: ${what}.`, {
      hint: 'Its digests say whether the files are those that were published. From elsewhere: --mirror.',
      cause,
    });
  };
  let text: string;
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (!response.ok) return fail(`the server answered ${response.status} ${response.statusText}`.trim());
    text = await boundedText(response);
  } catch (cause) {
    if (cause instanceof DownloadError || signal?.aborted) throw cause;
    return fail((cause as Error).message, cause);
  }
  return parseListing(text, url);
}

/** Bytes that a list of files has at most. */
const largestListing = 16 * 2 ** 20;

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk as Uint8Array, { stream: true });
    if (text.length > largestListing) throw new Error(`it is longer than ${largestListing} characters`);
  }
  return text + decoder.decode();
}

const digestText = (digits: number) => z.string().regex(new RegExp(`^[0-9a-f]{${digits}}$`), 'no digest');

/** The hub's answer, of which only this is read. */
const answerRecord = z.looseObject({
  sha: digestText(40),
  siblings: z.array(
    z.looseObject({
      rfilename: z.string(),
      blobId: z.string().nullish(),
      lfs: z.looseObject({ sha256: z.string().optional() }).nullish(),
    }),
  ),
});

/** A listing as it is kept beside the files. */
export const listingRecord: z.ZodType<HuggingFaceListing> = z.object({
  revision: digestText(40),
  files: z.record(
    z.string(),
    z.object({ sha256: digestText(64).nullable(), gitBlob: digestText(40).nullable() }),
  ),
});

/** The listing in an answer of the hub. @throws {DownloadError} where it is none */
export function parseListing(text: string, url: string): HuggingFaceListing {
  const { sha, siblings } = parseRecord(answerRecord, text, {
    name: `The answer of ${url}`,
    what: 'a list of files',
    hint: 'Its digests say whether the files are those that were published. From elsewhere: --mirror.',
    error: DownloadError,
  });
  const files: Record<string, FileDigest> = {};
  for (const { rfilename, lfs, blobId } of siblings) {
    const sha256 = digest(lfs?.sha256, 64);
    // Of a large file Git holds a pointer only, so its blob id is not the content's.
    const gitBlob = lfs == null ? digest(blobId, 40) : null;
    Object.defineProperty(files, rfilename, {
      value: { sha256, gitBlob },
      enumerable: true,
      configurable: true,
    });
  }
  return { revision: sha, files };
}

function digest(text: unknown, digits: number): string | null {
  return typeof text === 'string' && new RegExp(`^[0-9a-f]{${digits}}$`).test(text) ? text : null;
}
