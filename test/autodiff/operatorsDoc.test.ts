import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { nonDifferentiable, vjpRules } from '../../src/autodiff/index.ts';
import { shapeRules } from '../../src/onnx/operators/index.ts';
import { operatorsPage } from '../../tools/operatorsDoc.ts';

it('docs/operators.md is what the registry says (npx tsx tools/operatorsDoc.ts writes it)', () => {
  expect(readFileSync(new URL('../../docs/operators.md', import.meta.url), 'utf8')).toBe(operatorsPage());
});

it('every operator with a gradient rule, or without a gradient by nature, has a shape rule', () => {
  const known = new Set(Object.values(shapeRules).flatMap((table) => Object.keys(table)));
  expect([...Object.keys(vjpRules), ...nonDifferentiable].filter((name) => !known.has(name))).toEqual([]);
});

it('covers the operators that audio, image and text networks use', () => {
  const named =
    `Abs Add AveragePool BatchNormalization Cast Clip Concat Conv ConvTranspose Cos Div Dropout Einsum Elu Erf
    Exp Expand Flatten Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool GroupNormalization
    HardSigmoid HardSwish Identity InstanceNormalization LayerNormalization LeakyRelu Log LogSoftmax MatMul Max MaxPool
    Mean Min Mul Neg Pad Pow PRelu ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare
    Reciprocal Relu Reshape Resize ScatterElements ScatterND Sigmoid Sin Slice Softmax SoftmaxCrossEntropyLoss Softplus
    Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Unsqueeze Where`.split(/\s+/);
  const stops =
    `Ceil Floor Round Sign Equal Greater GreaterOrEqual Less LessOrEqual Not And Or Xor Constant ConstantOfShape
    Shape Size Range ArgMax ArgMin`.split(/\s+/);
  expect(named.filter((name) => !(name in vjpRules))).toEqual([]);
  expect(stops.filter((name) => !nonDifferentiable.has(name))).toEqual([]);
});
