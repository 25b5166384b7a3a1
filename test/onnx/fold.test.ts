/** @file What is worked out at import equals what the runtime computes. */
import { describe, expect, it } from 'vitest';
import { type DType, float32, int64, Random, type Tensor, tensor } from '../../src/core/index.ts';
import { encodeModel, importGraph, type Node } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { int, ints, type MadeModel, madeModel, node } from './madeModel.ts';

const bool = (...values: number[]) => tensor('bool', [values.length], Uint8Array.from(values));
const constant = (name: string, value: Tensor): Node =>
  node('Constant', [], [name], { value: { kind: 'tensor', value } });

interface Case {
  readonly title: string;
  /** Constants by name, then the nodes that make `y`. */
  readonly held?: Readonly<Record<string, Tensor>>;
  readonly nodes: readonly Node[];
  readonly type: DType;
  readonly inputs?: MadeModel['inputs'];
}

const i64 = { a: int64([4], [7, -7, 5, 2]), b: int64([4], [2, 2, -3, 7]) };
const f32 = { a: float32([4], [7.5, -7.25, 0.5, 2]), b: float32([4], [2, 2, -3, 7]) };
const i32 = {
  a: tensor('int32', [2, 2], Int32Array.of(7, -7, 5, 2)),
  b: tensor('int32', [2], Int32Array.of(2, -3)),
};
const grid = int64([2, 3], [1, 2, 3, 4, 5, 6]);

const cases: Case[] = [
  ...(['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Mod'] as const).flatMap((op): Case[] => [
    { title: `${op} of int64`, held: i64, nodes: [node(op, ['a', 'b'], ['y'])], type: 'int64' },
    { title: `${op} of int32, broadcast`, held: i32, nodes: [node(op, ['a', 'b'], ['y'])], type: 'int32' },
    {
      title: `${op} of float32`,
      held: f32,
      nodes: [node(op, ['a', 'b'], ['y'], op === 'Mod' ? { fmod: int(1) } : {})],
      type: 'float32',
    },
  ]),
  {
    title: 'Mod like C',
    held: i64,
    nodes: [node('Mod', ['a', 'b'], ['y'], { fmod: int(1) })],
    type: 'int64',
  },
  {
    title: 'Pow',
    held: { a: int64([2], [3, -2]), b: int64([2], [4, 3]) },
    nodes: [node('Pow', ['a', 'b'], ['y'])],
    type: 'int64',
  },
  ...(['Equal', 'Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual'] as const).map(
    (op): Case => ({
      title: op,
      held: { a: int64([3], [1, 2, 3]), b: int64([], [2]) },
      nodes: [node(op, ['a', 'b'], ['y'])],
      type: 'bool',
    }),
  ),
  ...(['And', 'Or', 'Xor'] as const).map(
    (op): Case => ({
      title: op,
      held: { a: bool(0, 0, 1, 1), b: bool(0, 1, 0, 1) },
      nodes: [node(op, ['a', 'b'], ['y'])],
      type: 'bool',
    }),
  ),
  { title: 'Not', held: { a: bool(0, 1) }, nodes: [node('Not', ['a'], ['y'])], type: 'bool' },
  ...(['Neg', 'Abs', 'Sign'] as const).map(
    (op): Case => ({ title: `${op} of int64`, held: i64, nodes: [node(op, ['a'], ['y'])], type: 'int64' }),
  ),
  ...(['Floor', 'Ceil', 'Round', 'Neg', 'Abs', 'Sign'] as const).map(
    (op): Case => ({
      title: `${op} of float32`,
      held: { a: float32([7], [0.5, 1.5, 2.5, -0.5, -1.5, 2.4, -2.6]) },
      nodes: [node(op, ['a'], ['y'])],
      type: 'float32',
    }),
  ),
  ...(['Sqrt', 'Reciprocal', 'Exp', 'Log'] as const).map(
    (op): Case => ({
      title: op,
      held: { a: float32([3], [0.25, 2, 9]) },
      nodes: [node(op, ['a'], ['y'])],
      type: 'float32',
    }),
  ),
  ...(
    [
      ['float32', 7, 'int64', float32([4], [1.9, -1.9, 3e9, 0])],
      ['int64', 1, 'float32', int64([2], [2 ** 24 + 1, -3])],
      ['int64', 6, 'int32', int64([2], [2 ** 31 - 1, -(2 ** 31)])],
      ['int64', 9, 'bool', int64([3], [0, 2, -1])],
      ['bool', 7, 'int64', bool(0, 1)],
      ['float32', 9, 'bool', float32([3], [0, 0.5, -0.5])],
    ] as const
  ).map(
    ([from, to, type, a]): Case => ({
      title: `Cast from ${from} to ${type}`,
      held: { a },
      nodes: [node('Cast', ['a'], ['y'], { to: int(to) })],
      type,
    }),
  ),
  ...(
    [
      [0, 7, 2],
      [5, -5, -3],
      [3, 3, 1],
      [3, 0, 1],
    ] as const
  ).map(
    ([start, limit, delta]): Case => ({
      title: `Range from ${start} to ${limit} by ${delta}`,
      held: { s: int64([], [start]), l: int64([], [limit]), d: int64([], [delta]) },
      nodes: [node('Range', ['s', 'l', 'd'], ['y'])],
      type: 'int64',
    }),
  ),
  ...(['Sum', 'Prod', 'Max', 'Min'] as const).map(
    (r): Case => ({
      title: `Reduce${r} of a shape`,
      held: i64,
      nodes: [node(`Reduce${r}`, ['a'], ['y'], { keepdims: int(0) })],
      type: 'int64',
    }),
  ),
  ...(
    [
      ['forwards', [1], [3], [1], [1]],
      ['to the end', [1], [2 ** 62], [1], [1]],
      ['backwards over both axes', [-1, -1], [-(2 ** 62), -(2 ** 62)], [0, 1], [-1, -2]],
      ['with negative bounds', [-3], [-1], [-1], [1]],
      ['of nothing', [2], [1], [1], [1]],
    ] as const
  ).map(
    ([title, starts, ends, axes, steps]): Case => ({
      title: `Slice ${title}`,
      held: {
        a: grid,
        s: int64([starts.length], starts),
        e: int64([ends.length], ends),
        x: int64([axes.length], axes),
        t: int64([steps.length], steps),
      },
      nodes: [node('Slice', ['a', 's', 'e', 'x', 't'], ['y'])],
      type: 'int64',
    }),
  ),
  {
    title: 'Slice to 2⁶³ − 1, as exporters write "to the end"',
    held: {
      a: grid,
      s: int64([1], [1]),
      e: tensor('int64', [1], BigInt64Array.of(2n ** 63n - 1n)),
      x: int64([1], [1]),
    },
    nodes: [node('Slice', ['a', 's', 'e', 'x'], ['y'])],
    type: 'int64',
  },
  {
    title: 'Gather of a row',
    held: { a: grid, i: int64([], [-1]) },
    nodes: [node('Gather', ['a', 'i'], ['y'])],
    type: 'int64',
  },
  {
    title: 'Gather of columns',
    held: { a: grid, i: int64([2, 2], [2, 0, -2, 1]) },
    nodes: [node('Gather', ['a', 'i'], ['y'], { axis: int(1) })],
    type: 'int64',
  },
  { title: 'Transpose', held: { a: grid }, nodes: [node('Transpose', ['a'], ['y'])], type: 'int64' },
  {
    title: 'Concat along the last axis',
    held: { a: grid, b: int64([2, 1], [8, 9]) },
    nodes: [node('Concat', ['a', 'b', 'a'], ['y'], { axis: int(-1) })],
    type: 'int64',
  },
  {
    title: 'Tile',
    held: { a: grid, r: int64([2], [2, 3]) },
    nodes: [node('Tile', ['a', 'r'], ['y'])],
    type: 'int64',
  },
  {
    title: 'Expand',
    held: { a: int64([2, 1], [3, 4]), s: int64([3], [2, 1, 3]) },
    nodes: [node('Expand', ['a', 's'], ['y'])],
    type: 'int64',
  },
  {
    title: 'Where, broadcast',
    held: { c: tensor('bool', [2, 1], Uint8Array.of(1, 0)), a: grid, b: int64([], [0]) },
    nodes: [node('Where', ['c', 'a', 'b'], ['y'])],
    type: 'int64',
  },
  {
    title: 'Split, Squeeze, Unsqueeze, Reshape, Flatten',
    held: { a: grid, s: int64([2], [1, 2]), z: int64([1], [1]), m: int64([2], [-1, 1]) },
    nodes: [
      node('Split', ['a', 's'], ['p', 'q'], { axis: int(1) }),
      node('Squeeze', ['p', 'z'], ['r']),
      node('Unsqueeze', ['r', 'z'], ['u']),
      node('Flatten', ['q'], ['f'], { axis: int(0) }),
      node('Reshape', ['f', 'm'], ['g']),
      node('Concat', ['u', 'g'], ['y'], { axis: int(0) }),
    ],
    type: 'int64',
  },
  {
    title: 'ConstantOfShape',
    held: { s: int64([2], [2, 3]) },
    nodes: [node('ConstantOfShape', ['s'], ['y'], { value: { kind: 'tensor', value: int64([1], [-7]) } })],
    type: 'int64',
  },
  {
    title: 'NonZero',
    held: { a: int64([2, 3], [0, 1, 0, 2, 0, 3]) },
    nodes: [node('NonZero', ['a'], ['y'])],
    type: 'int64',
  },
  {
    title: 'Shape and Size of an input',
    inputs: { x: ['float32', [2, 3, 5]] },
    nodes: [
      node('Shape', ['x'], ['s']),
      node('Shape', ['x'], ['t'], { start: int(-2), end: int(-1) }),
      node('Size', ['x'], ['n']),
      node('Mul', ['s', 'n'], ['p']),
      node('Concat', ['p', 't'], ['y'], { axis: int(0) }),
    ],
    type: 'int64',
  },
];

describe('worked out at import as the runtime does', () => {
  it.each(cases.map((c) => [c.title, c] as const))('%s', async (_title, c) => {
    const model = madeModel({
      opset: 20,
      inputs: c.inputs ?? {},
      outputs: { y: c.type },
      nodes: [...Object.entries(c.held ?? {}).map(([name, value]) => constant(name, value)), ...c.nodes],
    });
    const feeds: Record<string, Tensor> =
      c.inputs === undefined ? {} : { x: float32([2, 3, 5], new Float32Array(30)) };
    const expected = (await runModel(encodeModel(model), feeds))['y'];
    const g = importGraph(model);
    expect(g.graph.nodes).toEqual([]);
    const found = g.graph.initializers.get('y')!;
    expect(found.dtype).toBe(expected.dtype);
    expect(found.dims).toEqual(expected.dims);
    const close = c.type === 'float32' ? 1e-6 : 0;
    for (let i = 0; i < expected.data.length; i++) {
      const [a, b] = [found.data[i], expected.data[i]];
      if (typeof a === 'bigint') expect(a).toBe(b);
      else expect(Math.abs(Number(a) - Number(b))).toBeLessThanOrEqual(close * Math.abs(Number(b)));
    }
  });

  it('leaves what it cannot know: division by zero, numbers that do not fit, indices out of range', () => {
    const left = (nodes: Node[]) => importGraph(madeModel({ nodes })).graph.nodes.map((n) => n.opType);
    expect(
      left([constant('a', int64([1], [1])), constant('b', int64([1], [0])), node('Div', ['a', 'b'], ['y'])]),
    ).toEqual(['Div']);
    expect(left([constant('a', float32([1], [1e30])), node('Cast', ['a'], ['y'], { to: int(7) })])).toEqual([
      'Cast',
    ]);
    expect(
      left([constant('a', float32([1], [Number.NaN])), node('Cast', ['a'], ['y'], { to: int(6) })]),
    ).toEqual(['Cast']);
    expect(
      left([constant('a', grid), constant('i', int64([], [5])), node('Gather', ['a', 'i'], ['y'])]),
    ).toEqual(['Gather']);
  });
});

describe('what is not worked out', () => {
  const weight = float32([2, 3], [1, 2, 3, 4, 5, 6]);

  it('keeps the way from a weight to the result, so that gradients can flow', () => {
    const g = importGraph(
      madeModel({
        initializers: { w: weight },
        outputs: { y: 'float32' },
        nodes: [node('Transpose', ['w'], ['y'])],
      }),
    );
    expect(g.graph.nodes.map((n) => n.opType)).toEqual(['Transpose']);
  });

  it('yet uses the value of small weights where a shape follows from it', () => {
    // Some exporters keep the scale of a size among the weights.
    const g = importGraph(
      madeModel({
        inputs: { x: ['float32', [6, 4]] },
        initializers: { half: float32([2], [0.5, 1]), start: int64([2], [0, 0]), axes: int64([2], [0, 1]) },
        nodes: [
          node('Shape', ['x'], ['s']),
          node('Cast', ['s'], ['f'], { to: int(1) }),
          node('Mul', ['f', 'half'], ['h']),
          node('Floor', ['h'], ['r']),
          node('Cast', ['r'], ['e'], { to: int(7) }),
          node('Slice', ['x', 'start', 'e', 'axes'], ['y']),
        ],
      }),
    );
    expect(g.find('y')!.shape).toEqual([3, 4]);
  });

  it('is a tensor named in `tensors`, which stays a value of its own', () => {
    const model = madeModel({
      inputs: { x: ['float32', [2, 3]] },
      nodes: [
        node('Identity', ['x'], ['same']),
        node('Relu', ['x'], ['first']),
        node('Relu', ['x'], ['second']),
        node('Add', ['first', 'second'], ['sum']),
        node('Add', ['sum', 'same'], ['y']),
        node('Neg', ['x'], ['aside']),
      ],
    });
    const whole = importGraph(model);
    expect(whole.find('same')).toBe(whole.find('x'));
    expect(whole.find('second')).toBe(whole.find('first'));
    const named = importGraph(model, { tensors: ['y', 'same', 'second'] });
    expect(named.find('same')).not.toBe(named.find('x'));
    expect(named.find('second')).not.toBe(named.find('first'));
    expect(named.find('aside')).toBeUndefined();
    expect(named.graph.outputs).toEqual([]);
  });
});

describe('a chain of shapes', () => {
  it('of any length and order of nodes gives static sizes', () => {
    const random = new Random(5);
    for (let round = 0; round < 20; round++) {
      // x [a, b, c] flattened to [a·b, c] by computed sizes, then back, as exporters write it.
      const [a, b, c] = [1, 2, 3].map(() => 1 + random.integer(6)) as [number, number, number];
      const pick = (i: number) => [
        constant(`i${i}`, int64([], [i])),
        node('Gather', ['s', `i${i}`], [`d${i}`]),
        node('Unsqueeze', [`d${i}`], [`u${i}`], { axes: ints(0) }),
      ];
      const nodes = [
        node('Shape', ['x'], ['s']),
        ...[0, 1, 2].flatMap(pick),
        node('Mul', ['u0', 'u1'], ['rows']),
        node('Concat', ['rows', 'u2'], ['flat'], { axis: int(0) }),
        node('Reshape', ['x', 'flat'], ['r']),
        node('Concat', ['u0', 'u1', 'u2'], ['full'], { axis: int(0) }),
        node('Reshape', ['r', 'full'], ['y']),
      ];
      const g = importGraph(
        madeModel({ opset: 11, inputs: { x: ['float32', ['A', 'B', 'C']] }, nodes: random.shuffle(nodes) }),
        { bind: { A: a, B: b, C: c } },
      );
      expect(g.find('r')!.shape).toEqual([a * b, c]);
      expect(g.find('y')!.shape).toEqual([a, b, c]);
      expect(g.graph.nodes.map((n) => n.opType)).toEqual(['Reshape', 'Reshape']);
    }
  });
});
