import { describe, expect, it } from 'vitest';
import { float32, GraphError, int64, ShapeError, tensor, UnsupportedOpError } from '../../src/core/index.ts';
import { GraphBuilder, printGraph } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { float, ints, node } from './madeModel.ts';

const started = () => {
  const g = new GraphBuilder();
  return { g, x: g.input('x', 'float32', ['N', 4]) };
};

describe('sharing', () => {
  it('makes equal calls once', () => {
    const { g, x } = started();
    expect(g.op('Relu', [x])).toBe(g.op('Relu', [x]));
    expect(g.op('LeakyRelu', [x], { alpha: 0.1 })).toBe(g.op('LeakyRelu', [x], { alpha: 0.1 }));
    expect(g.graph.nodes.length).toBe(2);
  });

  it('tells calls apart by operand, operand order, attribute, domain and number of results', () => {
    const { g, x } = started();
    const z = g.input('z', 'float32', ['N', 4]);
    const pool = g.input('p', 'float32', [1, 1, 4]);
    const made = [
      g.op('Sub', [x, z]),
      g.op('Sub', [z, x]),
      g.op('LeakyRelu', [x], { alpha: 0.1 }),
      g.op('LeakyRelu', [x], { alpha: 0.2 }),
      g.op('LeakyRelu', [x], { alpha: 0 }),
      g.op('LeakyRelu', [x], { alpha: -0 }),
      g.op('Gelu', [x]),
      g.op('Gelu', [x], {}, { domain: 'com.microsoft' }),
      g.op('MaxPool', [pool], { kernel_shape: [2] }),
      g.ops('MaxPool', [pool], { kernel_shape: [2] }, { outputs: 2 })[0],
    ];
    expect(new Set(made.map((v) => v.name)).size).toBe(made.length);
  });

  it('never shares random results or calls with a name of their own', () => {
    const { g, x } = started();
    const ratio = g.scalar(0.5);
    const training = g.constant(tensor('bool', [], Uint8Array.of(1)));
    expect(g.op('Dropout', [x, ratio, training])).not.toBe(g.op('Dropout', [x, ratio, training]));
    expect(g.op('Relu', [x], {}, { name: 'mine' })).not.toBe(g.op('Relu', [x]));
  });

  it('makes equal small constants once, by exact value', () => {
    const { g } = started();
    expect(g.scalar(0.1)).toBe(g.scalar(0.1));
    expect(g.scalar(0)).not.toBe(g.scalar(-0));
    expect(g.scalar(Number.NaN)).toBe(g.scalar(Number.NaN));
    expect(g.scalar(1)).not.toBe(g.scalar(1, 'float64'));
    expect(g.constant(float32([1], [1]))).not.toBe(g.constant(float32([], [1])));
    expect(g.ints([1, 2])).toBe(g.ints([1, 2]));
    expect(g.ints([1])).not.toBe(g.constant(tensor('int32', [1], Int32Array.of(1))));
  });
});

describe('pruning', () => {
  it('drops what no output needs, keeps all inputs, and runs', async () => {
    const { g, x } = started();
    const w = g.initializer('w', float32([4], [1, 2, 3, 4]));
    g.initializer('unused', float32([1000], new Float32Array(1000)));
    g.input('aside', 'float32', [1]);
    const y = g.op('Mul', [x, w]);
    g.op('Exp', [g.op('Neg', [y])]);
    g.output(y, 'y');
    const model = g.model({ key: 'value' });
    expect(model.graph.nodes.map((n) => n.opType)).toEqual(['Mul', 'Identity']);
    expect([...model.graph.initializers.keys()]).toEqual(['w']);
    expect(model.graph.inputs.map((v) => v.name)).toEqual(['x', 'aside']);
    expect(model.metadata.get('key')).toBe('value');
    const feeds = { x: float32([1, 4], [1, 1, 1, 1]), aside: float32([1], [0]) };
    expect([...((await runModel(model, feeds))['y'].data as Float32Array)]).toEqual([1, 2, 3, 4]);
  });
});

describe('named sizes', () => {
  it('pass through broadcasting, matrix products, reshaping and reduction', () => {
    const { g, x } = started();
    const w = g.initializer('w', float32([4, 3], new Float32Array(12)));
    const y = g.op('MatMul', [x, w]);
    expect(y.shape).toEqual(['N', 3]);
    expect(g.op('Add', [y, g.scalar(1)]).shape).toEqual(['N', 3]);
    expect(g.op('Reshape', [y, g.ints([0, 3, 1])]).shape).toEqual(['N', 3, 1]);
    expect(g.op('Flatten', [y]).shape).toEqual(['N', 3]);
    expect(g.op('Transpose', [y], { perm: [1, 0] }).shape).toEqual([3, 'N']);
    expect(g.op('ReduceSum', [y, g.ints([0])], { keepdims: 0 }).shape).toEqual([3]);
    expect(g.op('Concat', [y, y], { axis: 1 }).shape).toEqual(['N', 6]);
    const [open, known] = g.op('Concat', [y, y], { axis: 0 }).shape;
    expect(typeof open).toBe('string');
    expect(open).not.toBe('N');
    expect(known).toBe(3);
  });
});

describe('names', () => {
  it('are made unique, and keep away from reserved ones unless asked for by name', () => {
    const g = new GraphBuilder({ reserved: ['Relu', 'y'] });
    const x = g.input('x', 'float32', [1]);
    expect(g.op('Relu', [x]).name).toBe('Relu_1');
    expect(g.op('Neg', [x], {}, { name: 'y' }).name).toBe('y');
    expect(g.uniqueName('x')).not.toBe('x');
  });

  it('an alias is found, and becomes a value of its own where it is an output', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2]);
    const y = g.op('Neg', [x]);
    g.alias('also', y);
    expect(g.find('also')).toBe(y);
    expect(() => g.alias('x', y)).toThrow(GraphError);
    g.output(y, 'y');
    g.output(y, 'also');
    const results = await runModel(g.model(), { x: float32([2], [1, -2]) });
    expect(Object.keys(results).sort()).toEqual(['also', 'y']);
    expect(results['also'].data).toEqual(results['y'].data);
  });
});

describe('nodes as a file holds them', () => {
  it('keep names and attributes; equal ones become aliases', () => {
    const { g, x } = started();
    const [first] = g.addNode(node('LeakyRelu', ['x'], ['first'], { alpha: float(0.25) }), [x]);
    const [second] = g.addNode(node('LeakyRelu', ['x'], ['second'], { alpha: float(0.25) }), [x]);
    expect(second).toBe(first);
    expect(g.find('second')).toBe(first);
    // The builder's own call is the same one too.
    expect(g.op('LeakyRelu', [x], { alpha: 0.25 })).toBe(first);
    const [third] = g.addNode(node('LeakyRelu', ['x'], ['third'], { alpha: float(0.25) }), [x], {
      distinct: true,
    });
    expect(third).not.toBe(first);
    expect(g.graph.nodes.length).toBe(2);
  });

  it('name absent results, and take types from the caller for operators without a shape rule', () => {
    const { g } = started();
    const p = g.input('p', 'float32', [1, 1, 4]);
    const [y, indices] = g.addNode(node('MaxPool', ['p'], ['y', ''], { kernel_shape: ints(2) }), [p]);
    expect(y!.name).toBe('y');
    expect(indices!.name).not.toBe('');
    expect(indices!.dtype).toBe('int64');
    const strange = node('Strange', ['p'], ['s']);
    expect(() => g.addNode(strange, [p])).toThrow(UnsupportedOpError);
    const [s] = g.addNode(strange, [p], { types: [{ dtype: 'float32', shape: [7] }] });
    expect(s!.shape).toEqual([7]);
  });
});

describe('errors', () => {
  it.each<[string, (g: GraphBuilder) => unknown, new (message: string) => Error, RegExp]>([
    ['a name twice', (g) => g.input('x', 'float32', [1]), GraphError, /already has a value named 'x'/],
    ['no name', (g) => g.input('', 'float32', [1]), GraphError, /needs a name/],
    [
      "another graph's value",
      (g) => g.op('Relu', [new GraphBuilder().input('x', 'float32', ['N', 4])]),
      GraphError,
      /belongs to another graph/,
    ],
    [
      'shapes that do not broadcast',
      (g) => g.op('Add', [g.find('x')!, g.initializer('b', float32([3], [1, 2, 3]))]),
      ShapeError,
      /do not broadcast/,
    ],
    [
      'types that differ',
      (g) => g.op('Add', [g.find('x')!, g.initializer('b', int64([1], [1]))]),
      ShapeError,
      /float32 and int64/,
    ],
    [
      'a fraction for an integer',
      (g) => g.op('Concat', [g.find('x')!], { axis: 0.5 }),
      ShapeError,
      /takes integers, got 0.5/,
    ],
    [
      'an axis out of range',
      (g) => g.op('Concat', [g.find('x')!], { axis: 2 }),
      ShapeError,
      /out of range for rank 2/,
    ],
    [
      'an unknown operator',
      (g) => g.op('Frob', [g.find('x')!]),
      UnsupportedOpError,
      /no shape rule for operator Frob/,
    ],
    ['too many results', (g) => g.ops('Relu', [g.find('x')!], {}, { outputs: 2 }), ShapeError, /2 outputs/],
  ])('%s', (_title, build, kind, said) => {
    const { g } = started();
    expect(() => build(g)).toThrow(kind);
    const { g: again } = started();
    expect(() => build(again)).toThrow(said);
  });
});

it('a graph is printed with types, one line a node', () => {
  const { g, x } = started();
  g.output(g.op('LeakyRelu', [x], { alpha: 0.5 }, { name: 'y' }));
  expect(printGraph(g.graph)).toBe(
    ['graph earshot (x: float32[N, 4])', '  y = LeakyRelu(x) {alpha=0.5}', 'return y: float32[N, 4]'].join(
      '\n',
    ),
  );
});
