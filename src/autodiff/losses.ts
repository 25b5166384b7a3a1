/** @file Losses as nodes. */
import { ShapeError } from '../core/errors.ts';
import { formatShape, type GraphBuilder, sameShape, type Value } from '../onnx/index.ts';
import { algebra } from './vjp.ts';

/**
 * Cross-entropy of logits against soft targets: −Σₙ Σ_c targets[n,c] · log softmax(logits)[n,c], a scalar.
 *
 * Everything that varies between recipes (mean over the batch, class weights, label smoothing, mixup) is in the
 * target matrix, see `targetMatrix` in training: with targets of one-hot rows divided by N this is PyTorch's
 * `CrossEntropyLoss`.
 * @param logits float [N, classes]
 * @param targets float [N, classes], ≥ 0
 */
export function softCrossEntropy(g: GraphBuilder, logits: Value, targets: Value): Value {
  if (logits.shape.length !== 2 || !sameShape(logits.shape, targets.shape)) {
    throw new ShapeError(
      `Logits ${formatShape(logits.shape)} and targets ${formatShape(targets.shape)} must both be [N, classes].`,
    );
  }
  const a = algebra(g, logits);
  const logProbabilities = a.op('LogSoftmax', [logits], { axis: 1 });
  return a.neg(a.reduceSum(a.mul(targets, logProbabilities), [0, 1]));
}
