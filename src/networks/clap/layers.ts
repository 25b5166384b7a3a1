/** @file Layers that CLAP's two encoders share, on tensors [N, tokens, channels], with PyTorch's parameter names. */
import { ShapeError } from '../../core/errors.ts';
import { formatShape, type Value } from '../../onnx/index.ts';
import { linear } from '../blocks.ts';
import { constantInitializer, type NetworkContext, uniformBias, uniformFanIn } from '../network.ts';

/** `nn.LayerNorm` over the last axis: `name.weight`, `name.bias`. */
export function layerNorm(c: NetworkContext, x: Value, name: string, epsilon = 1e-5): Value {
  const shape = [lastOf(x, name)];
  const weight = c.parameter({
    ...{ name: `${name}.weight`, shape, role: 'norm', initialize: constantInitializer(1) },
  });
  const bias = c.parameter({
    ...{ name: `${name}.bias`, shape, role: 'norm', initialize: constantInitializer(0) },
  });
  return c.g.op('LayerNormalization', [x, weight, bias], { axis: -1, epsilon });
}

/** `nn.Linear` over the last axis: `name.weight` [out, in] and, unless `bias` is false, `name.bias`. */
export function dense(c: NetworkContext, x: Value, name: string, size: number, bias = true): Value {
  const inFeatures = lastOf(x, name);
  const weight = c.parameter({
    ...{ name: `${name}.weight`, shape: [size, inFeatures], role: 'weight', initialize: uniformFanIn },
  });
  const product = c.g.op('MatMul', [x, c.g.op('Transpose', [weight], { perm: [1, 0] })]);
  if (!bias) return product;
  const added = c.parameter({
    ...{ name: `${name}.bias`, shape: [size], role: 'bias', initialize: uniformBias(inFeatures) },
  });
  return c.g.op('Add', [product, added]);
}

export interface AttentionShape {
  readonly tokens: number;
  readonly channels: number;
  readonly heads: number;
  readonly bias: boolean;
}

/**
 * Scaled dot-product attention: `name.query`, `name.key`, `name.value`.
 * @param x [N, tokens, channels]
 * @param adjust what is added to the scores [N, heads, tokens, tokens]
 * @returns [N, tokens, channels], before the output layer
 */
export function attention(
  c: NetworkContext,
  x: Value,
  name: string,
  { tokens, channels, heads, bias }: AttentionShape,
  adjust: (scores: Value) => Value,
): Value {
  const { g } = c;
  const width = channels / heads;
  if (!Number.isInteger(width))
    throw new ShapeError(`'${name}' cannot divide ${channels} channels among ${heads} heads.`);
  const part = (which: string, perm: readonly number[]) => {
    const y = g.op('Reshape', [
      dense(c, x, `${name}.${which}`, channels, bias),
      g.ints([0, tokens, heads, width]),
    ]);
    return g.op('Transpose', [y], { perm });
  };
  const query = g.op('Mul', [part('query', [0, 2, 1, 3]), g.scalar(1 / Math.sqrt(width))]);
  const scores = adjust(g.op('MatMul', [query, part('key', [0, 2, 3, 1])]));
  const heard = g.op('MatMul', [g.op('Softmax', [scores], { axis: -1 }), part('value', [0, 2, 1, 3])]);
  return g.op('Reshape', [g.op('Transpose', [heard], { perm: [0, 2, 1, 3] }), g.ints([0, tokens, channels])]);
}

/** The exact (erf) GELU. */
export function gelu(c: NetworkContext, x: Value): Value {
  return c.g.op('Gelu', [x], { approximate: 'none' });
}

/** What maps either encoder's output to the common space: `linear1`, ReLU, `linear2`. */
export function projection(c: NetworkContext, x: Value, name: string, size: number): Value {
  return linear(c, c.g.op('Relu', [linear(c, x, `${name}.linear1`, size)]), `${name}.linear2`, size);
}

function lastOf(x: Value, layer: string): number {
  const size = x.shape.at(-1);
  if (typeof size !== 'number')
    throw new ShapeError(`Layer '${layer}' must know its last axis, got ${formatShape(x.shape)}.`);
  return size;
}
