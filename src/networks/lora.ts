/**
 * @file Low-rank adaptation (Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models") of any network.
 * Beside a product x·W with a frozen W runs (α/r)·(x·A)·B; A starts at random, B at zero, and only they learn. The
 * adapters join the network's nodes as these are made, so no layer knows of them. After training they are merged:
 * W + (α/r)·A·B is a weight like any other.
 */
import { ParameterError } from '../core/errors.ts';
import { float32, sizeOf, type Tensor } from '../core/tensor.ts';
import { floatAttribute, intAttribute, type Node, type Value } from '../onnx/index.ts';
import {
  chooseLoraTargets,
  inHead,
  isMatrixTranspose,
  type LoraCandidate,
  loraCandidates,
  useOf,
  type WeightUse,
} from './loraTargets.ts';
import {
  constantInitializer,
  type Initializer,
  type Network,
  type NetworkContext,
  type ParameterSpec,
  type ParameterValues,
} from './network.ts';

export interface LoraOptions {
  /** Rank r of the adapters, ≥ 1. */
  readonly rank: number;
  /** Adapters are scaled by α/r; default α = 2·r. */
  readonly alpha?: number;
  /** Names of weights, with `*` and `?`; default the weights of all matrix products before the head. */
  readonly targets?: readonly string[];
}

/** A network with adapters. Its own weights outside the head are not trained, adapters always are. */
export interface LoraNetwork extends Network {
  /** Names of the adapted weights. */
  readonly adapted: readonly string[];
  /** Parameters of the network without adapters that do the same: W + (α/r)·A·B in place of W, A and B. */
  merge(values: ParameterValues): Map<string, Tensor<'float32'>>;
}

/**
 * The two factors of a weight's change, named `NAME.lora_A` (it faces the input) and `NAME.lora_B`. Seen as matrices,
 * rows [d0, r] · columns [r, d1] has the layout of the weight, so for a linear layer's weight [out, in] the shapes are
 * those of peft: A [r, in], B [out, r]. Kernels [out, in, …] are taken as a matrix [out, in·…].
 */
interface Factors {
  readonly weight: ParameterSpec;
  readonly rows: ParameterSpec;
  readonly columns: ParameterSpec;
}

/**
 * `network` with adapters beside its weights.
 * @param inputShape shape of the pictures, [N, 1, nMels, nFrames]; N is free
 * @throws {ParameterError} on a rank or α out of range, or when a pattern matches no weight that can be adapted
 */
export function loraNetwork(
  network: Network,
  options: LoraOptions,
  inputShape: readonly number[],
): LoraNetwork {
  const { rank } = options;
  const alpha = options.alpha ?? 2 * rank;
  if (!Number.isInteger(rank) || rank < 1)
    throw new ParameterError(`The rank of LoRA must be a whole number ≥ 1, got ${rank}.`);
  if (!(alpha > 0 && Number.isFinite(alpha)))
    throw new ParameterError(`LoRA's alpha must be a number above 0, got ${alpha}.`);
  const chosen = chooseLoraTargets(network, loraCandidates(network, inputShape), options.targets);
  const targets = new Map(chosen.map((c) => [c.spec.name, factorsOf(c, rank)]));
  const scale = alpha / rank;
  return {
    name: network.name,
    classes: network.classes,
    stages: network.stages,
    adapted: [...targets.keys()],
    forward: (c, x) => adaptedForward(network, targets, scale, c, x),
    merge: (values) => merge(targets, scale, values),
  };
}

function factorsOf({ spec, use }: LoraCandidate, rank: number): Factors {
  const [d0, ...rest] = spec.shape as [number, ...number[]];
  const kernel = use.kind === 'convolution';
  const shapes = {
    rows: [d0, rank, ...(kernel ? rest.slice(1).map(() => 1) : [])],
    columns: [rank, ...rest],
  };
  const inputRows = use.kind === 'product' && (use.side === 'right') !== use.transposed;
  const a = (shape: number[], fanIn: number): ParameterSpec => ({
    name: `${spec.name}.lora_A`,
    shape,
    role: 'weight',
    initialize: uniformOver(fanIn),
    trained: true,
  });
  const b = (shape: number[]): ParameterSpec => ({
    name: `${spec.name}.lora_B`,
    shape,
    role: 'weight',
    initialize: constantInitializer(0),
    trained: true,
  });
  return inputRows
    ? { weight: spec, rows: a(shapes.rows, d0), columns: b(shapes.columns) }
    : { weight: spec, rows: b(shapes.rows), columns: a(shapes.columns, sizeOf(rest)) };
}

/** Kaiming uniform with slope √5 over a given fan-in, as loralib and peft start A: ±1/√fanIn. */
function uniformOver(fanIn: number): Initializer {
  const bound = 1 / Math.sqrt(fanIn);
  return (shape, random) => Float32Array.from({ length: sizeOf(shape) }, () => random.uniform(-bound, bound));
}

function adaptedForward(
  network: Network,
  targets: ReadonlyMap<string, Factors>,
  scale: number,
  c: NetworkContext,
  x: Value,
) {
  /** Values that are a targeted weight, or one transposed. */
  const weights = new Map<string, { factors: Factors; transposed: boolean }>();
  const context: NetworkContext = {
    ...c,
    // Adapters are put beside products and convolutions as they are written, not beside their faster forms.
    inference: false,
    parameter(spec) {
      const frozen = spec.role === 'weight' && spec.trained === undefined && !inHead(network, spec.name);
      const value = c.parameter(frozen ? { ...spec, trained: false } : spec);
      const factors = targets.get(spec.name);
      if (factors !== undefined) weights.set(value.name, { factors, transposed: false });
      return value;
    },
  };
  return c.g.rewriting(
    (node, inputs, results) => {
      const slot = inputs.findIndex((value) => value !== null && weights.has(value.name));
      if (slot < 0) return results;
      const { factors, transposed } = weights.get(inputs[slot]!.name)!;
      if (isMatrixTranspose(node)) {
        weights.set(results[0].name, { factors, transposed: !transposed });
        return results;
      }
      const use = useOf(node, slot, transposed);
      if (use === null) return results;
      const term =
        use.kind === 'product'
          ? productTerm(c, node, inputs, use, factors, scale)
          : convolutionTerm(c, node, inputs, factors, scale);
      return [c.g.op('Add', [results[0], term])];
    },
    () => network.forward(context, x),
  );
}

const transposed = (c: NetworkContext, matrix: Value) => c.g.op('Transpose', [matrix], { perm: [1, 0] });

/** scale·(x·A)·B in the form in which the node reads its weight. */
function productTerm(
  c: NetworkContext,
  node: Node,
  inputs: readonly (Value | null)[],
  use: Extract<WeightUse, { kind: 'product' }>,
  factors: Factors,
  scale: number,
): Value {
  const product = (a: Value, b: Value) => c.g.op('MatMul', [a, b]);
  const rows = c.parameter(factors.rows);
  const columns = c.parameter(factors.columns);
  const onRight = use.side === 'right';
  const other = inputs[onRight ? 0 : 1]!;
  const turned = node.opType === 'Gemm' && intAttribute(node, onRight ? 'transA' : 'transB', 0) === 1;
  const x = turned ? transposed(c, other) : other;
  const alpha = node.opType === 'Gemm' ? floatAttribute(node, 'alpha', 1) : 1;
  // The scale goes to the small product in between. W = rows·columns, Wᵀ = columnsᵀ·rowsᵀ.
  const scaled = (small: Value) => c.g.op('Mul', [small, c.g.scalar(scale * alpha)]);
  const [left, right] = use.transposed ? [transposed(c, columns), transposed(c, rows)] : [rows, columns];
  return onRight ? product(scaled(product(x, left)), right) : product(left, scaled(product(right, x)));
}

/** The convolution with r kernels A, then the 1×1 convolution with B. */
function convolutionTerm(
  c: NetworkContext,
  node: Node,
  inputs: readonly (Value | null)[],
  { rows, columns }: Factors,
  scale: number,
): Value {
  const [reduced] = c.g.addNode({ ...node, name: '', outputs: [c.g.uniqueName(`${columns.name}/maps`)] }, [
    inputs[0],
    c.parameter(columns),
  ]);
  const scaled = c.g.op('Mul', [reduced!, c.g.scalar(scale)]);
  return c.g.op('Conv', [scaled, c.parameter(rows)], { kernel_shape: rows.shape.slice(2) });
}

function merge(
  targets: ReadonlyMap<string, Factors>,
  scale: number,
  values: ParameterValues,
): Map<string, Tensor<'float32'>> {
  const merged = new Map(values);
  const value = ({ name }: ParameterSpec): Tensor<'float32'> => {
    const found = values.get(name);
    if (found === undefined) throw new ParameterError(`There is no value for parameter '${name}'.`);
    return found;
  };
  for (const factors of targets.values()) {
    const weight = value(factors.weight);
    const rows = value(factors.rows).data;
    const columns = value(factors.columns).data;
    const [height, rank] = factors.rows.shape as [number, number];
    const width = columns.length / rank;
    const data = weight.data.slice();
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++) {
        let change = 0;
        for (let k = 0; k < rank; k++) change += rows[i * rank + k] * columns[k * width + j];
        data[i * width + j] = weight.data[i * width + j] + scale * change;
      }
    }
    merged.set(factors.weight.name, float32(weight.dims, data));
    merged.delete(factors.rows.name);
    merged.delete(factors.columns.name);
  }
  return merged;
}
