/**
 * @file The HDF5 library (h5wasm: the C library compiled to WebAssembly), loaded when first needed. It is the only
 * importer. Runs in browsers.
 */
import type { Dataset, Group } from 'h5wasm';
import { EarshotError, WeightsError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';

/** HDF5's class of floating-point numbers. */
const FLOAT = 1;

const signature = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Whether bytes begin as an HDF5 file does. */
export function isHdf5(bytes: Uint8Array): boolean {
  return signature.every((byte, i) => bytes[i] === byte);
}

/** Loads the library, once. */
export async function loadHdf5(): Promise<{
  File: typeof import('h5wasm').File;
  library: Awaited<typeof import('h5wasm').ready>;
}> {
  const { File, ready } = await import('h5wasm');
  return { File, library: await ready };
}

let files = 0;

/**
 * Opens an HDF5 file in memory, hands its root to `read` and closes it again. `read` must not wait for anything:
 * meanwhile the library is set to throw its errors instead of printing them.
 * @throws {WeightsError} for bytes that are no HDF5 file, or a damaged one
 */
export async function withHdf5<T>(bytes: Uint8Array, source: string, read: (root: Group) => T): Promise<T> {
  if (!isHdf5(bytes)) throw notHdf5(bytes, source);
  const { File, library } = await loadHdf5();
  const name = `/earshot-${files++}.h5`;
  library.FS.writeFile(name, bytes);
  library.activate_throwing_error_handler();
  try {
    const file = new File(name, 'r');
    try {
      return read(file);
    } finally {
      file.close();
    }
  } catch (cause) {
    if (cause instanceof EarshotError) throw cause;
    throw new WeightsError(`${source} is a damaged HDF5 file: ${reason(cause)}.`, {
      hint: 'Was the download or the copy cut off? Fetch it again.',
      cause,
    });
  } finally {
    library.deactivate_throwing_error_handler();
    library.FS.unlink(name);
  }
}

/** Of the library's stack of errors the last, which is nearest to the cause. */
function reason(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const lines = [...message.matchAll(/^\s*#\d+: .*? in \w+\(\): (.*)$/gm)];
  return (lines.at(-1)?.[1] ?? message.split('\n')[0] ?? 'unknown reason').replace(/\.$/, '');
}

/** Says what bytes are that are no HDF5 file. */
export function notHdf5(bytes: Uint8Array, source: string): WeightsError {
  if (bytes.length === 0) {
    return new WeightsError(`${source} is empty.`, { hint: 'Was the download cut off?' });
  }
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 64)).trimStart();
  if (start.startsWith('PK')) {
    return new WeightsError(`${source} is a zip archive, such as Keras 3's .keras files, not an HDF5 file.`, {
      hint: "Save it as HDF5 in Python: keras.saving.load_model(path).save('model.h5').",
    });
  }
  if (start.startsWith('<')) {
    return new WeightsError(`${source} is a web page, not an HDF5 file.`, {
      hint: 'Its address probably leads to a page about the file: take the address of the file itself.',
    });
  }
  return new WeightsError(`${source} is no HDF5 file: it does not begin with HDF5's signature.`, {
    hint: 'Is it another kind of file?',
  });
}

/** An attribute that holds a text or a list of texts; null where there is none. */
export function textAttribute(group: Group, name: string): string[] | null {
  const attribute = group.attrs[name];
  if (attribute === undefined) return null;
  const { value, shape } = attribute;
  if (typeof value === 'string') return [value];
  // An empty list was written as numbers: NumPy does not know of what it is empty.
  if (shape?.includes(0)) return [];
  if (!Array.isArray(value) || !value.every((item) => typeof item === 'string'))
    throw new Error(`the attribute '${name}' of '${group.path}' does not hold text`);
  return value as string[];
}

/** Bytes that a data set takes in memory, and each of its chunks while it is read. */
export function datasetBytes({ metadata }: Dataset): number {
  const product = (sizes: readonly number[] | null) =>
    (sizes ?? []).reduce((n, size) => n * Number(size), metadata.size);
  return Math.max(product(metadata.shape), metadata.chunks === null ? 0 : product(metadata.chunks));
}

/**
 * A data set of floating-point numbers as a tensor; null for one that holds something else.
 * @throws {Error} for a width that is not read
 */
export function floatTensor(dataset: Dataset): Tensor<'float32' | 'float64'> | null {
  const { metadata } = dataset;
  if (metadata.shape === null || metadata.type !== FLOAT) return null;
  if (metadata.size !== 4 && metadata.size !== 8) {
    throw new WeightsError(
      `'${dataset.path}' holds floating-point numbers of ${8 * metadata.size} bits; 32 and 64 are read.`,
    );
  }
  const dims = metadata.shape.map(Number);
  const { value } = dataset;
  // A single number comes by itself.
  const data = typeof value === 'number' ? [value] : (value as ArrayLike<number>);
  if (metadata.size === 4)
    return { dtype: 'float32', dims, data: data instanceof Float32Array ? data : Float32Array.from(data) };
  return { dtype: 'float64', dims, data: data instanceof Float64Array ? data : Float64Array.from(data) };
}
