import { sizeOf, type Tensor } from '../../core/tensor.ts';
import { intAttribute, intsAttribute, type Value, type WindowOptions, windowOf } from '../../onnx/index.ts';
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
  return [maxPoolGradient(c, window(c), x, c.outputs[0], cotangent(c), indices ?? null)];
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
      const first = i * o.strides[axis] - o.pads[axis];
      let count = 0;
      for (let k = 0; k < o.kernel[axis]; k++) {
        const at = first + k * o.dilations[axis];
        // Padding may count; what ceil_mode reaches beyond the padding never does.
        if (withPads ? at < spatial[axis] + o.pads[axis + n] : at >= 0 && at < spatial[axis]) count++;
      }
      return count;
    }),
  );
  return perAxis.reduce<number[]>((all, axis) => all.flatMap((p) => axis.map((q) => p * q)), [1]);
}

/** The sum over all windows that an input element was in, of what each window is to give its elements. */
function spreadBack(c: VjpContext, o: WindowOptions, share: Value): Value {
  const x = input(c, 0);
  const shape = dims(c, x);
  const a = algebra(c.g, x);
  const n = o.kernel.length;
  const spatial = shape.slice(2);
  const out = dims(c, c.outputs[0]).slice(2);
  if (isTiled(o, spatial, out)) {
    const split = a.reshape(share, [shape[0], shape[1], ...out.flatMap((d) => [d, 1])]);
    const spread = a.expand(split, [shape[0], shape[1], ...out.flatMap((d, i) => [d, o.kernel[i]])]);
    return a.reshape(spread, shape);
  }
  affordable(c, Math.max(sizeOf(out), ...out.map((size, i) => size * o.kernel[i])));
  const images = a.reshape(share, [shape[0] * shape[1], 1, ...out]);
  const kernel = a.expand(a.scalar(1), [1, 1, ...o.kernel]);
  const reach = o.kernel.map((k, i) => (out[i] - 1) * o.strides[i] + (k - 1) * o.dilations[i] + 1);
  // Unpadded transposition, then cut to the input: covers padding and ceil_mode alike.
  const full = a.op('ConvTranspose', [images, kernel], {
    kernel_shape: o.kernel,
    strides: o.strides,
    dilations: o.dilations,
  });
  const missing = spatial.map((d, i) => Math.max(0, o.pads[i] + d - reach[i]));
  const zeros = Array<number>(2).fill(0);
  const grown = missing.some((m) => m > 0)
    ? a.op('Pad', [full, c.g.ints([...zeros, ...spatial.map(() => 0), ...zeros, ...missing]), a.scalar(0)])
    : full;
  const begin = o.pads.slice(0, n);
  const axes = begin.map((_, i) => i + 2);
  const cut = a.op('Slice', [
    grown,
    c.g.ints(begin),
    c.g.ints(begin.map((b, i) => b + spatial[i])),
    c.g.ints(axes),
  ]);
  return a.reshape(cut, shape);
}

/** Windows that lie side by side and cover the whole input. */
function isTiled(o: WindowOptions, spatial: readonly number[], out: readonly number[]): boolean {
  const sideBySide = o.kernel.every(
    (k, i) => k === o.strides[i] && o.dilations[i] === 1 && spatial[i] === k * out[i],
  );
  return sideBySide && o.pads.every((p) => p === 0);
}

// Each input element receives dy / count from every window it was in.
const averagePool: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const o = window(c);
  const spatial = dims(c, x).slice(2);
  const out = dims(c, c.outputs[0]).slice(2);
  const dy = cotangent(c);
  if (isTiled(o, spatial, out)) return [spreadBack(c, o, a.div(dy, a.scalar(sizeOf(o.kernel))))];
  affordable(c, sizeOf(out));
  const number = counts(o, spatial, out, intAttribute(c.node, 'count_include_pad', 0) === 1);
  const countTensor: Tensor =
    x.dtype === 'float64'
      ? { dtype: 'float64', dims: [1, 1, ...out], data: Float64Array.from(number) }
      : { dtype: 'float32', dims: [1, 1, ...out], data: Float32Array.from(number) };
  return [spreadBack(c, o, a.div(dy, c.g.constant(countTensor, 'counts')))];
};

/**
 * y = (Σ |x|^p)^(1/p): dx = sign(x) |x|^(p−1) · dy y^(1−p), and 0 where y is 0.
 * @param spread lays what each norm gives its elements over the input
 */
function lpNorm(c: VjpContext, spread: (share: Value) => Value): Value {
  const x = input(c, 0);
  const y = c.outputs[0];
  const a = algebra(c.g, x);
  const p = intAttribute(c.node, 'p', 2);
  const dy = cotangent(c);
  if (p === 1) return a.mul(a.op('Sign', [x]), spread(dy));
  const safe = a.op('Where', [a.op('Equal', [y, a.scalar(0)]), a.scalar(1), y]);
  const power = (v: Value, k: number) => (k === 1 ? v : a.op('Pow', [v, a.scalar(k)]));
  const slope = p === 2 ? x : a.mul(a.op('Sign', [x]), power(a.op('Abs', [x]), p - 1));
  return a.mul(slope, spread(a.div(dy, power(safe, p - 1))));
}

const lpPool: VjpRule = (c) => [lpNorm(c, (share) => spreadBack(c, window(c), share))];

const globalLpPool: VjpRule = (c) => [lpNorm(c, (share) => share)];

// The values were laid into zeros at the places of the indices, which count through the whole output.
const maxUnpool: VjpRule = (c) => {
  const a = algebra(c.g, input(c, 0));
  const flat = (v: Value) => a.reshape(v, [-1]);
  const found = a.op('GatherElements', [flat(cotangent(c)), flat(input(c, 1))], { axis: 0 });
  return [a.reshapeLike(found, input(c, 0)), null, null];
};

const globalAveragePool: VjpRule = (c) => {
  const shape = dims(c, input(c, 0));
  const a = algebra(c.g, input(c, 0));
  const share = a.div(cotangent(c), a.scalar(sizeOf(shape.slice(2))));
  return [a.expand(share, shape)];
};

// Tied maxima get equal shares.
const globalMaxPool: VjpRule = (c) => {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const hit = a.indicator(a.op('Equal', [x, c.outputs[0]]));
  const axes = x.shape.map((_, i) => i).slice(2);
  return [a.mul(hit, a.div(cotangent(c), a.reduceSum(hit, axes, true)))];
};

export const pooling: VjpTable = {
  MaxPool: maxPool,
  AveragePool: averagePool,
  GlobalAveragePool: globalAveragePool,
  GlobalMaxPool: globalMaxPool,
  LpPool: lpPool,
  GlobalLpPool: globalLpPool,
  MaxUnpool: maxUnpool,
};
