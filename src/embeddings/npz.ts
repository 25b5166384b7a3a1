/** @file NumPy's archive format: a zip of `.npy` files, uncompressed as `numpy.savez` writes it, or compressed. */
import { inflateSync, zipSync } from 'fflate';
import { crc32 } from '../core/crc32.ts';
import { ParameterError } from '../core/errors.ts';
import { decodeNpy, encodeNpy, type NpyArray, npyHeader } from './npy.ts';

export interface Npz {
  readonly arrays: ReadonlyMap<string, NpyArray>;
  /** A text that zip readers keep beside the first array and NumPy does not show; empty where there is none. */
  readonly comment: string;
}

/** The bytes of an `.npz` file. Equal arrays give equal bytes. */
export function encodeNpz({ arrays, comment }: Npz): Uint8Array {
  const entries = [...arrays].map(([name, array], i) => {
    // A fixed time: zip begins in 1980, and reckons in the time zone of the machine.
    const attributes = { level: 0, mtime: new Date(1980, 0, 1), ...(i === 0 ? { comment } : {}) } as const;
    return [`${name}.npy`, [encodeNpy(array), attributes]] as const;
  });
  return zipSync(Object.fromEntries(entries) as Parameters<typeof zipSync>[0]);
}

/**
 * An archive around the rows of a matrix that is not in memory: {@link encodeNpz} of the same arrays is `front`, the rows'
 * bytes, `back`.
 * @param rows the first array of the archive, [count, size] float32
 * @param crc the CRC-32 of the array's file: of `npyHeader([count, size], '<f4')`, then the rows
 * @throws {ParameterError} for more than 4 GiB, which this kind of archive cannot hold
 */
export function npzAround(
  rows: { readonly name: string; readonly count: number; readonly size: number },
  crc: number,
  { arrays, comment }: Npz,
): { front: Uint8Array; back: Uint8Array } {
  const { name, count, size } = rows;
  const empty: NpyArray = { shape: [0, size], data: new Float32Array(0) };
  const bytes = encodeNpz({ arrays: new Map([[name, empty], ...arrays]), comment });
  const header = npyHeader([count, size], '<f4');
  const more = 4 * count * size;
  if (bytes.length + more > 0xffffffff) {
    throw new ParameterError(
      `${count} vectors of ${size} numbers are more than the 4 GiB of an .npz archive.`,
      {
        hint: 'Take a longer hop, or cut the recording into parts.',
      },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const add = (at: number, n: number) => view.setUint32(at, view.getUint32(at, true) + n, true);
  const split = 30 + view.getUint16(26, true) + view.getUint16(28, true) + header.length;
  bytes.set(header, split - header.length);
  const end = endOfContents(view)!;
  let at = view.getUint32(end + 16, true);
  // The first record is of the rows; those behind it lie further on.
  for (const place of [14, at + 16]) {
    view.setUint32(place, crc, true);
    add(place + 4, more);
    add(place + 8, more);
  }
  for (let left = view.getUint16(end + 10, true); left > 0; left--) {
    if (view.getUint32(at + 42, true) > 0) add(at + 42, more);
    at += 46 + [28, 30, 32].reduce((sum, o) => sum + view.getUint16(at + o, true), 0);
  }
  add(end + 16, more);
  return { front: bytes.subarray(0, split), back: bytes.subarray(split) };
}

export interface DecodeNpzOptions {
  /** How errors name the bytes, such as a path. */
  readonly source?: string;
  /** Most bytes that all arrays may have together; default {@link npzLimit}. */
  readonly maxBytes?: number;
}

/**
 * Bytes that the arrays of an archive may have together: 64 MiB, and 64 times the archive's own size. Embeddings hardly
 * shrink; zeros shrink a thousandfold, and an archive of them could fill the memory.
 */
export function npzLimit(archiveBytes: number): number {
  return Math.min(2 ** 31, 2 ** 26 + 64 * archiveBytes);
}

/**
 * Reads an `.npz` file of float arrays and checks its checksums.
 * @throws {ParameterError} when it is no zip archive, is damaged, holds something else, or more than `maxBytes`
 */
export function decodeNpz(bytes: Uint8Array, options: DecodeNpzOptions = {}): Npz {
  const { source = 'The .npz archive', maxBytes = npzLimit(bytes.length) } = options;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (why: string) =>
    new ParameterError(`${source} is damaged or no .npz archive: ${why}.`, {
      hint: 'Fetch or write the file again.',
    });
  try {
    const end = endOfContents(view);
    if (end === null) throw damaged('it has no table of contents');
    const arrays = new Map<string, NpyArray>();
    let comment = '';
    let budget = maxBytes;
    let at = view.getUint32(end + 16, true);
    for (let left = view.getUint16(end + 10, true); left > 0; left--) {
      if (view.getUint32(at, true) !== 0x02014b50) throw damaged('its table of contents is broken');
      const [nameLength, extraLength, commentLength] = [28, 30, 32].map((o) =>
        view.getUint16(at + o, true),
      ) as [number, number, number];
      const text = (from: number, length: number) =>
        new TextDecoder().decode(bytes.subarray(from, from + length));
      const name = text(at + 46, nameLength);
      comment ||= text(at + 46 + nameLength + extraLength, commentLength);
      const size = view.getUint32(at + 24, true);
      budget -= size;
      if (budget < 0) {
        throw new ParameterError(
          `${source} would grow to more than ${maxBytes} bytes when it is unpacked; no more is accepted.`,
          {
            hint: 'If it is what it should be, save it uncompressed (numpy.savez) or raise the option maxBytes.',
          },
        );
      }
      const stored = storedBytes(bytes, view, at, size);
      if (stored === null || crc32(stored) !== view.getUint32(at + 16, true))
        throw damaged(`the checksum of ${JSON.stringify(name)} is wrong`);
      const key = name.replace(/\.npy$/, '');
      if (arrays.has(key)) throw damaged(`it holds ${JSON.stringify(name)} twice`);
      arrays.set(key, decodeNpy(stored, `${source}: the array ${JSON.stringify(key)}`));
      at += 46 + nameLength + extraLength + commentLength;
    }
    return { arrays, comment };
  } catch (error) {
    // Offsets that lead out of the file.
    if (error instanceof RangeError) throw damaged('it is cut short');
    throw error;
  }
}

/** Where the record at the end of a zip archive begins; a comment of at most 65,535 bytes may follow it. */
function endOfContents(view: DataView): number | null {
  const first = Math.max(0, view.byteLength - 22 - 0xffff);
  for (let end = view.byteLength - 22; end >= first; end--)
    if (view.getUint32(end, true) === 0x06054b50) return end;
  return null;
}

/**
 * The content of the entry whose record in the table of contents begins at `at`; null where it cannot be unpacked to
 * `size` bytes.
 */
function storedBytes(bytes: Uint8Array, view: DataView, at: number, size: number): Uint8Array | null {
  const method = view.getUint16(at + 10, true);
  const length = view.getUint32(at + 20, true);
  const local = view.getUint32(at + 42, true);
  const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const content = bytes.subarray(from, from + length);
  if (method === 0) return content.length === size ? content : null;
  if (method !== 8)
    throw new ParameterError(`The .npz archive is compressed by method ${method}, which is not read.`);
  // A length that is deflate's largest ratio away cannot be true: nothing is set aside for it.
  if (size > 1032 * content.length + 64) return null;
  try {
    // What comes out beyond the size is dropped, and the checksum tells.
    const unpacked = inflateSync(content, { out: new Uint8Array(size) });
    return unpacked.length === size ? unpacked : null;
  } catch {
    return null;
  }
}
