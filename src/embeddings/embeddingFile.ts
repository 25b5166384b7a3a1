/** @file A recording's embeddings as a file: NumPy's `.npz`, Parquet or JSON. */
import { parquetMetadataAsync } from 'hyparquet';
import { parquetWriteBuffer } from 'hyparquet-writer';
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

/** The key under which a Parquet file says what it was made from. */
const sourceKey = 'earshot.source';

/**
 * The bytes of the file.
 * - `npz`: `embedding` [nWindows, size] float32 and `timestamps` [nWindows] float64, the names and shapes of the openl3
 *   package.
 * - `parquet`: a row per window with `file`, `timestamp` and `embedding`, a list of floats.
 * - `json`: `{ source, file, timestamps, embedding }` with a list per window.
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
    case 'json':
      return new TextEncoder().encode(
        `${JSON.stringify({ source, file, timestamps: Array.from(timestamps), embedding: rows() })}\n`,
      );
    case 'parquet':
      return new Uint8Array(
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
          kvMetadata: [{ key: sourceKey, value: source }],
        }),
      );
  }
}

/** What a file of embeddings was made from; null where it is damaged, or none of ours. */
export async function embeddingFileSource(
  bytes: Uint8Array,
  format: EmbeddingFormat,
): Promise<string | null> {
  try {
    const source = await readSource(bytes, format);
    return typeof source === 'string' ? source : null;
  } catch {
    return null;
  }
}

async function readSource(bytes: Uint8Array, format: EmbeddingFormat): Promise<unknown> {
  switch (format) {
    case 'npz': {
      const { arrays, comment } = decodeNpz(bytes);
      return arrays.has('embedding') && arrays.has('timestamps')
        ? (JSON.parse(comment) as { earshot: unknown }).earshot
        : null;
    }
    case 'json':
      return (JSON.parse(new TextDecoder().decode(bytes)) as { source: unknown }).source;
    case 'parquet': {
      // Of its own, and no slice(): that of Node's Buffer is a view.
      const { buffer } = Uint8Array.from(bytes);
      const { key_value_metadata: pairs = [] } = await parquetMetadataAsync({
        byteLength: buffer.byteLength,
        slice: (from, to) => buffer.slice(from, to),
      });
      return pairs.find(({ key }) => key === sourceKey)?.value;
    }
  }
}
