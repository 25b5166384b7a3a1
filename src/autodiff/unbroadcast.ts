/** @file Undoes NumPy broadcasting: sums a gradient over the axes along which the operand was repeated. */
import { ShapeError } from '../core/errors.ts';
import { formatShape, type GraphBuilder, sameShape, type Value } from '../onnx/index.ts';
import { algebra } from './vjp.ts';

/**
 * The gradient with the shape of `operand`: summed over the axes along which the operand was repeated, and with leading
 * axes of size 1 where the operand has such (an operator may take [1] for a scalar).
 * @throws {ShapeError} if the operand's shape does not broadcast to the gradient's
 */
export function unbroadcast(g: GraphBuilder, gradient: Value, operand: Value): Value {
  if (sameShape(gradient.shape, operand.shape)) return gradient;
  const a = algebra(g, gradient);
  const extra = gradient.shape.length - operand.shape.length;
  const missing = Math.max(0, -extra);
  const axes: number[] = [];
  const fits = gradient.shape.every((d, i) => {
    const own = operand.shape[i - extra];
    if (i >= extra && own === d) return true;
    if (i < extra || own === 1) axes.push(i);
    return i < extra || own === 1;
  });
  if (!fits || operand.shape.slice(0, missing).some((d) => d !== 1)) {
    throw new ShapeError(
      `A gradient of shape ${formatShape(gradient.shape)} does not fit an operand of shape ${formatShape(operand.shape)}.`,
    );
  }
  const summed = a.reduceSum(gradient, axes, true);
  const range = (n: number) => Array.from({ length: n }, (_, i) => i);
  if (missing > 0) return a.unsqueeze(summed, range(missing));
  return extra === 0 ? summed : a.squeeze(summed, range(extra));
}
