/**
 * @file Reverse-mode automatic differentiation on ONNX graphs: walks the nodes backwards from the loss and appends,
 * by one rule per operator, the nodes that compute the gradient. Nodes that no requested gradient depends on are
 * never visited, so an operator without a rule is no obstacle off the path.
 */
import { GraphError, ShapeError, UnsupportedOpError } from '../core/errors.ts';
import {
  describeNode,
  formatShape,
  type GraphBuilder,
  isFloat,
  type Node,
  prune,
  staticShape,
  type Value,
} from '../onnx/index.ts';
import { Recomputation } from './checkpointing.ts';
import { nonDifferentiable, vjpRules } from './rules/index.ts';
import { unbroadcast } from './unbroadcast.ts';
import { algebra } from './vjp.ts';

export interface GradientOptions {
  /** Leave nodes of Earshot's own domain where the best form depends on the whole graph; `lower` replaces them. */
  readonly deferred?: boolean;
  /**
   * Compute parts of the forward pass again where the backward pass needs them, instead of keeping their values: less
   * memory for about one more forward pass. Gradients are the same. Default false.
   */
  readonly checkpointActivations?: boolean;
}

/**
 * Appends the gradient of `loss` to the graph.
 * @param g the builder that holds the forward pass; shapes on the path must be fully known
 * @param loss a float scalar (shape [] or all ones)
 * @param wrt values to differentiate by: inputs, initializers or inner values
 * @returns one gradient per element of `wrt`, of the same shape; zeros where the loss does not depend on it
 * @throws {UnsupportedOpError} naming the node, where an operator on the path has no gradient rule
 * @throws {ShapeError} where the loss is not a scalar or a shape on the path is not known
 */
export function gradients(
  g: GraphBuilder,
  loss: Value,
  wrt: readonly Value[],
  options: GradientOptions = {},
): Value[] {
  if (!isFloat(loss.dtype) || loss.shape.some((d) => d !== 1)) {
    throw new ShapeError(
      `The loss '${loss.name}' must be a float scalar, got ${loss.dtype}${formatShape(loss.shape)}.`,
    );
  }
  for (const value of wrt) {
    if (g.find(value.name) !== value) throw new GraphError(`'${value.name}' is not a value of this graph.`);
    if (!isFloat(value.dtype))
      throw new GraphError(`'${value.name}' has type ${value.dtype}; only floats have gradients.`);
  }
  const a = algebra(g, loss);
  const one = a.scalar(1);
  const seed = loss.shape.length === 0 ? one : a.reshape(one, loss.shape as readonly number[]);
  return reverse(g, [[loss, seed]], wrt, options);
}

/**
 * The pass itself: from the gradients of some values to those of others.
 * @param seeds values of the graph, each with the gradient that has reached it
 */
function reverse(
  g: GraphBuilder,
  seeds: readonly (readonly [Value, Value])[],
  wrt: readonly Value[],
  options: GradientOptions & { readonly standardOnly?: boolean } = {},
): Value[] {
  const forward = [...g.graph.nodes];
  const dependent = downstreamOf(forward, wrt);
  const outputs = seeds.map(([value]) => value);
  const relevant = upstreamOf(forward, outputs, dependent);

  const again = options.checkpointActivations
    ? new Recomputation(
        g,
        prune({ ...g.graph, nodes: forward, outputs: [...outputs] }).nodes,
        dependent,
        wrt.map((value) => value.name),
      )
    : null;

  const partial = new Map<string, Value[]>();
  for (const [value, seed] of seeds)
    partial.set(value.name, [...(partial.get(value.name) ?? []), unbroadcast(g, seed, value)]);
  for (let i = forward.length - 1; i >= 0; i--) {
    const node = forward[i];
    if (!relevant.has(node)) continue;
    const cotangents = node.outputs.map((name) => total(g, partial, name));
    if (cotangents.every((c) => c === null)) continue;
    const operands = node.inputs.map((name) => (name === '' ? null : g.find(name)!));
    // Nothing depends on the elements of an operand that has none.
    const needs = operands.map(
      (v) => v !== null && dependent.has(v.name) && isFloat(v.dtype) && !v.shape.includes(0),
    );
    if (!needs.includes(true)) continue;
    if (isNonDifferentiable(node)) continue;
    const rule = vjpRules[node.opType];
    if (rule === undefined || (node.domain !== '' && node.domain !== 'com.microsoft')) {
      throw new UnsupportedOpError(
        `There is no gradient rule for ${describeNode(node)}, which lies between the loss and a parameter.`,
        {
          hint: 'Freeze everything before this node, or add a rule (see CONTRIBUTING.md).',
        },
      );
    }
    const read = (name: string): Value =>
      again?.value(node, name, (of) => partial.get(of) ?? []) ?? g.find(name)!;
    const results = rule({
      g,
      node,
      inputs: operands.map((operand) => (operand === null ? null : read(operand.name))),
      outputs: node.outputs.map(read),
      cotangents,
      needs,
      deferred: options.deferred ?? false,
      standardOnly: options.standardOnly ?? false,
      reverse,
    });
    results.forEach((gradient, k) => {
      if (gradient === null || !needs[k]) return;
      const operand = operands[k]!;
      const fitted = unbroadcast(g, gradient, operand);
      const list = partial.get(operand.name);
      if (list === undefined) partial.set(operand.name, [fitted]);
      else list.push(fitted);
    });
  }
  return wrt.map((value) => total(g, partial, value.name) ?? zerosLike(g, value));
}

/** Names of all values that depend on `wrt`, themselves included. */
function downstreamOf(nodes: readonly Node[], wrt: readonly Value[]): Set<string> {
  const dependent = new Set(wrt.map((v) => v.name));
  for (const node of nodes) {
    if (node.inputs.some((name) => dependent.has(name))) for (const name of node.outputs) dependent.add(name);
  }
  return dependent;
}

/** Nodes on a path from `wrt` to the outputs. */
function upstreamOf(
  nodes: readonly Node[],
  outputs: readonly Value[],
  dependent: ReadonlySet<string>,
): Set<Node> {
  const needed = new Set(outputs.map((v) => v.name));
  const found = new Set<Node>();
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    if (!node.outputs.some((name) => needed.has(name) && dependent.has(name))) continue;
    found.add(node);
    for (const name of node.inputs) needed.add(name);
  }
  return found;
}

/** By the standard operator's name: a foreign domain may call anything `Floor`. */
function isNonDifferentiable(node: Node): boolean {
  return node.domain === '' && nonDifferentiable.has(node.opType);
}

/** The sum of all gradients that reached a value; the sum replaces the list. */
function total(g: GraphBuilder, partial: Map<string, Value[]>, name: string): Value | null {
  const list = partial.get(name);
  if (list === undefined || list.length === 0) return null;
  let sum = list[0];
  for (const next of list.slice(1)) sum = g.op('Add', [sum, next]);
  partial.set(name, [sum]);
  return sum;
}

function zerosLike(g: GraphBuilder, value: Value): Value {
  return algebra(g, value).zeros(staticShape(value.shape, `The gradient of '${value.name}'`));
}
