/** @file What an operator's shape rule sees and returns. */
import { ShapeError } from '../../core/errors.ts';
import type { DType, Tensor } from '../../core/tensor.ts';
import type { Node, Shape } from '../model.ts';

export interface TensorType {
  readonly dtype: DType;
  readonly shape: Shape;
}

export interface InferContext {
  readonly node: Node;
  readonly opset: number;
  /** `undefined` where an optional input is absent. */
  readonly inputs: readonly (TensorType | undefined)[];
  /** The value of input `i` where it is known before running. */
  constant(i: number): Tensor | undefined;
  /** A new name for a dim that is known only at run time. */
  unknown(): string;
}

/** Types of all outputs (rules list every possible output; the caller takes as many as the node has). */
export type InferRule = (context: InferContext) => readonly TensorType[];

export type OperatorTable = Readonly<Record<string, InferRule>>;

/** How errors name a node. */
export function describeNode(node: Node): string {
  return node.name === '' ? node.opType : `${node.opType} '${node.name}'`;
}

/** Input `i`, which the operator requires. */
export function required(context: InferContext, i: number): TensorType {
  const input = context.inputs[i];
  if (input === undefined) {
    throw new ShapeError(`${describeNode(context.node)}: input ${i} is missing.`);
  }
  return input;
}

/** The integers in constant input `i`, or undefined if it is not known before running. */
export function constantInts(context: InferContext, i: number): number[] | undefined {
  const tensor = context.constant(i);
  return tensor === undefined ? undefined : Array.from(tensor.data as ArrayLike<number | bigint>, Number);
}

/** Integers that come at run time: there, but not known. `count`: how many, null where not even that is known. */
export class OpenInts {
  readonly count: number | null;
  constructor(count: number | null) {
    this.count = count;
  }
}

/**
 * Integers from input `i` or, in older opsets, from the attribute of that name. Undefined where they are absent, which
 * is not the same as unknown.
 */
export function intsFrom(
  context: InferContext,
  i: number,
  attribute: string,
): readonly number[] | OpenInts | undefined {
  const held = context.node.attributes[attribute];
  if (held?.kind === 'ints') return held.value;
  const input = context.inputs[i];
  if (input === undefined) return undefined;
  const [count = 1] = input.shape;
  return constantInts(context, i) ?? new OpenInts(typeof count === 'number' ? count : null);
}

/** Not even the result's rank is known: only the file itself can say more. */
export class UnknownRankError extends ShapeError {
  constructor(message: string) {
    super(message, {
      hint: "Bind the inputs' open sizes, or state the shape of the result in the model (value_info).",
    });
  }
}

/** The number of run-time integers, on which the result's rank depends. @throws {UnknownRankError} where it is open too */
export function countOf(context: InferContext, { count }: OpenInts, what: string): number {
  if (count === null)
    throw new UnknownRankError(
      `${describeNode(context.node)}: how many ${what} there are is known only at run time, and with them the result's rank.`,
    );
  return count;
}
