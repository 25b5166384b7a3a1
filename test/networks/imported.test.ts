import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { gradients, sgd } from '../../src/autodiff/index.ts';
import { float32, ParameterError, Random, ShapeError, type Tensor } from '../../src/core/index.ts';
import {
  type ImportedNetworkOptions,
  importedNetwork,
  inferenceContext,
  initializeParameters,
  type Network,
  parameterSpecs,
} from '../../src/networks/index.ts';
import { decodeModel, encodeModel, GraphBuilder, type Model } from '../../src/onnx/index.ts';
import { buildStepGraph } from '../../src/training/index.ts';
import { exportedModel } from '../onnx/exportedModels.ts';
import { float, int, ints, madeModel, node } from '../onnx/madeModel.ts';
import { runModel } from '../support/runModel.ts';

const random = new Random(2);
const picture = (...dims: number[]) =>
  float32(
    dims,
    Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, () => random.normal()),
  );

/** Logits and embedding with the starting values, parameters as constants. */
async function run(network: Network, x: Tensor, batch: number | string = x.dims[0]) {
  const specs = parameterSpecs(network, x.dims, new GraphBuilder());
  const values = initializeParameters(specs, new Random(1));
  const g = new GraphBuilder();
  const input = g.input('x', 'float32', [batch, ...x.dims.slice(1)]);
  const { logits, embedding } = network.forward(inferenceContext(g, values), input);
  g.output(logits, 'logits');
  g.output(embedding, 'embedding');
  return { specs, values, ...(await runModel(g.model(), { x })) } as {
    specs: typeof specs;
    values: typeof values;
    logits: Tensor;
    embedding: Tensor;
  };
}

/** Σ logits·weights and its gradients by every parameter that is trained, from the gradient graph and by differences. */
async function checkParameters(network: Network, x: Tensor, names: readonly string[], step: number) {
  const g = new GraphBuilder();
  const specs = parameterSpecs(network, x.dims, new GraphBuilder());
  const values = initializeParameters(specs, new Random(1));
  const input = g.input('x', 'float32', x.dims);
  const context = {
    ...inferenceContext(g, values),
    parameter: (spec: (typeof specs)[number]) =>
      g.find(spec.name) ?? g.input(spec.name, 'float32', spec.shape),
  };
  const { logits } = network.forward(context, input);
  const draw = new Random(3);
  const weights = g.constant(
    float32(
      logits.shape as number[],
      Float32Array.from({ length: x.dims[0] * network.classes }, () => draw.normal()),
    ),
  );
  const loss = g.op('ReduceSum', [g.op('Mul', [logits, weights])], { keepdims: 0 });
  const derived = gradients(
    g,
    loss,
    names.map((name) => g.find(name)!),
  );
  g.output(loss, 'loss');
  derived.forEach((v, i) => {
    g.output(v, `d/${names[i]}`);
  });
  const model = encodeModel(g.model());
  const feeds = { x, ...Object.fromEntries(values) };
  const at = await runModel(model, feeds);
  const checks: { name: string; analytic: number; numeric: number }[] = [];
  for (const name of names) {
    const gradient = at[`d/${name}`].data as Float32Array;
    const length = Math.sqrt(gradient.reduce((sum, v) => sum + v * v, 0));
    // Along the gradient itself the derivative is its length.
    const moved = async (sign: number) => {
      const data = values.get(name)!.data.map((v, i) => v + (sign * step * gradient[i]) / length);
      const results = await runModel(model, { ...feeds, [name]: { ...values.get(name)!, data } as Tensor });
      return Number(results['loss'].data[0]);
    };
    checks.push({
      name,
      analytic: length,
      numeric: ((await moved(1)) - (await moved(-1))) / (2 * step),
    });
  }
  return checks;
}

/** Convolution, batch normalisation, Clip, depthwise convolution, mean: a small MobileNet of hand-written nodes. */
const small = (batch: number | string = 'N'): Model =>
  madeModel({
    opset: 13,
    inputs: { mel: ['float32', [batch, 1, 8, 10]] },
    outputs: { scores: 'float32' },
    initializers: {
      'stem.weight': picture(4, 1, 3, 3),
      'norm.scale': float32([4], [1, 0.5, 2, 1]),
      'norm.bias': float32([4], [0, 1, -1, 0.5]),
      'norm.mean': float32([4], [0.1, 0, 0.2, 0]),
      'norm.variance': float32([4], [1, 2, 0.5, 1]),
      'depth.weight': picture(4, 1, 3, 3),
      'depth.bias': float32([4], [0, 0.1, 0.2, 0.3]),
      'old.weight': picture(4, 3),
      low: float32([], [0]),
      high: float32([], [6]),
    },
    nodes: [
      node('Conv', ['mel', 'stem.weight'], ['a'], { strides: ints(2, 2), pads: ints(1, 1, 1, 1) }),
      node('BatchNormalization', ['a', 'norm.scale', 'norm.bias', 'norm.mean', 'norm.variance'], ['b'], {
        epsilon: float(1e-3),
      }),
      node('Clip', ['b', 'low', 'high'], ['c']),
      node('Conv', ['c', 'depth.weight', 'depth.bias'], ['maps'], { group: int(4), pads: ints(1, 1, 1, 1) }),
      node('GlobalAveragePool', ['maps'], ['pooled']),
      node('Flatten', ['pooled'], ['embedding']),
      node('MatMul', ['embedding', 'old.weight'], ['scores']),
    ],
  });

describe('a network from any ONNX model', () => {
  const options: ImportedNetworkOptions = { name: 'small', classes: 5, embedding: 'embedding' };

  it('has the weights on the way as parameters, in order of use, with their roles and values', () => {
    const model = small();
    const network = importedNetwork(model, options);
    const specs = parameterSpecs(network, [2, 1, 8, 10], new GraphBuilder());
    expect(specs.map((s) => [s.name, s.role])).toEqual([
      ['stem.weight', 'weight'],
      ['norm.scale', 'norm'],
      ['norm.bias', 'norm'],
      ['norm.mean', 'statistic'],
      ['norm.variance', 'statistic'],
      ['depth.weight', 'weight'],
      ['depth.bias', 'bias'],
      ['head.weight', 'weight'],
      ['head.bias', 'bias'],
    ]);
    expect(network.stages).toEqual([
      { name: 'stem', prefixes: ['stem.'] },
      { name: 'norm', prefixes: ['norm.'] },
      { name: 'depth', prefixes: ['depth.'] },
      { name: 'head', prefixes: ['head.'] },
    ]);
    const values = initializeParameters(specs, new Random(1));
    expect(values.get('stem.weight')!.data).toEqual(model.graph.initializers.get('stem.weight')!.data);
    // A copy: training must not change the model.
    expect(values.get('stem.weight')!.data).not.toBe(model.graph.initializers.get('stem.weight')!.data);
  });

  it.each(['embedding', 'maps'])(
    'computes %s as the model does, at a batch size known and unknown',
    async (tensor) => {
      const model = small();
      const x = picture(3, 1, 8, 10);
      model.graph.outputs = [{ name: 'embedding', dtype: 'float32', shape: null }];
      const expected = (await runModel(encodeModel(model), { mel: x }))['embedding'];
      const network = importedNetwork(model, { ...options, embedding: tensor });
      for (const batch of [3, 'batch']) {
        const { embedding, logits } = await run(network, x, batch);
        expect(embedding.dims).toEqual([3, 4]);
        expect(logits.dims).toEqual([3, 5]);
        for (let i = 0; i < 12; i++)
          expect(Number(embedding.data[i])).toBeCloseTo(Number(expected.data[i]), 5);
      }
    },
  );

  it('turns pictures for models that take frames before bands', async () => {
    const model = small();
    const x = picture(1, 1, 10, 8);
    const turned = float32(
      [1, 1, 8, 10],
      Array.from({ length: 80 }, (_, i) => Number(x.data[(i % 10) * 8 + Math.floor(i / 10)])),
    );
    const other = importedNetwork(model, { ...options, picture: 'frames-mel' });
    expect((await run(other, x)).embedding.data).toEqual(
      (await run(importedNetwork(model, options), turned)).embedding.data,
    );
  });

  it('gives every parameter its gradient', async () => {
    const network = importedNetwork(small(), options);
    const names = ['stem.weight', 'norm.scale', 'norm.bias', 'depth.weight', 'depth.bias', 'head.weight'];
    for (const c of await checkParameters(network, picture(2, 1, 8, 10), names, 1e-2)) {
      expect(c.analytic, c.name).toBeGreaterThan(0.01);
      expect(Math.abs(c.analytic / c.numeric - 1), c.name).toBeLessThan(0.02);
    }
  });

  it('is trained by the same step as every network; frozen statistics stay', async () => {
    const network = importedNetwork(small(), options);
    const step = buildStepGraph({
      network,
      statistics: { mean: Array(8).fill(0) as number[], deviation: Array(8).fill(1) as number[] },
      batchSize: 4,
      nMels: 8,
      nFrames: 10,
      optimizer: sgd({ momentum: 0 }),
      clipNorm: null,
      trainable: () => true,
      frozenStatistics: true,
    });
    expect(step.trained).not.toContain('norm.mean');
    expect(Object.values(step.keep).sort()).toEqual([...step.trained].sort());
    const model = encodeModel(step.model);
    const targets = float32(
      [4, 5],
      Array.from({ length: 20 }, (_, i) => (i % 5 === Math.floor(i / 5) ? 1 : 0)),
    );
    let parameters: Record<string, Tensor> = Object.fromEntries(
      initializeParameters(step.parameters, new Random(1)),
    );
    const feeds = { x: picture(4, 1, 8, 10), targets, learning_rate: float32([], [0.03]) };
    const losses: number[] = [];
    for (let i = 0; i < 30; i++) {
      const results = await runModel(model, { ...feeds, ...parameters });
      losses.push(Number(results['loss'].data[0]));
      const next = Object.fromEntries(
        Object.entries(step.keep).map(([output, name]) => [name, results[output]]),
      );
      parameters = { ...parameters, ...next };
    }
    expect(losses.at(-1)!).toBeLessThan(losses[0] / 2);
  });

  it("takes PyTorch's exports, whose equal tensors are written once", async () => {
    const { bytes, feeds } = exportedModel('mobilenet-13');
    const model = decodeModel(bytes);
    const last = model.graph.nodes.find((n) => n.opType === 'Gemm')!;
    const network = importedNetwork(model, { ...options, embedding: last.inputs[0] });
    const specs = parameterSpecs(network, feeds['x'].dims, new GraphBuilder());
    const own = [...model.graph.initializers].filter(
      ([name, t]) => t.dtype === 'float32' && t.data.length > 1 && !name.startsWith('net.fc'),
    );
    expect(specs.map((s) => s.name).sort()).toEqual(
      [...own.map(([name]) => name), 'head.weight', 'head.bias'].sort(),
    );
    const { logits } = await run(network, feeds['x']);
    expect(logits.dims).toEqual([2, 5]);
  });

  it('says what does not fit', () => {
    const forward = (model: Model, extra: Partial<ImportedNetworkOptions>, ...dims: number[]) =>
      parameterSpecs(importedNetwork(model, { ...options, ...extra }), dims, new GraphBuilder());
    expect(() => forward(small(), { embedding: 'none' }, 1, 1, 8, 10)).toThrow(ParameterError);
    expect(() => forward(small(), { classes: 0 }, 1, 1, 8, 10)).toThrow(ParameterError);
    expect(() => forward(small(), {}, 1, 1, 8, 11)).toThrow(
      /takes pictures of \[N, 1, 8, 10\], not of \[1, 1, 8, 11\]/,
    );
    let error: unknown;
    try {
      forward(small(1), {}, 4, 1, 8, 10);
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toBeInstanceOf(ShapeError);
    expect((error as ShapeError).hint).toMatch(/batch dimension/);
  });
});

const yamnet = fileURLToPath(new URL('../../../shared/models/yamnet/yamnet.onnx', import.meta.url));

describe.skipIf(!existsSync(yamnet))(
  'YAMNet (skipped where ../shared/models/yamnet/yamnet.onnx is absent)',
  () => {
    it('gives its own embedding, and gradients through depthwise convolutions and Clip', async () => {
      const model = decodeModel(await readFile(yamnet));
      const network = importedNetwork(model, { name: 'yamnet', classes: 12, embedding: 'embedding' });
      const x = float32(
        [2, 1, 96, 64],
        Float32Array.from({ length: 2 * 96 * 64 }, () => random.uniform(-6, 1)),
      );
      const expected = (await runModel(await readFile(yamnet), { log_mel: x }))['embedding'];
      const { embedding, specs } = await run(network, x);
      for (let i = 0; i < expected.data.length; i++)
        expect(Number(embedding.data[i])).toBeCloseTo(Number(expected.data[i]), 3);
      // 27 layers of weight and bias, and the head; the bounds of ReLU6 are no parameters.
      expect(specs.length).toBe(2 * 27 + 2);
      expect(network.stages.at(-1)!.name).toBe('head');
      const names = [
        'layer1.conv.weight',
        'layer2.depthwise.weight',
        'layer2.depthwise.bias',
        'layer14.pointwise.weight',
      ];
      for (const c of await checkParameters(network, x, names, 1e-2)) {
        expect(c.analytic, c.name).toBeGreaterThan(1e-4);
        expect(Math.abs(c.analytic / c.numeric - 1), c.name).toBeLessThan(0.05);
      }
    });
  },
);
