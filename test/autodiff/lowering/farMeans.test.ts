/** Batch normalisation of channels whose mean is far from 0, blocked and plain, against a computation in float64. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { gradients, lower } from '../../../src/autodiff/index.ts';
import { float32, Random, type Tensor } from '../../../src/core/index.ts';
import { batchNormalizationTraining, GraphBuilder, type Value } from '../../../src/onnx/index.ts';
import { Engine } from '../../../src/runtime/index.ts';

const [batch, channels, height, width] = [3, 16, 6, 5];
const epsilon = 1e-5;
const points = batch * height * width;

/** The channel of element `i`. */
const channelOf = (i: number) => Math.floor(i / (height * width)) % channels;

/** Sums over all but the channels, in float64. */
function perChannel(value: (i: number) => number): Float64Array {
  const sums = new Float64Array(channels);
  for (let i = 0; i < points * channels; i++) sums[channelOf(i)] += value(i);
  return sums;
}

/** y = x̂ (γ = 1, β = 0), its mean and variance, and the gradients for a weighting dy of the outputs. */
function truth(x: Float64Array, dy: Float32Array) {
  const mean = perChannel((i) => x[i]).map((v) => v / points);
  const variance = perChannel((i) => (x[i] - mean[channelOf(i)]) ** 2).map((v) => v / points);
  const y = x.map((v, i) => (v - mean[channelOf(i)]) / Math.sqrt(variance[channelOf(i)] + epsilon));
  const dBias = perChannel((i) => dy[i]);
  const dScale = perChannel((i) => dy[i] * y[i]);
  const dx = x.map((_, i) => {
    const k = channelOf(i);
    return (dy[i] - dBias[k] / points - (y[i] * dScale[k]) / points) / Math.sqrt(variance[k] + epsilon);
  });
  return { y, variance, dScale, dx };
}

function apart(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  const largest = Math.max(...Array.from(expected, Math.abs));
  return Math.max(...Array.from(expected, (v, i) => Math.abs(got[i] - v))) / largest;
}

describe('batch normalisation of channels far from 0', () => {
  let engine: Engine;
  let blockSize: number | null;
  beforeAll(async () => {
    engine = new Engine({ threads: 1 });
    blockSize = await engine.blockSize();
  });
  afterAll(() => engine.close());

  const random = new Random(7);
  const noise = Float64Array.from({ length: points * channels }, () => random.normal());
  const dy = Float32Array.from(noise, () => random.normal());

  for (const ratio of [0, 100, 300, 1000, 3000]) {
    for (const form of ['behind a convolution', 'behind a sum', 'plain'] as const) {
      it(`|mean| / deviation = ${ratio}, ${form}`, async () => {
        const x = Float32Array.from(noise, (v, i) => v + (channelOf(i) % 2 === 0 ? ratio : -ratio));
        const expected = truth(Float64Array.from(x), dy);
        const g = new GraphBuilder();
        const input = g.input('x', 'float32', [batch, channels, height, width]);
        const [scale, bias] = ['scale', 'bias'].map((name) => g.input(name, 'float32', [channels])) as [
          Value,
          Value,
        ];
        // A convolution that leaves every value as it is; its result is blocked.
        const same = new Float32Array(channels * channels);
        for (let k = 0; k < channels; k++) same[k * channels + k] = 1;
        const kernel = g.initializer('kernel', float32([channels, channels, 1, 1], same));
        const through = g.op('Conv', [input, kernel]);
        const before = form === 'behind a sum' ? g.op('Tanh', [g.op('Mul', [through, g.scalar(0)])]) : null;
        const read = before === null ? through : g.op('Add', [through, before]);
        const { output, variance } = batchNormalizationTraining(g, read, scale, bias, epsilon);
        const weights = g.initializer('weights', float32([batch, channels, height, width], dy));
        const loss = g.op('ReduceSum', [g.op('Mul', [output, weights])], { keepdims: 0 });
        const [dx, dScale] = gradients(g, loss, [input, scale], { deferred: form !== 'plain' });
        for (const [name, v] of Object.entries({ y: output, variance, dx: dx!, dScale: dScale! }))
          g.output(v, `out_${name}`);
        const ready = form === 'plain' ? g : lower(g, { blockSize });
        const feeds: Record<string, Tensor> = {
          x: float32([batch, channels, height, width], x),
          scale: float32([channels], new Float32Array(channels).fill(1)),
          bias: float32([channels], new Float32Array(channels)),
        };
        const loaded = await engine.load(ready.model());
        const results = await engine.run(loaded, { feeds, fetch: ready.graph.outputs.map((o) => o.name) });
        await engine.unload(loaded);
        // Rounding of the input itself, some 1e-7 of the mean, is part of the truth above.
        const bound = 2e-5 + ratio * 4e-7;
        for (const name of ['y', 'variance', 'dx', 'dScale'] as const)
          expect(apart(results[`out_${name}`].data as Float32Array, expected[name]), name).toBeLessThan(
            bound,
          );
      });
    }
  }
});
