/** @file All shape rules, by operator name. */
import { UnsupportedOpError } from '../../core/errors.ts';
import { convolution } from './convolution.ts';
import { einsums } from './einsum.ts';
import { elementwise } from './elementwise.ts';
import { linalg } from './linalg.ts';
import { movement } from './movement.ts';
import { normalization } from './normalization.ts';
import { reduction } from './reduction.ts';
import { resizing } from './resize.ts';
import { describeNode, type InferContext, type OperatorTable, type TensorType } from './schema.ts';

const operators: OperatorTable = {
  ...elementwise,
  ...reduction,
  ...movement,
  ...linalg,
  ...einsums,
  ...convolution,
  ...resizing,
  ...normalization,
};

/** Operators of ONNX Runtime's own domain that have a shape rule here. */
const microsoft = new Set(['FusedMatMul', 'Gelu', 'FastGelu', 'QuickGelu', 'BiasGelu']);

/** Infers the types of a node's outputs. @throws {UnsupportedOpError} for an operator without a rule. */
export function inferTypes(context: InferContext): readonly TensorType[] {
  const { node } = context;
  const known = node.domain === '' || (node.domain === 'com.microsoft' && microsoft.has(node.opType));
  const rule = known ? operators[node.opType] : undefined;
  if (rule === undefined) {
    const domain = node.domain === '' ? '' : `${node.domain}.`;
    throw new UnsupportedOpError(`There is no shape rule for operator ${domain}${describeNode(node)}.`);
  }
  return rule(context);
}
