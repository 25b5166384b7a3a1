/** @file Shape rules of reductions. Axes are an attribute or, since opset 13 (ReduceSum) and 18, an input. */
import { intAttribute } from '../model.ts';
import { resolveAxis } from '../shape.ts';
import {
  countOf,
  describeNode,
  type InferRule,
  intsFrom,
  OpenInts,
  type OperatorTable,
  required,
} from './schema.ts';

const reduce: InferRule = (c) => {
  const x = required(c, 0);
  const keep = intAttribute(c.node, 'keepdims', 1) === 1;
  const name = describeNode(c.node);
  const listed = intsFrom(c, 1, 'axes');
  const noop = intAttribute(c.node, 'noop_with_empty_axes', 0) === 1;
  if (listed instanceof OpenInts && listed.count !== 0) {
    if (keep) return [{ dtype: x.dtype, shape: x.shape.map((d) => (d === 1 ? 1 : c.unknown())) }];
    const rank = Math.max(0, x.shape.length - countOf(c, listed, 'axes'));
    return [{ dtype: x.dtype, shape: Array.from({ length: rank }, () => c.unknown()) }];
  }
  const some = listed instanceof OpenInts ? [] : (listed ?? []);
  if (some.length === 0 && noop) return [x];
  const axes = new Set(
    some.length === 0 ? x.shape.map((_, i) => i) : some.map((a) => resolveAxis(a, x.shape.length, name)),
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
