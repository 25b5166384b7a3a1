/** @file Resize: the scale of every axis and the shape. */
import { ShapeError } from '../../core/errors.ts';
import { type Dim, intsAttribute, type Node, type Shape, stringAttribute } from '../model.ts';
import { resolveAxis } from '../shape.ts';
import { describeNode, type InferRule, type OperatorTable, required } from './schema.ts';

export interface ResizeTarget {
  readonly node: Node;
  readonly shape: readonly number[];
  /** Contents of inputs 2 and 3, undefined where absent or empty. Where both are given, the scales count. */
  readonly scales: readonly number[] | undefined;
  readonly sizes: readonly number[] | undefined;
}

/** The axes that the node's scales or sizes are for: all, or since opset 18 those of its attribute. */
export function resizedAxes(node: Node, rank: number): number[] {
  const axes = intsAttribute(node, 'axes');
  return axes === undefined
    ? Array.from({ length: rank }, (_, i) => i)
    : axes.map((axis) => resolveAxis(axis, rank, describeNode(node)));
}

/** Output size over input size of every axis, as the operator's coordinates use it (float32). */
export function resizeScales(o: ResizeTarget): number[] {
  const axes = resizedAxes(o.node, o.shape.length);
  const all = o.shape.map(() => 1);
  const given = o.scales ?? o.sizes;
  // Sizes read from a result's shape are for all axes.
  const listed = given?.length === o.shape.length ? o.shape.map((_, i) => i) : axes;
  if (given === undefined || given.length !== listed.length) {
    throw new ShapeError(
      `${describeNode(o.node)} needs a scale or a size for each of its ${axes.length} axes, got ${given?.length ?? 'none'}.`,
    );
  }
  listed.forEach((axis, i) => {
    all[axis] = Math.fround(o.scales === undefined ? given[i] / o.shape[axis] : given[i]);
  });
  const policy = stringAttribute(o.node, 'keep_aspect_ratio_policy', 'stretch');
  if (o.scales !== undefined || policy === 'stretch') return all;
  const ratios = axes.map((axis) => all[axis]);
  const common = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return all.map((scale, axis) => (axes.includes(axis) ? common : scale));
}

const resize: InferRule = (c) => {
  const x = required(c, 0);
  const numbers = (i: number) => {
    const tensor = c.inputs[i] === undefined ? undefined : c.constant(i);
    return tensor === undefined || tensor.data.length === 0
      ? undefined
      : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
  };
  const scales = numbers(2);
  const sizes = numbers(3);
  const axes = resizedAxes(c.node, x.shape.length);
  const shape: Dim[] = [...x.shape];
  if (scales === undefined && sizes === undefined) {
    for (const axis of axes) shape[axis] = c.unknown();
    return [{ dtype: x.dtype, shape }];
  }
  const stretch = stringAttribute(c.node, 'keep_aspect_ratio_policy', 'stretch') === 'stretch';
  if (scales === undefined && stretch && sizes!.length === axes.length) {
    axes.forEach((axis, i) => {
      shape[axis] = sizes![i];
    });
    return [{ dtype: x.dtype, shape }];
  }
  const open = axes.filter((axis) => typeof x.shape[axis] !== 'number');
  if (open.length > 0 && scales === undefined) {
    for (const axis of axes) shape[axis] = c.unknown();
    return [{ dtype: x.dtype, shape }];
  }
  const known: Shape = x.shape.map((d) => (typeof d === 'number' ? d : 1));
  const factors = resizeScales({ node: c.node, shape: known as number[], scales, sizes });
  for (const axis of axes) {
    const size = x.shape[axis];
    const exact = typeof size === 'number' ? Math.fround(size * factors[axis]) : 0;
    if (typeof size !== 'number') shape[axis] = factors[axis] === 1 ? size : c.unknown();
    else shape[axis] = scales === undefined ? Math.floor(exact + 0.5) : Math.floor(exact);
  }
  return [{ dtype: x.dtype, shape }];
};

export const resizing: OperatorTable = { Resize: resize };
