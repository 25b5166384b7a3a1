/** @file Gradients of matrix products. */
import { UnsupportedOpError } from '../../core/errors.ts';
import { describeNode, floatAttribute, intAttribute, type Value } from '../../onnx/index.ts';
import { algebra, cotangent, dims, input, type VjpContext, type VjpRule, type VjpTable } from '../vjp.ts';

/** ONNX Runtime's MatMul with transposes folded in: no copy of either factor is made. */
function product(c: VjpContext, a: Value, b: Value, transA: boolean, transB: boolean): Value {
  if (!transA && !transB) return c.g.op('MatMul', [a, b]);
  if (a.dtype === 'float64' || c.standardOnly === true) {
    const swap = (v: Value) => {
      const perm = v.shape.map((_, i) => i);
      [perm[perm.length - 1], perm[perm.length - 2]] = [perm[perm.length - 2], perm[perm.length - 1]];
      return c.g.op('Transpose', [v], { perm });
    };
    return c.g.op('MatMul', [transA ? swap(a) : a, transB ? swap(b) : b]);
  }
  return c.g.op(
    'FusedMatMul',
    [a, b],
    { transA: transA ? 1 : 0, transB: transB ? 1 : 0 },
    { domain: 'com.microsoft' },
  );
}

// dA = dY · Bᵀ, dB = Aᵀ · dY; batch axes that were broadcast are summed by the pass
const matMul: VjpRule = (c) => {
  const a = input(c, 0);
  const b = input(c, 1);
  const m = algebra(c.g, a);
  // Vectors become matrices for the product, and their gradients vectors again.
  const left = a.shape.length === 1 ? m.reshape(a, [1, ...dims(c, a)]) : a;
  const right = b.shape.length === 1 ? m.reshape(b, [...dims(c, b), 1]) : b;
  let dy = cotangent(c);
  if (a.shape.length === 1 || b.shape.length === 1) {
    const batch = dims(c, c.outputs[0]).slice(
      0,
      c.outputs[0].shape.length - (a.shape.length > 1 ? 1 : 0) - (b.shape.length > 1 ? 1 : 0),
    );
    dy = m.reshape(dy, [...batch, dims(c, left).at(-2)!, dims(c, right).at(-1)!]);
  }
  const backToVector = (gradient: Value, operand: Value): Value => {
    if (operand.shape.length !== 1) return gradient;
    const batchAxes = Array.from({ length: gradient.shape.length - 2 }, (_, i) => i);
    return m.reshape(m.reduceSum(gradient, batchAxes), dims(c, operand));
  };
  // A batch of left matrices times one right matrix: its gradient is a single large product.
  const flat = (v: Value) => m.reshape(v, [-1, dims(c, v).at(-1)!]);
  const oneRight = right.shape.length === 2 && left.shape.length > 2;
  const dRight = () =>
    oneRight ? product(c, flat(left), flat(dy), true, false) : product(c, left, dy, true, false);
  return [
    c.needs[0] ? backToVector(product(c, dy, right, false, true), a) : null,
    c.needs[1] ? backToVector(dRight(), b) : null,
  ];
};

// Y = α·A'·B' + β·C, each factor transposed or not
const gemm: VjpRule = (c) => {
  const a = input(c, 0);
  const b = input(c, 1);
  const m = algebra(c.g, a);
  const transA = intAttribute(c.node, 'transA', 0) === 1;
  const transB = intAttribute(c.node, 'transB', 0) === 1;
  const alpha = floatAttribute(c.node, 'alpha', 1);
  const beta = floatAttribute(c.node, 'beta', 1);
  const dy = cotangent(c);
  const g = alpha === 1 ? dy : m.mul(dy, m.scalar(alpha));
  const da = () => (transA ? product(c, b, g, transB, true) : product(c, g, b, false, !transB));
  const db = () => (transB ? product(c, g, a, true, transA) : product(c, a, g, !transA, false));
  return [
    c.needs[0] ? da() : null,
    c.needs[1] ? db() : null,
    c.needs[2] ? (beta === 1 ? dy : m.mul(dy, m.scalar(beta))) : null,
  ];
};

// ONNX Runtime's own: Y = α·A'·B', the last two axes of each factor exchanged or not
const fusedMatMul: VjpRule = (c) => {
  const a = input(c, 0);
  const b = input(c, 1);
  const m = algebra(c.g, a);
  const transA = intAttribute(c.node, 'transA', 0) === 1;
  const transB = intAttribute(c.node, 'transB', 0) === 1;
  const moved = ['transBatchA', 'transBatchB'].some((name) => intAttribute(c.node, name, 0) === 1);
  if (moved || a.shape.length < 2 || b.shape.length < 2) {
    throw new UnsupportedOpError(
      `${describeNode(c.node)}: vectors and transposed batch axes have no gradient rule.`,
    );
  }
  const alpha = floatAttribute(c.node, 'alpha', 1);
  const dy = alpha === 1 ? cotangent(c) : m.mul(cotangent(c), m.scalar(alpha));
  // A batch of left matrices times one right matrix: its gradient is a single large product.
  const single = !transA && b.shape.length === 2 && a.shape.length > 2;
  const flat = (v: Value) => (single ? m.reshape(v, [-1, dims(c, v).at(-1)!]) : v);
  const da = () => (transA ? product(c, b, dy, transB, true) : product(c, dy, b, false, !transB));
  const db = () =>
    transB ? product(c, flat(dy), flat(a), true, transA) : product(c, flat(a), flat(dy), !transA, false);
  return [c.needs[0] ? da() : null, c.needs[1] ? db() : null];
};

export const linalg: VjpTable = { MatMul: matMul, FusedMatMul: fusedMatMul, Gemm: gemm };
