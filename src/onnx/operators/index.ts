/** @file All shape rules, by operator name. */
import { UnsupportedOpError } from '../../core/errors.ts';
import { convolution } from './convolution.ts';
import { einsums } from './einsum.ts';
import { elementwise } from './elementwise.ts';
import { linalg } from './linalg.ts';
import { movement } from './movement.ts';
import { normalization } from './normalization.ts';
import { recurrence } from './recurrent.ts';
import { reduction } from './reduction.ts';
import { resizing } from './resize.ts';
import { describeNode, type InferContext, type OperatorTable, type TensorType } from './schema.ts';
import { signal } from './signal.ts';

/** Shape rules by family, as docs/operators.md lists them. Some operators are of ONNX Runtime's own domain only. */
export const shapeRules = {
  elementwise,
  reduction,
  movement,
  linalg: { ...linalg, ...einsums },
  convolution: { ...convolution, ...resizing },
  normalization,
  recurrence,
  signal,
} as const satisfies Readonly<Record<string, OperatorTable>>;

const operators = new Map(Object.values(shapeRules).flatMap((table: OperatorTable) => Object.entries(table)));

/** Operators of ONNX Runtime's own domain that have a shape rule here. */
export const microsoftOperators: ReadonlySet<string> = new Set([
  ...['FusedMatMul', 'Gelu', 'FastGelu', 'QuickGelu', 'BiasGelu', 'FusedConv', 'FusedGemm'],
  ...['SkipLayerNormalization', 'SkipSimplifiedLayerNormalization'],
]);

/** Of these, the ones that the standard domain has too. */
const inBothDomains: ReadonlySet<string> = new Set(['Gelu']);

/** Whether there is a shape rule for an operator of a domain. */
function isKnown(domain: string, opType: string): boolean {
  if (domain === 'com.microsoft') return microsoftOperators.has(opType);
  return domain === '' && (!microsoftOperators.has(opType) || inBothDomains.has(opType));
}

/** Infers the types of a node's outputs. @throws {UnsupportedOpError} for an operator without a rule. */
export function inferTypes(context: InferContext): readonly TensorType[] {
  const { node } = context;
  const rule = isKnown(node.domain, node.opType) ? operators.get(node.opType) : undefined;
  if (rule === undefined) {
    const domain = node.domain === '' ? '' : `${node.domain}.`;
    throw new UnsupportedOpError(`There is no shape rule for operator ${domain}${describeNode(node)}.`);
  }
  return rule(context);
}
