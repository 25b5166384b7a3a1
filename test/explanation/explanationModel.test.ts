import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32, ParameterError, ShapeError } from '../../src/core/index.ts';
import {
  explanationModel,
  explanationOutputs,
  gradCam,
  pathGradient,
  pictureModel,
  resizeGrid,
} from '../../src/explanation/index.ts';
import { GraphBuilder, type Model, type Value } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';

const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/explanation/network.json', import.meta.url), 'utf8'),
) as Record<
  'picture' | 'conv1' | 'bias1' | 'conv2' | 'bias2' | 'head' | 'bias3' | 'probabilities',
  number[]
> & {
  cases: Record<'gradient' | 'cam' | 'resized' | 'integrated', number[]>[] &
    { label: number; score: number }[];
};
const [bands, frames] = [8, 12];
const picture = Float32Array.from(fixture.picture);

/** The fixture's network from a waveform on, which is the picture's values one after the other. */
function network(
  options: { turned?: boolean; head?: (g: GraphBuilder, logits: Value) => Value } = {},
): Model {
  const g = new GraphBuilder();
  const weight = (name: 'conv1' | 'conv2' | 'bias1' | 'bias2' | 'head' | 'bias3', dims: number[]) =>
    g.initializer(name, float32(dims, Float32Array.from(fixture[name])));
  // Kernels for the picture on its side are on their side too.
  const kernel = (name: 'conv1' | 'conv2', dims: number[]) =>
    options.turned ? g.op('Transpose', [weight(name, dims)], { perm: [0, 1, 3, 2] }) : weight(name, dims);
  const waveform = g.input('waveform', 'float32', ['batch', 'samples']);
  const seen = g.op('Reshape', [waveform, g.ints([-1, 1, bands, frames])], {}, { name: 'seen' });
  let x = options.turned ? g.op('Transpose', [seen], { perm: [0, 1, 3, 2] }) : seen;
  const conv = (y: Value, k: 'conv1' | 'conv2', b: 'bias1' | 'bias2', dims: number[]) =>
    g.op('Relu', [
      g.op('Conv', [y, kernel(k, dims), weight(b, [dims[0]])], {
        pads: [1, 1, 1, 1],
        kernel_shape: [3, 3],
      }),
    ]);
  x = conv(x, 'conv1', 'bias1', [4, 1, 3, 3]);
  x = g.op('MaxPool', [x], { kernel_shape: [2, 2], strides: [2, 2] });
  x = conv(x, 'conv2', 'bias2', [5, 4, 3, 3]);
  const pooled = g.op('ReduceMean', [g.op('GlobalAveragePool', [x]), g.ints([0])], { keepdims: 1 });
  const flat = g.op('Reshape', [pooled, g.ints([1, 5])]);
  const logits = g.op('Gemm', [flat, weight('head', [3, 5]), weight('bias3', [3])], { transB: 1 });
  g.output(options.head?.(g, logits) ?? g.op('Softmax', [logits], { axis: 1 }), 'probabilities');
  return g.model();
}

const bind = { batch: 1, samples: picture.length };

async function explained(model: Model, label: number, at: Float32Array = picture) {
  const graph = explanationModel(model, { bind, input: 'seen' });
  const weights = float32(
    [1, 3],
    [0, 1, 2].map((c) => (c === label ? 1 : 0)),
  );
  const outputs = await runModel(graph.model, {
    picture: float32([2, 1, bands, frames], at),
    class: weights,
  });
  const numbers = (name: string) => outputs[name].data as Float32Array;
  return { graph, numbers, score: numbers(explanationOutputs.score)[0] };
}

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describe('the explanation of a network beside PyTorch', () => {
  it.each(fixture.cases.map((_, i) => i))(
    'differentiates class %i by what the network sees',
    async (label) => {
      const { numbers, score, graph } = await explained(network(), label);
      const expected = fixture.cases[label];
      expect(graph.score).toBe('logit');
      expect(score).toBeCloseTo(expected.score, 5);
      expect(farthest(numbers(explanationOutputs.probabilities), fixture.probabilities)).toBeLessThan(1e-6);
      expect(farthest(numbers(explanationOutputs.inputGradient), expected.gradient)).toBeLessThan(1e-6);
    },
  );

  it.each(fixture.cases.map((_, i) => i))('computes Grad-CAM of class %i', async (label) => {
    const { numbers, graph } = await explained(network(), label);
    expect(graph.map).toMatchObject({ dims: [2, 5, 4, 6], axes: { bands: 2, frames: 3 } });
    const [map, gradient] = [numbers(explanationOutputs.map), numbers(explanationOutputs.mapGradient)];
    const windows = [0, 1].map((k) => {
      const part = (values: Float32Array) => values.subarray(k * 120, (k + 1) * 120);
      return gradCam(part(map), part(gradient), [5, 4, 6]);
    });
    expect(
      farthest(
        windows.flatMap((w) => [...w]),
        fixture.cases[label].cam,
      ),
    ).toBeLessThan(1e-6);
    const resized = windows.map((data) => resizeGrid({ data, bands: 4, frames: 6 }, bands, frames).data);
    expect(
      farthest(
        resized.flatMap((w) => [...w]),
        fixture.cases[label].resized,
      ),
    ).toBeLessThan(1e-6);
  });

  it.each(fixture.cases.map((_, i) => i))('integrates the gradient of class %i', async (label) => {
    const name = explanationOutputs.inputGradient;
    const gradientAt = async (point: Float32Array) =>
      (await explained(network(), label, point)).numbers(name);
    const mean = await pathGradient(gradientAt, picture, 0, 24);
    const product = Array.from(mean, (v, i) => v * picture[i]);
    expect(farthest(product, fixture.cases[label].integrated)).toBeLessThan(2e-6);
  });

  it('knows which axis is time where the network turns its picture', async () => {
    const turned = await explained(network({ turned: true }), 1);
    expect(turned.graph.map).toMatchObject({ dims: [2, 5, 6, 4], axes: { bands: 3, frames: 2 } });
    expect(
      farthest(turned.numbers(explanationOutputs.inputGradient), fixture.cases[1].gradient),
    ).toBeLessThan(1e-6);
  });

  it('agrees with finite differences, also where there is no softmax', async () => {
    const sigmoids = network({
      head: (g, logits) => {
        const each = g.op('Sigmoid', [logits]);
        return g.op('Div', [each, g.op('ReduceSum', [each, g.ints([1])], { keepdims: 1 })]);
      },
    });
    const { numbers, graph, score } = await explained(sigmoids, 2);
    expect(graph.score).toBe('log-probability');
    expect(score).toBeCloseTo(Math.log(numbers(explanationOutputs.probabilities)[2]), 5);
    const gradient = numbers(explanationOutputs.inputGradient);
    const h = 1e-2;
    for (const i of [3, 40, 77, 101, 150, 191]) {
      const moved = async (by: number) =>
        (
          await explained(
            sigmoids,
            2,
            picture.map((v, k) => (k === i ? v + by : v)),
          )
        ).score;
      const slope = ((await moved(h)) - (await moved(-h))) / (2 * h);
      expect(Math.abs(slope - gradient[i])).toBeLessThan(5e-4);
    }
  });

  it('gives the picture that the network sees', async () => {
    const { picture: seen } = await runModel(pictureModel(network(), { bind, input: 'seen' }), {
      waveform: float32([1, picture.length], picture),
    });
    expect(seen!.dims).toEqual([2, 1, bands, frames]);
    expect(farthest(seen!.data as Float32Array, picture)).toBe(0);
  });

  it('refuses tensors that there are not, and those that are no picture or map', () => {
    expect(() => explanationModel(network(), { bind, input: 'sen' })).toThrow(ParameterError);
    expect(() => explanationModel(network(), { bind, input: 'waveform' })).toThrow(ShapeError);
    expect(() => explanationModel(network(), { bind, input: 'seen', map: 'Gemm' })).toThrow(ShapeError);
  });
});
