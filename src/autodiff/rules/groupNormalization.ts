/** @file Gradients of normalisations by statistics within each picture: over groups of channels or single channels. */
import { sizeOf } from '../../core/tensor.ts';
import { floatAttribute, intAttribute } from '../../onnx/index.ts';
import { channelSum } from '../lowering/plain.ts';
import {
  algebra,
  byOpset,
  cotangent,
  dims,
  input,
  type VjpContext,
  type VjpRule,
  type VjpTable,
} from '../vjp.ts';
import { inverseDeviation } from './normalization.ts';

/**
 * x as [N, G, rest], normalised over the rest: x̂ = (x − μ)·s, y = γ x̂ + β.
 * dx = s (g − mean(g) − x̂ mean(g·x̂)) with g = dy·γ, means within each group.
 * @param scaleSize how many elements γ and β have: one per channel, or (opset 18) one per group
 */
function grouped(c: VjpContext, groups: number, scaleSize: 'channel' | 'group'): ReturnType<VjpRule> {
  const x = input(c, 0);
  const a = algebra(c.g, x);
  const shape = dims(c, x);
  const channels = shape[1];
  const rest = sizeOf(shape) / (shape[0] * groups);
  const inGroups = [shape[0], groups, rest];
  const average = (v: ReturnType<typeof a.neg>) => a.div(a.reduceSum(v, [2], true), a.scalar(rest));
  const source = a.reshape(x, inGroups);
  const centred = a.sub(source, average(source));
  const variance = average(a.mul(centred, centred));
  const inverse = inverseDeviation(a, variance, floatAttribute(c.node, 'epsilon', 1e-5));
  const normalised = a.mul(centred, inverse);
  const dy = cotangent(c);
  const dx = () => {
    const gamma = input(c, 1);
    const weighted =
      scaleSize === 'group'
        ? a.mul(a.reshape(dy, inGroups), a.reshape(gamma, [groups, 1]))
        : a.reshape(a.mul(dy, a.reshape(gamma, [channels, ...shape.slice(2).map(() => 1)])), inGroups);
    const inner = a.sub(
      a.sub(weighted, average(weighted)),
      a.mul(normalised, average(a.mul(weighted, normalised))),
    );
    return a.reshape(a.mul(inverse, inner), shape);
  };
  const perScale = (v: typeof dy) =>
    scaleSize === 'group' ? a.reduceSum(a.reshape(v, inGroups), [2, 0]) : channelSum(a, a.reshape(v, shape));
  return [
    c.needs[0] ? dx() : null,
    c.needs[1] ? perScale(a.mul(a.reshape(dy, inGroups), normalised)) : null,
    c.needs[2] ? perScale(dy) : null,
  ];
}

const groupCount = (c: VjpContext) => intAttribute(c.node, 'num_groups', 1);

export const groupNormalizations: VjpTable = {
  InstanceNormalization: (c) => grouped(c, dims(c, input(c, 0))[1], 'channel'),
  GroupNormalization: byOpset(
    { since: 18, rule: (c) => grouped(c, groupCount(c), 'group') },
    { since: 21, rule: (c) => grouped(c, groupCount(c), 'channel') },
  ),
};
