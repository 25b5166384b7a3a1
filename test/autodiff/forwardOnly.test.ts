/** Shape rules of operators that have no gradient rule, against the types that ONNX Runtime returns. */
import { describe, expect, it } from 'vitest';
import { nonDifferentiable, vjpRules } from '../../src/autodiff/index.ts';
import { allocate, type DType, Random, sizeOf, type Tensor } from '../../src/core/index.ts';
import { type AttributeInput, GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { shapeRules } from '../../src/onnx/operators/index.ts';
import { runModel } from '../support/runModel.ts';

interface ForwardCase {
  readonly op: string;
  readonly variant?: string;
  readonly inputs: readonly (readonly [DType, ...number[]])[];
  /** Inputs after the first ones. */
  readonly more?: (g: GraphBuilder) => readonly (Value | null)[];
  readonly attributes?: Record<string, AttributeInput>;
  readonly outputs?: number;
  readonly opset?: number;
}

const one = (g: GraphBuilder, value: number, dtype: 'int64' | 'float32' = 'int64'): Value =>
  g.constant(
    dtype === 'int64'
      ? { dtype, dims: [], data: BigInt64Array.of(BigInt(value)) }
      : { dtype, dims: [], data: Float32Array.of(value) },
  );

const f = (...dims: number[]): readonly [DType, ...number[]] => ['float32', ...dims];
const i = (...dims: number[]): readonly [DType, ...number[]] => ['int64', ...dims];

const cases: readonly ForwardCase[] = [
  ...['Ceil', 'Floor', 'Round', 'Sign', 'Hardmax', 'IsNaN', 'IsInf'].map((op) => ({ op, inputs: [f(2, 3)] })),
  ...['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'].map((op) => ({
    op,
    inputs: [f(2, 1, 3), f(4, 1)],
  })),
  ...['And', 'Or', 'Xor'].map(
    (op): ForwardCase => ({
      op,
      inputs: [
        ['bool', 2, 1],
        ['bool', 3],
      ],
    }),
  ),
  { op: 'Not', inputs: [['bool', 2]] },
  ...['BitwiseAnd', 'BitwiseOr', 'BitwiseXor'].map((op) => ({ op, inputs: [i(2, 1), i(3)] })),
  { op: 'BitwiseNot', inputs: [i(2)] },
  {
    op: 'BitShift',
    inputs: [
      ['uint32', 2, 1],
      ['uint32', 3],
    ],
    attributes: { direction: 'LEFT' },
  },
  ...['ArgMax', 'ArgMin'].flatMap((op): ForwardCase[] => [
    { op, inputs: [f(2, 3, 4)], attributes: { axis: -2, keepdims: 0 } },
    { op, variant: 'kept', inputs: [f(2, 3, 4)], attributes: { axis: 1 } },
  ]),
  { op: 'Shape', inputs: [f(2, 3, 4)] },
  { op: 'Shape', variant: 'a part', inputs: [f(2, 3, 4)], attributes: { start: 1, end: -1 } },
  { op: 'Size', inputs: [f(2, 3, 4)] },
  { op: 'Range', inputs: [], more: (g) => [one(g, 2), one(g, 11), one(g, 3)] },
  { op: 'Range', variant: 'backwards', inputs: [], more: (g) => [one(g, 5), one(g, 1), one(g, -2)] },
  { op: 'ConstantOfShape', inputs: [], more: (g) => [g.ints([2, 3])] },
  { op: 'Constant', inputs: [], attributes: { value_ints: [1, 2, 3] } },
  {
    op: 'OneHot',
    inputs: [i(2, 3)],
    more: (g) => [g.ints([5]), g.constant({ dtype: 'float32', dims: [2], data: Float32Array.of(0, 1) })],
    attributes: { axis: 1 },
  },
  { op: 'EyeLike', inputs: [f(3, 4)] },
  { op: 'EyeLike', variant: 'of a type', inputs: [f(3, 4)], attributes: { dtype: 11 } },
  { op: 'RandomNormal', inputs: [], attributes: { shape: [2, 3] } },
  { op: 'RandomUniform', inputs: [], attributes: { shape: [2, 3], dtype: 11 } },
  { op: 'RandomNormalLike', inputs: [f(2, 3)] },
  { op: 'RandomUniformLike', inputs: [f(2, 3)], attributes: { dtype: 11 } },
  { op: 'Bernoulli', inputs: [f(2, 3)], attributes: { dtype: 7 } },
  { op: 'Multinomial', inputs: [f(2, 3)], attributes: { sample_size: 4 } },
  { op: 'QuantizeLinear', inputs: [f(2, 3)], more: (g) => [one(g, 0.1, 'float32')] },
  {
    op: 'QuantizeLinear',
    variant: 'signed',
    inputs: [f(2, 3)],
    more: (g) => [one(g, 0.1, 'float32'), g.constant({ dtype: 'int8', dims: [], data: Int8Array.of(3) })],
  },
  ...['HannWindow', 'HammingWindow', 'BlackmanWindow'].map(
    (op): ForwardCase => ({ op, inputs: [], more: (g) => [one(g, 9)] }),
  ),
  {
    op: 'HannWindow',
    variant: 'wide',
    inputs: [],
    more: (g) => [one(g, 9)],
    attributes: { output_datatype: 11 },
  },
  {
    op: 'MelWeightMatrix',
    inputs: [],
    more: (g) => [one(g, 8), one(g, 64), one(g, 8000), one(g, 20, 'float32'), one(g, 4000, 'float32')],
  },
];

describe('shape rules of operators without a gradient rule', () => {
  for (const c of cases) {
    it(`${c.op}${c.variant === undefined ? '' : `: ${c.variant}`}`, async () => {
      const random = new Random(c.op);
      const g = new GraphBuilder(c.opset === undefined ? {} : { opset: c.opset });
      const feeds: Record<string, Tensor> = {};
      const inputs = c.inputs.map(([dtype, ...dims], k) => {
        const data = allocate(dtype, sizeOf(dims)) as Float32Array;
        for (let n = 0; n < data.length; n++) {
          const small = dtype === 'float32' ? random.uniform() : random.integer(2);
          (data as unknown as (number | bigint)[])[n] = dtype === 'int64' ? BigInt(small) : small;
        }
        feeds[`x${k}`] = { dtype, dims, data };
        return g.input(`x${k}`, dtype, dims);
      });
      const values = g.ops(c.op, [...inputs, ...(c.more?.(g) ?? [])], c.attributes ?? {}, {
        outputs: c.outputs ?? 1,
      });
      for (const v of values) g.output(v);
      const results = await runModel(g.model(), feeds);
      expect(values.map((v) => `${v.dtype}[${v.shape}]`)).toEqual(
        values.map((v) => `${results[v.name].dtype}[${results[v.name].dims}]`),
      );
    });
  }

  it('covers every one whose result has a known shape', () => {
    const covered = new Set(cases.map((c) => c.op));
    const all = Object.values(shapeRules).flatMap((table) => Object.keys(table));
    expect(all.filter((op) => !(op in vjpRules) && !covered.has(op))).toEqual(['NonZero']);
    expect([...covered].filter((op) => op in vjpRules)).toEqual([]);
    expect(all.filter((op) => !(op in vjpRules) && !nonDifferentiable.has(op))).toEqual([]);
  });
});
