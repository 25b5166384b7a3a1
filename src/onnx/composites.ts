/** @file Operator calls that need care to be right on ONNX Runtime, made once here. */
import type { GraphBuilder, Value } from './builder.ts';

export interface BatchStatistics {
  readonly output: Value;
  /** The batch's own mean and population variance per channel. */
  readonly mean: Value;
  readonly variance: Value;
}

/**
 * Batch normalisation on the batch's own statistics, which it also returns.
 *
 * With momentum 0 the operator's "running" outputs are the batch's statistics. ONNX Runtime writes those outputs into
 * the buffers of the running inputs, whoever else reads them, so the inputs here are scratch values that nothing else
 * uses: passing the real running statistics would overwrite them (and the caller's arrays behind graph inputs).
 * @param x float [N, C, …]
 */
export function batchNormalizationTraining(
  g: GraphBuilder,
  x: Value,
  scale: Value,
  bias: Value,
  epsilon: number,
): BatchStatistics {
  const scratchMean = g.op('Neg', [scale], {}, { name: g.uniqueName('bn_scratch_mean') });
  const scratchVariance = g.op('Abs', [scale], {}, { name: g.uniqueName('bn_scratch_variance') });
  const [output, mean, variance] = g.ops(
    'BatchNormalization',
    [x, scale, bias, scratchMean, scratchVariance],
    { training_mode: 1, momentum: 0, epsilon },
    { outputs: 3 },
  ) as [Value, Value, Value];
  return { output, mean, variance };
}
