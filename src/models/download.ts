/**
 * @file Fetches one file over HTTP into `PATH.part`, from where a broken download goes on the next time: the server is
 * asked for the rest on condition that the file is still the same (Range with If-Range).
 */
import { type FileHandle, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CancelledError, DownloadError } from '../core/errors.ts';
import type { ProgressListener } from '../core/progress.ts';
import { writeFileAtomic } from '../files/atomic.ts';
import { fileSize } from './modelFiles.ts';

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressListener;
  /** What progress events call the work. */
  readonly task?: string;
}

export interface Downloaded {
  /** The whole content, complete but unchecked. */
  readonly part: string;
  readonly bytes: number;
  /** Bytes that were there already. */
  readonly resumedFrom: number;
}

/** What is remembered beside a part: of which content it is the beginning. */
interface PartOf {
  readonly url: string;
  /** A strong ETag, or a date of change. */
  readonly validator: string;
}

/** Broken connections in a row, each of which brought something, before the rest is left for another time. */
const ATTEMPTS = 4;

/**
 * Fetches `url` into `path.part`. A connection that breaks is taken up again a few times as long as bytes keep coming;
 * after that, as when `signal` stops it, the part is kept for the next call.
 * @throws {DownloadError} when there is no such file, no connection, or it keeps breaking
 * @throws {CancelledError} when stopped by `signal`
 */
export async function download(
  url: string,
  path: string,
  options: DownloadOptions = {},
): Promise<Downloaded> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.part`;
  let resumedFrom: number | null = null;
  for (let attempt = 1; ; attempt++) {
    const before = (await fileSize(part)) ?? 0;
    try {
      const { start, total } = await fetchRest(url, part, options);
      return { part, bytes: total, resumedFrom: resumedFrom ?? start };
    } catch (error) {
      const now = (await fileSize(part)) ?? 0;
      if (options.signal?.aborted) {
        throw new CancelledError(`The download of ${url} was stopped; ${now} bytes of it are kept.`, {
          hint: 'The same command goes on from there.',
          cause: error,
        });
      }
      if (!(error instanceof BrokenError)) throw error;
      resumedFrom ??= error.start;
      if (now <= before || attempt === ATTEMPTS) {
        throw new DownloadError(`The download of ${url} broke off after ${now} bytes: ${error.message}.`, {
          hint: 'What has come is kept: the same command goes on from there.',
          cause: error.cause,
        });
      }
    }
  }
}

/** A connection that ended before the file did. */
class BrokenError extends Error {
  /** Where this connection began in the file. */
  readonly start: number;

  constructor(message: string, start: number, cause?: unknown) {
    super(message, { cause });
    this.start = start;
  }
}

async function fetchRest(
  url: string,
  part: string,
  options: DownloadOptions,
): Promise<{ start: number; total: number }> {
  const known = await partOf(part, url);
  const have = known === null ? 0 : ((await fileSize(part)) ?? 0);
  const headers: Record<string, string> = {
    // The bytes as they lie there: a server must not pack them once more.
    'accept-encoding': 'identity',
    ...(have > 0 ? { range: `bytes=${have}-`, 'if-range': known!.validator } : {}),
  };
  const response = await request(url, headers, options.signal);
  if (response.status === 416) {
    // Nothing is left: the part is whole, or of another file.
    await response.body?.cancel();
    const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]);
    if (total === have) return { start: have, total };
    await forget(part);
    return fetchRest(url, part, options);
  }
  const start = response.status === 206 ? rangeStart(response) : 0;
  if (!response.ok || response.body === null || (response.status === 206 && start !== have)) {
    await response.body?.cancel();
    throw refusal(url, response);
  }
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const total = Number.isFinite(length) ? start + length : null;
  if (start === 0) await remember(part, url, response);
  const file = await open(part, start === 0 ? 'w' : 'a');
  try {
    const done = await append(file, response.body, { start, total, options, url });
    if (total !== null && done !== total)
      throw new BrokenError(`the server sent ${done} of ${total} bytes`, start);
    await file.sync();
    return { start, total: done };
  } finally {
    await file.close();
  }
}

async function append(
  file: FileHandle,
  body: ReadableStream<Uint8Array>,
  {
    start,
    total,
    options,
    url,
  }: { start: number; total: number | null; options: DownloadOptions; url: string },
): Promise<number> {
  let done = start;
  const kilobytes = (bytes: number) => Math.round(bytes / 1000);
  const report = () =>
    options.onProgress?.({
      task: options.task ?? url,
      done: kilobytes(done),
      total: kilobytes(total ?? done),
      unit: 'kB',
    });
  report();
  const reader = body.getReader();
  for (;;) {
    let next: Awaited<ReturnType<typeof reader.read>>;
    try {
      next = await reader.read();
    } catch (cause) {
      throw new BrokenError(networkReason(cause), start, cause);
    }
    if (next.done) return done;
    await file.appendFile(next.value);
    done += next.value.length;
    report();
  }
}

async function request(
  url: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'follow', ...(signal === undefined ? {} : { signal }) });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    const host = URL.canParse(url) ? new URL(url).host : url;
    throw new DownloadError(`${host} cannot be reached: ${networkReason(cause)}.`, {
      hint: 'Is there a network? A copy at another address is fetched with --mirror; a file you have is named with --weights.',
      cause,
    });
  }
}

/** Node's fetch says "fetch failed" or "terminated"; the reason is in its cause. */
function networkReason(error: unknown): string {
  const { message, cause } = error as Error;
  if (cause instanceof AggregateError && cause.errors.length > 0) return networkReason(cause.errors[0]);
  return cause instanceof Error ? cause.message : message;
}

function refusal(url: string, { status, statusText }: Response): DownloadError {
  if (status === 404 || status === 410) {
    return new DownloadError(`There is no file at ${url} (HTTP ${status}).`, {
      hint: 'It may have been moved. A copy at another address is fetched with --mirror; a file you have is named with --weights.',
    });
  }
  return new DownloadError(
    `${url} cannot be fetched: the server answered ${status} ${statusText}`.trimEnd().concat('.'),
    {
      hint:
        status >= 500 || status === 429
          ? 'Try again later.'
          : 'A copy at another address is fetched with --mirror.',
    },
  );
}

function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1] ?? Number.NaN);
}

/** Writes down of which content the part will be the beginning; a server that gives no sign of it allows no resuming. */
async function remember(part: string, url: string, response: Response): Promise<void> {
  const etag = response.headers.get('etag');
  const validator = etag !== null && !etag.startsWith('W/') ? etag : response.headers.get('last-modified');
  if (validator === null) await rm(`${part}.json`, { force: true });
  else await writeFileAtomic(`${part}.json`, JSON.stringify({ url, validator } satisfies PartOf));
}

async function partOf(part: string, url: string): Promise<PartOf | null> {
  try {
    const known = JSON.parse(await readFile(`${part}.json`, 'utf8')) as Partial<PartOf>;
    if (known.url !== url || typeof known.validator !== 'string') return null;
    return { url, validator: known.validator };
  } catch {
    return null;
  }
}

/** Removes a part and what is known of it. */
export async function forget(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}
