/**
 * @file Gradients of Fourier transforms. As a linear map of real and imaginary parts, the adjoint of the transform
 * matrix F is its conjugate transpose, which is the inverse transform without its factor 1/N.
 */
import { UnsupportedOpError } from '../../core/errors.ts';
import { int64, tensor } from '../../core/tensor.ts';
import { describeNode, intAttribute, resolveAxis, type Value } from '../../onnx/index.ts';
import {
  type Algebra,
  affordable,
  algebra,
  constantInts,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';

/** The transform along one axis, in the form of the graph's opset: the axis is an input since opset 20. */
function transform(c: VjpContext, value: Value, axis: number, inverse: 0 | 1): Value {
  if (c.g.opset < 20) return c.g.op('DFT', [value], { axis, inverse });
  return c.g.op('DFT', [value, null, c.g.constant(int64([], [axis]))], { inverse });
}

/** `value` cut or filled with zeros at the end of one axis. */
function resized(c: VjpContext, a: Algebra, value: Value, axis: number, size: number): Value {
  const shape = dims(c, value);
  if (shape[axis] === size) return value;
  const after = shape.map((d, i) => (i === axis ? size - d : 0));
  return a.op('Pad', [value, c.g.ints([...shape.map(() => 0), ...after]), a.scalar(0)]);
}

/** The adjoint of a transform of length `points`, from its gradient [.., bins, .., 2]; real parts only if `real`. */
function adjoint(
  c: VjpContext,
  dy: Value,
  axis: number,
  points: number,
  inverse: 0 | 1,
  real: boolean,
): Value {
  const a = algebra(c.g, dy);
  // A one-sided result is the two-sided one cut: what was cut off has no gradient.
  const whole = resized(c, a, dy, axis, points);
  const back = transform(c, whole, axis, inverse === 1 ? 0 : 1);
  const scaled = a.mul(back, a.scalar(inverse === 1 ? 1 / points : points));
  if (!real) return scaled;
  return a.op('Slice', [scaled, c.g.ints([0]), c.g.ints([1]), c.g.ints([dims(c, dy).length - 1])]);
}

const dft: VjpRule = (c) => {
  const x = dims(c, input(c, 0));
  const what = describeNode(c.node);
  const held = c.node.attributes['axis'];
  const given = held?.kind === 'int' ? held.value : constantInts(c, 2, 'axis')?.[0];
  const axis = resolveAxis(given ?? (c.g.opset < 20 ? 1 : -2), x.length, what);
  const points = constantInts(c, 1, 'dft_length')?.[0] ?? x[axis];
  const inverse = intAttribute(c.node, 'inverse', 0) === 1 ? 1 : 0;
  if (inverse === 1 && intAttribute(c.node, 'onesided', 0) === 1) {
    throw new UnsupportedOpError(`${what}: the one-sided inverse transform has no gradient rule.`);
  }
  const dx = adjoint(c, cotangent(c), axis, points, inverse, x.at(-1) === 1);
  return [resized(c, algebra(c.g, dx), dx, axis, x[axis]), null, null];
};

// Each frame's gradient, windowed once more, is added back where the frame was cut from the signal.
const stft: VjpRule = (c) => {
  const what = describeNode(c.node);
  if (c.needs[2]) throw new UnsupportedOpError(`${what}: there is no gradient rule for its window.`);
  const signal = dims(c, input(c, 0));
  const [batch, samples] = [signal[0], signal[1]];
  const parts = signal[2] ?? 1;
  const window = c.inputs[2] ?? null;
  const step = constantInts(c, 1, 'frame_step')![0];
  const length = constantInts(c, 3, 'frame_length')?.[0] ?? dims(c, window!)[0];
  const frames = dims(c, c.outputs[0])[1];
  const framed = adjoint(c, cotangent(c), 2, length, 0, parts === 1);
  const a = algebra(c.g, framed);
  const windowed = window === null ? framed : a.mul(framed, a.reshape(window, [length, 1]));
  affordable(c, frames * length);
  const places = BigInt64Array.from({ length: frames * length }, (_, i) =>
    BigInt(Math.floor(i / length) * step + (i % length)),
  );
  const line = c.g.constant(tensor('int64', [1, frames * length, 1], places), 'places');
  const updates = a.reshape(windowed, [batch, frames * length, parts]);
  const indices = a.expand(line, [batch, frames * length, parts]);
  const dx = a.scatterAdd([batch, samples, parts], indices, updates, 1);
  return [a.reshape(dx, signal), null, null, null];
};

export const signals: VjpTable = { DFT: dft, STFT: stft };
