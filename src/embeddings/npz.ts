/** @file NumPy's archive format: a zip of `.npy` files, uncompressed as `numpy.savez` writes it, or compressed. */
import { inflateSync, zipSync } from 'fflate';
import { ParameterError } from '../core/errors.ts';
import { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';

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
 * Reads an `.npz` file of float arrays and checks its checksums.
 * @throws {ParameterError} when it is no zip archive, is damaged, or holds something else
 */
export function decodeNpz(bytes: Uint8Array): Npz {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const damaged = (why: string) => new ParameterError(`The .npz archive is damaged: ${why}.`);
  try {
    let end = bytes.length - 22;
    while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
    if (end < 0) throw damaged('it has no table of contents');
    const arrays = new Map<string, NpyArray>();
    let comment = '';
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
      const stored = storedBytes(bytes, view, at);
      if (crc32(stored) !== view.getUint32(at + 16, true)) throw damaged(`the checksum of ${name} is wrong`);
      arrays.set(name.replace(/\.npy$/, ''), decodeNpy(stored));
      at += 46 + nameLength + extraLength + commentLength;
    }
    return { arrays, comment };
  } catch (error) {
    // Offsets that lead out of the file.
    if (error instanceof RangeError) throw damaged('it is cut short');
    throw error;
  }
}

/** The content of the entry whose record in the table of contents begins at `at`. */
function storedBytes(bytes: Uint8Array, view: DataView, at: number): Uint8Array {
  const method = view.getUint16(at + 10, true);
  const length = view.getUint32(at + 20, true);
  const local = view.getUint32(at + 42, true);
  const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true);
  const content = bytes.subarray(from, from + length);
  if (method === 0) return content;
  if (method === 8) return inflateSync(content);
  throw new ParameterError(`The .npz archive is compressed by method ${method}, which is not read.`);
}

let table: Uint32Array | undefined;

/** The checksum of zip and gzip. */
function crc32(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let bit = 0; bit < 8; bit++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
  let crc = 0xffffffff;
  for (const byte of bytes) crc = table[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}
