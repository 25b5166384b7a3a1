/** @file What a rule that brings a node to its opset-20 form sees and returns, and what several of them need. */
import { GraphError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { type Attribute, intsAttribute, type Node } from './model.ts';
import { describeNode } from './operators/schema.ts';
import { isStatic } from './shape.ts';

export interface NodeToImport {
  readonly g: GraphBuilder;
  readonly node: Node;
  /** The file's version of the standard operators. */
  readonly opset: number;
  readonly inputs: readonly (Value | null)[];
  /** The value of input `i` where it is known before running. */
  known(i: number): Tensor | undefined;
}

/** A node to append, or the values that stand for the node's outputs. */
export type ImportedNode =
  | { readonly node: Node; readonly inputs: readonly (Value | null)[] }
  | { readonly values: readonly (Value | null)[] };

export type ImportRule = (c: NodeToImport) => ImportedNode;

export function unchanged({ node, inputs }: NodeToImport): ImportedNode {
  return { node, inputs };
}

export function withAttributes(
  node: Node,
  attributes: Readonly<Record<string, Attribute | undefined>>,
): Node {
  const kept = Object.entries({ ...node.attributes, ...attributes }).filter(
    (entry): entry is [string, Attribute] => entry[1] !== undefined,
  );
  return { ...node, attributes: Object.fromEntries(kept) };
}

/** Moves an attribute of integers, if present, to input `position`. */
export function attributeToInput(name: string, position: number): ImportRule {
  return (c) => {
    const values = intsAttribute(c.node, name);
    if (values === undefined) return unchanged(c);
    const inputs = [...c.inputs];
    while (inputs.length < position) inputs.push(null);
    inputs[position] = c.g.ints(values);
    return { node: withAttributes(c.node, { [name]: undefined }), inputs };
  };
}

export function operand(c: NodeToImport, i: number): Value {
  const value = c.inputs[i];
  if (value == null) throw new GraphError(`${describeNode(c.node)}: input ${i} is missing.`);
  return value;
}

/** `value`, which has as many elements, in the shape of `like`. */
export function inShapeOf(c: NodeToImport, value: Value, like: Value): Value {
  const { shape } = like;
  // Reshape keeps a size by the number 0, so one open leading size is no obstacle.
  if (isStatic(shape.slice(1)))
    return c.g.op('Reshape', [
      value,
      c.g.ints([isStatic(shape) ? shape[0] : 0, ...(shape.slice(1) as number[])]),
    ]);
  const name = c.g.uniqueName(`${c.node.outputs[0]}/shaped`);
  const node: Node = {
    ...{ opType: 'Reshape', domain: '', name: `${name}/node` },
    ...{ inputs: [], outputs: [name], attributes: {} },
  };
  const types = [{ dtype: value.dtype, shape }];
  return c.g.addNode(node, [value, c.g.op('Shape', [like])], { types })[0];
}
