import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { gradients, sgd } from '../../src/autodiff/index.ts';
import { float32, ParameterError, Random, type Tensor } from '../../src/core/index.ts';
import { linear } from '../../src/networks/blocks.ts';
import {
  constantInitializer,
  importedNetwork,
  initializeParameters,
  inputParameter,
  type LoraNetwork,
  loraCandidates,
  loraNetwork,
  type Network,
  type NetworkContext,
  type ParameterSpec,
  ParameterTable,
  resnet,
} from '../../src/networks/index.ts';
import { forwardContext } from '../../src/networks/network.ts';
import { decodeModel, encodeModel, GraphBuilder, type Value } from '../../src/onnx/index.ts';
import { buildStepGraph, networkParameters, trainableParameters } from '../../src/training/index.ts';
import { exportedModel } from '../onnx/exportedModels.ts';
import { runModel } from '../support/runModel.ts';
import { hashed } from './hashedTensors.ts';
import { infer, relativeDifference, specsOf } from './runNetwork.ts';

interface Form {
  logits: number[];
  gradients: Record<string, number[]>;
}
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/networks/lora.json', import.meta.url), 'utf8'),
) as { rank: number; alpha: number; forms: Record<string, Form> };

const shape = [2, 1, 4, 6];

/** One layer between picture and head, as tools/fixtures/lora.py has it. */
type Layer = (c: NetworkContext, x: Value, weight: (shape: number[]) => Value, bias: Value) => Value;

const maps = (c: NetworkContext, x: Value) => c.g.op('Reshape', [x, c.g.ints([2, 4, 6])]);
const flat = (c: NetworkContext, x: Value) => c.g.op('Flatten', [x], { axis: 1 });
const turned = (c: NetworkContext, x: Value) => c.g.op('Transpose', [x], { perm: [1, 0] });

const layers: Record<string, Layer> = {
  linear: (c, x, w, bias) => c.g.op('Gemm', [flat(c, x), w([5, 24]), bias], { transB: 1 }),
  matmul: (c, x, w) => c.g.op('MatMul', [maps(c, x), w([6, 5])]),
  left: (c, x, w) => c.g.op('MatMul', [w([5, 4]), maps(c, x)]),
  gemm: (c, x, w, bias) =>
    c.g.op('Gemm', [turned(c, flat(c, x)), w([24, 5]), bias], { transA: 1, alpha: 0.5, beta: 2 }),
  gemmLeft: (c, x, w) => turned(c, c.g.op('Gemm', [w([5, 24]), flat(c, x)], { transB: 1, alpha: 0.5 })),
  gemmLeftTransposed: (c, x, w) =>
    turned(c, c.g.op('Gemm', [w([24, 5]), flat(c, x)], { transA: 1, transB: 1 })),
  transposed: (c, x, w) => c.g.op('MatMul', [maps(c, x), turned(c, w([5, 6]))]),
  shared: (c, x, w) =>
    c.g.op('MatMul', [c.g.op('Tanh', [c.g.op('MatMul', [maps(c, x), w([6, 6])])]), turned(c, w([6, 6]))]),
  convolution: (c, x, w, bias) =>
    c.g.op('Conv', [x, w([5, 1, 3, 3]), bias], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] }),
  convolution1d: (c, x, w) =>
    c.g.op('Conv', [maps(c, x), w([5, 4, 3])], { kernel_shape: [3], dilations: [2] }),
};

function layerNetwork(layer: Layer): Network {
  return {
    name: 'layer',
    classes: 3,
    stages: [
      { name: 'layer', prefixes: ['layer.'] },
      { name: 'fc', prefixes: ['fc.'] },
    ],
    forward(c, x) {
      const zeros = constantInitializer(0);
      const weight = (dims: number[]) =>
        c.parameter({ name: 'layer.weight', shape: dims, role: 'weight', initialize: zeros });
      const bias = c.parameter({ name: 'layer.bias', shape: [5], role: 'bias', initialize: zeros });
      const embedding = flat(c, c.g.op('Tanh', [layer(c, x, weight, bias)]));
      return { embedding, logits: linear(c, embedding, 'fc', 3) };
    },
  };
}

/** The fixture script's values. */
function fixtureValue(spec: ParameterSpec): Tensor<'float32'> {
  const value = hashed(spec.name, spec.shape);
  return spec.name === 'layer.weight'
    ? float32(
        value.dims,
        value.data.map((v) => 0.5 * v),
      )
    : value;
}

/** The forward pass with parameters as inputs, Σ logits·probe, and its gradients. */
function probed(network: Network, by: (specs: readonly ParameterSpec[]) => readonly string[]) {
  const g = new GraphBuilder();
  const table = new ParameterTable();
  const x = g.input('x', 'float32', shape);
  const { logits } = network.forward(forwardContext(g, table, inputParameter(g)), x);
  const probe = g.constant(hashed('probe', [2, 3]));
  const loss = g.op('ReduceSum', [g.op('Mul', [logits, probe])], { keepdims: 0 });
  const names = by(table.specs);
  gradients(
    g,
    loss,
    names.map((name) => g.find(name)!),
  ).forEach((value, i) => {
    g.output(value, `d/${names[i]}`);
  });
  g.output(logits, 'logits');
  g.output(loss, 'loss');
  return { graph: g.graph, bytes: encodeModel(g.model()), specs: table.specs };
}

const adaptedLayer = (layer: Layer): LoraNetwork =>
  loraNetwork(layerNetwork(layer), { rank: fixture.rank, alpha: fixture.alpha, targets: ['layer.*'] }, shape);

describe('adapters', () => {
  it('has a layer for every form of the fixture', () => {
    expect(Object.keys(layers).sort()).toEqual(Object.keys(fixture.forms).sort());
  });

  for (const [form, layer] of Object.entries(layers)) {
    it(`${form}: output and gradients are PyTorch's`, async () => {
      const expected = fixture.forms[form];
      const names = Object.keys(expected.gradients);
      const { bytes, specs } = probed(adaptedLayer(layer), () => names);
      const feeds = Object.fromEntries(specs.map((spec) => [spec.name, fixtureValue(spec)]));
      const got = await runModel(bytes, { x: hashed('x', shape), ...feeds });
      expect(relativeDifference(got['logits'].data as Float32Array, expected.logits)).toBeLessThan(1e-5);
      for (const name of names) {
        const difference = relativeDifference(
          got[`d/${name}`].data as Float32Array,
          expected.gradients[name],
        );
        expect(difference, name).toBeLessThan(1e-5);
      }
    });

    it(`${form}: gradients are central differences`, async () => {
      const { bytes, specs } = probed(adaptedLayer(layer), (all) =>
        all.filter((spec) => spec.trained === true).map((spec) => spec.name),
      );
      const adapters = specs.filter((spec) => spec.trained === true);
      expect(adapters.map((spec) => spec.name).sort()).toEqual([
        'layer.weight.lora_A',
        'layer.weight.lora_B',
      ]);
      const feeds = {
        x: hashed('x', shape),
        ...Object.fromEntries(specs.map((s) => [s.name, fixtureValue(s)])),
      };
      const at = await runModel(bytes, feeds);
      for (const spec of adapters) {
        const gradient = at[`d/${spec.name}`].data as Float32Array;
        const length = Math.hypot(...gradient);
        const loss = async (step: number) => {
          const data = fixtureValue(spec).data.map((v, i) => v + (step * gradient[i]) / length);
          const moved = await runModel(bytes, { ...feeds, [spec.name]: float32(spec.shape, data) });
          return Number(moved['loss'].data[0]);
        };
        const numeric = ((await loss(1e-2)) - (await loss(-1e-2))) / 2e-2;
        // Along the gradient itself the derivative is its length.
        expect(Math.abs(numeric - length) / length, spec.name).toBeLessThan(2e-3);
      }
    });

    it(`${form}: start as the network itself, and merge into it`, async () => {
      const base = layerNetwork(layer);
      const adapted = adaptedLayer(layer);
      const x = hashed('x', shape);
      const values = new Map(specsOf(adapted, shape).map((spec) => [spec.name, fixtureValue(spec)]));
      const start = new Map(values);
      const untouched = (await infer(base, values, x))['logits'].data as Float32Array;
      const b = values.get('layer.weight.lora_B')!;
      start.set('layer.weight.lora_B', float32(b.dims, new Float32Array(b.data.length)));
      expect(Array.from((await infer(adapted, start, x))['logits'].data as Float32Array)).toEqual(
        Array.from(untouched),
      );

      const merged = adapted.merge(values);
      expect([...merged.keys()].sort()).toEqual(['fc.bias', 'fc.weight', 'layer.bias', 'layer.weight']);
      const unmerged = (await infer(adapted, values, x))['logits'].data as Float32Array;
      const together = Array.from((await infer(base, merged, x))['logits'].data as Float32Array);
      expect(relativeDifference(unmerged, together)).toBeLessThan(1e-6);
      expect(relativeDifference(untouched, together)).toBeGreaterThan(1e-2);
    });
  }

  it('compute no gradient of the weight they adapt', () => {
    const { graph } = probed(adaptedLayer(layers['linear']), () => ['layer.weight.lora_A']);
    // The weight is read by the forward pass alone.
    expect(graph.nodes.filter((node) => node.inputs.includes('layer.weight'))).toHaveLength(1);
  });

  it('start A within ±1/√fanIn and B at zero, with seeded values', () => {
    const specs = specsOf(loraNetwork(layerNetwork(layers['linear']), { rank: 8 }, shape), shape);
    const values = initializeParameters(specs, new Random(1));
    const a = values.get('layer.weight.lora_A')!;
    expect(a.dims).toEqual([8, 24]);
    expect(Math.max(...a.data.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(24));
    expect(Math.max(...a.data.map(Math.abs))).toBeGreaterThan(0.9 / Math.sqrt(24));
    const variance = a.data.reduce((sum, v) => sum + v * v, 0) / a.data.length;
    expect(variance).toBeCloseTo(1 / (3 * 24), 2);
    expect(values.get('layer.weight.lora_B')!.dims).toEqual([5, 8]);
    expect(values.get('layer.weight.lora_B')!.data.every((v) => v === 0)).toBe(true);
    expect(initializeParameters(specs, new Random(1)).get('layer.weight.lora_A')!.data).toEqual(a.data);
  });
});

describe('targets', () => {
  it('are every matrix before the head by default, those of an imported transformer too', async () => {
    const { bytes, feeds } = exportedModel('vit-14');
    const channels = feeds['x'];
    const [batch, , height, width] = channels.dims as [number, number, number, number];
    // One channel, which the network repeats.
    const x = float32(
      [batch, 1, height, width],
      channels.data.slice(0, batch * height * width) as Float32Array,
    );
    const network = importedNetwork(decodeModel(bytes), {
      name: 'vit',
      classes: 5,
      embedding: '/net/Gather_4_output_0',
    });
    const adapted = loraNetwork(network, { rank: 2 }, x.dims);
    const layer = 'net.encoder.layers.encoder_layer_0';
    expect([...adapted.adapted].sort()).toEqual(
      ['mlp.0', 'mlp.3', 'self_attention.in_proj_', 'self_attention.out_proj']
        .map((name) => `${layer}.${name}${name.endsWith('_') ? '' : '.'}weight`)
        .sort(),
    );
    const values = initializeParameters(specsOf(adapted, x.dims), new Random(4));
    for (const name of adapted.adapted)
      values.set(`${name}.lora_B`, hashed(name, values.get(`${name}.lora_B`)!.dims));
    const unmerged = (await infer(adapted, values, x))['logits'].data as Float32Array;
    const merged = (await infer(network, adapted.merge(values), x))['logits'].data as Float32Array;
    expect(relativeDifference(unmerged, Array.from(merged))).toBeLessThan(1e-5);
    const before = (await infer(network, values, x))['logits'].data as Float32Array;
    expect(relativeDifference(before, Array.from(merged))).toBeGreaterThan(1e-2);
  });

  it('are convolutions only where patterns name them', () => {
    const network = resnet('resnet18', { classes: 3 });
    const input = [1, 1, 64, 64];
    expect(() => loraNetwork(network, { rank: 4 }, input)).toThrow(/no matrix product before its head/);
    const adapted = loraNetwork(network, { rank: 4, targets: ['layer4.?.conv*.weight', 'conv1.*'] }, input);
    expect(adapted.adapted).toEqual([
      'conv1.weight',
      ...[0, 1].flatMap((i) => [1, 2].map((j) => `layer4.${i}.conv${j}.weight`)),
    ]);
  });

  it('that match nothing are an error that lists what there is', () => {
    const network = layerNetwork(layers['matmul']);
    const wrong = () => loraNetwork(network, { rank: 4, targets: ['layer.*', 'fc.*'] }, shape);
    expect(wrong).toThrow(ParameterError);
    expect(wrong).toThrow("matches 'fc.*'");
    try {
      wrong();
    } catch (error) {
      expect((error as ParameterError).hint).toBe('There are the weights of matrix products: layer.weight.');
    }
    expect(() => loraNetwork(network, { rank: 0 }, shape)).toThrow(/whole number ≥ 1/);
    expect(() => loraNetwork(network, { rank: 1, alpha: -1 }, shape)).toThrow(/above 0/);
  });

  it('are not weights that something else reads too, nor kernels of groups', () => {
    const both: Layer = (c, x, w) =>
      c.g.op('Mul', [c.g.op('MatMul', [maps(c, x), w([6, 6])]), c.g.op('ReduceMax', [w([6, 6])])]);
    expect(loraCandidates(layerNetwork(both), shape)).toEqual([]);
    const square: Layer = (c, x, w) =>
      c.g.op('MatMul', [maps(c, x), c.g.op('MatMul', [w([6, 6]), w([6, 6])])]);
    expect(loraCandidates(layerNetwork(square), shape)).toEqual([]);
    const grouped: Layer = (c, x, w) =>
      c.g.op('Conv', [maps(c, x), w([4, 1, 3])], { kernel_shape: [3], group: 4 });
    expect(loraCandidates(layerNetwork(grouped), shape)).toEqual([]);
  });
});

describe('training', () => {
  it('changes A, B and what --train selects; the frozen weights stay bit for bit', async () => {
    const network = adaptedLayer(layers['linear']);
    for (const [part, moving] of [
      ['head', ['fc.bias', 'fc.weight', 'layer.weight.lora_A', 'layer.weight.lora_B']],
      ['all', ['fc.bias', 'fc.weight', 'layer.bias', 'layer.weight.lora_A', 'layer.weight.lora_B']],
    ] as const) {
      const optimizer = sgd({ momentum: 0 });
      const step = buildStepGraph({
        network,
        statistics: { mean: new Array(4).fill(0), deviation: new Array(4).fill(1) },
        batchSize: 2,
        nMels: 4,
        nFrames: 6,
        optimizer,
        clipNorm: null,
        trainable: trainableParameters(network, part, networkParameters(network, 4, 6)),
        frozenStatistics: true,
      });
      expect([...step.trained].sort()).toEqual(moving);
      expect(Object.values(step.keep).sort()).toEqual([...moving].sort());
      expect(step.model.graph.nodes.filter((node) => node.inputs.includes('layer.weight'))).toHaveLength(1);
      const feeds = Object.fromEntries(step.parameters.map((spec) => [spec.name, fixtureValue(spec)]));
      const next = await runModel(step.model, {
        x: hashed('x', shape),
        targets: float32([2, 3], [1, 0, 0, 0, 0, 1]),
        ...Object.fromEntries(
          Object.entries(optimizer.scalars(0.1, 1)).map(([name, v]) => [name, float32([], [v])]),
        ),
        ...feeds,
      });
      for (const name of moving) {
        const before = feeds[name].data;
        const after = next[`next/${name}`].data as Float32Array;
        expect(
          after.some((v, i) => v !== before[i]),
          name,
        ).toBe(true);
      }
    }
  });
});
