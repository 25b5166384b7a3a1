/** @file Shape rules of reductions. Axes are an attribute or, since opset 13 (ReduceSum) and 18, an input. */
import { intAttribute } from '../model.ts';
import { resolveAxis } from '../shape.ts';
import { describeNode, type InferRule, intsFrom, type OperatorTable, required } from './schema.ts';

const reduce: InferRule = (c) => {
  const x = required(c, 0);
  const keep = intAttribute(c.node, 'keepdims', 1) === 1;
  const name = describeNode(c.node);
  const listed = intsFrom(c, 1, 'axes');
  if (listed === undefined && c.inputs[1] !== undefined) {
    // Axes known only at run time: the rank survives only with keepdims.
    return [{ dtype: x.dtype, shape: keep ? x.shape.map(() => c.unknown()) : [c.unknown()] }];
  }
  const noop = intAttribute(c.node, 'noop_with_empty_axes', 0) === 1;
  if ((listed === undefined || listed.length === 0) && noop) return [x];
  const axes = new Set(
    listed === undefined || listed.length === 0
      ? x.shape.map((_, i) => i)
      : listed.map((a) => resolveAxis(a, x.shape.length, name)),
  );
  const shape = keep ? x.shape.map((d, i) => (axes.has(i) ? 1 : d)) : x.shape.filter((_, i) => !axes.has(i));
  return [{ dtype: x.dtype, shape }];
};

const argument: InferRule = (c) => {
  const x = required(c, 0);
  const axis = resolveAxis(intAttribute(c.node, 'axis', 0), x.shape.length, describeNode(c.node));
  const keep = intAttribute(c.node, 'keepdims', 1) === 1;
  const shape = keep ? x.shape.map((d, i) => (i === axis ? 1 : d)) : x.shape.filter((_, i) => i !== axis);
  return [{ dtype: 'int64', shape }];
};

const names = ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'SumSquare', 'L1', 'L2', 'LogSum', 'LogSumExp'];

export const reduction: OperatorTable = {
  ...Object.fromEntries(names.map((n) => [`Reduce${n}`, reduce])),
  ArgMax: argument,
  ArgMin: argument,
};
