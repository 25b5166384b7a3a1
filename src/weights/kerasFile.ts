/** @file Keras weights files on disk (Node). */
import { readFile, stat } from 'node:fs/promises';
import { WeightsError } from '../core/errors.ts';
import { type DecodeKerasOptions, decodeKerasWeights, type KerasWeights } from './kerasWeights.ts';

/**
 * Reads a Keras weights file, `.h5` or `.h5.gz`; see {@link decodeKerasWeights}.
 * @throws {WeightsError} when the file cannot be read, is larger than `maxBytes`, or is no whole Keras weights file
 */
export async function readKerasWeights(
  path: string,
  options: Pick<DecodeKerasOptions, 'maxBytes'> = {},
): Promise<KerasWeights> {
  const { maxBytes = 2 ** 30 } = options;
  return decodeKerasWeights(await readWhole(path, maxBytes), { source: path, maxBytes });
}

async function readWhole(path: string, maxBytes: number): Promise<Uint8Array> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes)
      throw new WeightsError(
        `The weights file ${path} has ${size} bytes, more than the ${maxBytes} accepted.`,
      );
    return await readFile(path);
  } catch (cause) {
    if (cause instanceof WeightsError) throw cause;
    throw new WeightsError(`The weights file ${path} cannot be read: ${(cause as Error).message}.`, {
      cause,
    });
  }
}
