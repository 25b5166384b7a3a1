/**
 * What the gradient is where there is no derivative: PyTorch's choices (the formulas of its derivatives.yaml), since
 * differences say nothing there.
 */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { float32 } from '../../src/core/index.ts';
import { GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';

/** The gradient of the sum of build(x). */
async function gradientAt(values: number[], build: (g: GraphBuilder, x: Value) => Value): Promise<number[]> {
  const g = new GraphBuilder();
  const x = g.input('x', 'float32', [values.length]);
  const loss = g.op('ReduceSum', [build(g, x)], { keepdims: 0 });
  g.output(gradients(g, loss, [x])[0], 'dx');
  const result = await runModel(g.model(), { x: float32([values.length], values) });
  return Array.from(result['dx'].data as Float32Array, (v) => v + 0);
}

const op =
  (type: string, attributes: Record<string, number> = {}) =>
  (g: GraphBuilder, x: Value): Value =>
    g.op(type, [x], attributes);

describe('gradients at kinks', () => {
  const rows: [string, number[], (g: GraphBuilder, x: Value) => Value, number[]][] = [
    ['Relu at 0', [0, -1, 1], op('Relu'), [0, 0, 1]],
    ['Abs at 0', [0, -2, 2], op('Abs'), [0, -1, 1]],
    ['LeakyRelu at 0', [0, -1], op('LeakyRelu', { alpha: 0.25 }), [0.25, 0.25]],
    ['ReduceL2 at the origin', [0, 0], (g, x) => g.op('ReduceL2', [x]), [0, 0]],
    ['ReduceL1 at the origin', [0, 3], (g, x) => g.op('ReduceL1', [x]), [0, 1]],
    ['tied maxima share', [2, 2, 1, 2], (g, x) => g.op('ReduceMax', [x]), [1 / 3, 1 / 3, 0, 1 / 3]],
    ['tied minima share', [2, 1, 1], (g, x) => g.op('ReduceMin', [x]), [0, 0.5, 0.5]],
    ['tied operands share', [3], (g, x) => g.op('Max', [x, g.op('Mul', [g.scalar(3), g.scalar(1)])]), [0.5]],
    [
      'Clip at its bounds passes',
      [-1, 2, 3, -2],
      (g, x) => g.op('Clip', [x, g.scalar(-1), g.scalar(2)]),
      [1, 1, 0, 0],
    ],
    ['x⁰ at 0', [0, 2], (g, x) => g.op('Pow', [x, g.scalar(0)]), [0, 0]],
    ['x¹ at 0', [0, 2], (g, x) => g.op('Pow', [x, g.scalar(1)]), [1, 1]],
    ['x² at 0', [0, 2], (g, x) => g.op('Pow', [x, g.scalar(2)]), [0, 4]],
    ['bˣ with b = 0', [2], (g, x) => g.op('Pow', [g.scalar(0), x]), [0]],
    ['a product with one zero', [0, 3, 5], (g, x) => g.op('ReduceProd', [x]), [15, 0, 0]],
    ['a product with two zeros', [0, 3, 0], (g, x) => g.op('ReduceProd', [x]), [0, 0, 0]],
    [
      'Sign, Floor and Round',
      [0.5, -1.5],
      (g, x) =>
        g.op(
          'Sum',
          ['Sign', 'Floor', 'Round'].map((t) => g.op(t, [x])),
        ),
      [0, 0],
    ],
    ['Elu at 0', [0], op('Elu', { alpha: 2 }), [2]],
    ['HardSigmoid at its ends', [-3, 3], op('HardSigmoid', { alpha: 1 / 6, beta: 0.5 }), [0, 0]],
  ];
  for (const [name, values, build, expected] of rows) {
    it(name, async () => {
      const found = await gradientAt(values, build);
      found.forEach((v, i) => {
        expect(v).toBeCloseTo(expected[i], 6);
      });
    });
  }

  it('MaxPool gives the first of tied maxima all', async () => {
    const found = await gradientAt([1, 1, 1, 1], (g, x) =>
      g.op('MaxPool', [g.op('Reshape', [x, g.ints([1, 1, 4])])], { kernel_shape: [2], strides: [2] }),
    );
    expect(found).toEqual([1, 0, 1, 0]);
  });

  it('stays finite far out', async () => {
    for (const type of [
      'Sigmoid',
      'Tanh',
      'Softplus',
      'Gelu',
      'Erf',
      'Softmax',
      'LogSoftmax',
      'Elu',
      'Mish',
    ]) {
      const found = await gradientAt([-80, 80, 0], op(type));
      expect(found.every(Number.isFinite), `${type}: ${found}`).toBe(true);
    }
  });
});
