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
 * uses: passing the real running statistics would overwrite them (and the caller's arrays behind graph inputs). The
 * scratch values come from `x` and a number of their own each, so that the runtime can neither work them out beforehand
 * nor merge those of two layers (as it does with equal constants and equal nodes).
 * @param x float [N, C, …]
 */
export function batchNormalizationTraining(
  g: GraphBuilder,
  x: Value,
  scale: Value,
  bias: Value,
  epsilon: number,
): BatchStatistics {
  const others = x.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  const one = others.map(() => 1);
  const corner = g.op('Slice', [x, g.ints(others.map(() => 0)), g.ints(one), g.ints(others)]);
  const perChannel = g.op('Reshape', [corner, g.ints([-1])]);
  const dtype = x.dtype === 'float64' ? 'float64' : 'float32';
  const number = g.graph.nodes.length;
  const scratch = (what: string, k: number) =>
    g.op('Add', [perChannel, g.scalar(k, dtype)], {}, { name: g.uniqueName(`bn_scratch_${what}`) });
  const scratchMean = scratch('mean', number);
  const scratchVariance = scratch('variance', number + 0.5);
  const [output, mean, variance] = g.ops(
    'BatchNormalization',
    [x, scale, bias, scratchMean, scratchVariance],
    { training_mode: 1, momentum: 0, epsilon },
    { outputs: 3 },
  ) as [Value, Value, Value];
  return { output, mean, variance };
}
