/** @file Random graphs composed of rows of the rule table. */
import { Random, sizeOf } from '../../src/core/index.ts';
import type { GraphBuilder, Value } from '../../src/onnx/index.ts';
import { type RuleCase, ruleCases } from './ruleCases.ts';

/** Rows that run in float64, at the builder's opset, and are smooth over their whole range. */
export const smooth = ruleCases.filter(
  (c) =>
    c.dtype === undefined &&
    c.apart === undefined &&
    c.opset === undefined &&
    c.op !== 'Mod' &&
    c.op !== 'Dropout',
);

export const inputShapes = [[3, 4], [2, 3, 4], [4]];

/** `value` cut, repeated and reshaped to `shape`, and brought into `range` by a sine, which is smooth. */
function fitted(g: GraphBuilder, random: Random, value: Value, c: RuleCase, shape: readonly number[]): Value {
  const [low, high] = c.range ?? [-2, 2];
  const size = sizeOf(shape);
  const held = sizeOf(value.shape as number[]);
  let v = value;
  if (value.shape.join() !== shape.join()) {
    v = g.op('Reshape', [v, g.ints([-1])]);
    if (held < size) v = g.op('Tile', [v, g.ints([Math.ceil(size / held)])]);
    const surplus = sizeOf(v.shape as number[]) - size;
    if (surplus > 0) {
      const start = random.integer(surplus + 1);
      v = g.op('Slice', [v, g.ints([start]), g.ints([start + size]), g.ints([0])]);
    }
    v = g.op('Reshape', [v, g.ints(shape)]);
  }
  const wave = g.op('Mul', [g.op('Sin', [v]), g.scalar((high - low) / 2, 'float64')]);
  return low + high === 0 ? wave : g.op('Add', [wave, g.scalar((low + high) / 2, 'float64')]);
}

/** Appends rows, each reading earlier values, until there are at least `nodes` nodes; returns what nothing reads. */
export function compose(g: GraphBuilder, inputs: readonly Value[], seed: string, nodes: number): Value[] {
  const random = new Random(seed);
  const pool = [...inputs];
  const read = new Set<string>();
  let next = 0;
  while (g.graph.nodes.length < nodes) {
    const c = random.pick(smooth);
    const operands = c.shapes.map((shape) => {
      // Inputs first, so that each is used; then mostly what came last, so that graphs grow deep.
      const recent = pool.slice(-4);
      const from =
        next < inputs.length ? inputs[next++] : random.pick(random.uniform() < 0.7 ? recent : pool);
      read.add(from.name);
      return fitted(g, random, from, c, shape);
    });
    const built = c.build(g, operands);
    pool.push(...('name' in built ? [built] : built).filter((v) => sizeOf(v.shape as number[]) > 0));
  }
  return pool.filter((v) => !read.has(v.name) && !inputs.includes(v));
}
