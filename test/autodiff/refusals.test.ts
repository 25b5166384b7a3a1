/** What rules of operators refuse: each a typed error that names the node. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { GraphError, ShapeError, type Tensor, UnsupportedOpError } from '../../src/core/index.ts';
import { type AttributeInput, GraphBuilder, type Value } from '../../src/onnx/index.ts';

type Attributes = Record<string, AttributeInput>;

const floats = (...values: number[]): Tensor => ({
  dtype: 'float32',
  dims: [values.length],
  data: Float32Array.from(values),
});

/** Weights of a recurrent layer with two hidden values. */
const weights = (g: GraphBuilder, directions: number, rows: number, size: number): Value[] =>
  [size, 2].map((columns, i) => {
    const dims = [directions, rows, columns];
    const data = new Float32Array(directions * rows * columns);
    return g.initializer(`weights${i}`, { dtype: 'float32', dims, data });
  });

describe('gradient rules refuse', () => {
  const differentiate = (dims: number[], build: (g: GraphBuilder, x: Value) => Value) => () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', dims);
    return gradients(g, g.op('ReduceSum', [build(g, x)], { keepdims: 0 }), [x]);
  };
  const named = (
    g: GraphBuilder,
    type: string,
    inputs: (Value | null)[],
    attributes: Attributes = {},
    domain = '',
  ) => g.op(type, inputs, attributes, { name: 'here', domain });

  const rows: [
    string,
    number[],
    (g: GraphBuilder, x: Value) => Value,
    typeof GraphError | typeof UnsupportedOpError,
    RegExp,
  ][] = [
    [
      'antialiased shrinking',
      [1, 1, 4, 4],
      (g, x) => named(g, 'Resize', [x, null, null, g.ints([1, 1, 2, 2])], { mode: 'linear', antialias: 1 }),
      UnsupportedOpError,
      /Resize 'here.*antialiased/,
    ],
    [
      'wrapping more than once around',
      [3],
      (g, x) => named(g, 'Pad', [x, g.ints([4, 0])], { mode: 'wrap' }),
      UnsupportedOpError,
      /Pad 'here.*wrap/,
    ],
    [
      'transposed batch axes',
      [2, 3, 4],
      (g, x) =>
        named(
          g,
          'FusedMatMul',
          [x, g.initializer('b', { dtype: 'float32', dims: [2, 4, 2], data: new Float32Array(16) })],
          { transBatchB: 1 },
          'com.microsoft',
        ),
      UnsupportedOpError,
      /FusedMatMul 'here/,
    ],
    [
      'Dropout in training without its mask',
      [3],
      (g, x) =>
        named(g, 'Dropout', [
          x,
          g.scalar(0.5),
          g.constant({ dtype: 'bool', dims: [], data: Uint8Array.of(1) }),
        ]),
      GraphError,
      /Dropout 'here.*mask/,
    ],
    [
      'a recurrent layer with the batch first',
      [2, 3, 4],
      (g, x) => named(g, 'LSTM', [x, ...weights(g, 1, 8, 4)], { hidden_size: 2, layout: 1 }),
      UnsupportedOpError,
      /LSTM 'here.*layout 1/,
    ],
    [
      'an LSTM with coupled gates',
      [3, 2, 4],
      (g, x) => named(g, 'LSTM', [x, ...weights(g, 1, 8, 4)], { hidden_size: 2, input_forget: 1 }),
      UnsupportedOpError,
      /LSTM 'here.*coupled/,
    ],
    [
      'an activation of no known form',
      [3, 2, 4],
      (g, x) => named(g, 'RNN', [x, ...weights(g, 1, 2, 4)], { hidden_size: 2, activations: ['Sine'] }),
      UnsupportedOpError,
      /RNN 'here.*Sine/,
    ],
    [
      'multiplying into places',
      [3],
      (g, x) =>
        named(
          g,
          'ScatterND',
          [
            x,
            g.constant({ dtype: 'int64', dims: [1, 1], data: BigInt64Array.of(1n) }),
            g.constant(floats(2)),
          ],
          { reduction: 'mul' },
        ),
      UnsupportedOpError,
      /ScatterND 'here.*mul/,
    ],
  ];
  for (const [name, dims, build, error, message] of rows) {
    it(name, () => {
      expect(differentiate(dims, build)).toThrow(error);
      expect(differentiate(dims, build)).toThrow(message);
    });
  }
});

describe('shape rules refuse', () => {
  const rows: [string, number[][], string, Attributes, RegExp][] = [
    [
      'Einsum with sizes that differ',
      [
        [2, 3],
        [4, 2],
      ],
      'Einsum',
      { equation: 'ij,jk->ik' },
      /index 'j'.*3.*4/,
    ],
    ['Einsum with too few indices', [[2, 3], [3]], 'Einsum', { equation: 'i,i->i' }, /operand 0 1 indices/],
    ['Einsum with an unknown output', [[2], [2]], 'Einsum', { equation: 'i,i->k' }, /output index/],
    ['Einsum with other operands', [[2], [2]], 'Einsum', { equation: 'i->i' }, /1 operands/],
    ['Einsum that is no equation', [[2], [2]], 'Einsum', { equation: 'i;i' }, /cannot be read|operands/],
    [
      'a transposed convolution of other channels',
      [
        [1, 2, 4],
        [3, 1, 2],
      ],
      'ConvTranspose',
      {},
      /2 channels.*3/,
    ],
    [
      'a transposed convolution of other rank',
      [
        [1, 2, 4],
        [2, 1, 2, 2],
      ],
      'ConvTranspose',
      {},
      /same rank/,
    ],
    [
      'groups that do not divide the channels',
      [[1, 5, 2], [2], [2]],
      'GroupNormalization',
      { num_groups: 2 },
      /5 channels/,
    ],
    ['Resize without sizes for all axes', [[1, 2, 4, 4]], 'Resize', {}, /scale or a size/],
  ];
  for (const [name, shapes, type, attributes, message] of rows) {
    it(name, () => {
      const g = new GraphBuilder();
      const inputs: (Value | null)[] = shapes.map((dims, i) => g.input(`x${i}`, 'float32', dims));
      if (type === 'Resize') inputs.push(null, g.constant(floats(2, 2)));
      expect(() => g.op(type, inputs, attributes)).toThrow(ShapeError);
      expect(() => g.op(type, inputs, attributes)).toThrow(message);
    });
  }

  it('indices longer than the rank', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3]);
    const indices = g.constant({ dtype: 'int64', dims: [1, 3], data: BigInt64Array.of(0n, 0n, 0n) });
    expect(() => g.op('GatherND', [x, indices])).toThrow(ShapeError);
  });

  it('operators of another domain or of no meaning, also such that every object has', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2]);
    for (const type of ['constructor', 'toString', '__proto__', 'FusedMatMul', 'Nothing']) {
      expect(() => g.op(type, [x, x]), type).toThrow(UnsupportedOpError);
    }
    expect(() => g.op('Relu', [x], {}, { domain: 'com.microsoft' })).toThrow(UnsupportedOpError);
  });
});
