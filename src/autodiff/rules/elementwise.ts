/**
 * @file Gradients of elementwise operators. The formula stands above each rule: y is the output, dy its gradient.
 * Gradients may come back in the broadcast shape; the pass sums them to the operand's.
 */
import { GraphError } from '../../core/errors.ts';
import { describeNode, floatAttribute, stringAttribute, type Value } from '../../onnx/index.ts';
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
function unary(derivative: (a: Algebra, x: Value, y: Value, dy: Value, c: VjpContext) => Value): VjpRule {
  return (c) => {
    const x = input(c, 0);
    return [derivative(algebra(c.g, x), x, c.outputs[0]!, cotangent(c), c)];
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
  return [over, c.needs[1] ? a.neg(a.mul(over, c.outputs[0]!)) : null];
};

// da = dy · b · a^(b−1), db = dy · y · ln a (0 where a ≤ 0, as PyTorch does at a = 0)
const pow: VjpRule = (c) => {
  const base = input(c, 0);
  const a = algebra(c.g, base);
  const dy = cotangent(c);
  const exponent =
    input(c, 1).dtype === base.dtype
      ? input(c, 1)
      : a.op('Cast', [input(c, 1)], { to: base.dtype === 'float64' ? 11 : 1 });
  const da = () => a.mul(dy, a.mul(exponent, a.op('Pow', [base, a.sub(exponent, a.scalar(1))])));
  const db = () => {
    const positive = a.op('Greater', [base, a.scalar(0)]);
    const log = a.op('Log', [a.op('Where', [positive, base, a.scalar(1)])]);
    return a.mul(dy, a.mul(c.outputs[0]!, log));
  };
  return [c.needs[0] ? da() : null, c.needs[1] ? db() : null];
};

// Mean of n operands: each gets dy / n
const mean: VjpRule = (c) => {
  const a = algebra(c.g, input(c, 0));
  const share = a.div(cotangent(c), a.scalar(c.inputs.length));
  return c.inputs.map(() => share);
};

// The gradient goes to the operands that attain the extremum, in equal shares where several do (as PyTorch's maximum).
const extremum: VjpRule = (c) => {
  const y = c.outputs[0]!;
  const a = algebra(c.g, y);
  const hits = c.inputs.map((x) => a.indicator(a.op('Equal', [x!, y])));
  const count = hits.reduce((sum, hit) => a.add(sum, hit));
  const share = a.div(cotangent(c), count);
  return hits.map((hit, i) => (c.needs[i] ? a.mul(share, hit) : null));
};

const where: VjpRule = (c) => {
  const condition = input(c, 0);
  const a = algebra(c.g, c.outputs[0]!);
  const dy = cotangent(c);
  const zero = a.scalar(0);
  return [
    null,
    c.needs[1] ? a.op('Where', [condition, dy, zero]) : null,
    c.needs[2] ? a.op('Where', [condition, zero, dy]) : null,
  ];
};

// Passes where min < x < max, ends included, as PyTorch's clamp.
const clip: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  let dx = cotangent(c);
  const low = c.inputs[1] ?? null;
  const high = c.inputs[2] ?? null;
  if (low !== null) dx = a.mul(dx, a.indicator(a.op('GreaterOrEqual', [x, low])));
  if (high !== null) dx = a.mul(dx, a.indicator(a.op('LessOrEqual', [x, high])));
  return [dx, null, null];
};

// y = x if x > 0 else slope · x: dx = dy · (x > 0 ? 1 : slope), dslope = dy · min(x, 0)
const prelu: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const dy = cotangent(c);
  const positive = a.op('Greater', [x, a.scalar(0)]);
  return [
    c.needs[0] ? a.mul(dy, a.op('Where', [positive, a.scalar(1), input(c, 1)])) : null,
    c.needs[1] ? a.mul(dy, a.op('Min', [x, a.scalar(0)])) : null,
  ];
};

// Dropout keeps x · mask / (1 − ratio) in training; without a mask output it is the identity.
const dropout: VjpRule = (c) => {
  if (c.node.outputs.length < 2 && c.inputs[2] != null) {
    throw new GraphError(
      `${describeNode(c.node)} is in training mode but has no mask output, so it has no gradient.`,
    );
  }
  const dy = cotangent(c);
  if (c.node.outputs.length < 2) return [dy];
  const a = algebra(c.g, dy);
  const ratio = c.inputs[1] ?? a.scalar(0.5);
  return [a.div(a.mul(dy, a.indicator(c.outputs[1]!)), a.sub(a.scalar(1), ratio))];
};

const SQRT_2_OVER_PI = Math.sqrt(2 / Math.PI);

// exact: d = Φ(x) + x φ(x); tanh form: Hendrycks and Gimpel (2016), equation 2
function gelu(a: Algebra, x: Value, dy: Value, approximate: string): Value {
  const half = a.scalar(0.5);
  if (approximate === 'tanh') {
    const square = a.mul(x, x);
    const inner = a.mul(
      a.scalar(SQRT_2_OVER_PI),
      a.mul(x, a.add(a.scalar(1), a.mul(a.scalar(0.044715), square))),
    );
    const t = a.op('Tanh', [inner]);
    const slope = a.mul(a.scalar(SQRT_2_OVER_PI), a.add(a.scalar(1), a.mul(a.scalar(3 * 0.044715), square)));
    const rest = a.mul(a.mul(half, x), a.mul(a.sub(a.scalar(1), a.mul(t, t)), slope));
    return a.mul(dy, a.add(a.mul(half, a.add(a.scalar(1), t)), rest));
  }
  const cdf = a.mul(half, a.add(a.scalar(1), a.op('Erf', [a.mul(x, a.scalar(Math.SQRT1_2))])));
  const pdf = a.mul(a.scalar(1 / Math.sqrt(2 * Math.PI)), a.op('Exp', [a.mul(a.scalar(-0.5), a.mul(x, x))]));
  return a.mul(dy, a.add(cdf, a.mul(x, pdf)));
}

/** dy where low < x < high, else 0, times `slope`. */
function inside(a: Algebra, x: Value, dy: Value, low: number, high: number, slope: number): Value {
  const mask = a.op('And', [a.op('Greater', [x, a.scalar(low)]), a.op('Less', [x, a.scalar(high)])]);
  return a.mul(a.mul(dy, a.scalar(slope)), a.indicator(mask));
}

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
  PRelu: prelu,
  Dropout: dropout,
  Identity: unary((_a, _x, _y, dy) => dy),
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
  // On the output rather than the input: y > 0 exactly where x > 0, and x need not be kept for it.
  Relu: unary((a, _x, y, dy) => a.mul(a.indicator(a.op('Greater', [y, a.scalar(0)])), dy)),
  LeakyRelu: unary((a, x, _y, dy, c) => {
    const positive = a.op('Greater', [x, a.scalar(0)]);
    return a.mul(dy, a.op('Where', [positive, a.scalar(1), a.scalar(floatAttribute(c.node, 'alpha', 0.01))]));
  }),
  // x ≤ 0: y = α(eˣ − 1), so dx = dy (y + α)
  Elu: unary((a, x, y, dy, c) => {
    const positive = a.op('Greater', [x, a.scalar(0)]);
    const alpha = a.scalar(floatAttribute(c.node, 'alpha', 1));
    return a.op('Where', [positive, dy, a.mul(dy, a.add(y, alpha))]);
  }),
  Sigmoid: unary((a, _x, y, dy) => a.mul(dy, a.mul(y, a.sub(a.scalar(1), y)))),
  Tanh: unary((a, _x, y, dy) => a.mul(dy, a.sub(a.scalar(1), a.mul(y, y)))),
  Softplus: unary((a, x, _y, dy) => a.mul(dy, a.op('Sigmoid', [x]))),
  Erf: unary((a, x, _y, dy) =>
    a.mul(dy, a.mul(a.scalar(2 / Math.sqrt(Math.PI)), a.op('Exp', [a.neg(a.mul(x, x))]))),
  ),
  Gelu: unary((a, x, _y, dy, c) => gelu(a, x, dy, stringAttribute(c.node, 'approximate', 'none'))),
  HardSigmoid: unary((a, x, _y, dy, c) => {
    const alpha = floatAttribute(c.node, 'alpha', 0.2);
    const beta = floatAttribute(c.node, 'beta', 0.5);
    return inside(a, x, dy, -beta / alpha, (1 - beta) / alpha, alpha);
  }),
  // y = x · max(0, min(1, x/6 + ½)): dx = gate + x · gate'
  HardSwish: unary((a, x, _y, dy) => {
    const gate = a.op('HardSigmoid', [x], { alpha: 1 / 6, beta: 0.5 });
    return a.add(a.mul(dy, gate), inside(a, x, a.mul(dy, x), -3, 3, 1 / 6));
  }),
};
