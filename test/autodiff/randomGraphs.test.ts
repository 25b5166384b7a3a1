/** Random graphs of 5 to 40 nodes, composed of rows of the rule table, against central differences in float64. */
import { describe, expect, it } from 'vitest';
import { checkGradients } from '../../src/autodiff/index.ts';
import { Random, sizeOf, type Tensor } from '../../src/core/index.ts';
import type { GraphBuilder, Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { type RuleCase, ruleCases } from './ruleCases.ts';

/** Rows that run in float64, at the builder's opset, and are smooth over their whole range. */
const smooth = ruleCases.filter(
  (c) =>
    c.dtype === undefined &&
    c.apart === undefined &&
    c.opset === undefined &&
    c.op !== 'Mod' &&
    c.op !== 'Dropout',
);

const inputShapes = [[3, 4], [2, 3, 4], [4]];

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
function compose(g: GraphBuilder, inputs: readonly Value[], seed: string, nodes: number): Value[] {
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
        next < inputs.length ? inputs[next++]! : random.pick(random.uniform() < 0.7 ? recent : pool);
      read.add(from.name);
      return fitted(g, random, from, c, shape);
    });
    const built = c.build(g, operands);
    pool.push(...('name' in built ? [built] : built).filter((v) => sizeOf(v.shape as number[]) > 0));
  }
  return pool.filter((v) => !read.has(v.name) && !inputs.includes(v));
}

describe('gradients of random graphs', () => {
  it('draws from enough operators', () => {
    expect(new Set(smooth.map((c) => c.op)).size).toBeGreaterThan(35);
  });

  const sizes: number[] = [];
  const used = new Set<string>();
  const graphs = Number(process.env['RANDOM_GRAPHS'] ?? 60);
  for (let k = 0; k < graphs; k++) {
    it(`graph ${k}`, async () => {
      const random = new Random(`random graph ${k}`);
      const wanted = 5 + random.integer(19);
      const feeds = Object.fromEntries(
        inputShapes.map((dims, i): [string, Tensor] => [
          `x${i}`,
          {
            dtype: 'float64',
            dims,
            data: Float64Array.from({ length: sizeOf(dims) }, () => random.uniform(-1, 1)),
          },
        ]),
      );
      let count = 0;
      const checks = await checkGradients(
        (g, x) => {
          const outputs = compose(g, Object.values(x), `rows of graph ${k}`, wanted);
          count = g.graph.nodes.length;
          for (const node of g.graph.nodes) used.add(node.opType);
          return outputs;
        },
        feeds,
        { evaluate: runModel, seed: k, directions: 2 },
      );
      sizes.push(count);
      for (const check of checks) {
        expect(check.error, `d/d${check.input}: ${check.analytic} against ${check.numeric}`).toBeLessThan(
          1e-5,
        );
      }
      expect(checks.some((check) => Math.abs(check.analytic) > 1e-3)).toBe(true);
    });
  }

  it('were of 5 to 40 nodes and of many operators', () => {
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(5);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(40);
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeGreaterThan(20);
    expect(used.size).toBeGreaterThan(30);
  });
});

describe('the checker', () => {
  it('sees a gradient that is wrong', async () => {
    // A staircase of tiny steps: its gradient is zero, its slope over any distance is one.
    const checks = await checkGradients(
      (g, x) => {
        const fine = g.op('Floor', [g.op('Mul', [x['x']!, g.scalar(1e9, 'float64')])]);
        return [g.op('Div', [fine, g.scalar(1e9, 'float64')])];
      },
      { x: { dtype: 'float64', dims: [3], data: Float64Array.of(0.1, -0.4, 0.7) } },
      { evaluate: runModel },
    );
    expect(Math.max(...checks.map((c) => c.error))).toBeGreaterThan(0.1);
    expect(checks.every((c) => c.analytic === 0)).toBe(true);
  });
});
