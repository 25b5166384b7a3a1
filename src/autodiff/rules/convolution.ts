/** @file Gradients of convolutions. */
import { intAttribute } from '../../onnx/index.ts';
import { transposedWindowOf } from '../../onnx/operators/convolution.ts';
import { channelSum, convInputGradient, convWeightGradient } from '../lowering/deferred.ts';
import { type Geometry, geometryOf, weightGradient } from '../lowering/plain.ts';
import { algebra, cotangent, dims, input, type VjpRule, type VjpTable } from '../vjp.ts';

const conv: VjpRule = (c) => {
  const [x, w] = [input(c, 0), input(c, 1)];
  const q = geometryOf(c.node, dims(c, x), dims(c, w), dims(c, c.outputs[0]).slice(2));
  const dy = cotangent(c);
  return [
    c.needs[0] ? convInputGradient(c, q, w, dy) : null,
    c.needs[1] ? convWeightGradient(c, q, x, dy) : null,
    c.needs[2] ? channelSum(c, dy) : null,
  ];
};

/**
 * A transposed convolution is the input gradient of a convolution that leads from its output to its input. So its own
 * input gradient is that convolution, and its kernel's is that convolution's with the two sides exchanged.
 */
const convTranspose: VjpRule = (c) => {
  const x = dims(c, input(c, 0));
  const w = dims(c, input(c, 1));
  const y = dims(c, c.outputs[0]);
  const a = algebra(c.g, input(c, 0));
  const dy = cotangent(c);
  const q: Geometry = {
    ...transposedWindowOf(c.node, x.slice(2), w.slice(2)),
    group: intAttribute(c.node, 'group', 1),
    batch: x[0],
    channels: y[1],
    filters: x[1],
    spatial: y.slice(2),
    out: x.slice(2),
  };
  const dx = () => {
    const grown = a.op('Conv', [dy, input(c, 1)], {
      kernel_shape: q.kernel,
      strides: q.strides,
      dilations: q.dilations,
      pads: q.pads,
      group: q.group,
    });
    // A large output_padding lets the window fit once more than it was laid down.
    const longer = q.out.flatMap((size, i) => (grown.shape[i + 2] === size ? [] : [i]));
    if (longer.length === 0) return grown;
    return a.op('Slice', [
      grown,
      c.g.ints(longer.map(() => 0)),
      c.g.ints(longer.map((i) => q.out[i])),
      c.g.ints(longer.map((i) => i + 2)),
    ]);
  };
  return [
    c.needs[0] ? dx() : null,
    c.needs[1] ? weightGradient(c, q, dy, input(c, 0)) : null,
    c.needs[2] ? channelSum(c, dy) : null,
  ];
};

export const convolutions: VjpTable = { Conv: conv, ConvTranspose: convTranspose };
