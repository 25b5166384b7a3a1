/** @file Rows of the rule table: classification losses. */
import type { GraphBuilder, Value } from '../../../src/onnx/index.ts';
import { integers, type RuleCase } from './ruleCase.ts';

interface LossForm {
  readonly variant: string;
  readonly shape: readonly number[];
  readonly labels: readonly number[];
  readonly reduction: string;
  readonly weighted?: boolean;
  readonly ignore?: number;
  readonly labelType?: 'int32';
  readonly opset?: number;
}

const forms: readonly LossForm[] = [
  ...['mean', 'sum', 'none'].flatMap((reduction): LossForm[] => [
    { variant: reduction, shape: [3, 4], labels: [2, 0, 3], reduction },
    { variant: `${reduction}, weights`, shape: [3, 4], labels: [2, 0, 3], reduction, weighted: true },
    {
      variant: `${reduction}, weights, a class ignored`,
      shape: [4, 4],
      labels: [2, 0, 3, 2],
      reduction,
      weighted: true,
      ignore: 2,
    },
    {
      variant: `${reduction}, pixels, some unlabelled`,
      shape: [2, 3, 2, 2],
      labels: [2, 0, -1, 1, 1, -1, 0, 2],
      reduction,
      ignore: -1,
    },
  ]),
  { variant: 'labels of 32 bits', shape: [3, 4], labels: [1, 1, 3], reduction: 'mean', labelType: 'int32' },
  { variant: 'opset 12, pixels', shape: [2, 3, 2], labels: [2, 0, 1, 1], reduction: 'mean', opset: 12 },
];

function operands(g: GraphBuilder, x: Value, form: LossForm): Value[] {
  const labelShape = [form.shape[0], ...form.shape.slice(2)];
  const labels =
    form.labelType === 'int32'
      ? g.constant({ dtype: 'int32', dims: labelShape, data: Int32Array.from(form.labels) })
      : integers(g, labelShape, form.labels);
  const weights = Float32Array.from({ length: form.shape[1] }, (_, i) => 0.5 + i);
  return form.weighted
    ? [x, labels, g.constant({ dtype: 'float32', dims: [weights.length], data: weights })]
    : [x, labels];
}

function attributes(form: LossForm): Record<string, string | number> {
  return { reduction: form.reduction, ...(form.ignore === undefined ? {} : { ignore_index: form.ignore }) };
}

/** The class weights as an operand of their own, [C]. */
const learnt = (op: string, form: LossForm): RuleCase => ({
  op,
  variant: `${form.variant}, by the weights`,
  shapes: [form.shape, [form.shape[1]]],
  range: [0.4, 2],
  dtype: 'float32',
  ...(form.opset === undefined ? {} : { opset: form.opset }),
  build: (g, [x, w]) => {
    const [scores, labels] = operands(g, x!, { ...form, weighted: false });
    return g.op(op, [scores!, labels!, w!], attributes(form));
  },
});

const row = (form: LossForm): Omit<RuleCase, 'op' | 'build'> => ({
  variant: form.variant,
  shapes: [form.shape],
  dtype: 'float32',
  ...(form.opset === undefined ? {} : { opset: form.opset }),
});

export const lossCases: readonly RuleCase[] = [
  ...forms.flatMap((form): RuleCase[] => [
    {
      ...row(form),
      op: 'SoftmaxCrossEntropyLoss',
      build: (g, [x]) => g.op('SoftmaxCrossEntropyLoss', operands(g, x!, form), attributes(form)),
    },
    {
      ...row(form),
      op: 'NegativeLogLikelihoodLoss',
      build: (g, [x]) => g.op('NegativeLogLikelihoodLoss', operands(g, x!, form), attributes(form)),
    },
  ]),
  ...['SoftmaxCrossEntropyLoss', 'NegativeLogLikelihoodLoss'].flatMap((op) =>
    forms.filter((form) => form.weighted !== true).map((form) => learnt(op, form)),
  ),
  ...[0, 1].map(
    (used): RuleCase => ({
      op: 'SoftmaxCrossEntropyLoss',
      variant: used ? 'both outputs' : 'log probabilities only',
      shapes: [[3, 4, 2]],
      dtype: 'float32',
      build: (g, [x]) => {
        const labels = integers(g, [3, 2], [0, 1, 2, 3, 1, 0]);
        const both = g.ops('SoftmaxCrossEntropyLoss', [x!, labels], { reduction: 'mean' }, { outputs: 2 });
        return used ? both : both[1];
      },
    }),
  ),
];
