/** Gradients where shapes or values are at the edge of what an operator allows. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { int64, type Tensor } from '../../src/core/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';

const floats = (dims: readonly number[], ...values: number[]): Tensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from(values),
});

/** The gradients of the sum of what `build` returns by all float inputs, in their order. */
async function gradientsOf(
  inputs: Readonly<Record<string, Tensor>>,
  build: (g: GraphBuilder, x: Readonly<Record<string, Value>>) => Value,
): Promise<{ dims: readonly number[]; data: number[] }[]> {
  const g = new GraphBuilder();
  const x = Object.fromEntries(Object.entries(inputs).map(([k, t]) => [k, g.input(k, t.dtype, t.dims)]));
  const loss = g.op('ReduceSum', [build(g, x)], { keepdims: 0 });
  const wrt = Object.values(x).filter((v) => v.dtype === 'float32');
  gradients(g, loss, wrt).forEach((d, i) => {
    g.output(d, `d${i}`);
  });
  const results = await runModel(g.model(), inputs);
  return wrt.map((_, i) => {
    const { dims, data } = results[`d${i}`];
    return { dims, data: Array.from(data as Float32Array) };
  });
}

const square = (g: GraphBuilder, x: Value) => g.op('Mul', [x, x]);

describe('gradients have the shape of their operands', () => {
  it('bounds of Clip that are [1] rather than scalars', async () => {
    const [, low, high] = await gradientsOf(
      { x: floats([3], -2, 0, 2), low: floats([1], -1), high: floats([1], 1) },
      (g, { x, low, high }) => g.op('Clip', [x!, low!, high!]),
    );
    expect([low, high]).toEqual([
      { dims: [1], data: [1] },
      { dims: [1], data: [1] },
    ]);
  });

  it("Pad's value that is [1] rather than a scalar", async () => {
    const [, value] = await gradientsOf({ x: floats([3], 1, 2, 3), v: floats([1], 0.5) }, (g, { x, v }) =>
      square(g, g.op('Pad', [x!, g.ints([1, 1]), v!])),
    );
    expect(value).toEqual({ dims: [1], data: [2] });
  });

  for (const op of ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'SumSquare', 'L1', 'L2', 'LogSum', 'LogSumExp']) {
    it(`Reduce${op} over an axis of size 0`, async () => {
      for (const keepdims of [0, 1]) {
        const [dx] = await gradientsOf({ x: floats([2, 0, 3]) }, (g, { x }) =>
          g.op(`Reduce${op}`, [x!, g.ints([1])], { keepdims }),
        );
        expect(dx).toEqual({ dims: [2, 0, 3], data: [] });
      }
    });
  }
});

describe('gradients where the function is flat', () => {
  it('Clip with crossed bounds, which gives its upper bound everywhere', async () => {
    const [dx, low, high] = await gradientsOf(
      { x: floats([3], -2, 0, 2), low: floats([], 1), high: floats([], -1) },
      (g, { x, low, high }) => g.op('Clip', [x!, low!, high!]),
    );
    expect([dx!.data, low!.data, high!.data]).toEqual([[0, 0, 0], [0], [3]]);
  });

  it.each([1, 2])('LpNormalization of a row of zeros, p %i', async (p) => {
    const [dx] = await gradientsOf({ x: floats([2, 2], 0, 0, 3, 4) }, (g, { x }) =>
      g.op('Mul', [g.op('LpNormalization', [x!], { p }), g.constant(floats([2], 1, 0))]),
    );
    const [a, b] = p === 2 ? [16 / 125, -12 / 125] : [4 / 49, -3 / 49];
    expect(dx!.data.map((v, i) => Math.abs(v - [0, 0, a, b][i]) < 1e-6)).toEqual([true, true, true, true]);
  });
});

describe('gradients where sizes or bounds come at run time', () => {
  it('Slice, backwards too', async () => {
    const [dx] = await gradientsOf(
      { x: floats([6], 1, 2, 3, 4, 5, 6), s: int64([1], [-1]), e: int64([1], [1]), t: int64([1], [-2]) },
      (g, { x, s, e, t }) => square(g, g.op('Slice', [x!, s!, e!, g.ints([0]), t!])),
    );
    expect(dx).toEqual({ dims: [6], data: [0, 0, 0, 8, 0, 12] });
  });

  it('Split', async () => {
    for (const used of [0, 1]) {
      const [dx] = await gradientsOf(
        { x: floats([6], 1, 2, 3, 4, 5, 6), sizes: int64([2], [2, 4]) },
        (g, { x, sizes }) => square(g, g.ops('Split', [x!, sizes!], { axis: 0 }, { outputs: 2 })[used]),
      );
      expect(dx).toEqual({ dims: [6], data: used === 0 ? [2, 4, 0, 0, 0, 0] : [0, 0, 6, 8, 10, 12] });
    }
  });

  it('Squeeze', async () => {
    const [dx] = await gradientsOf({ x: floats([1, 2, 1], 3, 4), axes: int64([1], [0]) }, (g, { x, axes }) =>
      square(g, g.op('Squeeze', [x!, axes!])),
    );
    expect(dx).toEqual({ dims: [1, 2, 1], data: [6, 8] });
  });
});
