/**
 * @file OpenL3, EdgeL3-SEA and YAMNet beside PyTorch's float64 computation of the same layers
 * (tools/fixtures/openl3.py). EARSHOT_TORCH=1 also runs that script for whole HDF5 files written by h5py.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { bytesOf, float32, Random, type Tensor } from '../../src/core/index.ts';
import {
  edgel3,
  initializeParameters,
  loadKerasWeights,
  loraNetwork,
  type Network,
  openl3,
  openl3EmbeddingSizes,
  openl3InputReprs,
  openl3Picture,
  yamnet,
} from '../../src/networks/index.ts';
import { decodeModel, encodeModel } from '../../src/onnx/index.ts';
import { decodeKerasWeights, type KerasWeights, readKerasWeights } from '../../src/weights/index.ts';
import { runModel } from '../support/runModel.ts';
import { hashed } from './hashedTensors.ts';
import {
  expectedRows,
  hashedPicture,
  kerasFile,
  kerasWeights,
  type LayerTable,
  layerTables,
} from './kerasFiles.ts';
import { infer, relativeDifference, specsOf, train } from './runNetwork.ts';

const inputOf = (network: Network) => [1, 1, ...network.picture!];

/** Values for all parameters: the file's, and for a new head random ones. */
function valuesOf(network: Network, keras: KerasWeights): Map<string, Tensor<'float32'>> {
  const specs = specsOf(network, inputOf(network));
  const loaded = loadKerasWeights(network, specs, keras, { source: 'w.h5' });
  expect(loaded.missing).toEqual([]);
  return new Map([...initializeParameters(specs, new Random(1)), ...loaded.values]);
}

/** Compares bytes: millions of numbers one by one would take the matcher a minute. */
function expectSame(got: Tensor, expected: Tensor, name: string): void {
  expect(got.dims, name).toEqual(expected.dims);
  expect(Buffer.compare(bytesOf(got), bytesOf(expected)), name).toBe(0);
}

/** A later session's numbers. */
const renumber = (name: string) => name.replace(/_(\d+)$/, (_, n: string) => `_${Number(n) + 14}`);

async function embeddingOf(network: Network, values: Map<string, Tensor<'float32'>>, x: Tensor) {
  const { embedding, logits } = await infer(network, values, x, ['N', ...x.dims.slice(1)]);
  return { embedding: embedding!.data as Float32Array, logits: logits!.data as Float32Array };
}

describe('OpenL3 beside PyTorch', () => {
  const keras = kerasWeights(layerTables.openl3);
  for (const inputRepr of openl3InputReprs) {
    for (const embeddingSize of openl3EmbeddingSizes) {
      it(`${inputRepr}, ${embeddingSize}: the embedding within 1e-4, in Keras's order`, {
        timeout: 60_000,
      }, async () => {
        const network = openl3({ classes: 3, inputRepr, embeddingSize });
        const x = hashedPicture(`picture ${inputRepr}`, ...openl3Picture(inputRepr));
        const { embedding } = await embeddingOf(network, valuesOf(network, keras), x);
        const expected = expectedRows(`openl3-${inputRepr}-${embeddingSize}`);
        expect(expected).toHaveLength(2 * embeddingSize);
        expect(relativeDifference(embedding, expected)).toBeLessThan(1e-4);
        // Embeddings that hardly vary would fit in any order.
        expect(Math.max(...expected) - Math.min(...expected)).toBeGreaterThan(0.5);
      });
    }
  }

  it('reads a whole file of other layer numbers, in gzip too', { timeout: 60_000 }, async () => {
    const bytes = await kerasFile(layerTables.openl3, renumber);
    const network = openl3({ classes: 3, inputRepr: 'mel128', embeddingSize: 512 });
    const expected = valuesOf(network, keras);
    for (const data of [bytes, gzipSync(bytes, { level: 1 })]) {
      const values = valuesOf(network, await decodeKerasWeights(data));
      for (const [name, value] of expected) expectSame(values.get(name)!, value, name);
    }
  });

  it('trains: a pass with frozen statistics is the pass of inference', { timeout: 60_000 }, async () => {
    const network = openl3({ classes: 3, inputRepr: 'mel128', embeddingSize: 512 });
    const x = hashedPicture('picture mel128', 128, 199);
    const { embedding, statistics } = await train(network, valuesOf(network, keras), x, {
      frozenStatistics: true,
    });
    expect(statistics.size).toBe(0);
    const expected = expectedRows('openl3-mel128-512');
    expect(relativeDifference(embedding.data as Float32Array, expected)).toBeLessThan(1e-4);
  });

  it('refuses what there is not', () => {
    expect(() => openl3({ classes: 0 })).toThrow(/classes, got 0/);
    expect(() => openl3({ classes: 2, inputRepr: 'mel64' as 'mel128' })).toThrow(
      /no input representation 'mel64'/,
    );
    expect(() => openl3({ classes: 2, embeddingSize: 1024 as 512 })).toThrow(/512 or 6144 numbers, not 1024/);
    expect(() => specsOf(openl3({ classes: 2 }), [1, 1, 128, 199])).toThrow(
      /openl3 \(mel256\) takes pictures of \[N, 1, 256, 199\], got \[1, 1, 128, 199\]/,
    );
  });
});

describe('its relatives beside PyTorch', () => {
  it('EdgeL3-SEA', async () => {
    const network = edgel3({ classes: 3 });
    const x = hashedPicture('picture edgel3', 64, 50);
    const { embedding } = await embeddingOf(network, valuesOf(network, kerasWeights(layerTables.edgel3)), x);
    expect(relativeDifference(embedding, expectedRows('edgel3'))).toBeLessThan(1e-4);
  });

  it('with adapters beside a wide convolution, as with their merged weights', async () => {
    const network = edgel3({ classes: 3 });
    const adapted = loraNetwork(network, { rank: 2, alpha: 4, targets: ['conv2d_6.weight'] }, [1, 1, 64, 50]);
    const base = valuesOf(network, kerasWeights(layerTables.edgel3));
    const specs = specsOf(adapted, inputOf(network));
    const added = specs.filter(({ name }) => name.includes('lora'));
    expect(added).toHaveLength(2);
    const values = new Map([
      ...base,
      ...added.map(({ name, shape }) => [name, hashed(name, shape)] as const),
    ]);
    const x = hashedPicture('picture edgel3', 64, 50);
    const { embedding } = await embeddingOf(adapted, values, x);
    const merged = await embeddingOf(network, adapted.merge(values), x);
    expect(relativeDifference(merged.embedding, [...embedding])).toBeLessThan(1e-4);
    // The adapters do something.
    expect(relativeDifference(merged.embedding, expectedRows('edgel3'))).toBeGreaterThan(0.01);
  });

  it('YAMNet, its scores too where the classes are AudioSet’s', async () => {
    const network = yamnet({ classes: 521 });
    const x = hashedPicture('picture yamnet', 64, 96, 20);
    const values = valuesOf(network, kerasWeights(layerTables.yamnet));
    const { embedding, logits } = await embeddingOf(network, values, x);
    expect(relativeDifference(embedding, expectedRows('yamnet'))).toBeLessThan(1e-4);
    expect(relativeDifference(logits, expectedRows('yamnet-logits'))).toBeLessThan(1e-4);
  });
});

const python = process.env['PYTHON'] ?? '/usr/bin/python3';
const asked = process.env['EARSHOT_TORCH'] === '1';
const present = asked && spawnSync(python, ['-c', 'import torch, h5py']).status === 0;
const why = asked ? `${python} has no torch and h5py` : 'set EARSHOT_TORCH=1 to run it';
const folder = present ? mkdtempSync(join(tmpdir(), 'earshot-openl3-')) : '';
if (present) {
  const script = fileURLToPath(new URL('../../tools/fixtures/openl3.py', import.meta.url));
  const { status, stderr } = spawnSync(python, [script, '--full', folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${script} failed: ${stderr}`);
}
afterAll(() => {
  if (present) rmSync(folder, { recursive: true, force: true });
});

describe.skipIf(!present)(`whole files by h5py${present ? '' : ` (skipped: ${why})`}`, () => {
  const cases: [file: string, network: Network, table: LayerTable, unused: string[]][] = [
    ['openl3_audio_mel256_music.h5', openl3({ classes: 3 }), layerTables.openl3, []],
    ['openl3_audio_env.h5.gz', openl3({ classes: 3, inputRepr: 'linear' }), layerTables.openl3, []],
    ['edgel3.h5', edgel3({ classes: 3 }), layerTables.edgel3, ['melspectrogram_1']],
    ['yamnet.h5', yamnet({ classes: 521 }), layerTables.yamnet, []],
  ];
  it.each(cases)('%s', { timeout: 60_000 }, async (file, network, table, unused) => {
    const keras = await readKerasWeights(join(folder, file));
    const loaded = loadKerasWeights(network, specsOf(network, inputOf(network)), keras);
    expect(loaded.unexpected).toEqual(unused);
    const expected = loadKerasWeights(network, specsOf(network, inputOf(network)), kerasWeights(table));
    expect([...loaded.values.keys()]).toEqual([...expected.values.keys()]);
    for (const [name, value] of loaded.values) expectSame(value, expected.values.get(name)!, name);
  });
});

const real = fileURLToPath(new URL('../../../shared/models/edgel3-sea-64/', import.meta.url));
const realFile = join(real, 'edgel3_sea_ust_audio_emb_64.h5.gz');

describe.skipIf(!existsSync(realFile))(
  `a published file${existsSync(realFile) ? '' : ` (skipped: ${realFile} is not there)`}`,
  () => {
    it('EdgeL3-SEA’s is read whole, but for its front end', async () => {
      const network = edgel3({ classes: 10 });
      const keras = await readKerasWeights(realFile);
      const loaded = loadKerasWeights(network, specsOf(network, inputOf(network)), keras, { source: 'sea' });
      expect(loaded.unexpected).toEqual(['melspectrogram_1']);
      expect(loaded.loaded).toHaveLength(52);
      expect(loaded.description).toBe(
        'Weights from sea: last layer new; layers of the file unused: melspectrogram_1.',
      );
      // Variances of a trained network are positive, and its kernels no longer as they were drawn.
      expect(loaded.values.get('batch_normalization_9.running_var')!.data.every((v) => v > 0)).toBe(true);
    });
  },
);

const yamnetFolder = fileURLToPath(new URL('../../../shared/models/yamnet/', import.meta.url));
const yamnetFile = join(yamnetFolder, 'yamnet.onnx');

describe.skipIf(!existsSync(yamnetFile))(
  `YAMNet with real weights${existsSync(yamnetFile) ? '' : ` (skipped: ${yamnetFile} is not there)`}`,
  () => {
    it('scores real speech as the ONNX model does', async () => {
      const model = decodeModel(readFileSync(yamnetFile));
      const { initializers } = model.graph;
      const network = yamnet({ classes: 521 });
      // In that model normalisations are part of the convolutions: here they only add its biases.
      const values = new Map(
        specsOf(network, inputOf(network)).map(({ name, shape }) => {
          const kernel = name.replace('_conv.weight', '.weight').replace('fc.', 'classifier.');
          const bias = name.replace(/(_conv|(?<=layer1\.conv))\.bn\.bias$/, '.bias');
          const held = initializers.get(kernel) ?? initializers.get(bias);
          if (held !== undefined) return [name, held as Tensor<'float32'>];
          const one = name.endsWith('running_var') ? 1 - 1e-4 : 1;
          return [name, float32(shape, new Float32Array(shape[0]).fill(name.endsWith('mean') ? 0 : one))];
        }),
      );
      const spectra = readFileSync(join(yamnetFolder, 'yamnet_test_spectra.bin'));
      const frames = float32(
        [1, 1, 96, 64],
        Float32Array.from({ length: 96 * 64 }, (_, i) => spectra.readFloatLE(4 * i)),
      );
      const turned = float32(
        [1, 1, 64, 96],
        Float32Array.from({ length: 96 * 64 }, (_, i) => frames.data[(i % 96) * 64 + Math.floor(i / 96)]),
      );
      const { embedding, logits } = await embeddingOf(network, values, turned);
      const scores = logits.map((v) => 1 / (1 + Math.exp(-v)));
      expect(scores[0]).toBeGreaterThan(0.9);
      // It was quantised, and so holds its activations below 6, where the published one does not.
      const unlimited = new Map(initializers).set(
        'relu6_max',
        float32(initializers.get('relu6_max')!.dims, [1e9]),
      );
      const graph = { ...model.graph, initializers: unlimited };
      const expected = await runModel(encodeModel({ ...model, graph }), { log_mel: frames });
      for (const [name, got] of Object.entries({ embedding, scores }))
        expect(relativeDifference(got, [...(expected[name].data as Float32Array)]), name).toBeLessThan(1e-4);
    });
  },
);
