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
      shape = broadcast(shape, next.shape, describeNode(c.node));
    }
    return [{ dtype: result ?? first.dtype, shape }];
  };
}

const where: InferRule = (c) => {
  const condition = required(c, 0);
  const a = required(c, 1);
  const b = required(c, 2);
  const name = describeNode(c.node);
  return [{ dtype: a.dtype, shape: broadcast(broadcast(condition.shape, a.shape, name), b.shape, name) }];
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
  ...[
    'Abs',
    'Ceil',
    'Clip',
    'Cos',
    'Elu',
    'Erf',
    'Exp',
    'Floor',
    'Gelu',
    'HardSigmoid',
    'HardSwish',
    'Identity',
  ],
  ...['LeakyRelu', 'Log', 'Neg', 'Not', 'Reciprocal', 'Relu', 'Round', 'Sigmoid', 'Sign', 'Sin', 'Softplus'],
  ...['Sqrt', 'Tanh', 'PRelu', 'Softmax', 'LogSoftmax'],
];
const binary = ['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Mod', 'Max', 'Min', 'Mean', 'Sum', 'And', 'Or', 'Xor'];
const comparisons = ['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'];

export const elementwise: OperatorTable = {
  ...Object.fromEntries(unary.map((op) => [op, same])),
  ...Object.fromEntries(binary.map((op) => [op, broadcasting()])),
  ...Object.fromEntries(comparisons.map((op) => [op, broadcasting('bool')])),
  Dropout: dropout,
  Where: where,
  Cast: cast,
};
