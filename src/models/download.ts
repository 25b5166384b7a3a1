/**
 * @file Fetches one file over HTTP into `PATH.part`, from where a broken download goes on the next time: the server is
 * asked for the rest on condition that the file is still the same (Range with If-Range).
 */
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { CancelledError, DownloadError } from '../core/errors.ts';
import type { ProgressListener } from '../core/progress.ts';
import { writeFileAtomic } from '../files/atomic.ts';
import { readRecord } from '../files/records.ts';
import { fileSize } from './modelFiles.ts';

export interface DownloadOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressListener;
  /** What progress events call the work. */
  readonly task?: string;
  /** Bytes that are accepted at most, > 0; default 16 GiB. A server that sends more, or never ends, is left. */
  readonly maxBytes?: number;
}

export interface Downloaded {
  /** The whole content, complete but unchecked. */
  readonly part: string;
  readonly bytes: number;
  /** Bytes that were there already. */
  readonly resumedFrom: number;
}

/** What is remembered beside a part: of which content it is the beginning. */
type PartOf = z.output<typeof partRecord>;

const partRecord = z.object({
  url: z.string(),
  /** A strong ETag, or a date of change. */
  validator: z.string(),
  /** Bytes of the whole, where the server told. */
  total: z.int().min(0).nullish(),
});

const defaultMaxBytes = 16 * 2 ** 30;

/** Addresses in a row that may each lead to the next. */
const maxRedirects = 10;

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
  const { maxBytes = defaultMaxBytes } = options;
  const known = await partOf(part, url);
  const have = known === null ? 0 : ((await fileSize(part)) ?? 0);
  if (known?.total != null && have > known.total) {
    // More than there is: it is not a beginning of the file.
    await forget(part);
    return fetchRest(url, part, options);
  }
  const headers: Record<string, string> = {
    // The bytes as they lie there: a server must not pack them once more.
    'accept-encoding': 'identity',
    ...(have > 0 ? { range: `bytes=${have}-`, 'if-range': known!.validator } : {}),
  };
  const response = await request(url, headers, options.signal);
  const anew = async () => {
    await response.body?.cancel();
    await forget(part);
    return fetchRest(url, part, options);
  };
  if (response.status === 416 && have > 0) {
    // Nothing is left: the part is whole, or of another file.
    const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1]);
    if (total !== have || isOther(response, known)) return anew();
    await response.body?.cancel();
    return { start: have, total };
  }
  const range = response.status === 206 ? contentRange(response) : null;
  // A server that goes on with another file, or from another place, than was asked for.
  if (have > 0 && range !== null && (isOther(response, known) || range.start !== have)) return anew();
  if (have > 0 && range !== null && known?.total != null && range.total !== known.total) return anew();
  const start = range?.start ?? 0;
  const encoding = response.headers.get('content-encoding');
  if (!response.ok || response.body === null || (response.status === 206 && start !== have)) {
    await response.body?.cancel();
    throw refusal(url, response);
  }
  if (encoding !== null && encoding.toLowerCase() !== 'identity') {
    await response.body.cancel();
    throw new DownloadError(`${url} sends its content packed (${encoding}), though it was asked not to.`, {
      hint: 'Fetch the file from another address with --mirror, or by hand.',
    });
  }
  const header = response.headers.get('content-length');
  const length = header === null ? Number.NaN : Number(header);
  const total = range?.total ?? (Number.isSafeInteger(length) && length >= 0 ? start + length : null);
  const tooLarge = (bytes: number | null) =>
    new DownloadError(
      `${url} sends ${bytes === null ? 'more than' : `${bytes} bytes, more than`} the ${maxBytes} bytes that the file may have.`,
      { hint: 'It is not the published file. Is the mirror right?' },
    );
  if (total !== null && total > maxBytes) {
    await response.body.cancel();
    throw tooLarge(total);
  }
  if (start === 0) await remember(part, url, response, total);
  const file = await open(part, start === 0 ? 'w' : 'a');
  try {
    const done = await append(file, response.body, { start, total, limit: total ?? maxBytes, options, url });
    if (done > (total ?? maxBytes)) {
      if (total === null) throw tooLarge(null);
      throw new BrokenError(`the server sent more than the ${total} bytes that it told of`, start);
    }
    if (total !== null && done !== total)
      throw new BrokenError(`the server sent ${done} of ${total} bytes`, start);
    await file.sync();
    return { start, total: done };
  } catch (error) {
    // What goes beyond the file's end is no beginning of it.
    if (error instanceof DownloadError) await forget(part);
    throw error;
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
    limit,
    options,
    url,
  }: {
    start: number;
    total: number | null;
    /** Reading stops once more than this has come; nothing beyond it is written. */
    limit: number;
    options: DownloadOptions;
    url: string;
  },
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
    done += next.value.length;
    if (done > limit) {
      await reader.cancel();
      return done;
    }
    await file.appendFile(next.value);
    report();
  }
}

async function request(
  url: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  let at = url;
  for (let redirects = 0; ; redirects++) {
    const response = await fetchOnce(at, headers, signal);
    const location = response.headers.get('location');
    if (![301, 302, 303, 307, 308].includes(response.status) || location === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, at) ? new URL(location, at) : null;
    if (next === null || !/^https?:$/.test(next.protocol) || redirects === maxRedirects)
      throw new DownloadError(`${url} leads to no file: it redirects to '${location}'.`);
    if (new URL(at).protocol === 'https:' && next.protocol !== 'https:') {
      throw new DownloadError(
        `${url} leads from https to ${next.href}, where anybody on the way could change it.`,
        {
          hint: 'Fetch the file from another address with --mirror.',
        },
      );
    }
    at = next.href;
  }
}

async function fetchOnce(
  url: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  try {
    return await fetch(url, { headers, redirect: 'manual', ...(signal === undefined ? {} : { signal }) });
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

/** Where a part of a file begins, and how long the whole is; NaN and null where the server does not tell. */
function contentRange(response: Response): { start: number; total: number | null } {
  const [, start, end, total] =
    /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '') ?? [];
  const whole = total === undefined || total === '*' ? null : Number(total);
  // Of a part that stops before the end the rest would never come.
  if (whole !== null && Number(end) !== whole - 1) return { start: Number.NaN, total: null };
  return { start: Number(start ?? Number.NaN), total: whole };
}

/** A strong ETag, or a date of change; null where the server gives neither. */
function validatorOf(response: Response): string | null {
  const etag = response.headers.get('etag');
  return etag !== null && !etag.startsWith('W/') ? etag : response.headers.get('last-modified');
}

/** Whether an answer is of another content than the part that is here. */
function isOther(response: Response, known: PartOf | null): boolean {
  const validator = validatorOf(response);
  return known !== null && validator !== null && validator !== known.validator;
}

/** Writes down of which content the part will be the beginning; a server that gives no sign of it allows no resuming. */
async function remember(part: string, url: string, response: Response, total: number | null): Promise<void> {
  const validator = validatorOf(response);
  if (validator === null) await rm(`${part}.json`, { force: true });
  else await writeFileAtomic(`${part}.json`, JSON.stringify({ url, validator, total } satisfies PartOf));
}

async function partOf(part: string, url: string): Promise<PartOf | null> {
  // What cannot be read allows no resuming either.
  const known = await readRecord(`${part}.json`, partRecord, { what: 'the record of a download' }).catch(
    () => null,
  );
  return known?.url === url ? known : null;
}

/** Removes a part and what is known of it. */
export async function forget(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}
