/** @file What a row of the rule table is, and what rows of all families are made with. */
import { Random } from '../../../src/core/index.ts';
import type { GraphBuilder, Value } from '../../../src/onnx/index.ts';

export interface RuleCase {
  readonly op: string;
  readonly variant: string;
  /** Shapes of the inputs x0, x1, …. */
  readonly shapes: readonly (readonly number[])[];
  readonly build: (g: GraphBuilder, x: readonly Value[]) => Value | readonly Value[];
  /** Where inputs are drawn from; default [-2, 2]. `apart` keeps every value that far from all others and from 0. */
  readonly range?: readonly [number, number];
  readonly apart?: number;
  /** Operator set of the graph; default the builder's. */
  readonly opset?: number;
  /** Inputs that need a gradient; default all. */
  readonly wrt?: readonly number[];
  /** Step of the difference, where the function bends too much for the default. */
  readonly step?: number;
  /** float32 where the runtime has no float64 kernel. */
  readonly dtype?: 'float32';
}

/** Seeded inputs of a case. */
export function inputsOf(c: RuleCase): Float64Array[] {
  const random = new Random(`${c.op}/${c.variant}`);
  const [low, high] = c.range ?? [-2, 2];
  const gap = c.apart ?? 0;
  return c.shapes.map((shape) => {
    const n = shape.reduce((a, b) => a * b, 1);
    if (gap === 0) return Float64Array.from({ length: n }, () => random.uniform(low, high));
    // Distinct levels, shuffled: no ties and no kinks within reach of the difference step.
    const levels = Array.from({ length: n }, (_, i) => (i - n / 2 + 0.5) * gap * 2);
    return Float64Array.from(random.shuffle(levels));
  });
}

export const unary = (
  op: string,
  extra: Partial<RuleCase> = {},
  attributes = {},
  variant = 'default',
): RuleCase => ({
  op,
  variant,
  shapes: [[3, 4]],
  build: (g, [x]) => g.op(op, [x!], attributes),
  ...extra,
});

export const positive: Partial<RuleCase> = { range: [0.3, 3] };
export const kinked: Partial<RuleCase> = { apart: 0.1 };

/** An int64 tensor as a constant. */
export const integers = (g: GraphBuilder, dims: readonly number[], values: readonly number[]): Value =>
  g.constant({ dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) });
