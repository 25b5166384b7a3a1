/** @file Sizes and axes that come at run time: what is inferred must hold for whatever comes. */
import { describe, expect, it } from 'vitest';
import { float32, int64, type Tensor, tensor } from '../../src/core/index.ts';
import { encodeModel, importGraph, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { int, ints, madeModel, node } from './madeModel.ts';

const x = float32(
  [1, 4, 6],
  Float32Array.from({ length: 24 }, (_, i) => i / 7),
);
const vector = (...values: number[]) => int64([values.length], values);

/** `known`: the sizes that can be known all the same, null where none can. */
type Row = [title: string, operator: string, given: Tensor[], known: (number | null)[], attributes?: object];

const rows: Row[] = [
  ['Split by sizes', 'Split', [vector(1, 3)], [1, null, 6], { axis: int(1) }],
  ['Slice of the first axes', 'Slice', [vector(0, 1), vector(1, 3)], [null, null, 6]],
  ['Slice along an axis', 'Slice', [vector(1), vector(3), vector(1)], [null, null, null]],
  ['Slice in steps', 'Slice', [vector(4), vector(0), vector(2), vector(-2)], [null, null, null]],
  ['Squeeze', 'Squeeze', [vector(0)], [null, null]],
  ['Unsqueeze', 'Unsqueeze', [vector(1)], [null, null, null, null]],
  ['ReduceSum that keeps its axes', 'ReduceSum', [vector(1)], [1, null, null]],
  ['ReduceMean that drops its axes', 'ReduceMean', [vector(0, 2)], [null], { keepdims: int(0) }],
  ['Pad', 'Pad', [vector(0, 1, 0, 0, 0, 2)], [null, null, null]],
  ['Pad of some axes', 'Pad', [vector(1, 2), float32([], [3]), vector(1)], [null, null, null]],
  ['Expand to a higher rank', 'Expand', [vector(2, 1, 4, 1)], [null, null, 4, 6]],
  ['Expand to a lower rank', 'Expand', [vector(1)], [1, 4, 6]],
  ['Tile', 'Tile', [vector(2, 1, 3)], [null, null, null]],
  ['TopK', 'TopK', [vector(2)], [1, 4, null]],
  ['Reshape', 'Reshape', [vector(2, -1)], [null, null]],
];

describe('sizes and axes that come at run time', () => {
  it.each(rows)('%s', async (_title, operator, given, known, attributes = {}) => {
    const names = given.map((_, i) => `g${i}`);
    const outputs = operator === 'Split' || operator === 'TopK' ? ['y', 'z'] : ['y'];
    const model = madeModel({
      opset: 18,
      nodes: [node(operator, ['x', ...names], outputs, attributes as Record<string, never>)],
      inputs: {
        x: ['float32', [1, 4, 6]],
        ...Object.fromEntries(names.map((n, i) => [n, [given[i].dtype, given[i].dims] as const])),
      },
      outputs: { y: 'float32' },
    });
    const feeds = { x, ...Object.fromEntries(names.map((n, i) => [n, given[i]])) };
    const expected = (await runModel(encodeModel(model), feeds))['y'];
    const g = importGraph(model);
    expect(shapeOf(g.find('y')!.shape)).toEqual(known);
    expect((await runModel(g.model(), feeds))['y']).toEqual(expected);
    // What the file promises of its outputs is believed.
    model.graph.outputs[0] = { name: 'y', dtype: 'float32', shape: expected.dims };
    expect(importGraph(model).find('y')!.shape).toEqual(expected.dims);
  });

  it('axes of which not even the number is known are refused with a remedy, unless the file states the shape', () => {
    const model = madeModel({
      opset: 13,
      nodes: [node('Squeeze', ['x', 'a'], ['s']), node('Relu', ['s'], ['y'])],
      inputs: { x: ['float32', [1, 4, 6]], a: ['int64', ['n']] },
      outputs: { y: 'float32' },
    });
    expect(() => importGraph(model)).toThrow(/'s\/Squeeze'.*how many axes/);
    model.graph.valueInfo.set('s', { name: 's', dtype: 'float32', shape: [4, 6] });
    expect(importGraph(model).find('y')!.shape).toEqual([4, 6]);
  });

  it('a size left open may be 1, so that Squeeze without axes is not taken to keep it', () => {
    const model = madeModel({
      opset: 13,
      nodes: [node('Squeeze', ['x'], ['y'])],
      inputs: { x: ['float32', ['N', 1, 6]] },
      outputs: { y: 'float32' },
    });
    expect(() => importGraph(model)).toThrow(/known only at run time/);
    expect(importGraph(model, { bind: { N: 3 } }).find('y')!.shape).toEqual([3, 6]);
  });

  it('of two names either may be 1, so that a broadcast result has neither', () => {
    const model = madeModel({
      nodes: [node('Add', ['a', 'b'], ['y'])],
      inputs: { a: ['float32', ['N', 3]], b: ['float32', ['M', 3]] },
      outputs: { y: 'float32' },
    });
    const [first, second] = importGraph(model).find('y')!.shape;
    expect(['N', 'M']).not.toContain(first);
    expect(second).toBe(3);
  });

  it('the numbers inside a file whose inputs were opened afterwards are not believed', () => {
    const model = madeModel({
      opset: 18,
      nodes: [node('Conv', ['x', 'w'], ['c'], { kernel_shape: ints(3) }), node('Relu', ['c'], ['y'])],
      initializers: { w: float32([1, 4, 3], new Float32Array(12)) },
      inputs: { x: ['float32', [1, 4, 'T']] },
      outputs: { y: 'float32' },
    });
    model.graph.valueInfo.set('c', { name: 'c', dtype: 'float32', shape: [1, 1, 8] });
    expect(typeof importGraph(model).find('y')!.shape[2]).toBe('string');
  });

  it('a window that pads to the same size leaves open what is open, and a kernel of open size too', () => {
    const same = { auto_pad: { kind: 'string', value: 'SAME_UPPER' } as const };
    const made = (shape: Shape, kernel: Shape) =>
      importGraph(
        madeModel({
          nodes: [node('Conv', ['x', 'w'], ['y'], same)],
          inputs: { x: ['float32', shape], w: ['float32', kernel] },
          outputs: { y: 'float32' },
        }),
      ).find('y')!.shape;
    expect(shapeOf(made([1, 2, 'H', 5], [3, 2, 3, 3]))).toEqual([1, 3, null, 5]);
    expect(shapeOf(made([1, 2, 6, 5], [3, 2, 'K', 3]))).toEqual([1, 3, null, 5]);
  });
});

describe('values of integer inputs that the caller knows', () => {
  it('become constants, and a single number only', async () => {
    const model = madeModel({
      nodes: [
        node('Equal', ['rate', 'wanted'], ['is']),
        node('Cast', ['is'], ['factor'], { to: int(1) }),
        node('Mul', ['x', 'factor'], ['y']),
      ],
      initializers: { wanted: int64([], [16000]) },
      inputs: { x: ['float32', [1, 4, 6]], rate: ['int64', []], many: ['int64', [2]], flag: ['bool', [1]] },
      outputs: { y: 'float32' },
    });
    const g = importGraph(model, { bind: { rate: 16000 } });
    expect(g.graph.inputs.map((v) => v.name)).toEqual(['x', 'many', 'flag']);
    expect(g.constantOf(g.find('factor')!)?.data[0]).toBe(1);
    expect(
      (await runModel(g.model(), { x, many: vector(1, 2), flag: tensor('bool', [1], Uint8Array.of(0)) }))['y']
        .data,
    ).toEqual(x.data);
    expect(() => importGraph(model, { bind: { many: 1 } })).toThrow(/only a single integer/);
    expect(() => importGraph(model, { bind: { flag: 2 } })).toThrow(/is bool, which cannot be 2/);
    expect(() => importGraph(model, { bind: { x: 2 } })).toThrow(/no dimension named 'x'/);
  });
});

/** Names as null. */
function shapeOf(shape: Shape): (number | null)[] {
  return shape.map((d) => (typeof d === 'number' ? d : null));
}
