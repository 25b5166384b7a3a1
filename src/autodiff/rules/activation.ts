/** @file Gradients of activation functions. The formula stands above each rule: y is the output, dy its gradient. */
import { floatAttribute, stringAttribute, type Value } from '../../onnx/index.ts';
import { type Algebra, algebra, cotangent, input, type VjpRule, type VjpTable } from '../vjp.ts';
import { unary } from './elementwise.ts';

// y = x if x > 0 else slope · x: dx = dy · (x > 0 ? 1 : slope), dslope = dy · min(x, 0)
const prelu: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const dy = cotangent(c);
  return [
    c.needs[0] ? leaking(a, x, dy, input(c, 1)) : null,
    c.needs[1] ? a.mul(dy, a.op('Min', [x, a.scalar(0)])) : null,
  ];
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

/** dy where x > 0, else dy · slope. */
/**
 * 1 where y > 0, else 0, for y ≥ 0. In float32 as the steepest HardSigmoid, min(1, max(0, 3·10³⁸ y)): one pass in
 * threads, where a comparison and a Cast are two, the second in a single thread.
 */
function positive(a: Algebra, y: Value): Value {
  if (y.dtype === 'float64') return a.indicator(a.op('Greater', [y, a.scalar(0)]));
  return a.op('HardSigmoid', [y], { alpha: 3e38, beta: 0 });
}

function leaking(a: Algebra, x: Value, dy: Value, slope: Value): Value {
  return a.mul(dy, a.op('Where', [a.op('Greater', [x, a.scalar(0)]), a.scalar(1), slope]));
}

// y = x σ(αx): dy (σ + α y (1 − σ))
function swish(a: Algebra, x: Value, dy: Value, alpha: number): Value {
  const gate = a.op('Sigmoid', [alpha === 1 ? x : a.mul(x, a.scalar(alpha))]);
  const slope = a.mul(a.mul(a.scalar(alpha), a.mul(x, gate)), a.sub(a.scalar(1), gate));
  return a.mul(dy, a.add(gate, slope));
}

// GELU of x + bias: both get the gradient at the sum
const biasGelu: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const bias = c.inputs[1] ?? null;
  const approximate = c.node.opType === 'FastGelu' ? 'tanh' : 'none';
  const dx = gelu(a, bias === null ? x : a.add(x, bias), cotangent(c), approximate);
  return [dx, dx];
};

export const activations: VjpTable = {
  PRelu: prelu,
  // On the output rather than the input: y > 0 exactly where x > 0, and x need not be kept for it.
  Relu: unary((a, _x, y, dy) => a.mul(positive(a, y), dy)),
  LeakyRelu: unary((a, x, _y, dy, c) => leaking(a, x, dy, a.scalar(floatAttribute(c.node, 'alpha', 0.01)))),
  // x ≤ 0: y = α(eˣ − 1), so dx = dy (y + α)
  Elu: unary((a, x, y, dy, c) => {
    const positive = a.op('Greater', [x, a.scalar(0)]);
    const alpha = a.scalar(floatAttribute(c.node, 'alpha', 1));
    return a.op('Where', [positive, dy, a.mul(dy, a.add(y, alpha))]);
  }),
  Sigmoid: unary((a, _x, y, dy) => a.mul(dy, a.mul(y, a.sub(a.scalar(1), y)))),
  Tanh: unary((a, _x, y, dy) => a.mul(dy, a.sub(a.scalar(1), a.mul(y, y)))),
  Softplus: unary((a, x, _y, dy) => a.mul(dy, a.op('Sigmoid', [x]))),
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
  // ONNX's defaults for Selu, Klambauer et al. (2017): y = γ x, or γ α (eˣ − 1) = γ α eˣ − γ α
  Selu: unary((a, x, y, dy, c) => {
    const alpha = floatAttribute(c.node, 'alpha', 1.6732632423543772);
    const gamma = floatAttribute(c.node, 'gamma', 1.0507009873554805);
    const positive = a.op('Greater', [x, a.scalar(0)]);
    return a.mul(dy, a.op('Where', [positive, a.scalar(gamma), a.add(y, a.scalar(gamma * alpha))]));
  }),
  // y = max(0, x) + min(0, α (e^(x/α) − 1))
  Celu: unary((a, x, y, dy, c) => {
    const alpha = floatAttribute(c.node, 'alpha', 1);
    const slope = a.add(a.mul(y, a.scalar(1 / alpha)), a.scalar(1));
    return a.mul(dy, a.op('Where', [a.op('Greater', [x, a.scalar(0)]), a.scalar(1), slope]));
  }),
  ThresholdedRelu: unary((a, x, _y, dy, c) =>
    a.mul(dy, a.indicator(a.op('Greater', [x, a.scalar(floatAttribute(c.node, 'alpha', 1))]))),
  ),
  // x beyond ±λ is moved towards zero by the bias, the rest is zero
  Shrink: unary((a, x, _y, dy, c) => {
    const lambda = a.scalar(floatAttribute(c.node, 'lambd', 0.5));
    return a.mul(dy, a.indicator(a.op('Greater', [a.op('Abs', [x]), lambda])));
  }),
  // y = x / (1 + |x|)
  Softsign: unary((a, x, _y, dy) => {
    const below = a.add(a.scalar(1), a.op('Abs', [x]));
    return a.div(dy, a.mul(below, below));
  }),
  // y = x t with t = tanh(softplus x): t + x σ(x) (1 − t²)
  Mish: unary((a, x, _y, dy) => {
    const t = a.op('Tanh', [a.op('Softplus', [x])]);
    const slope = a.mul(a.mul(x, a.op('Sigmoid', [x])), a.sub(a.scalar(1), a.mul(t, t)));
    return a.mul(dy, a.add(t, slope));
  }),
  Swish: unary((a, x, _y, dy, c) => swish(a, x, dy, floatAttribute(c.node, 'alpha', 1))),
  QuickGelu: unary((a, x, _y, dy, c) => swish(a, x, dy, floatAttribute(c.node, 'alpha', 1.702))),
  FastGelu: biasGelu,
  BiasGelu: biasGelu,
};
