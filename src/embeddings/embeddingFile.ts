/**
 * @file A recording's embeddings as a file: NumPy's `.npz`, Parquet or JSON. Each carries what it was made from and a
 * checksum over all its bytes, so that a file that was damaged is known as such. Both are found in the bytes as they
 * were written, without a parser of the format, which a damaged file could lead astray.
 */
import { parquetWriteBuffer } from 'hyparquet-writer';
import { crc32 } from '../core/crc32.ts';
import { ParameterError } from '../core/errors.ts';
import { decodeNpz, encodeNpz } from './npz.ts';

export interface EmbeddingFile {
  /** The recording's path, as it was given. */
  readonly file: string;
  /** Numbers in one embedding. */
  readonly size: number;
  /** [nWindows, size] */
  readonly embedding: Float32Array;
  /** Seconds, one per window. */
  readonly timestamps: Float64Array;
  /** What the numbers were made from: a digest of the embedder and of the recording's content. */
  readonly source: string;
}

export type EmbeddingFormat = 'npz' | 'parquet' | 'json';

export const embeddingFormats: readonly EmbeddingFormat[] = ['npz', 'parquet', 'json'];

/** Keys under which a Parquet file says what it was made from, and its checksum. */
const sourceKey = 'earshot.source';
const checksumKey = 'earshot.crc32';

/** Stands in the place of the checksum while that is computed: as long, in hexadecimal digits. */
export const unsealed = '00000000';

/**
 * The bytes of the file.
 * - `npz`: `embedding` [nWindows, size] float32 and `timestamps` [nWindows] float64, the names and shapes of the openl3
 *   package.
 * - `parquet`: a row per window with `file`, `timestamp` and `embedding`, a list of floats.
 * - `json`: `{ source, crc32, file, timestamps, embedding }` with a list per window.
 *
 * The checksum of Parquet and JSON is the CRC-32 of the whole file with zeros in its own place.
 */
export function encodeEmbeddingFile(content: EmbeddingFile, format: EmbeddingFormat): Uint8Array {
  const { file, size, embedding, timestamps, source } = content;
  const rows = () =>
    Array.from(timestamps, (_, i) => Array.from(embedding.subarray(i * size, (i + 1) * size)));
  switch (format) {
    case 'npz':
      return encodeNpz({
        arrays: new Map([
          ['embedding', { shape: [timestamps.length, size], data: embedding }],
          ['timestamps', { shape: [timestamps.length], data: timestamps }],
        ]),
        comment: JSON.stringify({ earshot: source }),
      });
    case 'json': {
      const about = { source, crc32: unsealed, file };
      const text = JSON.stringify({ ...about, timestamps: Array.from(timestamps), embedding: rows() });
      return sealed(new TextEncoder().encode(`${text}\n`), jsonSeal);
    }
    case 'parquet':
      return sealed(
        new Uint8Array(
          parquetWriteBuffer({
            schema: [
              { name: 'root', num_children: 3 },
              { name: 'file', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' },
              { name: 'timestamp', type: 'DOUBLE', repetition_type: 'REQUIRED' },
              { name: 'embedding', converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
              { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
              { name: 'element', type: 'FLOAT', repetition_type: 'REQUIRED' },
            ],
            columnData: [
              { name: 'file', data: Array.from(timestamps, () => file) },
              { name: 'timestamp', data: Array.from(timestamps) },
              { name: 'embedding', data: rows() },
            ],
            kvMetadata: [
              { key: sourceKey, value: source },
              { key: checksumKey, value: unsealed },
            ],
          }),
        ),
        parquetSeal,
      );
  }
}

/** What lies in the place of a file of embeddings. */
export type EmbeddingFileState =
  /** A whole file, as it was written. */
  | { readonly state: 'whole'; readonly source: string }
  /** One that was damaged or cut off, or was written before such files had checksums: it may be replaced. */
  | { readonly state: 'damaged' }
  /** Something else. */
  | { readonly state: 'foreign' };

const damaged = { state: 'damaged' } as const;
const foreign = { state: 'foreign' } as const;

/** Whether bytes are a file of embeddings that {@link encodeEmbeddingFile} made, and unchanged. */
export function embeddingFileState(bytes: Uint8Array, format: EmbeddingFormat): EmbeddingFileState {
  switch (format) {
    case 'npz':
      return npzState(bytes);
    case 'json':
      return sealState(bytes, jsonSeal, startsWith(bytes, '{"source":"'));
    case 'parquet': {
      const cut = startsWith(bytes, 'PAR1') && latin1(bytes.subarray(-4)) !== 'PAR1';
      return sealState(bytes, parquetSeal, cut || lastIndexOf(bytes, sourceKey) >= 0);
    }
  }
}

function npzState(bytes: Uint8Array): EmbeddingFileState {
  try {
    const { arrays, comment } = decodeNpz(bytes);
    const source = /^\{"earshot":"([^"\\]*)"\}$/.exec(comment)?.[1];
    if (source === undefined || !arrays.has('embedding') || !arrays.has('timestamps')) return foreign;
    // The checksums in a zip archive cover the arrays alone; equal arrays give equal bytes here.
    const whole = encodeNpz({ arrays, comment });
    const same = whole.length === bytes.length && whole.every((byte, i) => bytes[i] === byte);
    return same ? { state: 'whole', source } : damaged;
  } catch {
    // Archives of other arrays are not read here, but they are whole: somebody else's.
    const cut = startsWith(bytes, 'PK\x03\x04') && lastIndexOf(bytes, 'PK\x05\x06') < 0;
    return cut || lastIndexOf(bytes, '{"earshot":"') >= 0 ? damaged : foreign;
  }
}

/** Where a file says what it was made from, and where the digits of its checksum begin; null where it does not. */
type FindSeal = (bytes: Uint8Array) => { readonly source: string; readonly at: number } | null;

/** The file begins with both. */
const jsonSeal: FindSeal = (bytes) => {
  const found = /^\{"source":"([^"\\]*)","crc32":"/.exec(latin1(bytes.subarray(0, 1024)));
  return found === null ? null : { source: found[1], at: found[0].length };
};

/** Thrift's type of the value of a key, a string, in the place where Parquet writes it. */
const STRING = 0x18;

/** Among the pairs of keys and values at the end: after a key, the value's type, its length, its bytes. */
const parquetSeal: FindSeal = (bytes) => {
  const key = lastIndexOf(bytes, sourceKey);
  const seal = lastIndexOf(bytes, checksumKey);
  if (key < 0 || seal < 0) return null;
  const from = key + sourceKey.length + 1;
  const at = seal + checksumKey.length + 2;
  // The length is a varint: one byte below 128, else seven bits and then the rest.
  const [low, high] = [bytes[from], bytes[from + 1]];
  const [length, start] = low < 128 ? [low, from + 1] : [low - 128 + 128 * high, from + 2];
  if (bytes[from - 1] !== STRING || start + length > seal) return null;
  if (bytes[at - 2] !== STRING || bytes[at - 1] !== unsealed.length) return null;
  return { source: latin1(bytes.subarray(start, start + length)), at };
};

/** The bytes with their checksum in its place, which is changed in them. */
function sealed(bytes: Uint8Array, find: FindSeal): Uint8Array {
  const seal = find(bytes);
  if (seal === null)
    throw new ParameterError('What an embedding was made from must be a short line of letters and digits.');
  bytes.set(new TextEncoder().encode(crc32(bytes).toString(16).padStart(8, '0')), seal.at);
  return bytes;
}

function sealState(bytes: Uint8Array, find: FindSeal, ours: boolean): EmbeddingFileState {
  const seal = find(bytes);
  if (seal === null) return ours ? damaged : foreign;
  const { source, at } = seal;
  const stated = latin1(bytes.subarray(at, at + 8));
  const zeros = new TextEncoder().encode(unsealed);
  const crc = crc32(bytes.subarray(at + 8), crc32(zeros, crc32(bytes.subarray(0, at))));
  return stated === crc.toString(16).padStart(8, '0') ? { state: 'whole', source } : damaged;
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return latin1(bytes.subarray(0, text.length)) === text;
}

/** Where a text of ASCII stands in bytes for the last time; -1 where it does not. */
function lastIndexOf(bytes: Uint8Array, text: string): number {
  const wanted = new TextEncoder().encode(text);
  if (bytes.length < wanted.length) return -1;
  for (
    let at = bytes.lastIndexOf(wanted[0], bytes.length - wanted.length);
    at >= 0;
    at = at === 0 ? -1 : bytes.lastIndexOf(wanted[0], at - 1)
  ) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}
