/** @file Keras weights files on disk (Node). */
import { readFile, stat } from 'node:fs/promises';
import { WeightsError } from '../core/errors.ts';
import { GuardError, GuardedWorker } from '../parallel/index.ts';
import { gunzip, isGzip } from './gunzip.ts';
import { isHdf5, notHdf5 } from './hdf5.ts';
import { type DecodeKerasOptions, gzipLimit, type KerasWeights } from './kerasWeights.ts';
import type { KerasTask } from './kerasWorker.ts';

export interface ReadKerasOptions extends Pick<DecodeKerasOptions, 'maxBytes'> {
  /** Time that the HDF5 library may take; default 10 s, and 1 s more for every 8 MiB. */
  readonly maxSeconds?: number;
  readonly signal?: AbortSignal;
}

/**
 * Reads a Keras weights file, `.h5` or `.h5.gz`. The HDF5 library runs in a thread of its own, which is ended when it
 * takes too long: some damaged files send it round for ever.
 * @throws {WeightsError} when the file cannot be read, is larger than `maxBytes`, is no whole Keras weights file, or
 *   takes too long to read
 * @throws {CancelledError} when stopped by `signal`
 */
export async function readKerasWeights(path: string, options: ReadKerasOptions = {}): Promise<KerasWeights> {
  return decodeKerasSafely(await readWhole(path, options.maxBytes ?? defaultBytes), {
    ...options,
    source: path,
  });
}

const defaultBytes = 2 ** 30;

const hdf5Thread = new GuardedWorker<KerasTask, KerasWeights>(import.meta.url, 'kerasWorker', {
  heapMegabytes: 512,
});

/** The same from bytes. They are handed over to the thread, and empty afterwards, where they have a buffer of their own. */
export async function decodeKerasSafely(
  bytes: Uint8Array,
  { source = 'The data', maxBytes, maxSeconds, signal }: ReadKerasOptions & { readonly source?: string } = {},
): Promise<KerasWeights> {
  const plain = isGzip(bytes) ? await gunzip(bytes, maxBytes ?? gzipLimit(bytes.length), source) : bytes;
  // Most files that are none are told without starting anything.
  if (!isHdf5(plain)) throw notHdf5(plain, source);
  const seconds = maxSeconds ?? 10 + plain.length / 2 ** 23;
  const task = { bytes: plain, source, maxBytes: maxBytes ?? defaultBytes };
  const own = plain.byteLength === plain.buffer.byteLength ? [plain.buffer as ArrayBuffer] : [];
  try {
    return await hdf5Thread.run(task, {
      seconds,
      transfer: own,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (cause) {
    if (!(cause instanceof GuardError)) throw cause;
    const why =
      cause.reason === 'time'
        ? `the HDF5 library was not done with it after ${Math.round(seconds * 10) / 10} s`
        : 'the HDF5 library took more memory than it may';
    throw new WeightsError(`${source} is a damaged HDF5 file: ${why}.`, {
      hint: 'Was the download or the copy cut off? Fetch it again.',
      cause,
    });
  }
}

async function readWhole(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const found = await stat(path);
    if (!found.isFile()) throw new WeightsError(`The weights ${path} are not a file.`);
    if (found.size > maxBytes)
      throw new WeightsError(
        `The weights file ${path} has ${found.size} bytes, more than the ${maxBytes} accepted.`,
      );
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof WeightsError) throw cause;
    throw new WeightsError(`The weights file ${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}
