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

/** Header bytes that are believed: NumPy itself refuses more than 10,000 in files that it does not trust. */
const longestHeader = 10_000;

/**
 * Reads a `.npy` file of float32 or float64 in C order.
 * @param source how errors name the bytes, such as a path
 * @throws {ParameterError} for anything else, a shape that is none, or bytes that are cut short
 */
export function decodeNpy(bytes: Uint8Array, source = 'The NumPy array'): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !magic.slice(0, 6).every((byte, i) => bytes[i] === byte))
    throw new ParameterError(`${source} is no NumPy array: it does not begin as one does.`);
  const [first, length] = bytes[6] === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (length > longestHeader || first + length > bytes.length)
    throw new ParameterError(`${source} is damaged: it claims a header of ${length} bytes.`);
  const text = new TextDecoder('latin1').decode(bytes.subarray(first, first + length));
  const description = /'descr':\s*'([^']*)'/.exec(text)?.[1] ?? '';
  const tuple = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (
    !(description === '<f4' || description === '<f8') ||
    tuple === undefined ||
    !/'fortran_order':\s*False/.test(text)
  ) {
    throw new ParameterError(
      `${source} is not read: only arrays of float32 or float64 in C order are, and it says ${JSON.stringify(text.trim().slice(0, 200))}.`,
    );
  }
  const shape = shapeOf(tuple, source);
  const type = descriptions[description];
  const count = shape.reduce((a, b) => a * b, 1);
  const at = first + length;
  // In doubles a product past 2^53 stays larger than any file.
  if (bytes.length < at + count * type.BYTES_PER_ELEMENT)
    throw new ParameterError(
      `${source} is cut short: the shape [${shape.join(', ')}] needs ${count * type.BYTES_PER_ELEMENT} bytes, ${bytes.length - at} are there.`,
    );
  // A copy: the numbers need not be aligned in the file.
  const data = new type(count);
  new Uint8Array(data.buffer).set(bytes.subarray(at, at + data.byteLength));
  return { shape, data };
}

/** The sizes in a tuple as Python writes it: `()`, `(3,)`, `(2, 3)`. */
function shapeOf(tuple: string, source: string): number[] {
  const parts = tuple.split(',').map((part) => part.trim());
  // A tuple of one has a comma behind it.
  if (parts.at(-1) === '') parts.pop();
  // NumPy has at most 64 dimensions.
  if (parts.length > 64 || !parts.every((part) => /^\d{1,15}$/.test(part)))
    throw new ParameterError(`${source} is damaged: its shape (${tuple.slice(0, 100)}) is not one.`);
  return parts.map(Number);
}
