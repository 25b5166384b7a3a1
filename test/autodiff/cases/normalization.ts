import { batchNormalizationTraining } from '../../../src/onnx/index.ts';
import type { RuleCase } from './ruleCase.ts';

export const normalizationCases: readonly RuleCase[] = [
  {
    op: 'BatchNormalization',
    variant: 'training',
    shapes: [[3, 2, 2, 3], [2], [2]],
    build: (g, [x, s, b]) => batchNormalizationTraining(g, x!, s!, b!, 1e-3).output,
  },
  {
    op: 'BatchNormalization',
    variant: 'training, momentum 0.9',
    shapes: [[3, 2, 4], [2], [2]],
    build: (g, [x, s, b]) => {
      const rest = [0, 1].map((v) =>
        g.constant({ dtype: 'float64', dims: [2], data: Float64Array.of(v, v) }),
      );
      return g.ops(
        'BatchNormalization',
        [x!, s!, b!, ...rest],
        { training_mode: 1, momentum: 0.9 },
        { outputs: 3 },
      )[0];
    },
  },
  // ONNX Runtime writes the running outputs over the running inputs, and may have merged these with equal constants.
  ...[0, 0.9].map(
    (momentum): RuleCase => ({
      op: 'BatchNormalization',
      variant: `training, momentum ${momentum}, running statistics 0 and 1 as constants`,
      shapes: [[3, 2, 4], [2], [2]],
      range: [1, 3],
      build: (g, [x, s, b]) => {
        const running = [0, 1].map((v) =>
          g.initializer(`running${v}`, { dtype: 'float64', dims: [2], data: Float64Array.of(v, v) }),
        );
        const attributes = { training_mode: 1, momentum };
        return g.op('Sin', [
          g.ops('BatchNormalization', [x!, s!, b!, ...running], attributes, { outputs: 3 })[0],
        ]);
      },
    }),
  ),
  {
    op: 'BatchNormalization',
    variant: 'inference, all five inputs',
    shapes: [[3, 2, 4], [2], [2], [2], [2]],
    range: [0.4, 2],
    build: (g, x) => g.op('BatchNormalization', x, { epsilon: 1e-3 }),
  },
  {
    op: 'LayerNormalization',
    variant: 'last axis',
    shapes: [[2, 3, 5], [5], [5]],
    dtype: 'float32',
    build: (g, x) => g.op('LayerNormalization', x, { axis: -1 }),
  },
  {
    op: 'LayerNormalization',
    variant: 'two axes, no bias',
    shapes: [
      [2, 3, 5],
      [3, 5],
    ],
    dtype: 'float32',
    build: (g, x) => g.op('LayerNormalization', x, { axis: 1 }),
  },
  {
    op: 'LayerNormalization',
    variant: 'float64',
    shapes: [[2, 3, 5], [5], [5]],
    build: (g, x) => g.op('LayerNormalization', x, { axis: -1, stash_type: 11 }),
  },
  {
    op: 'LayerNormalization',
    variant: 'with its statistics as outputs',
    shapes: [[2, 3, 5], [5], [5]],
    dtype: 'float32',
    build: (g, x) => g.ops('LayerNormalization', x, { axis: -1 }, { outputs: 3 })[0],
  },
  ...[[1], [2], [0, 1, 2]].map(
    (used): RuleCase => ({
      op: 'LayerNormalization',
      variant: `by its outputs ${used.join(', ')}`,
      shapes: [[2, 3, 5], [5], [5]],
      dtype: 'float32',
      build: (g, x) => {
        const outputs = g.ops('LayerNormalization', x, { axis: -1, epsilon: 1e-3 }, { outputs: 3 });
        return used.map((i) => outputs[i]);
      },
    }),
  ),
  {
    op: 'RMSNormalization',
    variant: 'last axis',
    opset: 23,
    shapes: [[2, 3, 5], [5]],
    dtype: 'float32',
    build: (g, x) => g.op('RMSNormalization', x, { axis: -1 }),
  },
  {
    op: 'RMSNormalization',
    variant: 'two axes',
    opset: 23,
    shapes: [
      [2, 3, 5],
      [3, 5],
    ],
    dtype: 'float32',
    build: (g, x) => g.op('RMSNormalization', x, { axis: 1, epsilon: 0.01 }),
  },
  ...[
    [2, 3, 4],
    [2, 3, 4, 2],
  ].map(
    (shape): RuleCase => ({
      op: 'InstanceNormalization',
      variant: `rank ${shape.length}`,
      shapes: [shape, [3], [3]],
      dtype: 'float32',
      build: (g, x) => g.op('InstanceNormalization', x, { epsilon: 1e-3 }),
    }),
  ),
  {
    op: 'GroupNormalization',
    variant: 'opset 18: scale per group',
    opset: 18,
    shapes: [[2, 4, 3, 2], [2], [2]],
    dtype: 'float32',
    build: (g, x) => g.op('GroupNormalization', x, { num_groups: 2, epsilon: 1e-3 }),
  },
  {
    op: 'GroupNormalization',
    variant: 'opset 21: scale per channel',
    opset: 21,
    shapes: [[2, 6, 3, 2], [6], [6]],
    dtype: 'float32',
    build: (g, x) => g.op('GroupNormalization', x, { num_groups: 3 }),
  },
  ...[1, 2].flatMap((p) =>
    [0, -1].map(
      (axis): RuleCase => ({
        op: 'LpNormalization',
        variant: `p ${p}, axis ${axis}`,
        shapes: [[3, 4]],
        apart: 0.1,
        build: (g, [x]) => g.op('LpNormalization', [x!], { p, axis }),
      }),
    ),
  ),
  ...[1, 3, 5].map(
    (size): RuleCase => ({
      op: 'LRN',
      variant: `over ${size} channels`,
      shapes: [[2, 5, 2, 3]],
      dtype: 'float32',
      build: (g, [x]) => g.op('LRN', [x!], { size, alpha: 0.9, beta: 0.6, bias: 1.5 }),
    }),
  ),
  {
    op: 'MeanVarianceNormalization',
    variant: 'default axes',
    shapes: [[2, 3, 2, 4]],
    dtype: 'float32',
    build: (g, [x]) => g.op('MeanVarianceNormalization', [x!]),
  },
  {
    op: 'MeanVarianceNormalization',
    variant: 'within each picture',
    shapes: [[2, 3, 2, 4]],
    dtype: 'float32',
    build: (g, [x]) => g.op('MeanVarianceNormalization', [x!], { axes: [1, 2, 3] }),
  },
];
