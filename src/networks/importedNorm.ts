/** @file Batch normalisations of an imported model that learn their statistics while the network is trained. */
import { floatAttribute, type Model, type Node, type Value } from '../onnx/index.ts';
import { learningBatchNorm } from './blocks.ts';
import type { NetworkContext } from './network.ts';

/** PyTorch's share of the old statistics, and ONNX's. */
const usualMomentum = 0.9;

/**
 * Takes the place of a model's nodes while it is replayed: batch normalisations go by the batch's statistics and say what
 * their running ones become.
 * @param momenta by {@link normMomenta}, of the means that may change
 */
export function learningNorms(c: NetworkContext, momenta: ReadonlyMap<string, number>) {
  // A layer that the model applies twice moves its statistics twice.
  const running = new Map<string, Value>();
  return (node: Node, operands: readonly (Value | null)[]): readonly Value[] | null => {
    if (node.opType !== 'BatchNormalization') return null;
    const [, , , meanName, varianceName] = node.inputs;
    const [x, weight, bias, mean, variance] = operands;
    if (x == null || weight == null || bias == null || mean == null || variance == null) return null;
    if (meanName === undefined || varianceName === undefined) return null;
    const momentum = momenta.get(meanName);
    if (momentum === undefined) return null;
    const learnt = learningBatchNorm(
      c,
      x,
      node.name,
      {
        ...{ weight, bias, epsilon: floatAttribute(node, 'epsilon', 1e-5) },
        mean: running.get(meanName) ?? mean,
        variance: running.get(varianceName) ?? variance,
      },
      1 - momentum,
    );
    for (const [name, value] of [
      [meanName, learnt.mean],
      [varianceName, learnt.variance],
    ] as const) {
      running.set(name, value);
      c.update(name, value);
    }
    return [learnt.output];
  };
}

/**
 * The share of the old statistics in the new ones, by the name of the mean. A share that would keep all of them, as some
 * exporters of inference models write it, is taken for none.
 */
export function normMomenta({ graph }: Model): Map<string, number> {
  // PyTorch writes equal tensors once and refers to them by Identity.
  const meant = new Map(
    graph.nodes.flatMap(({ opType, inputs, outputs }) =>
      opType === 'Identity' ? [[outputs[0], inputs[0]] as const] : [],
    ),
  );
  const momenta = new Map<string, number>();
  for (const node of graph.nodes) {
    let mean = node.opType === 'BatchNormalization' ? node.inputs[3] : undefined;
    if (mean === undefined) continue;
    for (let source = meant.get(mean); source !== undefined; source = meant.get(mean)) mean = source;
    const momentum = floatAttribute(node, 'momentum', usualMomentum);
    if (graph.initializers.has(mean))
      momenta.set(mean, momentum >= 0 && momentum < 1 ? momentum : usualMomentum);
  }
  return momenta;
}
