import { describe, expect, it } from 'vitest';
import { float32, Random, type Tensor, WeightsError } from '../../src/core/index.ts';
import {
  cnn,
  exportWeights,
  inferenceContext,
  initializeParameters,
  type LoadWeightsOptions,
  loadWeights,
  networkByName,
  networks,
  type ResnetName,
  resnet,
  whisperSizes,
} from '../../src/networks/index.ts';
import { GraphBuilder } from '../../src/onnx/index.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/weights/index.ts';
import { runModel } from '../support/runModel.ts';
import { fixture } from './fixture.ts';
import { hashed, hashedParameter } from './hashedTensors.ts';
import { relativeDifference, specsOf } from './runNetwork.ts';

const names: ResnetName[] = ['resnet18', 'resnet34', 'resnet50'];

const files = new Map<ResnetName, Map<string, Tensor>>();

/** A file as torchvision would write it, batch counters included. */
function file(name: ResnetName, prefix = ''): Map<string, Tensor> {
  const made = files.get(name) ?? makeFile(name);
  files.set(name, made);
  return new Map([...made].map(([key, t]) => [prefix + key, t]));
}

function makeFile(name: ResnetName): Map<string, Tensor> {
  return new Map(
    Object.entries(fixture.names[name]).map(([key, dims]): [string, Tensor] => [
      key,
      key.endsWith('num_batches_tracked')
        ? { dtype: 'int64', dims: [], data: BigInt64Array.of(0n) }
        : hashedParameter(key, dims),
    ]),
  );
}

const grey = resnet('resnet18', { classes: 10 });
const greySpecs = specsOf(grey, [1, 1, 64, 64]);
const load = (tensors: ReadonlyMap<string, Tensor>, options?: LoadWeightsOptions) =>
  loadWeights(grey, greySpecs, tensors, { source: 'w.safetensors', ...options });
const without = (tensors: Map<string, Tensor>, drop: (name: string) => boolean) =>
  new Map([...tensors].filter(([name]) => !drop(name)));

describe('parameters', () => {
  it.each(names)('%s has torchvision’s names, shapes and count', (name) => {
    const specs = specsOf(resnet(name, { classes: 1000, inChannels: 3 }), [1, 3, 64, 64]);
    const expected = Object.entries(fixture.names[name]).filter(([n]) => !n.endsWith('num_batches_tracked'));
    expect(Object.fromEntries(specs.map((s) => [s.name, [...s.shape]]))).toEqual(
      Object.fromEntries(expected),
    );
    const trained = specs.filter((s) => s.role !== 'statistic');
    const count = trained.reduce((n, s) => n + s.shape.reduce((a, b) => a * b, 1), 0);
    expect(count).toBe(fixture.parameterCounts[name]);
  });

  it('resnet50 has 25,557,032 of them', () => {
    expect(fixture.parameterCounts.resnet50).toBe(25_557_032);
  });

  it('every parameter belongs to exactly one stage, the head last', () => {
    for (const entry of networks) {
      const network = entry.create({ classes: 5, whisper: { config: whisperSizes.tiny } });
      const input = [1, 1, ...(network.picture ?? [entry.name === 'whisper' ? 80 : 64, 96])];
      for (const spec of specsOf(network, input)) {
        const stages = network.stages.filter((s) => s.prefixes.some((p) => spec.name.startsWith(p)));
        expect(stages, `${entry.name} ${spec.name}`).toHaveLength(1);
      }
      const head = network.stages.at(-1)!.prefixes;
      const inHead = specsOf(network, input).filter((s) => head.some((p) => s.name.startsWith(p)));
      // Whisper's head projects before it classifies.
      expect(inHead.slice(-2).map((s) => s.shape[0])).toEqual([5, 5]);
    }
  });

  it('start as torchvision’s: He over the fan-out, scales 1, no bias but the head’s, within ±1/√fanIn', () => {
    const values = initializeParameters(greySpecs, new Random(3));
    const conv = values.get('layer3.0.conv2.weight')!;
    const deviation = Math.sqrt(conv.data.reduce((s, v) => s + v * v, 0) / conv.data.length);
    expect(deviation / Math.sqrt(2 / (256 * 9))).toBeCloseTo(1, 2);
    expect(values.get('layer1.0.bn2.weight')!.data.every((v) => v === 1)).toBe(true);
    expect(values.get('bn1.running_var')!.data.every((v) => v === 1)).toBe(true);
    expect(values.get('bn1.running_mean')!.data.every((v) => v === 0)).toBe(true);
    const fc = [...values.get('fc.weight')!.data, ...values.get('fc.bias')!.data].map(Math.abs);
    expect(Math.max(...fc)).toBeLessThanOrEqual(1 / Math.sqrt(512));
    expect(Math.max(...fc)).toBeGreaterThan(0.99 / Math.sqrt(512));
  });
});

describe('loading', () => {
  it('takes everything where everything fits', () => {
    const network = resnet('resnet18', { classes: 1000, inChannels: 3 });
    const specs = specsOf(network, [1, 3, 64, 64]);
    const tensors = file('resnet18');
    const result = loadWeights(network, specs, tensors);
    expect(result.loaded).toEqual([...specs.map((s) => s.name)]);
    expect([result.adapted, result.replaced, result.missing, result.unexpected]).toEqual([[], [], [], []]);
    for (const [name, value] of result.values) expect(value).toEqual(tensors.get(name));
  });

  it('sums the first layer, leaves a head of other size new, and says both', () => {
    const result = load(file('resnet18'));
    expect(result.adapted).toEqual(['conv1.weight']);
    expect(result.replaced).toEqual(['fc.weight', 'fc.bias']);
    expect(result.values.has('fc.weight')).toBe(false);
    expect(result.unexpected).toEqual([]);
    expect(result.description).toBe(
      'Weights from w.safetensors: first layer summed to one channel, last layer new.',
    );
  });

  it('the summed layer answers x as the colour layer answers (x, x, x)', async () => {
    const tensors = file('resnet18');
    const summed = load(tensors).values.get('conv1.weight')!;
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', [2, 1, 30, 41]);
    const attributes = { kernel_shape: [7, 7], strides: [2, 2], pads: [3, 3, 3, 3] };
    const colour = g.initializer('colour', tensors.get('conv1.weight')!);
    g.output(g.op('Conv', [g.op('Concat', [x, x, x], { axis: 1 }), colour], attributes), 'threefold');
    g.output(g.op('Conv', [x, g.initializer('grey', summed)], attributes), 'once');
    const { threefold, once } = await runModel(g.model(), { x: hashed('input', [2, 1, 30, 41]) });
    const expected = [...(threefold!.data as Float32Array)];
    expect(relativeDifference(once!.data as Float32Array, expected)).toBeLessThan(1e-6);
  });

  it('keeps a head that fits, unless told to replace it', () => {
    const tensors = file('resnet18');
    tensors.set('fc.weight', hashedParameter('fc.weight', [10, 512]));
    tensors.set('fc.bias', hashedParameter('fc.bias', [10]));
    expect(load(tensors).replaced).toEqual([]);
    expect(load(tensors).values.get('fc.bias')).toEqual(tensors.get('fc.bias'));
    expect(load(tensors).description).toContain('last layer as in the file');
    expect(load(tensors, { replaceHead: true }).replaced).toEqual(['fc.weight', 'fc.bias']);
    expect(load(without(tensors, (n) => n === 'fc.bias')).replaced).toEqual(['fc.weight', 'fc.bias']);
  });

  it.each(['module.', 'model.', 'backbone.', 'module.model.', 'model.backbone.'])(
    'sees through %s',
    (prefix) => {
      expect([...load(file('resnet18', prefix)).values.keys()]).toEqual([
        ...load(file('resnet18')).values.keys(),
      ]);
    },
  );

  it('takes a prefix of any kind when told', () => {
    expect(load(file('resnet18', 'student.'), { prefix: 'student.' }).missing).toEqual([]);
    expect(() => load(file('resnet18', 'student.'))).toThrow(/lacks/);
  });

  it('does not guess between two copies', () => {
    const both = new Map([...file('resnet18', 'model.'), ...file('resnet18', 'backbone.')]);
    expect(() => load(both)).toThrow(/twice, under 'model\.' and under 'backbone\.'/);
    expect(load(both, { prefix: 'backbone.' }).unexpected.every((n) => n.startsWith('model.'))).toBe(true);
  });

  it('widens float16 through a real file', () => {
    const halved = new Map([...file('resnet18')]);
    const bits = Uint16Array.from({ length: 64 }, (_, i) => 0x3c00 + i);
    halved.set('bn1.weight', { dtype: 'float16', dims: [64], data: bits });
    const { tensors } = decodeSafetensors(encodeSafetensors(halved));
    const value = load(tensors).values.get('bn1.weight')!;
    expect([...value.data]).toEqual(Array.from(bits, (_, i) => 1 + i / 1024));
  });

  it('lists tensors that nothing took', () => {
    const result = load(new Map([...file('resnet18'), ['layer5.weight', float32([1], [0])]]));
    expect(result.unexpected).toEqual(['layer5.weight']);
    expect(result.description).toContain('1 tensors of the file unused (layer5.weight)');
  });

  it('takes what it wrote, and PyTorch’s counters are optional', () => {
    const values = initializeParameters(greySpecs, new Random(1));
    const exported = exportWeights(values, { batchesTracked: 12 });
    const expected = Object.keys(fixture.names.resnet18).sort();
    expect([...exported.keys()].sort()).toEqual(expected);
    expect(exported.get('bn1.num_batches_tracked')!.data).toEqual(BigInt64Array.of(12n));
    expect([...exportWeights(values).keys()]).toEqual([...values.keys()]);
    const back = load(exported, { replaceHead: false });
    expect(back.values).toEqual(values);
  });
});

describe('files that do not fit', () => {
  const cases: [string, () => Map<string, Tensor>, LoadWeightsOptions, RegExp][] = [
    ['no tensors', () => new Map(), {}, /no tensors at all/],
    [
      'another architecture',
      () => new Map([['stem.0.weight', float32([1], [0])]]),
      {},
      /\(stem\.0\.weight\).*lacks 100/,
    ],
    [
      'a bottleneck network',
      () => file('resnet50'),
      {},
      /'layer1.0.conv1.weight' has shape \[64, 64, 1, 1\]/,
    ],
    [
      'one tensor missing',
      () => without(file('resnet18'), (n) => n === 'layer2.0.bn1.bias'),
      {},
      /lacks 1 \(layer2\.0\.bn1\.bias\)/,
    ],
    [
      'a quarter only',
      () => without(file('resnet18'), (n) => !n.startsWith('layer1')),
      { partial: true },
      /lacks/,
    ],
    [
      'colour, adaptation refused',
      () => file('resnet18'),
      { adaptFirstLayer: false },
      /'conv1.weight' has shape \[64, 3, 7, 7\] there, \[64, 1, 7, 7\]/,
    ],
    [
      'another first kernel',
      () => file('resnet18').set('conv1.weight', hashed('x', [64, 3, 3, 3])),
      {},
      /\[64, 3, 3, 3\]/,
    ],
    [
      'a head that must fit',
      () => file('resnet18'),
      { replaceHead: false },
      /'fc.weight' has shape \[1000, 512\]/,
    ],
    [
      'a head that must be there',
      () => without(file('resnet18'), (n) => n.startsWith('fc')),
      { replaceHead: false },
      /no 'fc.weight'/,
    ],
    [
      'not a number',
      () => file('resnet18').set('bn1.bias', float32([64], new Float32Array(64).fill(Number.NaN))),
      {},
      /'bn1.bias' holds values/,
    ],
    [
      'integers',
      () => file('resnet18').set('bn1.bias', { dtype: 'int32', dims: [64], data: new Int32Array(64) }),
      {},
      /int32/,
    ],
  ];
  it.each(cases)('%s', (_, tensors, options, message) => {
    expect(() => load(tensors(), options)).toThrow(WeightsError);
    expect(() => load(tensors(), options)).toThrow(message);
  });

  it('partial accepts a file that lacks a little', () => {
    const result = load(
      without(file('resnet18'), (n) => n.startsWith('layer4.1')),
      { partial: true },
    );
    expect(result.missing).toHaveLength(10);
    expect(result.missing.every((n) => n.startsWith('layer4.1') && !result.values.has(n))).toBe(true);
    expect(result.description).toContain('10 parameters new (layer4.1.conv1.weight');
  });
});

describe('networks by name', () => {
  it('are found, and a wrong name lists them', () => {
    expect(networks.map((n) => n.name)).toEqual(
      'cnn resnet18 resnet34 resnet50 openl3 edgel3 whisper yamnet'.split(' '),
    );
    expect(networks.filter((n) => n.needsWeights).map((n) => n.name)).toEqual(['openl3', 'edgel3', 'yamnet']);
    expect(() => networkByName('openl3').create({ classes: 2, pictureSize: [64, 64] })).toThrow(
      /not resized/,
    );
    expect(() => networkByName('whisper').create({ classes: 2 })).toThrow(/needs a size/);
    expect(networkByName('resnet50').pictureSize).toEqual([224, 224]);
    expect(() => networkByName('resnet101')).toThrow(/no network named 'resnet101'/);
    expect(() => networkByName('toString')).toThrow(/no network/);
  });

  it('refuse options out of range', () => {
    expect(() => resnet('resnet18', { classes: 0 })).toThrow(/classes, got 0/);
    expect(() => cnn({ classes: 2, widths: [] })).toThrow(/widths is empty/);
    expect(() => cnn({ classes: 2, kernel: 4 })).toThrow(/odd kernel, got 4/);
    expect(() => cnn({ classes: 2, dropout: 1 })).toThrow(/dropout/);
    expect(() => cnn({ classes: 2, pooling: 'median' as 'mean' })).toThrow(/not by 'median'/);
    expect(() => cnn({ classes: 2, downsampling: 'none' as 'mean' })).toThrow(/not by 'none'/);
    expect(() => specsOf(cnn({ classes: 2, widths: undefined }), [1, 1, 64, 64])).not.toThrow();
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['N', 1, 64, 'T']);
    expect(() => cnn({ classes: 2 }).forward(inferenceContext(g, new Map()), x)).toThrow(/known size/);
    expect(() => specsOf(cnn({ classes: 2 }), [1, 3, 64, 64])).toThrow(/built for 1 channels/);
    expect(() => specsOf(resnet('resnet18', { classes: 2, pictureSize: [0, 5] }), [1, 1, 64, 64])).toThrow(
      /size/,
    );
  });
});
