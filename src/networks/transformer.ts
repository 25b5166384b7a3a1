/**
 * @file The layers that transformers share, with PyTorch's parameter names and semantics: a linear layer and a layer norm
 * over the last axis of [N, T, width], and scaled dot-product attention of several heads.
 */
import { ShapeError } from '../core/errors.ts';
import { formatShape, type Value } from '../onnx/index.ts';
import {
  constantInitializer,
  type Initializer,
  type NetworkContext,
  uniformBias,
  uniformFanIn,
} from './network.ts';

export interface DenseOptions {
  readonly outFeatures: number;
  /** Default true. */
  readonly bias?: boolean;
  /** How the weight starts; default uniform ±1/√fanIn, and the bias likewise. With it the bias starts at 0. */
  readonly initialize?: Initializer;
}

/** The size of the last axis, which every layer must know. */
function widthOf(x: Value, layer: string): number {
  const width = x.shape.at(-1);
  if (typeof width === 'number') return width;
  throw new ShapeError(`Layer '${layer}' must know the width of what it gets, got ${formatShape(x.shape)}.`);
}

/** `nn.Linear` on every position: x [N, T, in] → [N, T, out], parameters `name.weight` [out, in] and `name.bias`. */
export function dense(c: NetworkContext, x: Value, name: string, options: DenseOptions): Value {
  const { g } = c;
  const { outFeatures, bias = true, initialize } = options;
  const inFeatures = widthOf(x, name);
  const weight = c.parameter({
    name: `${name}.weight`,
    shape: [outFeatures, inFeatures],
    role: 'weight',
    initialize: initialize ?? uniformFanIn,
  });
  const shift = bias
    ? [
        c.parameter({
          name: `${name}.bias`,
          shape: [outFeatures],
          role: 'bias',
          initialize: initialize === undefined ? uniformBias(inFeatures) : constantInitializer(0),
        }),
      ]
    : [];
  const positions = x.shape[1];
  if (typeof positions !== 'number') {
    const product = g.op('MatMul', [x, g.op('Transpose', [weight], { perm: [1, 0] })]);
    return shift.length === 0 ? product : g.op('Add', [product, ...shift]);
  }
  // One product of all positions of all clips, which takes the weight as it is stored and adds the bias on the way.
  const rows = g.op('Reshape', [x, g.ints([-1, inFeatures])]);
  const product = g.op('Gemm', [rows, weight, ...shift], { transB: 1 });
  return g.op('Reshape', [product, g.ints(leading(x, [positions, outFeatures]))]);
}

/** The shape [N, …rest] for a Reshape of something with x's batch. */
function leading(x: Value, rest: readonly number[]): number[] {
  const [n] = x.shape;
  return [typeof n === 'number' ? n : -1, ...rest];
}

/** `nn.LayerNorm` over the last axis, parameters `name.weight` and `name.bias`; epsilon 1e-5. */
export function layerNorm(c: NetworkContext, x: Value, name: string): Value {
  const shape = [widthOf(x, name)];
  const make = (what: string, value: number) =>
    c.parameter({ name: `${name}.${what}`, shape, role: 'norm', initialize: constantInitializer(value) });
  return c.g.op('LayerNormalization', [x, make('weight', 1), make('bias', 0)], { axis: -1, epsilon: 1e-5 });
}

/**
 * Attention of several heads: softmax(q·kᵀ/√size + bias)·v in each, side by side.
 * @param q, k, v [N, T, width], `heads` slices each
 * @param bias added to the scores, broadcast to [N, heads, T, T]: a large negative number hides a position
 * @returns [N, T, width]
 */
export function multiHeadAttention(
  c: NetworkContext,
  { q, k, v }: { readonly q: Value; readonly k: Value; readonly v: Value },
  heads: number,
  bias?: Value,
): Value {
  const { g } = c;
  const width = widthOf(q, 'attention');
  const size = width / heads;
  const positions = q.shape[1];
  const split = typeof positions === 'number' ? leading(q, [positions, heads, size]) : [0, 0, heads, size];
  const inHeads = (x: Value, perm: readonly number[]) =>
    g.op('Transpose', [g.op('Reshape', [x, g.ints(split)])], { perm });
  const query = g.op('Mul', [q, g.scalar(1 / Math.sqrt(size))]);
  let scores = g.op('MatMul', [inHeads(query, [0, 2, 1, 3]), inHeads(k, [0, 2, 3, 1])]);
  if (bias !== undefined) scores = g.op('Add', [scores, bias]);
  const mixed = g.op('MatMul', [g.op('Softmax', [scores], { axis: -1 }), inHeads(v, [0, 2, 1, 3])]);
  const joined = typeof positions === 'number' ? leading(q, [positions, width]) : [0, 0, width];
  return g.op('Reshape', [g.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), g.ints(joined)]);
}
