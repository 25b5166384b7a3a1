/** The pass itself: what it visits, what it refuses, what it shares. Rules are tested in rules.test.ts. */
import { describe, expect, it } from 'vitest';
import { gradients } from '../../src/autodiff/index.ts';
import { float32, GraphError, ShapeError, type Tensor, UnsupportedOpError } from '../../src/core/index.ts';
import { GraphBuilder, type Node, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';

const ones = (...dims: number[]): Tensor =>
  float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(1));

const total = (g: GraphBuilder, v: Value): Value => g.op('ReduceSum', [v], { keepdims: 0 });

/** The nodes that the pass appended. */
function appended(g: GraphBuilder, loss: Value, wrt: readonly Value[]): readonly Node[] {
  const before = g.graph.nodes.length;
  gradients(g, loss, wrt);
  return g.graph.nodes.slice(before);
}

/** A scatter by multiplication: the one form of an operator in the table that has no gradient. */
function unsupported(g: GraphBuilder, x: Value, name: string): Value {
  return g.op('ScatterElements', [x, g.ints([0]), x], { reduction: 'mul' }, { name });
}

describe('operators without a gradient', () => {
  it('are an error that names the node, on the path to a parameter', () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [1]);
    const loss = total(g, g.op('Exp', [unsupported(g, g.op('Sin', [w]), 'encoder/scatter')]));
    expect(() => gradients(g, loss, [w])).toThrow(UnsupportedOpError);
    expect(() => gradients(g, loss, [w])).toThrow(/ScatterElements 'encoder\/scatter/);
  });

  it('are an error that names the node where the operator itself is unknown', () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [2]);
    const y = g.op('Sin', [w], {}, { name: 'strange' });
    // As an import with types declared in the file leaves it.
    const node = g.graph.nodes.at(-1)!;
    g.graph.nodes[g.graph.nodes.length - 1] = { ...node, opType: 'Strange', domain: 'my.company' };
    const loss = total(g, y);
    expect(() => gradients(g, loss, [w])).toThrow(UnsupportedOpError);
    expect(() => gradients(g, loss, [w])).toThrow(/Strange 'strange/);
  });

  it('are an error where the loss depends on an output that has no rule', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3]);
    const [scale, bias] = [g.initializer('scale', ones(3)), g.initializer('bias', ones(3))];
    const running = ['mean', 'variance'].map((name) => g.input(name, 'float32', [3]));
    const [y, mean] = g.ops(
      'BatchNormalization',
      [x, scale, bias, ...running],
      { training_mode: 1 },
      { outputs: 3, name: 'norm' },
    ) as [Value, Value];
    const loss = g.op('Add', [total(g, y), total(g, mean)]);
    expect(() => gradients(g, loss, [x])).toThrow(UnsupportedOpError);
    expect(() => gradients(g, loss, [x])).toThrow(/BatchNormalization 'norm.*output 1/);
    expect(() => gradients(g, total(g, y), [x])).not.toThrow();
  });

  it('are no obstacle off the path', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [1]);
    const w = g.input('w', 'float32', [1]);
    const frozen = unsupported(g, x, 'frozen');
    const aside = unsupported(g, w, 'aside');
    const loss = total(g, g.op('Mul', [frozen, w]));
    g.output(aside, 'aside_result');
    const [dw] = gradients(g, loss, [w]);
    g.output(dw!, 'dw');
    const result = await runModel(g.model(), { x: float32([1], [3]), w: float32([1], [5]) });
    expect(Array.from(result['dw'].data as Float32Array)).toEqual([9]);
    expect(Array.from(result['aside_result'].data as Float32Array)).toEqual([25]);
  });

  it('stop the gradient where it is zero by nature', async () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [2]);
    const rounded = g.op('Round', [w]);
    const loss = total(g, g.op('Mul', [rounded, w]));
    g.output(gradients(g, loss, [w])[0], 'dw');
    const result = await runModel(g.model(), { w: float32([2], [1.8, -0.7]) });
    // d(round(w)·w)/dw = round(w), as a straight-through estimator would not have it.
    expect(Array.from(result['dw'].data as Float32Array)).toEqual([2, -1]);
  });
});

describe('the pass', () => {
  it('appends as few nodes for a long convolution kernel as for a short one', () => {
    for (const [kernel, strides] of [
      [1024, 256],
      [2048, 1],
    ] as const) {
      const g = new GraphBuilder();
      const [x, w] = [g.input('x', 'float32', [2, 1, 8192]), g.input('w', 'float32', [64, 1, kernel])];
      const loss = total(g, g.op('Conv', [x, w], { strides: [strides] }));
      expect(appended(g, loss, [w]).length).toBeLessThan(16);
    }
  });

  it('computes nothing for frozen branches', () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 3, 6, 6]);
    const [w1, w2] = [1, 2].map((i) => g.input(`w${i}`, 'float32', [3, 3, 3, 3])) as [Value, Value];
    const first = g.op('Relu', [g.op('Conv', [x, w1], { pads: [1, 1, 1, 1] })]);
    const second = g.op('Relu', [g.op('Conv', [first, w2], { pads: [1, 1, 1, 1] })]);
    const loss = total(g, second);
    const last = appended(g, loss, [w2]);

    // The same head on an input in place of the frozen layer: exactly as many nodes.
    const h = new GraphBuilder();
    const features = h.input('features', 'float32', [2, 3, 6, 6]);
    const v2 = h.input('w2', 'float32', [3, 3, 3, 3]);
    const head = h.op('Relu', [h.op('Conv', [features, v2], { pads: [1, 1, 1, 1] })]);
    expect(last.map((n) => n.opType)).toEqual(appended(h, total(h, head), [v2]).map((n) => n.opType));
    expect(last.every((n) => !n.inputs.includes('w1') && !n.inputs.includes('x'))).toBe(true);
    // Nor for the input of a layer that is trained: with both layers trained there are one convolution for each kernel's
    // gradient and one for what lies between the layers.
    const convolutions = (nodes: readonly Node[]) => nodes.filter((n) => n.opType === 'Conv').length;
    expect(convolutions(last)).toBe(1);
    expect(convolutions(appended(g, loss, [w1, w2]))).toBe(3);
  });

  it('shares common subexpressions, also between calls', () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [4]);
    const loss = total(g, g.op('Sin', [w]));
    const first = appended(g, loss, [w]);
    expect(first.length).toBeGreaterThan(0);
    expect(appended(g, loss, [w])).toEqual([]);

    // Two gates on one value: σ′ is computed once.
    const h = new GraphBuilder();
    const v = h.input('v', 'float32', [4]);
    const gate = h.op('Sigmoid', [v]);
    expect(h.op('Sigmoid', [v])).toBe(gate);
    const both = h.op('Mul', [gate, h.op('Sigmoid', [v])]);
    const nodes = appended(h, total(h, both), [v]).map((n) => `${n.opType}(${n.inputs.join()})`);
    expect(new Set(nodes).size).toBe(nodes.length);
  });

  it('adds what reaches a value along several paths', async () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [2]);
    const y = g.op('Add', [g.op('Mul', [w, w]), g.op('Sub', [w, g.op('Neg', [w])])]);
    g.output(gradients(g, total(g, y), [w])[0], 'dw');
    const result = await runModel(g.model(), { w: float32([2], [3, -1]) });
    expect(Array.from(result['dw'].data as Float32Array)).toEqual([8, 0]);
  });

  it('gives zeros where the loss does not depend on a value, and differentiates by inner values', async () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [2]);
    const unused = g.input('unused', 'float32', [2, 2]);
    const inner = g.op('Mul', [w, g.scalar(3)]);
    const [dUnused, dInner] = gradients(g, total(g, g.op('Mul', [inner, inner])), [unused, inner]);
    g.output(dUnused!, 'dUnused');
    g.output(dInner!, 'dInner');
    const result = await runModel(g.model(), { w: float32([2], [1, 2]), unused: ones(2, 2) });
    expect(result['dUnused'].dims).toEqual([2, 2]);
    expect(Array.from(result['dUnused'].data as Float32Array)).toEqual([0, 0, 0, 0]);
    expect(Array.from(result['dInner'].data as Float32Array)).toEqual([6, 12]);
  });

  it('refuses a loss that is no scalar, integers and foreign values', () => {
    const g = new GraphBuilder();
    const w = g.input('w', 'float32', [2]);
    const labels = g.input('labels', 'int64', [2]);
    const loss = total(g, w);
    expect(() => gradients(g, w, [w])).toThrow(ShapeError);
    expect(() => gradients(g, loss, [labels])).toThrow(GraphError);
    expect(() => gradients(g, loss, [new GraphBuilder().input('w', 'float32', [2])])).toThrow(GraphError);
  });

  it('refuses what needs a newer operator set, with a remedy', () => {
    const g = new GraphBuilder({ opset: 13 });
    const w = g.input('w', 'float32', [4, 2]);
    const loss = total(g, g.op('Gather', [w, g.ints([1, 1])], { axis: 0 }));
    expect(() => gradients(g, loss, [w])).toThrow(/opset 16/);
  });
});
