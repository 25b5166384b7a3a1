/** @file Checks that a graph from a file is one: every name defined once, every operand defined, no cycles. */
import { GraphError } from '../core/errors.ts';
import { subgraphsOf } from './decodeModel.ts';
import type { Graph, Node } from './model.ts';
import { describeNode } from './operators/schema.ts';

/** Branches within branches beyond this depth are no program anybody wrote. */
const deepest = 16;

const operandsByNode = new WeakMap<Node, readonly string[]>();

/** Names a node reads: its inputs, and what its subgraphs (branches, bodies) take from around them. Absent ones are left out. */
export function operandsOf(node: Node): readonly string[] {
  const known = operandsByNode.get(node);
  if (known !== undefined) return known;
  const found = operands(node, 0);
  operandsByNode.set(node, found);
  return found;
}

function operands(node: Node, depth: number): string[] {
  const names = node.inputs.filter((name) => name !== '');
  for (const attribute of Object.values(node.attributes)) {
    for (const graph of subgraphsOf(attribute)) {
      if (depth === deepest)
        throw new GraphError(`${describeNode(node)}: its subgraphs are nested more than ${deepest} deep.`);
      const inside = new Set([
        ...graph.inputs.map((input) => input.name),
        ...graph.initializers.keys(),
        ...graph.nodes.flatMap((inner) => inner.outputs),
      ]);
      const read = [
        ...graph.nodes.flatMap((inner) => operands(inner, depth + 1)),
        ...graph.outputs.map((output) => output.name),
      ];
      for (const name of read) if (!inside.has(name)) names.push(name);
    }
  }
  return names;
}

/**
 * The graph's nodes in an order in which every operand is made before it is used (the file's own, if it is one).
 * @param around names that an enclosing graph defines
 * @throws {GraphError} naming the node: a name defined twice, an operand that nothing defines, a cycle, a node
 *   without results; or an output of the graph that nothing defines
 */
export function sortedNodes(graph: Graph, around: (name: string) => boolean = () => false): readonly Node[] {
  const defined = new Set<string>();
  for (const { name } of graph.inputs) {
    if (name === '') throw new GraphError('An input of the graph has no name.');
    if (defined.has(name)) throw new GraphError(`Two inputs of the graph are named '${name}'.`);
    defined.add(name);
  }
  for (const name of graph.initializers.keys()) defined.add(name);
  const producer = new Map<string, Node>();
  for (const node of graph.nodes) {
    if (node.outputs.every((name) => name === ''))
      throw new GraphError(`${describeNode(node)} has no results.`);
    for (const name of node.outputs) {
      if (name === '') continue;
      const first = producer.get(name);
      if (first !== undefined || defined.has(name)) {
        throw new GraphError(
          `${describeNode(node)} defines '${name}', which ${first === undefined ? 'is an input or an initializer' : `${describeNode(first)} defines too`}.`,
        );
      }
      producer.set(name, node);
    }
  }
  for (const node of graph.nodes) {
    for (const name of operandsOf(node)) {
      if (!defined.has(name) && !producer.has(name) && !around(name))
        throw new GraphError(`${describeNode(node)} reads '${name}', which nothing in the graph defines.`);
    }
  }
  for (const { name } of graph.outputs) {
    if (!defined.has(name) && !producer.has(name) && !around(name))
      throw new GraphError(`The graph's output '${name}' is defined by no node.`);
  }
  return inOrder(graph.nodes, producer);
}

/** Each node after those it depends on; nodes that are free to come keep the order of the file. */
function inOrder(nodes: readonly Node[], producer: ReadonlyMap<string, Node>): readonly Node[] {
  const waiting = new Map<Node, number>();
  const readers = new Map<Node, Node[]>();
  for (const node of nodes) {
    const sources = new Set(operandsOf(node).flatMap((name) => producer.get(name) ?? []));
    waiting.set(node, sources.size);
    for (const source of sources) {
      const list = readers.get(source);
      if (list === undefined) readers.set(source, [node]);
      else list.push(node);
    }
  }
  const sorted = nodes.filter((node) => waiting.get(node) === 0);
  for (let i = 0; i < sorted.length; i++) {
    for (const reader of readers.get(sorted[i]) ?? []) {
      const left = waiting.get(reader)! - 1;
      waiting.set(reader, left);
      if (left === 0) sorted.push(reader);
    }
  }
  if (sorted.length < nodes.length) throw cycleError(nodes, new Set(sorted), producer);
  const position = new Map(nodes.map((node, i) => [node, i]));
  const already = nodes.every((node) =>
    operandsOf(node).every((name) => {
      const source = producer.get(name);
      return source === undefined || position.get(source)! < position.get(node)!;
    }),
  );
  return already ? nodes : sorted;
}

/** Follows operands backwards among the nodes that could not be placed, until one comes round again. */
function cycleError(
  nodes: readonly Node[],
  placed: ReadonlySet<Node>,
  producer: ReadonlyMap<string, Node>,
): GraphError {
  const seen = new Set<Node>();
  let node = nodes.find((n) => !placed.has(n))!;
  while (!seen.has(node)) {
    seen.add(node);
    node = operandsOf(node)
      .map((name) => producer.get(name))
      .find((source) => source !== undefined && !placed.has(source))!;
  }
  return new GraphError(
    `The graph has a cycle: ${describeNode(node)} depends on its own result '${node.outputs[0]}'.`,
  );
}
