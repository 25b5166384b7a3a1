/** Random graphs of 5 to 40 nodes, composed of rows of the rule table, against central differences in float64. */
import { describe, expect, it } from 'vitest';
import { checkGradients } from '../../src/autodiff/index.ts';
import { Random, sizeOf, type Tensor } from '../../src/core/index.ts';
import { runModel } from '../support/runModel.ts';
import { compose, inputShapes, smooth } from './randomGraph.ts';

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
        const fine = g.op('Floor', [g.op('Mul', [x['x'], g.scalar(1e9, 'float64')])]);
        return [g.op('Div', [fine, g.scalar(1e9, 'float64')])];
      },
      { x: { dtype: 'float64', dims: [3], data: Float64Array.of(0.1, -0.4, 0.7) } },
      { evaluate: runModel },
    );
    expect(Math.max(...checks.map((c) => c.error))).toBeGreaterThan(0.1);
    expect(checks.every((c) => c.analytic === 0)).toBe(true);
  });
});
