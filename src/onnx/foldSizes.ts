/**
 * @file Shapes computed by a model some of whose sizes are still names: `[N, 4, -1]` put together from parts of a shape
 * is no constant, yet enough to know what a Reshape to it gives.
 */
import { type Dim, intAttribute, type Node, type Shape } from './model.ts';

/** The elements of an integer vector (or scalar) as far as they are known: numbers, names of sizes, null for neither. */
export type Sizes = readonly (Dim | null)[];

/** What is known of an operand: its rank, and its elements. */
export interface SizesOperand {
  readonly shape: Shape;
  readonly sizes: Sizes | undefined;
}

/** The operand's elements, all unknown where nothing is known but their number. */
function elements({ shape, sizes }: SizesOperand): Sizes | undefined {
  if (sizes !== undefined) return sizes;
  const [n = 1] = shape;
  return shape.length < 2 && typeof n === 'number' && n <= 64 ? Array<null>(n).fill(null) : undefined;
}

function numbers(operand: SizesOperand | undefined): number[] | undefined {
  const known = operand?.sizes?.filter((d): d is number => typeof d === 'number');
  return known !== undefined && known.length === operand?.sizes?.length ? known : undefined;
}

/** The elements of a node's first result, or undefined where the node is none that puts shapes together. */
export function sizesOf(node: Node, operands: readonly (SizesOperand | undefined)[]): Sizes | undefined {
  const [x] = operands;
  if (node.domain !== '' || x === undefined) return undefined;
  const vector = x.shape.length === 1;
  switch (node.opType) {
    case 'Shape': {
      const rank = x.shape.length;
      const place = (i: number) => Math.min(Math.max(i < 0 ? i + rank : i, 0), rank);
      return x.shape.slice(place(intAttribute(node, 'start', 0)), place(intAttribute(node, 'end', rank)));
    }
    case 'Gather': {
      const places = numbers(operands[1]);
      if (!vector || x.sizes === undefined || places === undefined) return undefined;
      const chosen = places.map((i) => x.sizes![i < 0 ? i + x.sizes!.length : i]);
      return chosen.some((d) => d === undefined) ? undefined : (chosen as Sizes);
    }
    case 'Slice': {
      const [starts, ends, steps] = [1, 2, 4].map((i) => numbers(operands[i]));
      const stepped = operands[4] !== undefined && steps?.[0] !== 1;
      if (!vector || starts?.length !== 1 || ends?.length !== 1 || stepped) return undefined;
      return x.sizes?.slice(starts[0], ends[0]);
    }
    case 'Concat': {
      const parts = operands.map((operand) => (operand === undefined ? undefined : elements(operand)));
      if (!vector || parts.some((part) => part === undefined)) return undefined;
      return (parts as Sizes[]).flat();
    }
    case 'Squeeze':
    case 'Unsqueeze':
    case 'Reshape':
    case 'Identity':
      return x.sizes;
    case 'Where': {
      const parts = operands.slice(0, 3).map((operand) => operand && elements(operand));
      return elementwise(parts, ([condition, yes, no]) =>
        condition === 0 ? no! : condition === 1 ? yes! : yes === no ? yes! : null,
      );
    }
    default: {
      const combine = Object.hasOwn(pairs, node.opType) ? pairs[node.opType] : undefined;
      if (combine === undefined) return undefined;
      const parts = operands.slice(0, 2).map((operand) => operand && elements(operand));
      return elementwise(parts, ([a, b]) => combine(a!, b!));
    }
  }
}

/** What can be said of arithmetic on an open size: little, but enough for the ways exporters write `expand`. */
const pairs: Readonly<Record<string, (a: Dim | null, b: Dim | null) => Dim | null>> = {
  Mul: (a, b) => (a === 1 ? b : b === 1 ? a : both(a, b, (p, q) => p * q)),
  Div: (a, b) => (b === 1 ? a : both(a, b, (p, q) => (q === 0 ? null : Math.trunc(p / q)))),
  Add: (a, b) => (a === 0 ? b : b === 0 ? a : both(a, b, (p, q) => p + q)),
  Sub: (a, b) => (b === 0 ? a : both(a, b, (p, q) => p - q)),
  // A size is never negative, so it is not the −1 that stands for "as it is".
  Equal: (a, b) => {
    if (a === null || b === null) return null;
    if (a === b) return 1;
    if (typeof a === 'number' && typeof b === 'number') return 0;
    return (typeof a === 'number' && a < 0) || (typeof b === 'number' && b < 0) ? 0 : null;
  },
};

function both(a: Dim | null, b: Dim | null, of: (p: number, q: number) => number | null): number | null {
  const value = typeof a === 'number' && typeof b === 'number' ? of(a, b) : null;
  return value !== null && Number.isSafeInteger(value) ? value : null;
}

/** Element by element, single elements repeated. */
function elementwise(
  parts: readonly (Sizes | undefined)[],
  of: (elements: readonly (Dim | null)[]) => Dim | null,
): Sizes | undefined {
  const length = Math.max(...parts.map((part) => part?.length ?? 0));
  if (parts.some((part) => part === undefined || (part.length !== length && part.length !== 1)))
    return undefined;
  return Array.from({ length }, (_, i) => of(parts.map((part) => part![part!.length === 1 ? 0 : i])));
}

/**
 * The target of a Reshape of `shape` as constant integers: an open size is "as it was" (0) where the operand has it at
 * the same place, else "what is left" (−1), which can be said once. Null where that does not suffice.
 */
export function reshapeTarget(shape: Shape, target: Sizes): number[] | null {
  let left = target.includes(-1);
  const found: number[] = [];
  for (const [i, d] of target.entries()) {
    if (typeof d === 'number') found.push(d);
    else if (d !== null && shape[i] === d) found.push(0);
    else if (left) return null;
    else {
      left = true;
      found.push(-1);
    }
  }
  return found;
}
