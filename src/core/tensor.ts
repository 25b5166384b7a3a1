/** @file A tensor as plain data: dtype, dims and a typed array in row-major (C) order. */
import { ShapeError } from './errors.ts';

export type DType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool';

/** The typed array that stores each dtype. `float16` is held as its raw bits, `bool` as 0/1 bytes. */
export interface DTypeArray {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

export type TensorData = DTypeArray[DType];

const arrayConstructors = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly dims: readonly number[];
  readonly data: DTypeArray[D];
}

/** Number of elements of a shape; 1 for a scalar (`[]`). */
export function sizeOf(dims: readonly number[]): number {
  let n = 1;
  for (const d of dims) n *= d;
  return n;
}

/** Bytes per element of a dtype. */
export function bytesPerElement(dtype: DType): number {
  return arrayConstructors[dtype].BYTES_PER_ELEMENT;
}

/** A zero-filled typed array for a dtype. */
export function allocate<D extends DType>(dtype: D, length: number): DTypeArray[D] {
  return new arrayConstructors[dtype](length) as DTypeArray[D];
}

/** A typed array of `dtype` over existing bytes; copies only where alignment demands it. */
export function viewBytes<D extends DType>(dtype: D, bytes: Uint8Array): DTypeArray[D] {
  const make = arrayConstructors[dtype];
  const size = make.BYTES_PER_ELEMENT;
  // Not slice(): of a Node Buffer that is a view, at the same offset.
  const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
  return new make(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    aligned.byteLength / size,
  ) as DTypeArray[D];
}

/** The raw little-endian bytes of a tensor's data (a view, not a copy). */
export function bytesOf(tensor: Tensor): Uint8Array {
  return new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
}

/**
 * Builds a tensor after checking that `data` has exactly the elements that `dims` needs.
 * @throws {ShapeError} on a negative or fractional dim or a length that does not fit.
 */
export function tensor<D extends DType>(dtype: D, dims: readonly number[], data: DTypeArray[D]): Tensor<D> {
  for (const d of dims) {
    if (!Number.isInteger(d) || d < 0)
      throw new ShapeError(`Tensor dims must be integers ≥ 0, got [${dims.join(', ')}].`);
  }
  if (data.length !== sizeOf(dims)) {
    throw new ShapeError(
      `A tensor of shape [${dims.join(', ')}] needs ${sizeOf(dims)} elements, got ${data.length}.`,
    );
  }
  return { dtype, dims: [...dims], data };
}

/** A float32 tensor from numbers. */
export function float32(dims: readonly number[], values: ArrayLike<number>): Tensor<'float32'> {
  return tensor('float32', dims, values instanceof Float32Array ? values : Float32Array.from(values));
}

/** An int64 tensor from (safe integer) numbers. */
export function int64(dims: readonly number[], values: ArrayLike<number>): Tensor<'int64'> {
  return tensor('int64', dims, BigInt64Array.from(Array.from(values, (v) => BigInt(v))));
}

/** Rows of `columns` numbers each as one tensor [rows, columns]. */
export function stackRows(rows: readonly Float32Array[], columns: number): Tensor<'float32'> {
  const data = new Float32Array(rows.length * columns);
  rows.forEach((row, i) => {
    data.set(row, i * columns);
  });
  return { dtype: 'float32', dims: [rows.length, columns], data };
}

/** The rows of a tensor [rows, columns], copied. */
export function rowsOf({ dims, data }: Tensor<'float32'>): Float32Array[] {
  const [rows, columns] = dims as readonly [number, number];
  return Array.from({ length: rows }, (_, i) => data.slice(i * columns, (i + 1) * columns));
}

/** Arrays one behind the other, in an array of its own buffer. */
export function joined(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/**
 * The place of the largest value, the first of equal ones. What is not a number is smaller than any that is, so that the
 * answer is always a place; whether values are numbers is to be checked where they are made.
 * @param values at least one
 */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i] > values[best] || Number.isNaN(values[best])) best = i;
  }
  return best;
}
