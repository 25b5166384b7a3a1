/** @file Shape rules of operators that work element by element, with NumPy broadcasting. */
import { GraphError, ShapeError } from '../../core/errors.ts';
import { dtypeFromNumber } from '../dataTypes.ts';
import { intAttribute } from '../model.ts';
import { broadcast } from '../shape.ts';
import { describeNode, type InferRule, type OperatorTable, required } from './schema.ts';

const same: InferRule = (c) => [required(c, 0)];

/** Dropout: the mask has the input's shape. */
const dropout: InferRule = (c) => [required(c, 0), { dtype: 'bool', shape: required(c, 0).shape }];

function broadcasting(result?: 'bool'): InferRule {
  return (c) => {
    const first = required(c, 0);
    let shape = first.shape;
    for (let i = 1; i < c.inputs.length; i++) {
      const next = required(c, i);
      if (next.dtype !== first.dtype && c.node.opType !== 'Pow') {
        throw new ShapeError(
          `${describeNode(c.node)}: inputs have different types, ${first.dtype} and ${next.dtype}.`,
          { hint: 'Insert a Cast.' },
        );
      }
      shape = broadcast(shape, next.shape, describeNode(c.node), c.unknown);
    }
    return [{ dtype: result ?? first.dtype, shape }];
  };
}

const where: InferRule = (c) => {
  const condition = required(c, 0);
  const a = required(c, 1);
  const b = required(c, 2);
  const name = describeNode(c.node);
  const chosen = broadcast(condition.shape, a.shape, name, c.unknown);
  return [{ dtype: a.dtype, shape: broadcast(chosen, b.shape, name, c.unknown) }];
};

const cast: InferRule = (c) => {
  const to = c.node.attributes['to'];
  if (to?.kind !== 'int') throw new GraphError(`${describeNode(c.node)}: attribute 'to' is missing.`);
  return [
    {
      dtype: dtypeFromNumber(intAttribute(c.node, 'to', 1), describeNode(c.node)),
      shape: required(c, 0).shape,
    },
  ];
};

const unary = [
  ...['Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Ceil', 'Celu', 'Clip', 'Cos', 'Cosh', 'Elu'],
  ...['Erf', 'Exp', 'Floor', 'Gelu', 'HardSigmoid', 'HardSwish', 'Hardmax', 'Identity', 'LeakyRelu', 'Log'],
  ...['LogSoftmax', 'Mish', 'Neg', 'Not', 'PRelu', 'Reciprocal', 'Relu', 'Round', 'Selu', 'Sigmoid', 'Sign'],
  ...['Sin', 'Sinh', 'Softmax', 'Softplus', 'Softsign', 'Sqrt', 'Swish', 'Tan', 'Tanh', 'ThresholdedRelu'],
  ...['QuickGelu', 'FastGelu', 'BiasGelu', 'Shrink', 'BitwiseNot'],
];
/** The result's type where an attribute may choose another than the input's. */
const retyped: InferRule = (c) => {
  const x = required(c, 0);
  const chosen = c.node.attributes['dtype'];
  if (chosen?.kind !== 'int') return [x];
  return [{ dtype: dtypeFromNumber(chosen.value, describeNode(c.node)), shape: x.shape }];
};

/** The type is the zero point's; without one that of an attribute (opset 21) or uint8. */
const quantized: InferRule = (c) => {
  const asked = intAttribute(c.node, 'output_dtype', 0);
  const named = asked === 0 ? 'uint8' : dtypeFromNumber(asked, describeNode(c.node));
  return [{ dtype: c.inputs[2]?.dtype ?? named, shape: required(c, 0).shape }];
};

const test: InferRule = (c) => [{ dtype: 'bool', shape: required(c, 0).shape }];

const binary = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Mod', 'Max', 'Min', 'Mean', 'Sum', 'And', 'Or', 'Xor'];
const bits = ['BitShift', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor'];
const comparisons = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'];

export const elementwise: OperatorTable = {
  ...Object.fromEntries(unary.map((op) => [op, same])),
  ...Object.fromEntries(binary.map((op) => [op, broadcasting()])),
  ...Object.fromEntries(bits.map((op) => [op, broadcasting()])),
  ...Object.fromEntries(comparisons.map((op) => [op, broadcasting('bool')])),
  Dropout: dropout,
  QuantizeLinear: quantized,
  DequantizeLinear: (c) => [{ dtype: required(c, 1).dtype, shape: required(c, 0).shape }],
  Where: where,
  Cast: cast,
  CastLike: (c) => [{ dtype: required(c, 1).dtype, shape: required(c, 0).shape }],
  IsNaN: test,
  IsInf: test,
  RandomNormalLike: retyped,
  RandomUniformLike: retyped,
  Bernoulli: retyped,
  EyeLike: retyped,
};
