/**
 * @file What Hugging Face says of a repository's files: the revision they are at, and for each one the SHA-256 of its
 * content (large files) or the SHA-1 that Git gives it (the rest).
 */
import { DownloadError } from '../core/errors.ts';

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
  let answer: unknown;
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    if (!response.ok) return fail(`the server answered ${response.status} ${response.statusText}`.trim());
    answer = await response.json();
  } catch (cause) {
    if (cause instanceof DownloadError || signal?.aborted) throw cause;
    return fail((cause as Error).message, cause);
  }
  return listingOf(answer) ?? fail('what came is no list of files');
}

/** The listing in an answer or a file; null where it is none. */
export function listingOf(answer: unknown): HuggingFaceListing | null {
  const { sha, siblings } = (answer ?? {}) as { sha?: unknown; siblings?: unknown };
  if (typeof sha !== 'string' || !/^[0-9a-f]{40}$/.test(sha) || !Array.isArray(siblings)) return null;
  const files: Record<string, FileDigest> = {};
  for (const sibling of siblings as readonly Record<string, unknown>[]) {
    const name = sibling['rfilename'];
    if (typeof name !== 'string') return null;
    const large = sibling['lfs'] as { sha256?: unknown } | null | undefined;
    const sha256 = digest(large?.sha256, 64);
    // Of a large file Git holds a pointer only, so its blob id is not the content's.
    const gitBlob = large == null ? digest(sibling['blobId'], 40) : null;
    files[name] = { sha256, gitBlob };
  }
  return { revision: sha, files };
}

function digest(text: unknown, digits: number): string | null {
  return typeof text === 'string' && new RegExp(`^[0-9a-f]{${digits}}$`).test(text) ? text : null;
}
