/** @file The weights of a finished model that are worth storing in fewer bits, and how its operators read them. */
import { sizeOf, type Tensor } from '../../core/tensor.ts';
import type { Graph, Node } from '../model.ts';

export interface Weight {
  readonly name: string;
  readonly tensor: Tensor<'float32'>;
  /** The nodes that read it, and as which operand. */
  readonly uses: readonly { readonly node: Node; readonly slot: number }[];
}

/** Fewer numbers than this are left as they are: biases, norms and scalars are little, and decide much. */
const fewest = 256;

/**
 * Weights of at least two axes behind the front end. The front end is what leads up to the first logarithm on the way
 * from the input: sound becomes decibels there, and stays exact.
 */
export function networkWeights(graph: Graph): Weight[] {
  const exact = frontEndNodes(graph);
  const uses = new Map<string, { node: Node; slot: number }[]>();
  for (const node of graph.nodes) {
    node.inputs.forEach((name, slot) => {
      const list = uses.get(name) ?? [];
      list.push({ node, slot });
      uses.set(name, list);
    });
  }
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  return [...graph.initializers].flatMap(([name, tensor]): Weight[] => {
    const own = uses.get(name) ?? [];
    const fits = tensor.dtype === 'float32' && tensor.dims.length >= 2 && sizeOf(tensor.dims) >= fewest;
    if (!fits || outputs.has(name) || own.length === 0 || own.some(({ node }) => exact.has(node))) return [];
    return [{ name, tensor: tensor as Tensor<'float32'>, uses: own }];
  });
}

/** All nodes that the first logarithm on a way from the input depends on, itself among them. */
function frontEndNodes(graph: Graph): Set<Node> {
  const makers = new Map<string, Node>();
  for (const node of graph.nodes) for (const name of node.outputs) makers.set(name, node);
  const exact = new Set<Node>();
  /** Outputs of nodes behind a logarithm. */
  const behind = new Set<string>();
  for (const node of graph.nodes) {
    const later = node.inputs.some((name) => behind.has(name));
    if (node.opType === 'Log' && !later) collect(node, makers, exact);
    if (later || node.opType === 'Log') for (const name of node.outputs) behind.add(name);
  }
  return exact;
}

function collect(node: Node, makers: ReadonlyMap<string, Node>, into: Set<Node>): void {
  const open = [node];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (into.has(next)) continue;
    into.add(next);
    for (const name of next.inputs) {
      const maker = makers.get(name);
      if (maker !== undefined) open.push(maker);
    }
  }
}
