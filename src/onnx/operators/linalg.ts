/** @file Shape rules of matrix products. */
import { ShapeError } from '../../core/errors.ts';
import { intAttribute, type Shape } from '../model.ts';
import { broadcast } from '../shape.ts';
import { describeNode, type InferContext, type InferRule, type OperatorTable, required } from './schema.ts';

function multiply(c: InferContext, a: Shape, b: Shape): Shape {
  const what = describeNode(c.node);
  if (a.length === 0 || b.length === 0)
    throw new ShapeError(`${what}: scalars cannot be multiplied as matrices.`);
  const left = a.length === 1 ? [1, ...a] : a;
  const right = b.length === 1 ? [...b, 1] : b;
  const inner = left.at(-1)!;
  const other = right.at(-2)!;
  if (typeof inner === 'number' && typeof other === 'number' && inner !== other) {
    throw new ShapeError(
      `${what}: inner sizes ${inner} and ${other} differ ([${a.join(', ')}] × [${b.join(', ')}]).`,
    );
  }
  const batch = broadcast(left.slice(0, -2), right.slice(0, -2), what, c.unknown);
  const rows = a.length === 1 ? [] : [left.at(-2)!];
  const columns = b.length === 1 ? [] : [right.at(-1)!];
  return [...batch, ...rows, ...columns];
}

const matMul: InferRule = (c) => {
  const a = required(c, 0);
  return [{ dtype: a.dtype, shape: multiply(c, a.shape, required(c, 1).shape) }];
};

const swapLast = (shape: Shape): Shape => [...shape.slice(0, -2), shape.at(-1)!, shape.at(-2)!];

/** ONNX Runtime's MatMul with transposes of the last two axes and a factor folded in (domain com.microsoft). */
const fusedMatMul: InferRule = (c) => {
  const a = required(c, 0);
  const b = required(c, 1);
  const left = intAttribute(c.node, 'transA', 0) ? swapLast(a.shape) : a.shape;
  const right = intAttribute(c.node, 'transB', 0) ? swapLast(b.shape) : b.shape;
  return [{ dtype: a.dtype, shape: multiply(c, left, right) }];
};

const gemm: InferRule = (c) => {
  const a = required(c, 0);
  const b = required(c, 1);
  if (a.shape.length !== 2 || b.shape.length !== 2) {
    throw new ShapeError(`${describeNode(c.node)}: both factors must be matrices.`);
  }
  const left = intAttribute(c.node, 'transA', 0) ? swapLast(a.shape) : a.shape;
  const right = intAttribute(c.node, 'transB', 0) ? swapLast(b.shape) : b.shape;
  const shape = multiply(c, left, right);
  const bias = c.inputs[2];
  if (bias !== undefined) broadcast(bias.shape, shape, describeNode(c.node), c.unknown);
  return [{ dtype: a.dtype, shape }];
};

export const linalg: OperatorTable = {
  MatMul: matMul,
  FusedMatMul: fusedMatMul,
  Gemm: gemm,
  FusedGemm: gemm,
};
