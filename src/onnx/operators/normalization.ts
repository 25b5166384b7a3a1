/** @file Shape rules of normalisations and of the fused classification loss. */
import { ShapeError } from '../../core/errors.ts';
import { intAttribute, stringAttribute } from '../model.ts';
import { resolveAxis } from '../shape.ts';
import { describeNode, type InferRule, type OperatorTable, required } from './schema.ts';

const batchNormalization: InferRule = (c) => {
  const x = required(c, 0);
  const scale = required(c, 1);
  if (x.shape.length < 2) throw new ShapeError(`${describeNode(c.node)}: the input needs a channel axis.`);
  if (typeof x.shape[1] === 'number' && typeof scale.shape[0] === 'number' && x.shape[1] !== scale.shape[0]) {
    throw new ShapeError(
      `${describeNode(c.node)}: the input has ${x.shape[1]} channels, the scale has ${scale.shape[0]}.`,
    );
  }
  // In training mode outputs 1 and 2 are the running mean and variance after this batch.
  return [x, required(c, 3), required(c, 4)];
};

const layerNormalization: InferRule = (c) => {
  const x = required(c, 0);
  const axis = resolveAxis(intAttribute(c.node, 'axis', -1), x.shape.length, describeNode(c.node));
  const kept = x.shape.map((d, i) => (i < axis ? d : 1));
  return [x, { dtype: 'float32', shape: kept }, { dtype: 'float32', shape: kept }];
};

/** ONNX Runtime's own: the second output is the inverse deviation. */
const simplifiedLayerNormalization: InferRule = (c) => layerNormalization(c).slice(0, 2);

/** ONNX Runtime's own, over the last axis: result, mean, inverse deviation, and the sum that was normalised. */
const skipLayerNormalization: InferRule = (c) => {
  const x = required(c, 0);
  const statistics = { dtype: 'float32', shape: [...x.shape.slice(0, -1), 1] } as const;
  return [x, statistics, statistics, x];
};

const grouped: InferRule = (c) => {
  const x = required(c, 0);
  const channels = x.shape[1];
  const groups = intAttribute(c.node, 'num_groups', 1);
  if (x.shape.length < 2) throw new ShapeError(`${describeNode(c.node)}: the input needs a channel axis.`);
  if (typeof channels === 'number' && channels % groups !== 0) {
    throw new ShapeError(
      `${describeNode(c.node)}: ${channels} channels cannot be divided into ${groups} groups.`,
    );
  }
  return [x];
};

const same: InferRule = (c) => [required(c, 0)];

const softmaxCrossEntropyLoss: InferRule = (c) => {
  const scores = required(c, 0);
  const labels = required(c, 1);
  const reduced = stringAttribute(c.node, 'reduction', 'mean') !== 'none';
  return [{ dtype: scores.dtype, shape: reduced ? [] : labels.shape }, scores];
};

const negativeLogLikelihoodLoss: InferRule = (c) => [softmaxCrossEntropyLoss(c)[0]];

export const normalization: OperatorTable = {
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
  RMSNormalization: same,
  SimplifiedLayerNormalization: simplifiedLayerNormalization,
  SkipLayerNormalization: skipLayerNormalization,
  SkipSimplifiedLayerNormalization: skipLayerNormalization,
  LpNormalization: same,
  LRN: same,
  MeanVarianceNormalization: same,
  InstanceNormalization: grouped,
  GroupNormalization: grouped,
  SoftmaxCrossEntropyLoss: softmaxCrossEntropyLoss,
  NegativeLogLikelihoodLoss: negativeLogLikelihoodLoss,
};
