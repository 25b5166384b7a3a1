/** @file Appends the nodes of one graph to another. */
import { ParameterError, UnsupportedOpError } from '../core/errors.ts';
import type { Tensor } from '../core/tensor.ts';
import type { GraphBuilder, Value } from './builder.ts';
import type { Node } from './model.ts';

/**
 * Appends what a tensor of `from` depends on to `to`, fed with `x`. Names that are taken get others.
 * @param from a graph in the same operator set, such as `importGraph` gives of the tensors that are wanted
 * @param tensor the value that is wanted
 * @param x takes the place of the one input that the tensor depends on
 * @param constantOf brings an initializer over; default as a constant
 * @param replace may give other values for a node's outputs, instead of the node appended as it is; null leaves it
 * @param what the graph is called in messages
 * @throws {ParameterError} when the tensor is not there, or depends on more than one input
 */
export function replayGraph(
  from: GraphBuilder,
  tensor: string,
  to: GraphBuilder,
  x: Value,
  options: {
    readonly what: string;
    readonly constantOf?: (name: string, tensor: Tensor) => Value;
    readonly replace?: (node: Node, operands: readonly (Value | null)[]) => readonly Value[] | null;
  },
): Value {
  const { what, constantOf = (_, value) => to.constant(value, 'imported'), replace = () => null } = options;
  const wanted = from.find(tensor);
  if (wanted === undefined) throw new ParameterError(`${what} has no tensor named '${tensor}'.`);
  const values = new Map<string, Value>();
  const used = new Set(from.graph.nodes.flatMap((node) => node.inputs));
  const inputs = from.graph.inputs.filter((input) => used.has(input.name));
  if (inputs.length !== 1) {
    throw new ParameterError(
      `The tensor '${tensor}' of ${what} depends on ${inputs.length} inputs (${inputs.map((v) => v.name).join(', ')}); it must be one.`,
    );
  }
  values.set(inputs[0].name, x);
  const operand = (read: string): Value | null => {
    if (read === '') return null;
    const known = values.get(read);
    if (known !== undefined) return known;
    const value = constantOf(read, from.graph.initializers.get(read)!);
    values.set(read, value);
    return value;
  };
  to.declareDomains(from.declaredDomains());
  for (const node of from.graph.nodes) {
    const operands = node.inputs.map(operand);
    const outputs = node.outputs.map((output) => to.uniqueName(output));
    const made = replace(node, operands) ?? appended(from, { ...node, outputs }, to, operands, node.outputs);
    node.outputs.forEach((output, i) => {
      values.set(output, made[i]);
    });
  }
  return values.get(wanted.name)!;
}

/** The node in `to`; where no rule knows its results' types, those that it has in `from`. */
function appended(
  from: GraphBuilder,
  node: Node,
  to: GraphBuilder,
  inputs: readonly (Value | null)[],
  outputs: readonly string[],
): readonly Value[] {
  try {
    return to.addNode(node, inputs);
  } catch (error) {
    if (!(error instanceof UnsupportedOpError)) throw error;
    return to.addNode(node, inputs, { types: outputs.map((name) => from.find(name)!) });
  }
}
