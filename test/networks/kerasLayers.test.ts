import { describe, expect, it } from 'vitest';
import { WeightsError } from '../../src/core/index.ts';
import { edgel3, loadKerasWeights, openl3, yamnet } from '../../src/networks/index.ts';
import type { KerasLayer, KerasWeights } from '../../src/weights/index.ts';
import { kerasWeight, kerasWeights, layerTables } from './kerasFiles.ts';
import { specsOf } from './runNetwork.ts';

const network = edgel3({ classes: 10 });
const specs = specsOf(network, [1, 1, ...network.picture!]);
const whole = kerasWeights(layerTables.edgel3);

const load = (weights: KerasWeights) => loadKerasWeights(network, specs, weights, { source: 'w.h5' });
const withLayers = (change: (layers: KerasLayer[]) => KerasLayer[]): KerasWeights => ({
  ...whole,
  layers: change([...whole.layers]),
});
const layer = (name: string, shapes: Record<string, number[]>): KerasLayer => ({
  name,
  weights: new Map(Object.entries(shapes).map(([kind, shape]) => [kind, kerasWeight(name, kind, shape)])),
});
const changed = (index: number, change: (weights: Map<string, KerasLayerWeight>) => void): KerasWeights =>
  withLayers((layers) => {
    const weights = new Map(layers[index].weights);
    change(weights);
    layers[index] = { name: layers[index].name, weights };
    return layers;
  });
type KerasLayerWeight = KerasLayer['weights'] extends ReadonlyMap<string, infer T> ? T : never;

describe('layers in order and by shape', () => {
  it('whatever their names', () => {
    const renamed = withLayers((layers) => layers.map((l, i) => ({ ...l, name: `layer_${99 - i}` })));
    expect(load(renamed).values).toEqual(load(whole).values);
  });

  it('turns kernels from [height, width, in, out] to [out, in, height, width]', () => {
    const value = load(whole).values.get('conv2d_2.weight')!;
    const kernel = kerasWeight('conv2d_2', 'kernel', [3, 3, 32, 32]);
    expect(value.dims).toEqual([32, 32, 3, 3]);
    for (const [o, i, y, x] of [
      [0, 1, 2, 0],
      [31, 7, 1, 2],
    ] as const) {
      expect(value.data[((o * 32 + i) * 3 + y) * 3 + x]).toBe(kernel.data[((y * 3 + x) * 32 + i) * 32 + o]);
    }
  });

  it('passes over a front end at the beginning and takes or leaves a last dense layer', () => {
    const front = layer('melspectrogram_1', { real_kernels: [8, 1, 1, 5], Variable: [5, 4] });
    const dense = (classes: number) => layer('dense', { kernel: [64, classes], bias: [classes] });
    const taken = load(withLayers((layers) => [front, ...layers, dense(10)]));
    expect(taken.unexpected).toEqual(['melspectrogram_1']);
    expect(taken.replaced).toEqual([]);
    expect(taken.values.get('fc.bias')!.data).toEqual(kerasWeight('dense', 'bias', [10]).data);
    const left = load(withLayers((layers) => [...layers, dense(31)]));
    expect(left.replaced).toEqual(['fc.weight', 'fc.bias']);
    expect(left.description).toBe('Weights from w.h5: last layer new; layers of the file unused: dense.');
  });

  it('a normalisation without scale or centre multiplies by 1, adds 0', () => {
    const plain = load(
      changed(2, (weights) => {
        weights.delete('gamma');
        weights.delete('beta');
      }),
    );
    expect([...plain.values.get('batch_normalization_2.weight')!.data]).toEqual(new Array(32).fill(1));
    expect([...plain.values.get('batch_normalization_2.bias')!.data]).toEqual(new Array(32).fill(0));
  });

  it('knows a depthwise kernel by its shape, under the name that Keras 3 gives it', () => {
    const net = yamnet({ classes: 4 });
    const own = specsOf(net, [1, 1, ...net.picture!]);
    const keras = kerasWeights(layerTables.yamnet);
    const renamed = {
      ...keras,
      layers: keras.layers.map(({ name, weights }) => ({
        name,
        weights: new Map([...weights].map(([kind, tensor]) => [kind.replace('depthwise_', ''), tensor])),
      })),
    };
    const expected = loadKerasWeights(net, own, keras).values.get('layer3.depthwise_conv.weight')!;
    const got = loadKerasWeights(net, own, renamed).values.get('layer3.depthwise_conv.weight')!;
    expect(got).toEqual(expected);
    expect(got.dims).toEqual([64, 1, 3, 3]);
  });
});

describe('files that do not fit', () => {
  const cases: [what: string, weights: () => KerasWeights, message: RegExp][] = [
    [
      'no layers',
      () => ({ ...whole, layers: [] }),
      /w\.h5 does not fit edgel3: it holds 0 layers.*17 are needed.*'batch_normalization_1' \(gamma \[1\]\)/,
    ],
    [
      'only a front end',
      () => ({ ...whole, layers: [layer('mel', { Variable: [5, 4] })] }),
      /holds 0 layers/,
    ],
    [
      'a larger network of the family',
      () => kerasWeights(layerTables.openl3),
      /'kernel' of the layer 'conv2d_1' has shape \[3, 3, 1, 64\], \[3, 3, 1, 32\] was expected for 'conv2d_1'/,
    ],
    [
      'a layer missing in the middle',
      () => withLayers((layers) => layers.filter((_, i) => i !== 4)),
      /where the network has 'batch_normalization_3' \(gamma \[32\]\), the file has 'conv2d_3' \(kernel \[3, 3, 32, 64\], bias \[64\]\)/,
    ],
    [
      'the last layers missing',
      () => withLayers((layers) => layers.slice(0, -2)),
      /holds 15 layers.*'audio_embedding_layer' \(kernel \[3, 3, 64, 64\]\)/,
    ],
    [
      'a layer too many',
      () => withLayers((layers) => [...layers, layer('conv', { kernel: [3, 3, 64, 2] })]),
      /after the last layer.*'conv' \(kernel \[3, 3, 64, 2\]\)/,
    ],
    [
      'a layer of a strange kind between',
      () => withLayers((layers) => [...layers.slice(0, 3), layer('gru', { alpha: [4] }), ...layers.slice(3)]),
      /the file has 'gru' \(alpha \[4\]\)/,
    ],
    [
      'no bias',
      () => changed(1, (weights) => void weights.delete('bias')),
      /'bias' of the layer 'conv2d_1' is absent, \[32\] was expected/,
    ],
    [
      'a weight too many',
      () => changed(1, (weights) => void weights.set('scale', kerasWeight('a', 'scale', [32]))),
      /'conv2d_1' has a 'scale'/,
    ],
    [
      'not a number',
      () =>
        changed(
          2,
          (weights) =>
            void weights.set('beta', {
              dtype: 'float32',
              dims: [32],
              data: new Float32Array(32).fill(Number.NaN),
            }),
        ),
      /'batch_normalization_2\.bias' holds values/,
    ],
  ];
  it.each(cases)('%s', (_, weights, message) => {
    expect(() => load(weights())).toThrow(WeightsError);
    expect(() => load(weights())).toThrow(message);
  });

  it('OpenL3 refuses EdgeL3’s file', () => {
    const large = openl3({ classes: 2 });
    expect(() => loadKerasWeights(large, specsOf(large, [1, 1, ...large.picture!]), whole)).toThrow(
      /The weights file does not fit openl3/,
    );
  });
});
