/** @file Which nodes may give something else on every call: the one list that sharing, folding and recomputing use. */
import type { Node } from './model.ts';
import { microsoftOperators } from './operators/index.ts';

/** Operators of the standard domain that draw random numbers. Their results have no gradient. */
export const randomOperators: ReadonlySet<string> = new Set([
  ...['Bernoulli', 'Multinomial', 'RandomNormal', 'RandomNormalLike', 'RandomUniform', 'RandomUniformLike'],
]);

/** Earshot's own domain, of nodes that wait to be lowered, and ONNX Runtime's of blocked layouts: functions all. */
const pureDomains: ReadonlySet<string> = new Set(['earshot', 'com.microsoft.nchwc']);

/**
 * True for nodes whose results may differ from call to call: they must be neither shared, nor worked out beforehand, nor
 * made again. Beside random operators these are Dropout (the import leaves it only in training), what runs a subgraph,
 * and every operator of a domain that is not known, of which nothing can be said.
 */
export function isImpure(node: Pick<Node, 'domain' | 'opType' | 'attributes'>): boolean {
  const { domain, opType } = node;
  if (Object.values(node.attributes).some((a) => a.kind === 'opaque')) return true;
  if (domain === '') return opType === 'Dropout' || randomOperators.has(opType);
  return !pureDomains.has(domain) && !(domain === 'com.microsoft' && microsoftOperators.has(opType));
}
