/** @file Models whose gradients were once wrong or refused, in test/fixtures/onnx/cases. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32, type Tensor } from '../../src/core/index.ts';
import { decodeModel, importGraph, type Model } from '../../src/onnx/index.ts';
import { gradientModel } from '../../src/workflows/gradient.ts';
import { runModel } from '../support/runModel.ts';

const bytesOf = (name: string) =>
  readFileSync(new URL(`../fixtures/onnx/cases/${name}.onnx`, import.meta.url));
const read = (name: string): Model => decodeModel(bytesOf(name));

const ramp = (...dims: number[]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((n, d) => n * d, 1) }, (_, i) => Math.sin(i + 1)),
  );

/** The gradient by x, and the same by central differences of the file itself. */
async function both(name: string, feeds: Record<string, Tensor>): Promise<[number[], number[]]> {
  const derived = await runModel(gradientModel(read(name), { loss: 'loss', wrt: ['x'] }), feeds);
  const x = feeds['x'];
  const numeric: number[] = [];
  for (let i = 0; i < x.data.length; i++) {
    const at = async (step: number) => {
      const data = Float32Array.from(x.data as Float32Array);
      data[i] = data[i] + step;
      return Number(
        (await runModel(bytesOf(name), { ...feeds, x: { ...x, data } as Tensor }))['loss'].data[0],
      );
    };
    numeric.push(((await at(0.01)) - (await at(-0.01))) / 0.02);
  }
  expect(derived['x_grad'].dims).toEqual(x.dims);
  return [Array.from(derived['x_grad'].data as Float32Array), numeric];
}

const cases: [title: string, file: string, feeds: Record<string, Tensor>][] = [
  ['DFT of opset 17', 'dft17', { x: ramp(1, 16, 1) }],
  ['a transposed convolution beyond its natural size', 'ct', { x: ramp(1, 1, 3, 3) }],
  ['results of nested Ifs without a type', 'if_untyped', { x: ramp(1, 3) }],
];

describe('gradients that were wrong or refused', () => {
  it.each(cases)('%s', async (_title, name, feeds) => {
    const [found, numeric] = await both(name, feeds);
    found.forEach((v, i) => {
      expect(Math.abs(v - numeric[i])).toBeLessThan(2e-2 * Math.max(1, Math.abs(numeric[i])));
    });
  });

  it('a batch norm that gives out its saved mean', async () => {
    const x = ramp(2, 3, 4);
    const results = await runModel(gradientModel(read('bn5'), { loss: 'loss', wrt: ['x', 'sm'] }), { x });
    // The sum of squares of what is normalised is the number of elements, whatever x.
    expect(Number(results['loss'].data[0])).toBeCloseTo(24, 2);
    for (const v of results['x_grad'].data) expect(Math.abs(Number(v))).toBeLessThan(1e-3);
  });

  it('a transposed convolution with output_shape has that shape, and its bias as many terms', async () => {
    expect(importGraph(read('ct'), { tensors: ['y'] }).find('y')!.shape).toEqual([1, 2, 10, 8]);
    const made = gradientModel(read('ctb'), { loss: 'loss', wrt: ['b'] });
    const results = await runModel(made, { x: ramp(1, 1, 3, 3) });
    expect([...(results['b_grad'].data as Float32Array)]).toEqual([80, 80]);
  });
});
