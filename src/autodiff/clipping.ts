/** @file Gradient clipping by global norm, as nodes. */
import type { GraphBuilder, Value } from '../onnx/index.ts';
import { algebra } from './vjp.ts';

/** √Σ‖gᵢ‖² over all gradients, a scalar. */
export function globalNorm(g: GraphBuilder, gradients: readonly Value[]): Value {
  const squares = gradients.map((gradient) => {
    const axes = gradient.shape.map((_, i) => i);
    return axes.length === 0
      ? g.op('Mul', [gradient, gradient])
      : g.op('ReduceSumSquare', [gradient, g.ints(axes)], { keepdims: 0 });
  });
  return g.op('Sqrt', [squares.length === 1 ? squares[0] : g.op('Sum', squares)]);
}

/** Scales all gradients by min(1, maxNorm / (norm + 1e-6)), as `torch.nn.utils.clip_grad_norm_`. */
export function clipByGlobalNorm(
  g: GraphBuilder,
  gradients: readonly Value[],
  maxNorm: number,
): { gradients: Value[]; norm: Value } {
  const norm = globalNorm(g, gradients);
  const a = algebra(g, norm);
  const factor = a.op('Min', [a.scalar(1), a.div(a.scalar(maxNorm), a.add(norm, a.scalar(1e-6)))]);
  return { gradients: gradients.map((gradient) => a.mul(gradient, factor)), norm };
}
