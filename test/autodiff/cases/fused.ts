/** @file Rows of the rule table: dequantisation, and operators in which ONNX Runtime joins several. */
import type { AttributeInput, GraphBuilder, Value } from '../../../src/onnx/index.ts';
import { integers, type RuleCase } from './ruleCase.ts';

const microsoft = (
  op: string,
  variant: string,
  shapes: number[][],
  attributes: Record<string, AttributeInput> = {},
  absent: readonly number[] = [],
  outputs: readonly number[] = [0],
): RuleCase => ({
  op,
  variant,
  shapes,
  dtype: 'float32',
  step: 3e-3,
  build: (g, x) => {
    const inputs: (Value | null)[] = [...x];
    for (const place of absent) inputs.splice(place, 0, null);
    const made = g.ops(op, inputs, attributes, {
      domain: 'com.microsoft',
      outputs: Math.max(...outputs) + 1,
    });
    return outputs.map((i) => made[i]);
  },
});

const bytes = (g: GraphBuilder, dims: number[]) =>
  g.constant({
    dtype: 'int8',
    dims,
    data: Int8Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => ((i * 37) % 50) - 20),
  });

export const fusedCases: readonly RuleCase[] = [
  {
    op: 'DequantizeLinear',
    variant: 'one scale',
    shapes: [[]],
    dtype: 'float32',
    build: (g, [s]) => g.op('DequantizeLinear', [bytes(g, [3, 4]), s!]),
  },
  {
    op: 'DequantizeLinear',
    variant: 'one scale [1], zero point',
    shapes: [[1]],
    dtype: 'float32',
    build: (g, [s]) =>
      g.op('DequantizeLinear', [
        bytes(g, [3, 4]),
        s!,
        g.constant({ dtype: 'int8', dims: [1], data: Int8Array.of(-7) }),
      ]),
  },
  {
    op: 'DequantizeLinear',
    variant: 'a scale and a zero point per channel',
    shapes: [[3]],
    dtype: 'float32',
    build: (g, [s]) =>
      g.op(
        'DequantizeLinear',
        [bytes(g, [2, 3, 4]), s!, g.constant({ dtype: 'int8', dims: [3], data: Int8Array.of(-7, 0, 11) })],
        { axis: -2 },
      ),
  },
  microsoft('FusedConv', 'plain', [[1, 2, 4, 4], [3, 2, 2, 2], [3]]),
  microsoft('FusedConv', 'Relu, sum', [[1, 2, 4, 4], [2, 2, 3, 3], [2], [1, 2, 4, 4]], {
    activation: 'Relu',
    pads: [1, 1, 1, 1],
  }),
  microsoft('FusedConv', 'HardSigmoid', [[1, 2, 4, 4], [2, 2, 2, 2], [2]], {
    activation: 'HardSigmoid',
    activation_params: [0.11, 0.45],
  }),
  microsoft('FusedConv', 'Sigmoid, groups', [[1, 2, 4, 4], [2, 1, 2, 2], [2]], {
    activation: 'Sigmoid',
    group: 2,
  }),
  microsoft('FusedGemm', 'Tanh', [[3, 4], [4, 2], [2]], { activation: 'Tanh' }),
  microsoft(
    'FusedGemm',
    'LeakyRelu, transposed',
    [
      [3, 4],
      [2, 4],
      [3, 2],
    ],
    {
      activation: 'LeakyRelu',
      activation_alpha: 0.2,
      transB: 1,
      alpha: 0.5,
      beta: 2,
    },
  ),
  microsoft('SkipLayerNormalization', 'beta and bias', [[2, 3, 4], [2, 3, 4], [4], [4], [4]], {
    epsilon: 1e-5,
  }),
  microsoft(
    'SkipLayerNormalization',
    'the sum too',
    [[2, 3, 4], [2, 3, 4], [4]],
    { epsilon: 1e-5 },
    [],
    [0, 3],
  ),
  microsoft('SkipSimplifiedLayerNormalization', 'bias', [[2, 3, 4], [2, 3, 4], [4], [4]], { epsilon: 1e-5 }),
  microsoft(
    'SkipSimplifiedLayerNormalization',
    'the sum too',
    [[2, 3, 4], [2, 3, 4], [4]],
    { epsilon: 1e-5 },
    [],
    [0, 3],
  ),
  ...[[0], [1], [0, 1]].map(
    (used): RuleCase => ({
      op: 'SimplifiedLayerNormalization',
      variant: `outputs ${used.join(' and ')}`,
      shapes: [[2, 3, 5], [5]],
      dtype: 'float32',
      build: (g, x) => {
        const both = g.ops('SimplifiedLayerNormalization', x, { axis: -1, epsilon: 1e-3 }, { outputs: 2 });
        return used.map((i) => both[i]);
      },
    }),
  ),
  {
    op: 'ReverseSequence',
    variant: 'each within its length',
    shapes: [[4, 3, 2]],
    build: (g, [x]) =>
      g.op('ReverseSequence', [x!, integers(g, [3], [4, 1, 2])], { time_axis: 0, batch_axis: 1 }),
  },
  {
    op: 'ReverseSequence',
    variant: 'batch first',
    shapes: [[2, 4]],
    build: (g, [x]) =>
      g.op('ReverseSequence', [x!, integers(g, [2], [3, 4])], { time_axis: 1, batch_axis: 0 }),
  },
];
