/** @file Undoes NumPy broadcasting: sums a gradient over the axes along which the operand was repeated. */
import { ShapeError } from '../core/errors.ts';
import { formatShape, type GraphBuilder, sameShape, type Value } from '../onnx/index.ts';
import { algebra } from './vjp.ts';

/**
 * The gradient with the shape of `operand`.
 * @throws {ShapeError} if that shape does not broadcast to the gradient's
 */
export function unbroadcast(g: GraphBuilder, gradient: Value, operand: Value): Value {
  if (sameShape(gradient.shape, operand.shape)) return gradient;
  const a = algebra(g, gradient);
  const extra = gradient.shape.length - operand.shape.length;
  const axes: number[] = [];
  for (let i = 0; i < gradient.shape.length; i++) {
    const own = i < extra ? undefined : operand.shape[i - extra];
    if (i < extra || (own === 1 && gradient.shape[i] !== 1)) axes.push(i);
    else if (own !== gradient.shape[i]) {
      throw new ShapeError(
        `A gradient of shape ${formatShape(gradient.shape)} does not fit an operand of shape ${formatShape(operand.shape)}.`,
      );
    }
  }
  const summed = a.reduceSum(gradient, axes, true);
  if (extra === 0) return summed;
  return a.squeeze(
    summed,
    Array.from({ length: extra }, (_, i) => i),
  );
}
