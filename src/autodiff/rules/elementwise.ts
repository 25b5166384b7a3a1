/**
 * @file Gradients of elementwise operators. The formula stands above each rule: y is the output, dy its gradient.
 * Gradients may come back in the broadcast shape; the pass sums them to the operand's.
 */
import { GraphError } from '../../core/errors.ts';
import { describeNode, type Value } from '../../onnx/index.ts';
import {
  type Algebra,
  algebra,
  cotangent,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

/** A rule for y = f(x): `derivative` gives dx from x, y and dy. */
export function unary(
  derivative: (a: Algebra, x: Value, y: Value, dy: Value, c: VjpContext) => Value,
): VjpRule {
  return (c) => {
    const x = input(c, 0);
    return [derivative(algebra(c.g, x), x, c.outputs[0], cotangent(c), c)];
  };
}

const add: VjpRule = (c) => c.inputs.map(() => cotangent(c));

const sub: VjpRule = (c) => [cotangent(c), c.needs[1] ? c.g.op('Neg', [cotangent(c)]) : null];

// da = dy · b, db = dy · a
const mul: VjpRule = (c) => {
  const dy = cotangent(c);
  return [
    c.needs[0] ? c.g.op('Mul', [dy, input(c, 1)]) : null,
    c.needs[1] ? c.g.op('Mul', [dy, input(c, 0)]) : null,
  ];
};

// da = dy / b, db = −dy · y / b
const div: VjpRule = (c) => {
  const b = input(c, 1);
  const a = algebra(c.g, b);
  const over = a.div(cotangent(c), b);
  return [over, c.needs[1] ? a.neg(a.mul(over, c.outputs[0])) : null];
};

/** The value of a scalar constant, or of a constant whose elements are all equal. */
function uniformConstant(c: VjpContext, value: Value): number | undefined {
  const held = c.g.constantOf(value)?.data;
  if (held === undefined || held.length === 0 || held.length > 16) return undefined;
  const numbers = Array.from(held as ArrayLike<number | bigint>, Number);
  return numbers.every((v) => v === numbers[0]) ? numbers[0] : undefined;
}

// da = dy · b · a^(b−1), 0 where b is 0; db = dy · y · ln a, 0 where a ≤ 0 (both as PyTorch)
const pow: VjpRule = (c) => {
  const base = input(c, 0);
  const a = algebra(c.g, base);
  const dy = cotangent(c);
  const fixed = uniformConstant(c, input(c, 1));
  const exponent =
    input(c, 1).dtype === base.dtype
      ? input(c, 1)
      : a.op('Cast', [input(c, 1)], { to: base.dtype === 'float64' ? 11 : 1 });
  const slope = () => {
    if (fixed === 1) return dy;
    if (fixed === 2) return a.mul(dy, a.add(base, base));
    const powered = a.mul(exponent, a.op('Pow', [base, a.sub(exponent, a.scalar(1))]));
    // 0 · 0⁻¹ is no number.
    const known = fixed !== undefined && fixed !== 0;
    const safe = known
      ? powered
      : a.op('Where', [a.op('Equal', [exponent, a.scalar(0)]), a.scalar(0), powered]);
    return a.mul(dy, safe);
  };
  const db = () => {
    const positive = a.op('Greater', [base, a.scalar(0)]);
    const log = a.op('Log', [a.op('Where', [positive, base, a.scalar(1)])]);
    return a.mul(dy, a.mul(c.outputs[0], log));
  };
  return [c.needs[0] ? slope() : null, c.needs[1] ? db() : null];
};

// Mean of n operands: each gets dy / n
const mean: VjpRule = (c) => {
  const a = algebra(c.g, input(c, 0));
  const share = a.div(cotangent(c), a.scalar(c.inputs.length));
  return c.inputs.map(() => share);
};

// The gradient goes to the operands that attain the extremum, in equal shares where several do (as PyTorch's maximum).
const extremum: VjpRule = (c) => {
  const y = c.outputs[0];
  const a = algebra(c.g, y);
  const hits = c.inputs.map((x) => a.indicator(a.op('Equal', [x!, y])));
  const count = hits.reduce((sum, hit) => a.add(sum, hit));
  const share = a.div(cotangent(c), count);
  return hits.map((hit, i) => (c.needs[i] ? a.mul(share, hit) : null));
};

const where: VjpRule = (c) => {
  const condition = input(c, 0);
  const a = algebra(c.g, c.outputs[0]);
  const dy = cotangent(c);
  const zero = a.scalar(0);
  return [
    null,
    c.needs[1] ? a.op('Where', [condition, dy, zero]) : null,
    c.needs[2] ? a.op('Where', [condition, zero, dy]) : null,
  ];
};

/** Whether Clip's lower bound may exceed its upper one: not where both are constants, or one is absent. */
function boundsMayCross(c: VjpContext): boolean {
  const [low, high] = [c.inputs[1], c.inputs[2]];
  if (low == null || high == null) return false;
  const [a, b] = [c.g.constantOf(low)?.data[0], c.g.constantOf(high)?.data[0]];
  return a === undefined || b === undefined || !(a <= b);
}

// y = min(max(x, low), high). dx = dy where the bounds leave x as it is, the bounds themselves included, as PyTorch's
// clamp; the rest goes to the bound in force, which is the upper one everywhere if the bounds are crossed.
const clip: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const dy = cotangent(c);
  const ordered = boundsMayCross(c)
    ? a.indicator(a.op('Not', [a.op('Greater', [input(c, 1), input(c, 2)])]))
    : null;
  const where = (condition: Value) => a.mul(dy, a.indicator(condition));
  const unlessCrossed = (v: Value) => (ordered === null ? v : a.mul(v, ordered));
  const total = (v: Value) =>
    a.reduceSum(
      v,
      v.shape.map((_, axis) => axis),
    );
  const raised = () => (ordered === null ? x : a.op('Max', [x, input(c, 1)]));
  return [
    c.needs[0] ? unlessCrossed(where(a.op('Equal', [x, c.outputs[0]]))) : null,
    c.needs[1] ? total(unlessCrossed(where(a.op('Less', [x, input(c, 1)])))) : null,
    c.needs[2] ? total(where(a.op('Greater', [raised(), input(c, 2)]))) : null,
  ];
};

// y = a − b · n with a whole n that has no gradient: da = dy, db = −dy · n
const mod: VjpRule = (c) => {
  const b = input(c, 1);
  const a = algebra(c.g, b);
  const whole = () => a.op('Round', [a.div(a.sub(input(c, 0), c.outputs[0]), b)]);
  return [cotangent(c), c.needs[1] ? a.neg(a.mul(cotangent(c), whole())) : null];
};

/** Whether Dropout drops: fixed by the opset or a constant, or 'open' where an input decides when the model runs. */
function dropoutMode(c: VjpContext): boolean | 'open' {
  const flag = c.inputs[2];
  if (c.g.opset < 12 || flag == null) return false;
  const constant = c.g.constantOf(flag);
  return constant === undefined ? 'open' : Number(constant.data[0]) !== 0;
}

// Dropout keeps x · mask / (1 − ratio) in training, and is the identity else.
const dropout: VjpRule = (c) => {
  const dy = cotangent(c);
  const training = dropoutMode(c);
  if (training === false) return [dy];
  const mask = c.outputs[1];
  if (mask === undefined) {
    throw new GraphError(
      `${describeNode(c.node)} is in training mode but has no mask output, so it has no gradient.`,
      { hint: 'Give the node its second output, or set its training mode to false.' },
    );
  }
  const a = algebra(c.g, dy);
  const kept = a.sub(a.scalar(1), c.inputs[1] ?? a.scalar(0.5));
  const factor = training === 'open' ? a.op('Where', [c.inputs[2], kept, a.scalar(1)]) : kept;
  return [a.div(a.mul(dy, a.indicator(mask)), factor)];
};

export const elementwise: VjpTable = {
  Add: add,
  Sum: add,
  Sub: sub,
  Mul: mul,
  Div: div,
  Pow: pow,
  Mean: mean,
  Max: extremum,
  Min: extremum,
  Where: where,
  Clip: clip,
  Mod: mod,
  Dropout: dropout,
  Identity: unary((_a, _x, _y, dy) => dy),
  CastLike: (c) => [c.g.op('CastLike', [cotangent(c), input(c, 0)]), null],
  // A gradient flows between float types only; integers were cut off by the pass.
  Cast: unary((a, x, _y, dy) =>
    a.op('Cast', [dy], { to: x.dtype === 'float64' ? 11 : x.dtype === 'float16' ? 10 : 1 }),
  ),
  Neg: unary((a, _x, _y, dy) => a.neg(dy)),
  Abs: unary((a, x, _y, dy) => a.mul(dy, a.op('Sign', [x]))),
  Exp: unary((a, _x, y, dy) => a.mul(dy, y)),
  Log: unary((a, x, _y, dy) => a.div(dy, x)),
  Sqrt: unary((a, _x, y, dy) => a.div(dy, a.add(y, y))),
  Reciprocal: unary((a, _x, y, dy) => a.neg(a.mul(dy, a.mul(y, y)))),
  Sin: unary((a, x, _y, dy) => a.mul(dy, a.op('Cos', [x]))),
  Cos: unary((a, x, _y, dy) => a.neg(a.mul(dy, a.op('Sin', [x])))),
  Erf: unary((a, x, _y, dy) =>
    a.mul(dy, a.mul(a.scalar(2 / Math.sqrt(Math.PI)), a.op('Exp', [a.neg(a.mul(x, x))]))),
  ),
  Tan: unary((a, _x, y, dy) => a.mul(dy, a.add(a.scalar(1), a.mul(y, y)))),
  Asin: unary((a, x, _y, dy) => a.div(dy, a.op('Sqrt', [a.sub(a.scalar(1), a.mul(x, x))]))),
  Acos: unary((a, x, _y, dy) => a.neg(a.div(dy, a.op('Sqrt', [a.sub(a.scalar(1), a.mul(x, x))])))),
  Atan: unary((a, x, _y, dy) => a.div(dy, a.add(a.scalar(1), a.mul(x, x)))),
  Sinh: unary((a, x, _y, dy) => a.mul(dy, a.op('Cosh', [x]))),
  Cosh: unary((a, x, _y, dy) => a.mul(dy, a.op('Sinh', [x]))),
  Asinh: unary((a, x, _y, dy) => a.div(dy, a.op('Sqrt', [a.add(a.mul(x, x), a.scalar(1))]))),
  Acosh: unary((a, x, _y, dy) => a.div(dy, a.op('Sqrt', [a.sub(a.mul(x, x), a.scalar(1))]))),
  Atanh: unary((a, x, _y, dy) => a.div(dy, a.sub(a.scalar(1), a.mul(x, x)))),
};
