/** @file The numbers by which ONNX files name element types. */
import { GraphError } from '../core/errors.ts';
import type { DType } from '../core/tensor.ts';

const numbers: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
};

const names = new Map<number, DType>(Object.entries(numbers).map(([name, n]) => [n, name as DType]));

/** ONNX's `TensorProto.DataType` number of a dtype. */
export function dataTypeNumber(dtype: DType): number {
  return numbers[dtype];
}

/** A file has numbers of a type that Earshot does not handle. */
export class ElementTypeError extends GraphError {}

/** The dtype behind ONNX's number. @throws {ElementTypeError} for strings, complex, 8- and 4-bit floats. */
export function dtypeFromNumber(n: number, where: string): DType {
  const dtype = names.get(n);
  if (dtype === undefined) {
    throw new ElementTypeError(`${where} has element type ${n}, which Earshot does not handle.`, {
      hint: 'Numbers, booleans and float16 are handled; strings, complex numbers and sub-byte types are not.',
    });
  }
  return dtype;
}

export function isFloat(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16';
}
