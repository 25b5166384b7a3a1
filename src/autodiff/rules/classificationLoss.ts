/** @file Gradients of the classification losses that ONNX has as operators. Classes are on axis 1. */
import { tensor } from '../../core/tensor.ts';
import { intAttribute, stringAttribute, type Value } from '../../onnx/index.ts';
import {
  type Algebra,
  algebra,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

interface Targets {
  /** One-hot labels, [N, C, …]. */
  readonly oneHot: Value;
  /** ∂loss/∂(−log p of the label) per example, [N, 1, …]: the label's weight, 0 where ignored, over the reduction. */
  readonly share: Value;
  /** The same without the label's weight, 0 where ignored. */
  readonly unweighted: Value;
}

/** @param dy gradient of the loss, of the labels' shape or a scalar */
function targets(c: VjpContext, a: Algebra, dy: Value): Targets {
  const { g } = c;
  const labels = input(c, 1);
  const classes = dims(c, input(c, 0))[1];
  const labelShape = dims(c, labels);
  const single = [labelShape[0], 1, ...labelShape.slice(1)];
  const whole = (v: number) =>
    labels.dtype === 'int64'
      ? g.constant(tensor('int64', [], BigInt64Array.of(BigInt(v))))
      : g.constant(tensor('int32', [], Int32Array.of(v)));
  const ignored =
    c.node.attributes['ignore_index'] === undefined
      ? null
      : a.op('Equal', [labels, whole(intAttribute(c.node, 'ignore_index', 0))]);
  // An ignored label need not be a class at all.
  const safe = ignored === null ? labels : a.op('Where', [ignored, whole(0), labels]);
  const levels =
    a.scalar(0).dtype === 'float64'
      ? tensor('float64', [2], Float64Array.of(0, 1))
      : tensor('float32', [2], Float32Array.of(0, 1));
  // ONNX Runtime has no OneHot for indices of 32 bits.
  const wide = labels.dtype === 'int64' ? safe : a.op('Cast', [safe], { to: 7 });
  const oneHot = a.op('OneHot', [wide, g.ints([classes]), g.constant(levels)], { axis: 1 });
  const classWeights = c.inputs[2] ?? null;
  const counted = ignored === null ? null : a.indicator(a.op('Not', [ignored]));
  let weights: Value | null = classWeights === null ? null : a.op('Gather', [classWeights, safe]);
  if (counted !== null) weights = weights === null ? counted : a.mul(weights, counted);
  const reduction = stringAttribute(c.node, 'reduction', 'mean');
  if (reduction === 'mean') {
    const total =
      weights === null
        ? a.scalar(labelShape.reduce((n, d) => n * d, 1))
        : a.reduceSum(
            weights,
            labelShape.map((_, i) => i),
          );
    dy = a.div(dy, total);
  }
  const perExample = (v: Value) => (v.shape.length === 0 ? v : a.reshape(v, single));
  return {
    oneHot,
    share: perExample(weights === null ? dy : a.mul(dy, weights)),
    unweighted: perExample(counted === null ? dy : a.mul(dy, counted)),
  };
}

/**
 * Gradient of the class weights w: each example adds unweighted · (−log p of its label) to its class; a mean, divided
 * by Σ w, takes −loss · Σ unweighted off again.
 * @param logs log probabilities, [N, C, …]; @param loss output 0
 */
function classWeightGradient(
  c: VjpContext,
  a: Algebra,
  { oneHot, unweighted }: Targets,
  logs: Value,
  loss: Value,
): Value {
  const mean = stringAttribute(c.node, 'reduction', 'mean') === 'mean';
  const lost = mean ? a.add(logs, loss) : logs;
  // 0 · log 0 of another class is no number.
  const own = a.op('Where', [a.op('Greater', [oneHot, a.scalar(0)]), lost, a.scalar(0)]);
  const others = logs.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  return a.neg(a.reduceSum(a.mul(own, unweighted), others));
}

// loss: dx = share · (softmax(x) − one-hot); log_prob, where used: dx = d − softmax(x) · Σ_c d
const softmaxCrossEntropyLoss: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const logs = c.outputs[1];
  const [dLoss, dLogs] = c.cotangents;
  const overClasses = (op: 'Softmax' | 'LogSoftmax') => {
    if (c.g.opset >= 13 || x.shape.length === 2) return a.op(op, [x], { axis: 1 });
    // Before opset 13 it joined all axes from its own on: put the classes last.
    const last = x.shape.length - 1;
    const there = [0, ...Array.from({ length: last - 1 }, (_, i) => i + 2), 1];
    const back = [0, last, ...Array.from({ length: last - 1 }, (_, i) => i + 1)];
    return a.transpose(a.op(op, [a.transpose(x, there)], { axis: last }), back);
  };
  const probabilities = () => (logs === undefined ? overClasses('Softmax') : a.op('Exp', [logs]));
  let dx: Value | null = null;
  let dWeights: Value | null = null;
  if (dLoss != null) {
    const t = targets(c, a, dLoss);
    if (c.needs[0]) dx = a.mul(a.sub(probabilities(), t.oneHot), t.share);
    if (c.needs[2]) {
      const known = logs ?? overClasses('LogSoftmax');
      dWeights = classWeightGradient(c, a, t, known, c.outputs[0]);
    }
  }
  if (dLogs != null && c.needs[0]) {
    const through = a.sub(dLogs, a.mul(probabilities(), a.reduceSum(dLogs, [1], true)));
    dx = dx === null ? through : a.add(dx, through);
  }
  return [dx, null, dWeights];
};

// The input holds log probabilities: dx = −share at the label
const negativeLogLikelihoodLoss: VjpRule = (c) => {
  const a = algebra(c.g, input(c, 0));
  const t = targets(c, a, cotangent(c));
  return [
    c.needs[0] ? a.neg(a.mul(t.oneHot, t.share)) : null,
    null,
    c.needs[2] ? classWeightGradient(c, a, t, input(c, 0), c.outputs[0]) : null,
  ];
};

export const classificationLosses: VjpTable = {
  SoftmaxCrossEntropyLoss: softmaxCrossEntropyLoss,
  NegativeLogLikelihoodLoss: negativeLogLikelihoodLoss,
};
