/** @file Models imported with their sizes left open still compute what the file does, at sizes it was not made with. */
import { describe, expect, it } from 'vitest';
import { int64, type Tensor } from '../../src/core/index.ts';
import { decodeModel, importGraph, type Model } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { exportedModel, exportedNames } from './exportedModels.ts';
import { int, madeModel, node } from './madeModel.ts';

/** Feeds with one row more along every axis that is named `N`: the first row again. */
function enlarged(model: Model, feeds: Readonly<Record<string, Tensor>>): Record<string, Tensor> {
  return Object.fromEntries(
    model.graph.inputs.map(({ name, shape }) => {
      const tensor = feeds[name];
      if (shape?.[0] !== 'N') return [name, tensor];
      const [rows, ...rest] = tensor.dims as [number, ...number[]];
      const size = tensor.data.length / rows;
      const data = new (tensor.data.constructor as Float32ArrayConstructor)(tensor.data.length + size);
      data.set(tensor.data as Float32Array);
      data.set((tensor.data as Float32Array).subarray(0, size), tensor.data.length);
      return [name, { ...tensor, dims: [rows + 1, ...rest], data } as Tensor];
    }),
  );
}

const open = exportedNames()
  .map((name) => exportedModel(name))
  .filter((m) => Object.keys(m.bind).length > 0);

describe('with open sizes', () => {
  it.each(open.map((m) => [m.name, m] as const))(
    '%s gives the same at another batch size',
    async (_name, m) => {
      const model = decodeModel(m.bytes);
      const g = importGraph(model);
      expect(g.graph.inputs.map((v) => v.shape)).toEqual(model.graph.inputs.map((v) => v.shape));
      // Conditions on sizes are settled and the shapes' arithmetic is gone as far as it is not on the open sizes.
      expect(g.graph.nodes.length).toBeLessThanOrEqual(model.graph.nodes.length);
      expect(g.graph.nodes.some((n) => n.opType === 'If')).toBe(false);
      for (const feeds of [m.feeds, enlarged(model, m.feeds)]) {
        const expected = Number((await runModel(m.bytes, feeds))['loss'].data[0]);
        const found = Number((await runModel(g.model(), feeds))['loss'].data[0]);
        expect(Math.abs(found - expected)).toBeLessThan(1e-5 * Math.max(1, Math.abs(expected)));
      }
    },
  );

  it('x.view(x.size(0), -1), as PyTorch writes it, keeps the open size and finds the other', () => {
    const model = madeModel({
      opset: 13,
      inputs: { x: ['float32', ['N', 6, 2, 2]] },
      initializers: { zero: int64([], [0]), first: int64([1], [0]), rest: int64([1], [-1]) },
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['n']),
        node('Unsqueeze', ['n', 'first'], ['u']),
        node('Concat', ['u', 'rest'], ['target'], { axis: int(0) }),
        node('Reshape', ['x', 'target'], ['y']),
      ],
    });
    const g = importGraph(model);
    expect(g.find('y')!.shape).toEqual(['N', 24]);
    g.output(g.find('y')!);
    expect(g.model().graph.nodes.map((n) => n.opType)).toEqual(['Reshape']);
  });

  it('x.expand(n, -1, -1) of one row has the open size', () => {
    const { bytes } = open.find((m) => m.name === 'vit-14')!;
    const g = importGraph(decodeModel(bytes));
    expect(g.find('/net/Expand_output_0')!.shape).toEqual(['N', 1, 8]);
  });

  it('what cannot be said of an open size is left to the runtime', async () => {
    // [N, 4] to [2·N, 2], by arithmetic on N
    const model = madeModel({
      inputs: { x: ['float32', ['N', 4]] },
      outputs: { y: 'float32' },
      initializers: { zero: int64([1], [0]), two: int64([1], [2]) },
      nodes: [
        node('Shape', ['x'], ['s']),
        node('Gather', ['s', 'zero'], ['n']),
        node('Mul', ['n', 'two'], ['m']),
        node('Concat', ['m', 'two'], ['target'], { axis: int(0) }),
        node('Reshape', ['x', 'target'], ['y']),
      ],
    });
    const g = importGraph(model);
    expect(g.find('y')!.shape[1]).toBe(2);
    expect(typeof g.find('y')!.shape[0]).toBe('string');
    expect(g.find('y')!.shape[0]).not.toBe('N');
    const x = {
      dtype: 'float32',
      dims: [3, 4],
      data: Float32Array.from({ length: 12 }, (_, i) => i),
    } as const;
    expect((await runModel(g.model(), { x }))['y'].dims).toEqual([6, 2]);
  });
});
