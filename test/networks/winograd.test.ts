import { describe, expect, it } from 'vitest';
import { type WinogradOptions, winogradConvolution } from '../../src/networks/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { hashed } from './hashedTensors.ts';
import { relativeDifference } from './runNetwork.ts';

async function both(
  dims: readonly number[],
  filters: number,
  batch: number | string,
  options: WinogradOptions = {},
) {
  const g = new GraphBuilder();
  const shape: Shape = [batch, ...dims.slice(1)];
  const x = g.input('x', 'float32', shape);
  const kernel = g.initializer('kernel', hashed('kernel', [filters, dims[1], 3, 3]));
  const bias = g.initializer('bias', hashed('bias', [filters]));
  let direct = g.op('Conv', [x, kernel, bias], { kernel_shape: [3, 3], pads: [1, 1, 1, 1] });
  if (options.relu) direct = g.op('Relu', [direct]);
  if (options.pool) direct = g.op('MaxPool', [direct], { kernel_shape: [2, 2], strides: [2, 2] });
  g.output(direct, 'by_conv');
  g.output(winogradConvolution(g, x, kernel, bias, options), 'by_winograd');
  const { by_conv: expected, by_winograd: got } = await runModel(g.model(), { x: hashed('x', dims) });
  expect(got!.dims).toEqual(expected!.dims);
  return relativeDifference(got!.data as Float32Array, [...(expected!.data as Float32Array)]);
}

describe('Winograd’s filtering gives what Conv gives', () => {
  it.each([
    [[1, 1, 1, 1], 1],
    [[1, 3, 8, 12], 5],
    [[2, 7, 9, 6], 4],
    [[3, 2, 4, 11], 3],
    [[2, 130, 10, 13], 17],
  ] as [number[], number][])('on %j with %i filters', async (dims, filters) => {
    expect(await both(dims, filters, dims[0])).toBeLessThan(1e-5);
    expect(await both(dims, filters, 'N')).toBeLessThan(1e-5);
  });

  it.each([
    [[2, 3, 8, 12], { relu: true }],
    [[2, 3, 7, 9], { pool: true }],
    [[3, 4, 10, 6], { relu: true, pool: true }],
    [[1, 4, 2, 3], { relu: true, pool: true }],
  ] as [number[], WinogradOptions][])('on %j followed by %j', async (dims, options) => {
    expect(await both(dims, 5, dims[0], options)).toBeLessThan(1e-5);
    expect(await both(dims, 5, 'N', options)).toBeLessThan(1e-5);
  });
});
