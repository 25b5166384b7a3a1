/**
 * @file Gradient of GridSample, as the composition that it is: the taps around each point of the grid, gathered and
 * weighted. Steps (which tap, whether it lies outside) have no gradient; weights have one by the grid.
 */
import { UnsupportedOpError } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import { describeNode, intAttribute, stringAttribute, type Value } from '../../onnx/index.ts';
import { type Composition, composed } from '../composition.ts';
import { type Algebra, algebra, dims, type VjpTable } from '../vjp.ts';

/** One tap along one axis: where it is, as whole numbers in the float type, and its weight. */
interface Tap {
  readonly at: Value;
  readonly weight: Value;
}

/** Coordinates folded back and forth between two bounds, as a mirror at each end does. */
function reflected(a: Algebra, at: Value, low: number, high: number): Value {
  const span = high - low;
  if (span <= 0) return a.mul(at, a.scalar(0));
  const period = a.scalar(2 * span);
  const from = a.sub(at, a.scalar(low));
  const within = a.sub(from, a.mul(period, a.op('Floor', [a.div(from, period)])));
  // The way there, or the way back.
  return a.add(a.scalar(low), a.op('Min', [within, a.sub(period, within)]));
}

/** Keys (1981), with the parameter −0.75 that PyTorch and ONNX Runtime have. @param t from the first tap's right one */
function cubicWeights(a: Algebra, t: Value): Value[] {
  const A = -0.75;
  const polynomial = (x: Value, coefficients: readonly number[]) =>
    coefficients.slice(1).reduce((sum, k) => a.add(a.mul(sum, x), a.scalar(k)), a.scalar(coefficients[0]));
  const inner = (x: Value) => polynomial(x, [A + 2, -(A + 3), 0, 1]);
  const outer = (x: Value) => polynomial(x, [A, -5 * A, 8 * A, -4 * A]);
  const one = a.scalar(1);
  const back = a.sub(one, t);
  return [outer(a.add(t, one)), inner(t), inner(back), outer(a.add(back, one))];
}

const gridSample: Composition = (g, inputs, c) => {
  const [x, grid] = inputs as [Value, Value];
  const a = algebra(g, x);
  const [n, channels, ...sizes] = dims(c, x) as [number, number, ...number[]];
  const points = dims(c, grid).slice(1, -1);
  const count = sizeOf(points);
  const { node } = c;
  const mode = stringAttribute(node, 'mode', 'linear').replace(/^bi/, '');
  const padding = stringAttribute(node, 'padding_mode', 'zeros');
  const aligned = intAttribute(node, 'align_corners', 0) === 1;
  if (
    !['linear', 'nearest', 'cubic'].includes(mode) ||
    !['zeros', 'border', 'reflection'].includes(padding)
  ) {
    throw new UnsupportedOpError(
      `${describeNode(node)}: mode '${mode}' with padding '${padding}' has no gradient rule.`,
    );
  }
  /** Points beyond the picture brought back into it, as the padding says. */
  const broughtBack = (at: Value, size: number): Value => {
    if (padding === 'zeros') return at;
    const mirrored =
      padding === 'border'
        ? at
        : aligned
          ? reflected(a, at, 0, size - 1)
          : reflected(a, at, -0.5, size - 0.5);
    return a.op('Clip', [mirrored, a.scalar(0), a.scalar(size - 1)]);
  };
  // The grid's last axis names the last spatial axis first.
  const tapsOf = (axis: number): Tap[] => {
    const size = sizes[axis];
    const k = sizes.length - 1 - axis;
    const column = g.op('Slice', [grid, g.ints([k]), g.ints([k + 1]), g.ints([-1])]);
    const unit = a.add(a.reshape(column, [n, 1, count]), a.scalar(1));
    const placed = aligned
      ? a.mul(unit, a.scalar((size - 1) / 2))
      : a.sub(a.mul(unit, a.scalar(size / 2)), a.scalar(0.5));
    const at = mode === 'cubic' ? placed : broughtBack(placed, size);
    if (mode === 'nearest') return [{ at: a.op('Round', [at]), weight: a.scalar(1) }];
    const left = a.op('Floor', [at]);
    const t = a.sub(at, left);
    if (mode === 'linear') {
      return [
        { at: left, weight: a.sub(a.scalar(1), t) },
        { at: a.add(left, a.scalar(1)), weight: t },
      ];
    }
    return cubicWeights(a, t).map((weight, i) => ({ at: a.add(left, a.scalar(i - 1)), weight }));
  };
  /** A tap with its place inside the picture, and without weight where padding is zeros and it was outside. */
  const inside = ({ at, weight }: Tap, size: number): Tap => {
    if (padding !== 'zeros') return { at: broughtBack(at, size), weight };
    const held = a.op('Clip', [at, a.scalar(0), a.scalar(size - 1)]);
    return { at: held, weight: a.mul(weight, a.indicator(a.op('Equal', [held, at]))) };
  };
  let taps: Tap[] = [{ at: a.scalar(0), weight: a.scalar(1) }];
  sizes.forEach((size, axis) => {
    const along = tapsOf(axis).map((tap) => inside(tap, size));
    taps = taps.flatMap((tap) =>
      along.map((next) => ({
        at: a.add(a.mul(tap.at, a.scalar(size)), next.at),
        weight: a.mul(tap.weight, next.weight),
      })),
    );
  });
  const flat = a.reshape(x, [n, channels, sizeOf(sizes)]);
  const values = taps.map(({ at, weight }) => {
    const places = a.expand(a.op('Cast', [at], { to: 7 }), [n, channels, count]);
    return a.mul(a.op('GatherElements', [flat, places], { axis: 2 }), weight);
  });
  const sum = values.reduce((total, value) => a.add(total, value));
  return [a.reshape(sum, [n, channels, ...points])];
};

export const gridSampling: VjpTable = { GridSample: composed(gridSample) };
