/**
 * @file Brings a model from a file into a builder, ready for the gradient pass: every type known, shapes that the model
 * computes worked out, every node in its opset-20 form.
 */
import { GraphError, ParameterError, UnsupportedOpError } from '../core/errors.ts';
import type { GraphBuilder } from './builder.ts';
import { operandsOf, sortedNodes } from './checkGraph.ts';
import { Importer } from './importer.ts';
import type { Graph, Model, Node } from './model.ts';

export interface ImportGraphOptions {
  /**
   * Sizes for the named dimensions of the inputs (those without a name are called INPUT_AXIS, such as `x_0`), and values
   * for inputs that are single integers, which become constants.
   */
  readonly bind?: Readonly<Record<string, number>>;
  /**
   * Import only what these tensors (inputs, initializers or results of nodes) depend on. Each is then a value of its own,
   * also where it is an identity or could be worked out, and the graph gets no outputs. Default: the whole model, with
   * its outputs.
   */
  readonly tensors?: readonly string[];
}

/** The range of standard operator sets that are read. */
export const importableOpsets = { first: 7, last: 24 } as const;

/**
 * A builder with the model's graph in it, under the model's names, for opset 20. Operators of other domains keep the
 * version that the file states.
 *
 * Constant nodes become initializers. What depends only on constants and shapes is worked out, except floats computed
 * from float initializers (weights), which stay nodes so that they can be differentiated. Identity and Dropout outside
 * training are left out (their names stay, as second names), and equal nodes are made once. An If whose condition is
 * known is replaced by its branch.
 * @throws {GraphError} naming the node, when the graph is malformed
 * @throws {ShapeError} naming the node, when operands do not fit it
 * @throws {UnsupportedOpError} for operator sets and operators that are not handled, naming the node
 * @throws {ParameterError} for a name that the model does not have, or a size that is none
 */
export function importGraph(model: Model, options: ImportGraphOptions = {}): GraphBuilder {
  const opset = model.opsets.get('');
  if (opset === undefined)
    throw new GraphError('The model does not say which standard operator set it is written in.');
  if (opset < importableOpsets.first || opset > importableOpsets.last) {
    throw new UnsupportedOpError(
      `The model is written in operator set ${opset}; ${importableOpsets.first} to ${importableOpsets.last} are read.`,
      { hint: 'Convert it with onnx.version_converter, or export it anew.' },
    );
  }
  const { graph } = model;
  const nodes = sortedNodes(graph);
  const importer = new Importer(graph, model.opsets, options.bind ?? {}, options.tensors ?? []);
  importer.inputs(graph.inputs);
  importer.initializers(graph);
  importer.nodes(options.tensors === undefined ? nodes : upstream(graph, nodes, options.tensors));
  if (options.tensors === undefined) importer.outputs(graph.outputs);
  return importer.g;
}

/** The nodes that `names` depend on. */
function upstream(graph: Graph, nodes: readonly Node[], names: readonly string[]): Node[] {
  const needed = new Set(names);
  const existing = new Set([
    ...graph.inputs.map((v) => v.name),
    ...graph.initializers.keys(),
    ...nodes.flatMap((n) => n.outputs),
  ]);
  for (const name of names)
    if (!existing.has(name)) throw new ParameterError(`The model has no tensor named '${name}'.`);
  const found: Node[] = [];
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputs.some((name) => needed.has(name))) continue;
    found.push(node);
    for (const name of operandsOf(node)) needed.add(name);
  }
  return found.reverse();
}
