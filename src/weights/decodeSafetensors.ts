/** @file Reads safetensors bytes. Runs in browsers. */
import { WeightsError } from '../core/errors.ts';
import { type Tensor, viewBytes } from '../core/tensor.ts';
import {
  headerLength,
  PREAMBLE_BYTES,
  parseSafetensorsHeader,
  type SafetensorsEntry,
  safetensorsDTypes,
} from './safetensorsHeader.ts';
import { widenBfloat16 } from './toFloat32.ts';

/** What a safetensors file holds. */
export interface Safetensors {
  /** By name, in the order of the file's data. */
  readonly tensors: Map<string, Tensor>;
  /** The header's `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

export interface DecodeSafetensorsOptions {
  /** How errors name the bytes, such as a path. */
  readonly source?: string;
  /** Reads only tensors whose name passes; default all. The whole header is checked all the same. */
  readonly only?: (name: string) => boolean;
}

/**
 * Decodes a safetensors file. Tensor data are views of `bytes` where their alignment allows, else copies; `BF16` is
 * widened to float32 (exact), `F16` stays as raw float16 bits (see `toFloat32`).
 * @throws {WeightsError} when the bytes are no whole, well-formed safetensors file
 */
export function decodeSafetensors(bytes: Uint8Array, options: DecodeSafetensorsOptions = {}): Safetensors {
  const source = options.source ?? 'The data';
  const length = headerLength(bytes, bytes.length, source);
  const dataStart = PREAMBLE_BYTES + length;
  const header = parseSafetensorsHeader(
    bytes.subarray(PREAMBLE_BYTES, dataStart),
    bytes.length - dataStart,
    source,
  );
  const tensors = new Map<string, Tensor>();
  for (const entry of header.entries) {
    if (options.only?.(entry.name) === false) continue;
    const data = bytes.subarray(dataStart + entry.begin, dataStart + entry.end);
    tensors.set(entry.name, tensorFromBytes(entry, data, source));
  }
  return { tensors, metadata: header.metadata };
}

/** The tensor of an entry over its own bytes. @throws {WeightsError} on a boolean that is neither 0 nor 1 */
export function tensorFromBytes(entry: SafetensorsEntry, bytes: Uint8Array, source: string): Tensor {
  const dims = entry.shape;
  if (entry.dtype === 'BF16') {
    return { dtype: 'float32', dims, data: widenBfloat16(viewBytes('uint16', bytes)) };
  }
  if (entry.dtype === 'BOOL' && bytes.some((b) => b > 1)) {
    throw new WeightsError(
      `${source}: tensor '${entry.name}' is boolean but holds bytes other than 0 and 1.`,
    );
  }
  const { dtype } = safetensorsDTypes[entry.dtype];
  return { dtype, dims, data: viewBytes(dtype, bytes) };
}
