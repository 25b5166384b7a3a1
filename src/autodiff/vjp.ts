/** @file What a gradient rule (a vector–Jacobian product) sees, and what it returns. */
import { GraphError, UnsupportedOpError } from '../core/errors.ts';
import {
  type AttributeInput,
  describeNode,
  type GraphBuilder,
  intsAttribute,
  isStatic,
  type Node,
  type OpOptions,
  sameShape,
  staticShape,
  type Value,
} from '../onnx/index.ts';

/** The graph that nodes are appended to, and the node whose gradient they are, which errors name. */
export interface Site {
  readonly g: GraphBuilder;
  readonly node: Node;
}

export interface VjpContext extends Site {
  /** The node's inputs, null where absent. */
  readonly inputs: readonly (Value | null)[];
  readonly outputs: readonly Value[];
  /** Gradient of the loss with respect to each output, null where the loss does not depend on it. */
  readonly cotangents: readonly (Value | null)[];
  /** Which inputs need a gradient; work for the others may be left out. */
  readonly needs: readonly boolean[];
  /** Leave the choice of form to a later lowering, where the whole graph is known (lowering/deferred.ts). */
  readonly deferred?: boolean;
  /** Use nothing but standard operators: the nodes go into the body of another, which declares no other domain. */
  readonly standardOnly?: boolean;
  /** The pass itself, for rules that differentiate a graph of their own (composition.ts). */
  readonly reverse: Reverse;
}

/** Appends to a graph the gradients by `wrt`, given those that have reached the values of `seeds`. */
export type Reverse = (
  g: GraphBuilder,
  seeds: readonly (readonly [Value, Value])[],
  wrt: readonly Value[],
  options?: { readonly standardOnly?: boolean },
) => Value[];

/**
 * Appends the nodes of one operator's gradient. Returns one value per input (null where not needed or where it does
 * not exist). An elementwise rule may return a gradient of the broadcast shape: the pass sums it back.
 */
export type VjpRule = (context: VjpContext) => readonly (Value | null)[];

export type VjpTable = Readonly<Record<string, VjpRule>>;

/**
 * The gradient of output 0, for rules that know no other.
 * @throws {UnsupportedOpError} if the loss depends on another output (as on the mean that a LayerNormalization gives out)
 */
export function cotangent(c: VjpContext): Value {
  const other = c.cotangents.findIndex((d, i) => i > 0 && d !== null);
  const value = c.cotangents[0];
  if (other >= 0 || value === null || value === undefined) {
    throw new UnsupportedOpError(
      `${describeNode(c.node)}: the loss depends on its output ${Math.max(other, 1)}, for which there is no gradient rule.`,
    );
  }
  return value;
}

/** Input `i`, which the operator requires. */
export function input(c: VjpContext, i: number): Value {
  const value = c.inputs[i];
  if (value === null || value === undefined)
    throw new GraphError(`${describeNode(c.node)}: input ${i} is missing.`);
  return value;
}

/**
 * Integers that an operator takes as a constant input (or, in older opsets, as an attribute); undefined where absent.
 * @throws {GraphError} if they are known only at run time
 */
export function constantInts(c: VjpContext, i: number, attribute: string): number[] | undefined {
  const held = intsAttribute(c.node, attribute);
  if (held !== undefined) return [...held];
  const value = c.inputs[i];
  if (value == null) return undefined;
  const constant = c.g.constantOf(value);
  if (constant === undefined) {
    throw new GraphError(
      `${describeNode(c.node)}: its ${attribute} are computed at run time, so it has no gradient.`,
    );
  }
  return Array.from(constant.data as ArrayLike<number | bigint>, Number);
}

/** The fully known shape of a value, as gradients of reshaping operators need. */
export function dims(c: Site, value: Value): readonly number[] {
  return staticShape(value.shape, `The gradient of ${describeNode(c.node)}`);
}

/** Numbers that one rule may put into the graph, or go through to make its nodes. */
const largestTable = 2 ** 24;

/**
 * Checks the size of a table before a rule makes it: sizes come from files, which may say anything.
 * @throws {UnsupportedOpError} where it is beyond every network
 */
export function affordable(c: Site, count: number): void {
  if (count <= largestTable) return;
  throw new UnsupportedOpError(
    `The gradient of ${describeNode(c.node)} would need a table of ${count} numbers; ${largestTable} is the limit.`,
    { hint: 'Check the sizes in the model, above all those of windows and paddings.' },
  );
}

/** Short forms for the nodes that rules append most, all in the float type of `like`. */
export interface Algebra {
  readonly scalar: (x: number) => Value;
  readonly add: (a: Value, b: Value) => Value;
  readonly sub: (a: Value, b: Value) => Value;
  readonly mul: (a: Value, b: Value) => Value;
  readonly div: (a: Value, b: Value) => Value;
  readonly neg: (a: Value) => Value;
  readonly op: (
    type: string,
    inputs: readonly (Value | null)[],
    attributes?: Readonly<Record<string, AttributeInput>>,
    options?: OpOptions,
  ) => Value;
  /** 1 where the boolean value is true, else 0, in the float type. */
  readonly indicator: (condition: Value) => Value;
  readonly reshape: (a: Value, shape: readonly number[]) => Value;
  readonly transpose: (a: Value, perm: readonly number[]) => Value;
  readonly reduceSum: (a: Value, axes: readonly number[], keepdims?: boolean) => Value;
  readonly squeeze: (a: Value, axes: readonly number[]) => Value;
  readonly unsqueeze: (a: Value, axes: readonly number[]) => Value;
  /** `a` with the shape of `like`, which may be known only at run time. */
  readonly reshapeLike: (a: Value, like: Value) => Value;
  /** `a` repeated to the shape of `like`, which may be known only at run time. */
  readonly expandLike: (a: Value, like: Value) => Value;
  /** `value` repeated to `shape`. */
  readonly expand: (value: Value, shape: readonly number[]) => Value;
  readonly zeros: (shape: readonly number[]) => Value;
  /** ScatterElements with reduction 'add': `updates` added to zeros of `shape` at `indices` along `axis`. */
  readonly scatterAdd: (shape: readonly number[], indices: Value, updates: Value, axis: number) => Value;
}

/**
 * Short forms in the float type of `like`. What they append is valid at the graph's own opset, from 11 on; adding at
 * repeated places exists from opset 16.
 */
export function algebra(g: GraphBuilder, like: Value): Algebra {
  const dtype = like.dtype === 'float64' ? 'float64' : 'float32';
  const op: Algebra['op'] = (type, inputs, attributes, options) => g.op(type, inputs, attributes, options);
  const expand: Algebra['expand'] = (value, shape) => op('Expand', [value, g.ints(shape)]);
  const zeros: Algebra['zeros'] = (shape) => expand(g.scalar(0, dtype), shape);
  return {
    op,
    scalar: (x) => g.scalar(x, dtype),
    add: (a, b) => op('Add', [a, b]),
    sub: (a, b) => op('Sub', [a, b]),
    mul: (a, b) => op('Mul', [a, b]),
    div: (a, b) => op('Div', [a, b]),
    neg: (a) => op('Neg', [a]),
    indicator: (condition) => op('Cast', [condition], { to: dtype === 'float64' ? 11 : 1 }),
    reshape: (a, shape) => op('Reshape', [a, g.ints(shape)], shape.includes(0) ? { allowzero: 1 } : {}),
    transpose: (a, perm) => (perm.every((p, i) => p === i) ? a : op('Transpose', [a], { perm })),
    reduceSum: (a, axes, keepdims = false) => {
      if (axes.length === 0) return a;
      const keep = keepdims ? 1 : 0;
      return g.opset < 13
        ? op('ReduceSum', [a], { axes, keepdims: keep })
        : op('ReduceSum', [a, g.ints(axes)], { keepdims: keep });
    },
    squeeze: (a, axes) => (g.opset < 13 ? op('Squeeze', [a], { axes }) : op('Squeeze', [a, g.ints(axes)])),
    unsqueeze: (a, axes) =>
      g.opset < 13 ? op('Unsqueeze', [a], { axes }) : op('Unsqueeze', [a, g.ints(axes)]),
    reshapeLike: (a, like) => shapedLike(g, 'Reshape', a, like),
    expandLike: (a, like) => (sameShape(a.shape, like.shape) ? a : shapedLike(g, 'Expand', a, like)),
    expand,
    zeros,
    scatterAdd: (shape, indices, updates, axis) => {
      requireScatterAdd(g);
      return op('ScatterElements', [zeros(shape), indices, updates], { axis, reduction: 'add' });
    },
  };
}

/** Reshape or Expand to the shape of `like`: constants where it is known, else read from it at run time. */
function shapedLike(g: GraphBuilder, opType: 'Reshape' | 'Expand', a: Value, like: Value): Value {
  const known = isStatic(like.shape);
  const sizes = known ? g.ints(like.shape) : g.op('Shape', [like]);
  const allowzero = opType === 'Reshape' && g.opset >= 14 && (!known || like.shape.includes(0));
  const output = g.uniqueName(opType);
  const node: Node = {
    opType,
    domain: '',
    name: `${output}/node`,
    inputs: [],
    outputs: [output],
    attributes: allowzero ? { allowzero: { kind: 'int', value: 1 } } : {},
  };
  return g.addNode(node, [a, sizes], { types: [{ dtype: a.dtype, shape: like.shape }] })[0];
}

/** @throws {UnsupportedOpError} where the graph's opset cannot add at repeated places */
export function requireScatterAdd(g: GraphBuilder): void {
  if (g.opset >= 16) return;
  throw new UnsupportedOpError(
    `The gradient adds at repeated places, which ONNX has from opset 16 on; this graph is of opset ${g.opset}.`,
    { hint: 'Convert the model to opset 16 or newer.' },
  );
}

/** A rule for each range of opsets over which an operator kept its meaning: the newest not after the graph's counts. */
export function byOpset(...versions: readonly { readonly since: number; readonly rule: VjpRule }[]): VjpRule {
  const newestFirst = [...versions].sort((a, b) => b.since - a.since);
  return (c) => {
    const version = newestFirst.find((v) => v.since <= c.g.opset);
    if (version === undefined) {
      throw new UnsupportedOpError(`${describeNode(c.node)} has no gradient rule at opset ${c.g.opset}.`);
    }
    return version.rule(c);
  };
}
