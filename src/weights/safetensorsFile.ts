/** @file Safetensors files on disk (Node). */
import { type FileHandle, open } from 'node:fs/promises';
import { WeightsError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import { writeFileAtomic } from '../files/atomic.ts';
import { type DecodeSafetensorsOptions, type Safetensors, tensorFromBytes } from './decodeSafetensors.ts';
import { encodeSafetensors } from './encodeSafetensors.ts';
import {
  headerLength,
  PREAMBLE_BYTES,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from './safetensorsHeader.ts';

/**
 * Reads a safetensors file of any size, tensor by tensor (Node's `readFile` stops at 2 GiB). Each tensor owns its
 * ArrayBuffer, so it may be transferred to a worker.
 * @throws {WeightsError} when the file cannot be read or is no whole, well-formed safetensors file
 */
export async function readSafetensors(
  path: string,
  options: Pick<DecodeSafetensorsOptions, 'only'> = {},
): Promise<Safetensors> {
  return withHeader(path, async (header, read) => {
    const tensors = new Map<string, Tensor>();
    for (const entry of header.entries) {
      if (options.only?.(entry.name) === false) continue;
      tensors.set(entry.name, tensorFromBytes(entry, await read(entry), path));
    }
    return { tensors, metadata: header.metadata };
  });
}

/**
 * The shape of each tensor of a safetensors file, by its header alone.
 * @throws {WeightsError} when the file cannot be read or is no well-formed safetensors file
 */
export function readSafetensorsShapes(
  path: string,
): Promise<ReadonlyMap<string, { readonly dims: readonly number[] }>> {
  return withHeader(path, ({ entries }) =>
    Promise.resolve(new Map(entries.map(({ name, shape }) => [name, { dims: shape }]))),
  );
}

/** Opens a file and does something with its header; `read` gives a tensor's bytes. */
async function withHeader<T>(
  path: string,
  use: (header: SafetensorsHeader, read: (entry: SafetensorsEntry) => Promise<Uint8Array>) => Promise<T>,
): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (cause) {
    throw new WeightsError(`The weights file ${path} cannot be opened: ${(cause as Error).message}.`, {
      cause,
    });
  }
  try {
    const { size } = await file.stat();
    const preamble = await readBytes(file, 0, Math.min(size, PREAMBLE_BYTES), path);
    const length = headerLength(preamble, size, path);
    const dataStart = PREAMBLE_BYTES + length;
    const json = await readBytes(file, PREAMBLE_BYTES, length, path);
    const header = parseSafetensorsHeader(json, size - dataStart, path);
    return await use(header, ({ begin, end }) => readBytes(file, dataStart + begin, end - begin, path));
  } catch (cause) {
    if (cause instanceof WeightsError) throw cause;
    throw new WeightsError(`The weights file ${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  } finally {
    await file.close();
  }
}

/** Writes tensors as a safetensors file, atomically. See {@link encodeSafetensors} for order and errors. */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<readonly [string, Tensor]>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata));
}

/** One read call moves at most 2 GiB − 4 KiB on Linux; a file may also shrink while it is read. */
async function readBytes(
  file: FileHandle,
  position: number,
  length: number,
  path: string,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, Math.min(length - done, 1 << 30), position + done);
    if (bytesRead === 0) throw new WeightsError(`The weights file ${path} ended while it was read.`);
    done += bytesRead;
  }
  return bytes;
}
