/** @file Gradients of reductions and of the softmax family. */
import { GraphError } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import {
  dataTypeNumber,
  describeNode,
  intAttribute,
  intsAttribute,
  isStatic,
  resolveAxis,
  type Value,
} from '../../onnx/index.ts';
import {
  type Algebra,
  algebra,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

/** The reduced axes: from the attribute, the constant input, or all. */
export function reducedAxes(c: VjpContext): number[] {
  const rank = input(c, 0).shape.length;
  const listed = c.inputs[1];
  let axes = intsAttribute(c.node, 'axes');
  if (axes === undefined && listed != null) {
    const tensor = c.g.constantOf(listed);
    if (tensor === undefined)
      throw new GraphError(`${describeNode(c.node)}: its axes are computed, so it has no gradient.`);
    axes = Array.from(tensor.data as BigInt64Array, Number);
  }
  if (axes === undefined || axes.length === 0) {
    return intAttribute(c.node, 'noop_with_empty_axes', 0) === 1
      ? []
      : Array.from({ length: rank }, (_, i) => i);
  }
  return axes.map((axis) => resolveAxis(axis, rank, describeNode(c.node)));
}

/** A reduced value (y or dy) with the reduced axes put back as size 1. */
function restored(c: VjpContext, a: Algebra, reduced: Value, axes: readonly number[]): Value {
  if (intAttribute(c.node, 'keepdims', 1) === 1 || axes.length === 0) return reduced;
  return a.unsqueeze(reduced, axes);
}

/** How many elements of x each element of y was made from. */
function countOf(c: VjpContext, a: Algebra, x: Value, axes: readonly number[]): Value {
  const sizes = axes.map((axis) => x.shape[axis]);
  if (isStatic(sizes)) return a.scalar(sizeOf(sizes));
  const sizeAtRunTime = (v: Value) => a.op('Cast', [a.op('Size', [v])], { to: dataTypeNumber(x.dtype) });
  return a.div(sizeAtRunTime(x), sizeAtRunTime(c.outputs[0]));
}

type Spread = (a: Algebra, x: Value, y: Value, dy: Value, count: () => Value) => Value;

/** A reduction whose gradient is an elementwise function of x and of y and dy spread back over the reduced axes. */
function reduction(spread: Spread): VjpRule {
  return (c) => {
    const x = input(c, 0);
    const a = algebra(c.g, x);
    const axes = reducedAxes(c);
    const count = () => countOf(c, a, x, axes);
    const dx = spread(a, x, restored(c, a, c.outputs[0], axes), restored(c, a, cotangent(c), axes), count);
    return [a.expandLike(dx, x), null];
  };
}

// Each of the tied extremes gets an equal share, as PyTorch's amax does.
const extreme: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const axes = reducedAxes(c);
  const hit = a.indicator(a.op('Equal', [x, restored(c, a, c.outputs[0], axes)]));
  const share = a.div(restored(c, a, cotangent(c), axes), a.reduceSum(hit, axes, true));
  return [a.mul(hit, share), null];
};

/** The axes that Softmax sums over: its own; before opset 13 all from its own on. */
function softmaxAxes(c: VjpContext, y: Value): number[] {
  const rank = y.shape.length;
  const old = c.g.opset < 13;
  const axis = resolveAxis(intAttribute(c.node, 'axis', old ? 1 : -1), rank, describeNode(c.node));
  return old ? Array.from({ length: rank - axis }, (_, i) => axis + i) : [axis];
}

// dx = y · (dy − Σ dy·y)
const softmax: VjpRule = (c) => {
  const y = c.outputs[0];
  const a = algebra(c.g, y);
  const weighted = a.mul(cotangent(c), y);
  return [a.sub(weighted, a.mul(y, a.reduceSum(weighted, softmaxAxes(c, y), true)))];
};

// dx = dy − softmax(x) · Σ dy
const logSoftmax: VjpRule = (c) => {
  const y = c.outputs[0];
  const a = algebra(c.g, y);
  const dy = cotangent(c);
  return [a.sub(dy, a.mul(a.op('Exp', [y]), a.reduceSum(dy, softmaxAxes(c, y), true)))];
};

// dxᵢ = dy · the product of all others: y / xᵢ without zeros; with one zero only that element has a gradient
const product: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const axes = reducedAxes(c);
  const zero = a.op('Equal', [x, a.scalar(0)]);
  const safe = a.op('Where', [zero, a.scalar(1), x]);
  const shape = dims(c, x);
  const kept = shape.map((d, i) => (axes.includes(i) ? 1 : d));
  if (axes.length === 0) return [cotangent(c), null];
  const ofOthers =
    c.g.opset < 18
      ? a.op('ReduceProd', [safe], { axes, keepdims: 1 })
      : a.op('ReduceProd', [safe, c.g.ints(axes)], { keepdims: 1 });
  const hits = a.indicator(zero);
  const zeros = a.reduceSum(hits, axes, true);
  const count = a.sub(zeros, hits);
  const alone = a.indicator(a.op('Equal', [count, a.scalar(0)]));
  const dy = a.reshape(cotangent(c), kept);
  return [a.mul(a.mul(a.div(ofOthers, safe), alone), dy), null];
};

// y_j = Σ of the x before (and, unless exclusive, at) j: dx is the same sum running the other way
const cumSum: VjpRule = (c) => {
  const reverse = intAttribute(c.node, 'reverse', 0);
  const exclusive = intAttribute(c.node, 'exclusive', 0);
  return [c.g.op('CumSum', [cotangent(c), input(c, 1)], { exclusive, reverse: 1 - reverse }), null];
};

export const reductions: VjpTable = {
  ReduceSum: reduction((_a, _x, _y, dy) => dy),
  ReduceMean: reduction((a, _x, _y, dy, count) => a.div(dy, count())),
  ReduceSumSquare: reduction((a, x, _y, dy) => a.mul(a.add(x, x), dy)),
  ReduceL1: reduction((a, x, _y, dy) => a.mul(a.op('Sign', [x]), dy)),
  // At the origin, where there is no tangent, the gradient is zero.
  ReduceL2: reduction((a, x, y, dy) => {
    const origin = a.op('Equal', [y, a.scalar(0)]);
    return a.mul(x, a.div(dy, a.op('Where', [origin, a.scalar(1), y])));
  }),
  ReduceLogSum: reduction((a, _x, y, dy) => a.div(dy, a.op('Exp', [y]))),
  ReduceLogSumExp: reduction((a, x, y, dy) => a.mul(a.op('Exp', [a.sub(x, y)]), dy)),
  ReduceProd: product,
  ReduceMax: extreme,
  ReduceMin: extreme,
  Softmax: softmax,
  LogSoftmax: logSoftmax,
  CumSum: cumSum,
};
