/**
 * @file Gradients of operators that are compositions of others: the composition is written out in a graph of its own,
 * differentiated there, and what the gradient needs of it is appended.
 */
import { GraphBuilder, prune, type Value } from '../onnx/index.ts';
import type { VjpContext, VjpRule } from './vjp.ts';

/** Appends the composition to `g` and returns the operator's outputs, at least as many as have gradients. */
export type Composition = (
  g: GraphBuilder,
  inputs: readonly (Value | null)[],
  c: VjpContext,
) => readonly Value[];

/** The rule of an operator that `build` writes out. */
export function composed(build: Composition): VjpRule {
  return (c) => {
    const own = new GraphBuilder({ opset: c.g.opset });
    const outer = new Map<string, Value>();
    const bring = (value: Value | null, stem: string): Value | null => {
      if (value === null) return null;
      // A value that is two operands gets a gradient for each.
      const constant = c.g.constantOf(value);
      const inner =
        constant === undefined ? own.input(stem, value.dtype, value.shape) : own.initializer(stem, constant);
      outer.set(inner.name, value);
      return inner;
    };
    const inputs = c.inputs.map((value, i) => bring(value, `operand_${i}`));
    const outputs = build(own, inputs, c);
    const seeds = c.cotangents.flatMap((dy, i): [Value, Value][] =>
      dy === null ? [] : [[outputs[i], bring(dy, `cotangent_${i}`)!]],
    );
    const wanted = c.needs.flatMap((needed, i) => (needed ? [i] : []));
    const gradients = c.reverse(
      own,
      seeds,
      wanted.map((i) => inputs[i]!),
    );
    const results = append(c.g, own, gradients, outer);
    const byInput: (Value | null)[] = c.inputs.map(() => null);
    wanted.forEach((i, k) => {
      byInput[i] = results[k];
    });
    return byInput;
  };
}

/** Appends to `g` what `wanted` depends on in `own`. @param outer what the inputs of `own` stand for */
function append(
  g: GraphBuilder,
  own: GraphBuilder,
  wanted: readonly Value[],
  outer: ReadonlyMap<string, Value>,
): Value[] {
  const values = new Map(outer);
  const graph = prune({ ...own.graph, outputs: [...wanted] });
  const read = (name: string): Value => {
    const known = values.get(name);
    if (known !== undefined) return known;
    const value = g.constant(graph.initializers.get(name)!);
    values.set(name, value);
    return value;
  };
  for (const node of graph.nodes) {
    const outputs = node.outputs.map((name) => g.uniqueName(name));
    const made = g.addNode(
      { ...node, name: `${outputs[0]}/node`, outputs },
      node.inputs.map((name) => (name === '' ? null : read(name))),
      { types: node.outputs.map((name) => own.find(name)!) },
    );
    node.outputs.forEach((name, i) => {
      values.set(name, made[i]);
    });
  }
  return wanted.map((value) => read(value.name));
}
