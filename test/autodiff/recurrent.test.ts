/** Gradients of recurrent layers beyond single steps: PyTorch's, a long sequence, activation checkpointing. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { gradients } from '../../src/autodiff/index.ts';
import { float32, Random, type Tensor } from '../../src/core/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';

const array = z.object({ dims: z.array(z.number()), data: z.array(z.number()) });
const fixture = z
  .object({
    cases: z.array(
      z.object({
        kind: z.enum(['LSTM', 'GRU']),
        inputs: z.array(array),
        weights: z.array(array),
        outputs: z.array(z.array(z.number())),
        gradients: z.array(z.array(z.number())),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(new URL('../fixtures/autodiff/recurrent.json', import.meta.url), 'utf8')));

/** The largest difference, by the largest expected element. */
function apart(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  const largest = Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(expected, (v, i) => Math.abs(got[i] - v))) / largest;
}

describe("PyTorch's gradients", () => {
  for (const c of fixture.cases) {
    it(`of a bidirectional ${c.kind}: input, weights, biases and start`, async () => {
      const g = new GraphBuilder();
      const tensors = c.inputs.map(({ dims, data }) => float32(dims, Float32Array.from(data)));
      const x = tensors.map((t, i) => g.input(`x${i}`, 'float32', t.dims));
      const [input, w, r, b, ...start] = x as [Value, Value, Value, Value, ...Value[]];
      const outputs = g.ops(
        c.kind,
        [input, w, r, b, null, ...start],
        {
          hidden_size: 4,
          direction: 'bidirectional',
          ...(c.kind === 'GRU' ? { linear_before_reset: 1 } : {}),
        },
        { outputs: c.weights.length },
      );
      const parts = outputs.map((output, i) => {
        const { dims, data } = c.weights[i];
        const weighted = g.op('Mul', [output, g.constant(float32(dims, Float32Array.from(data)))]);
        return g.op('ReduceSum', [weighted], { keepdims: 0 });
      });
      outputs.forEach((output, i) => {
        g.output(output, `y${i}`);
      });
      gradients(g, g.op('Sum', parts), x).forEach((d, i) => {
        g.output(d, `d${i}`);
      });
      const feeds = Object.fromEntries(tensors.map((t, i): [string, Tensor] => [`x${i}`, t]));
      const results = await runModel(g.model(), feeds);
      c.outputs.forEach((expected, i) => {
        expect(apart(results[`y${i}`].data as Float32Array, expected), `output ${i}`).toBeLessThan(2e-6);
      });
      c.gradients.forEach((expected, i) => {
        expect(apart(results[`d${i}`].data as Float32Array, expected), `input ${i}`).toBeLessThan(5e-6);
      });
    });
  }
});

it('the graph of a recurrent gradient does not grow with the sequence', () => {
  const nodes = [3, 3000].map((time) => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [time, 1, 2]);
    const [w, r] = [g.input('w', 'float32', [1, 16, 2]), g.input('r', 'float32', [1, 16, 4])];
    const loss = g.op('ReduceSum', [g.op('LSTM', [x, w, r], { hidden_size: 4 })], { keepdims: 0 });
    gradients(g, loss, [x, w, r]);
    return g.graph.nodes.length;
  });
  expect(nodes[0]).toBe(nodes[1]);
  expect(nodes[0]).toBeLessThan(60);
});

it('activation checkpointing gives the same gradients through stacked recurrent layers', async () => {
  const random = new Random(1);
  const values = (...dims: number[]) =>
    float32(
      dims,
      Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, () => random.uniform(-0.5, 0.5)),
    );
  const feeds = { x: values(6, 2, 4), w: values(1, 12, 4), r: values(1, 12, 4) };
  const run = async (checkpointActivations: boolean) => {
    const g = new GraphBuilder();
    const [x, w, r] = Object.entries(feeds).map(([name, t]) => g.input(name, t.dtype, t.dims)) as [
      Value,
      Value,
      Value,
    ];
    let h: Value = x;
    for (let layer = 0; layer < 4; layer++)
      h = g.op('Squeeze', [g.op('GRU', [h, w, r], { hidden_size: 4 }), g.ints([1])]);
    const loss = g.op('ReduceSumSquare', [h], { keepdims: 0 });
    gradients(g, loss, [x, w, r], { checkpointActivations }).forEach((d, i) => {
      g.output(d, `d${i}`);
    });
    const again = g.graph.nodes.some((node) => node.outputs[0].includes('/again'));
    return { again, results: await runModel(g.model(), feeds) };
  };
  const [plain, checkpointed] = [await run(false), await run(true)];
  expect(checkpointed.again).toBe(true);
  for (const name of ['d0', 'd1', 'd2']) {
    const [got, expected] = [checkpointed, plain].map((r) => r.results[name].data as Float32Array);
    expect(apart(got!, expected!), name).toBeLessThan(1e-5);
  }
});
