/** What rules append is valid at every operator set, with the operator forms of that set. */
import { describe, expect, it } from 'vitest';
import { checkGradients } from '../../src/autodiff/index.ts';
import { Random, sizeOf, type Tensor } from '../../src/core/index.ts';
import type { GraphBuilder, Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';

/** A small network in the forms of the builder's own opset. */
function network(g: GraphBuilder, x: Value, filters: Value, matrix: Value, scale: Value): Value {
  const reduce = (type: string, v: Value, list: number[], since: number, keepdims: number) =>
    g.opset >= since
      ? g.op(type, [v, g.ints(list)], { keepdims })
      : g.op(type, [v], { axes: list, keepdims });
  const shaped = (type: string, v: Value, list: number[]) =>
    g.opset >= 13 ? g.op(type, [v, g.ints(list)]) : g.op(type, [v], { axes: list });
  const running = [0.1, 0.9].map((v) =>
    g.initializer(`running${v}`, { dtype: 'float32', dims: [4], data: new Float32Array(4).fill(v) }),
  );
  let y = g.op('Conv', [x, filters], { pads: [1, 1, 1, 1], strides: [2, 2] });
  y = g.op('BatchNormalization', [y, scale, scale, ...running]);
  y = g.op('Clip', [g.op('Tanh', [y]), g.scalar(-0.9), g.scalar(5)]);
  y = g.op('MaxPool', [g.op('Add', [y, shaped('Unsqueeze', g.op('Sin', [scale]), [1, 2])])], {
    kernel_shape: [2, 2],
    strides: [2, 2],
  });
  const centred = g.op('Sub', [y, reduce('ReduceMean', y, [2, 3], 18, 1)]);
  const spread = g.op('Sqrt', [
    g.op('Add', [reduce('ReduceSum', g.op('Mul', [centred, centred]), [2, 3], 13, 1), g.scalar(1)]),
  ]);
  const pooled = shaped('Squeeze', g.op('GlobalAveragePool', [g.op('Mul', [y, spread])]), [2, 3]);
  const [left, right] = (
    g.opset >= 13
      ? g.ops('Split', [pooled, g.ints([1, 3])], { axis: 1 }, { outputs: 2 })
      : g.ops('Split', [pooled], { axis: 1, split: [1, 3] }, { outputs: 2 })
  ) as [Value, Value];
  const joined = g.op('Concat', [right, g.op('Exp', [left])], { axis: 1 });
  const logits = g.op('Gemm', [
    joined,
    matrix,
    g.op('Slice', [scale, g.ints([0]), g.ints([3]), g.ints([0])]),
  ]);
  return g.op('Softmax', [logits], { axis: 1 });
}

describe('gradients at every operator set', () => {
  for (let opset = 11; opset <= 24; opset++) {
    it(`opset ${opset}`, async () => {
      const random = new Random('a small network');
      const draw = (...dims: number[]): Tensor => ({
        dtype: 'float32',
        dims,
        data: Float32Array.from({ length: sizeOf(dims) }, () => random.uniform(-1, 1)),
      });
      const inputs = { x: draw(2, 3, 8, 8), filters: draw(4, 3, 3, 3), matrix: draw(4, 3), scale: draw(4) };
      const checks = await checkGradients(
        (g, v) => [network(g, v['x'], v['filters'], v['matrix'], v['scale'])],
        inputs,
        { evaluate: runModel, opset, step: 2e-3 },
      );
      expect(Math.max(...checks.map((c) => Math.abs(c.analytic)))).toBeGreaterThan(0.1);
      for (const check of checks) {
        expect(check.error, `d/d${check.input}: ${check.analytic} against ${check.numeric}`).toBeLessThan(
          2e-3,
        );
      }
    });
  }
});
