import { sizeOf, type Tensor } from '../../core/tensor.ts';
import { intAttribute, intsAttribute, type WindowOptions, windowOf } from '../../onnx/index.ts';
import { maxPoolGradient } from '../lowering/deferred.ts';
import {
  affordable,
  algebra,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

function window(c: VjpContext): WindowOptions {
  return windowOf(c.node, dims(c, input(c, 0)).slice(2), intsAttribute(c.node, 'kernel_shape')!);
}

const maxPool: VjpRule = (c) => {
  const x = input(c, 0);
  // Indices that count columns first do not fit the flattened input.
  const indices = intAttribute(c.node, 'storage_order', 0) === 0 ? c.outputs[1] : undefined;
  return [maxPoolGradient(c, window(c), x, c.outputs[0]!, cotangent(c), indices ?? null)];
};

/** How many elements each average was taken over, [1, 1, …out]. */
function counts(
  o: WindowOptions,
  spatial: readonly number[],
  out: readonly number[],
  withPads: boolean,
): number[] {
  const n = o.kernel.length;
  const perAxis = out.map((size, axis) =>
    Array.from({ length: size }, (_, i) => {
      const first = i * o.strides[axis]! - o.pads[axis]!;
      let count = 0;
      for (let k = 0; k < o.kernel[axis]!; k++) {
        const at = first + k * o.dilations[axis]!;
        // Padding may count; what ceil_mode reaches beyond the padding never does.
        if (withPads ? at < spatial[axis]! + o.pads[axis + n]! : at >= 0 && at < spatial[axis]!) count++;
      }
      return count;
    }),
  );
  return perAxis.reduce<number[]>((all, axis) => all.flatMap((p) => axis.map((q) => p * q)), [1]);
}

// Each input element receives dy / count from every window it was in: a ConvTranspose with a kernel of ones.
const averagePool: VjpRule = (c) => {
  const x = input(c, 0);
  const shape = dims(c, x);
  const a = algebra(c.g, x);
  const o = window(c);
  const n = o.kernel.length;
  const spatial = shape.slice(2);
  const out = dims(c, c.outputs[0]!).slice(2);
  const dy = cotangent(c);
  const tiled = o.kernel.every(
    (k, i) => k === o.strides[i] && o.dilations[i] === 1 && spatial[i] === k * out[i]!,
  );
  if (tiled && o.pads.every((p) => p === 0)) {
    const share = a.div(dy, a.scalar(sizeOf(o.kernel)));
    const split = a.reshape(share, [shape[0]!, shape[1]!, ...out.flatMap((d) => [d, 1])]);
    const spread = a.op('Expand', [
      split,
      c.g.ints([shape[0]!, shape[1]!, ...out.flatMap((d, i) => [d, o.kernel[i]!])]),
    ]);
    return [a.reshape(spread, shape)];
  }
  affordable(c, Math.max(sizeOf(out), ...out.map((size, i) => size * o.kernel[i]!)));
  const number = counts(o, spatial, out, intAttribute(c.node, 'count_include_pad', 0) === 1);
  const countTensor: Tensor =
    x.dtype === 'float64'
      ? { dtype: 'float64', dims: [1, 1, ...out], data: Float64Array.from(number) }
      : { dtype: 'float32', dims: [1, 1, ...out], data: Float32Array.from(number) };
  const share = a.div(dy, c.g.constant(countTensor, 'counts'));
  const images = a.reshape(share, [shape[0]! * shape[1]!, 1, ...out]);
  const kernel = a.op('Expand', [a.scalar(1), c.g.ints([1, 1, ...o.kernel])]);
  const reach = o.kernel.map((k, i) => (out[i]! - 1) * o.strides[i]! + (k - 1) * o.dilations[i]! + 1);
  // Unpadded transposition, then cut to the input: covers padding and ceil_mode alike.
  const full = a.op('ConvTranspose', [images, kernel], {
    kernel_shape: o.kernel,
    strides: o.strides,
    dilations: o.dilations,
  });
  const missing = spatial.map((d, i) => Math.max(0, o.pads[i]! + d - reach[i]!));
  const zeros = Array<number>(2).fill(0);
  const grown = missing.some((m) => m > 0)
    ? a.op('Pad', [full, c.g.ints([...zeros, ...spatial.map(() => 0), ...zeros, ...missing]), a.scalar(0)])
    : full;
  const begin = o.pads.slice(0, n);
  const axes = begin.map((_, i) => i + 2);
  const cut = a.op('Slice', [
    grown,
    c.g.ints(begin),
    c.g.ints(begin.map((b, i) => b + spatial[i]!)),
    c.g.ints(axes),
  ]);
  return [a.reshape(cut, shape)];
};

const globalAveragePool: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const a = algebra(c.g, input(c, 0));
  const share = a.div(cotangent(c), a.scalar(sizeOf(shape.slice(2))));
  return [a.op('Expand', [share, c.g.ints(shape)])];
};

// Tied maxima get equal shares.
const globalMaxPool: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const hit = a.indicator(a.op('Equal', [x, c.outputs[0]!]));
  const axes = x.shape.map((_, i) => i).slice(2);
  return [a.mul(hit, a.div(cotangent(c), a.reduceSum(hit, axes, true)))];
};

export const pooling: VjpTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
};
