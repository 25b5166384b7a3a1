/** @file Evaluates nodes whose inputs are known before running: chiefly the shapes that exported models compute. */
import { sizeOf, type Tensor } from '../core/tensor.ts';
import { arithmeticValues, nonZero } from './foldArithmetic.ts';
import { type Evaluator, movementValues } from './foldMovement.ts';
import type { Node } from './model.ts';
import type { TensorType } from './operators/schema.ts';
import { isImpure } from './randomness.ts';
import { isStatic } from './shape.ts';

/** Larger results are left to the runtime: a constant takes room in the file, a node hardly any. */
const largest = 65536;

const evaluators: Readonly<Record<string, Evaluator>> = { ...movementValues, ...arithmeticValues };

/** Whether {@link fold} can say anything about that operator. */
export function isFoldable(node: Node): boolean {
  if (node.domain !== '' || isImpure(node)) return false;
  return node.opType === 'NonZero' || Object.hasOwn(evaluators, node.opType);
}

/**
 * The results of a node (in its opset-20 form) on known inputs, or null where they are not worked out here.
 * @param inputs undefined where an optional input is absent
 * @param infer the types of the results; not called for operators whose shape depends on values
 */
export function fold(
  node: Node,
  inputs: readonly (Tensor | undefined)[],
  infer: () => readonly TensorType[],
): readonly Tensor[] | null {
  if (!isFoldable(node)) return null;
  if (node.opType === 'NonZero') {
    const [x] = inputs;
    return x === undefined || sizeOf(x.dims) > largest || x.dtype === 'float16' ? null : [nonZero(x)];
  }
  const types = infer().slice(0, node.outputs.length);
  const dims: (readonly number[])[] = [];
  for (const { shape } of types) {
    if (!isStatic(shape) || !(sizeOf(shape) <= largest)) return null;
    dims.push(shape);
  }
  return evaluators[node.opType](node, inputs, dims);
}
