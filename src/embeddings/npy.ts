/** @file NumPy's array format (version 1.0): what `numpy.save` writes and `numpy.load` reads. */
import { ParameterError } from '../core/errors.ts';

export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0];
const descriptions = { '<f4': Float32Array, '<f8': Float64Array } as const;

/** The bytes of a `.npy` file: little-endian floats in C order. */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array {
  const size = shape.reduce((a, b) => a * b, 1);
  if (size !== data.length)
    throw new ParameterError(
      `An array of shape [${shape.join(', ')}] has ${size} numbers, not ${data.length}.`,
    );
  const header = npyHeader(shape, data instanceof Float32Array ? '<f4' : '<f8');
  const bytes = new Uint8Array(header.length + data.byteLength);
  bytes.set(header);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), header.length);
  return bytes;
}

/** What stands before the numbers: always 128 bytes, so that a shape may be filled in when all rows are written. */
export function npyHeader(shape: readonly number[], description: keyof typeof descriptions): Uint8Array {
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${description}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const header = new Uint8Array(128).fill(0x20);
  header.set(magic);
  header[8] = header.length - 10;
  header[9] = 0;
  header.set(new TextEncoder().encode(text), 10);
  header[127] = 0x0a;
  return header;
}

/**
 * Reads a `.npy` file of float32 or float64 in C order.
 * @throws {ParameterError} for anything else, or bytes that are cut short
 */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !magic.slice(0, 6).every((byte, i) => bytes[i] === byte))
    throw new ParameterError('These bytes are no NumPy array: they do not begin with its mark.');
  const [first, length] = bytes[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  const text = new TextDecoder('latin1').decode(bytes.subarray(first, first + length));
  const description = /'descr':\s*'([^']*)'/.exec(text)?.[1] ?? '';
  const tuple = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (
    !(description === '<f4' || description === '<f8') ||
    tuple === undefined ||
    /order':\s*True/.test(text)
  ) {
    throw new ParameterError(
      `Only NumPy arrays of float32 or float64 in C order are read, got ${text.trim()}.`,
    );
  }
  const shape = tuple.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  const type = descriptions[description];
  const count = shape.reduce((a, b) => a * b, 1);
  const at = first + length;
  if (bytes.length < at + count * type.BYTES_PER_ELEMENT)
    throw new ParameterError(`The NumPy array is cut short: [${shape.join(', ')}] needs more bytes.`);
  // A copy: the numbers need not be aligned in the file.
  const data = new type(count);
  new Uint8Array(data.buffer).set(bytes.subarray(at, at + data.byteLength));
  return { shape, data };
}
