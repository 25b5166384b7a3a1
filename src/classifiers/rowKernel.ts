/**
 * @file The inner loops of the classifiers: rows of a matrix against float64 vectors, by WebAssembly SIMD where there
 * is any, else in TypeScript with equal results. Rows keep the precision they came in, float32 or float64, and every
 * sum is float64: embeddings are float32, and of a large matrix half the bytes pass through the processor.
 */
import type { Matrix } from './matrix.ts';
import { rowKernelBase64 } from './rowKernel.generated.ts';

/** A matrix and some vectors as long as its rows, side by side. Rows are filled with zeros to a multiple of 8. */
export interface RowKernel {
  /** The vectors: of `stride` elements, all zero at first; those from `width` on stay zero. */
  readonly vectors: readonly Float64Array[];
  /** Columns that count, a constant column included. */
  readonly width: number;
  /** Sum of row[k]·vectors[v][k]. */
  dot(row: number, v: number): number;
  /** vectors[v] += scale·row. */
  add(row: number, v: number, scale: number): void;
  /** Makes vectors[v] a copy of a row. */
  load(row: number, v: number): void;
}

export interface RowKernelOptions {
  /** How many vectors. */
  readonly vectors: number;
  /** Value of a constant column put behind the others; none if absent. */
  readonly constant?: number;
  /** False: TypeScript even where there is WebAssembly, for tests. */
  readonly wasm?: boolean;
}

type Dot = (x: number, w: number, end: number) => number;
type Add = (x: number, w: number, end: number, scale: number) => void;

/** What is used of the WebAssembly API, which the compiler's types for Node alone do not declare. */
interface WebAssemblyApi {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (
    module: object,
    imports: object,
  ) => { exports: { dot32: Dot; dot64: Dot; add32: Add; add64: Add } };
  Memory: new (size: { initial: number }) => { buffer: ArrayBuffer };
}

const webAssembly = (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;

/** WebAssembly addresses are 32 bits. */
const largestMemory = 2 ** 32 - 65536;

let compiled: object | null | undefined;

/** The compiled module; null where WebAssembly or its SIMD instructions are missing. */
function kernelModule(): object | null {
  if (compiled === undefined) {
    try {
      compiled = new webAssembly.Module(Uint8Array.from(atob(rowKernelBase64), (c) => c.charCodeAt(0)));
    } catch {
      compiled = null;
    }
  }
  return compiled;
}

/** Copies `x` and makes room for the vectors. */
export function createRowKernel(x: Matrix, options: RowKernelOptions): RowKernel {
  const { constant } = options;
  const width = x.columns + (constant === undefined ? 0 : 1);
  const stride = Math.ceil(width / 8) * 8;
  const size = x.data.BYTES_PER_ELEMENT;
  const vectorsAt = x.rows * stride * size;
  const bytes = vectorsAt + options.vectors * stride * 8;
  const module = options.wasm === false || bytes > largestMemory ? null : kernelModule();
  const memory = module === null ? null : reserve(bytes);
  const buffer = memory?.buffer ?? new ArrayBuffer(bytes);

  const rows =
    size === 4 ? new Float32Array(buffer, 0, x.rows * stride) : new Float64Array(buffer, 0, x.rows * stride);
  for (let i = 0; i < x.rows; i++) {
    rows.set(x.data.subarray(i * x.columns, (i + 1) * x.columns), i * stride);
    if (constant !== undefined) rows[i * stride + x.columns] = constant;
  }
  const vectors = Array.from(
    { length: options.vectors },
    (_, v) => new Float64Array(buffer, vectorsAt + v * stride * 8, stride),
  );
  const load = (row: number, v: number) => {
    vectors[v].set(rows.subarray(row * stride, (row + 1) * stride));
  };
  if (module === null || memory === null) {
    return {
      vectors,
      width,
      load,
      dot: (row, v) => plainDot(rows, row * stride, vectors[v]),
      add: (row, v, scale) => plainAdd(rows, row * stride, vectors[v], scale),
    };
  }
  const { exports } = new webAssembly.Instance(module, { env: { memory } });
  const dot = size === 4 ? exports.dot32 : exports.dot64;
  const add = size === 4 ? exports.add32 : exports.add64;
  const rowBytes = stride * size;
  const vectorBytes = stride * 8;
  return {
    vectors,
    width,
    load,
    dot: (row, v) => dot(row * rowBytes, vectorsAt + v * vectorBytes, vectorsAt + (v + 1) * vectorBytes),
    add: (row, v, scale) =>
      add(row * rowBytes, vectorsAt + v * vectorBytes, vectorsAt + (v + 1) * vectorBytes, scale),
  };
}

function reserve(bytes: number): { buffer: ArrayBuffer } | null {
  try {
    return new webAssembly.Memory({ initial: Math.max(1, Math.ceil(bytes / 65536)) });
  } catch {
    return null;
  }
}

function plainDot(rows: Float32Array | Float64Array, at: number, w: Float64Array): number {
  let [a, b, c, d, e, f, g, h] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (let k = 0; k < w.length; k += 8, at += 8) {
    a += rows[at] * w[k];
    b += rows[at + 1] * w[k + 1];
    c += rows[at + 2] * w[k + 2];
    d += rows[at + 3] * w[k + 3];
    e += rows[at + 4] * w[k + 4];
    f += rows[at + 5] * w[k + 5];
    g += rows[at + 6] * w[k + 6];
    h += rows[at + 7] * w[k + 7];
  }
  // The order in which the vector lanes are added.
  return a + c + (e + g) + (b + d + (f + h));
}

function plainAdd(rows: Float32Array | Float64Array, at: number, w: Float64Array, scale: number): void {
  for (let k = 0; k < w.length; k++) w[k] += scale * rows[at + k];
}
