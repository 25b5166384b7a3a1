import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type Approach,
  approachByName,
  readWeights,
  requireRunWeights,
  resolveConfig,
  startingValues,
  weightsFile,
} from '../../src/approaches/index.ts';
import { bytesOf, float32, WeightsError } from '../../src/core/index.ts';
import { edgel3, inferenceContext, loadKerasWeights, openl3, resnet } from '../../src/networks/index.ts';
import { encodeModel, GraphBuilder } from '../../src/onnx/index.ts';
import { writeSafetensors } from '../../src/weights/index.ts';
import { kerasFile, kerasWeights, layerTables } from '../networks/kerasFiles.ts';
import { specsOf } from '../networks/runNetwork.ts';

const network = edgel3({ classes: 4 });
const specs = specsOf(network, [1, 1, ...network.picture!]);
const published = loadKerasWeights(network, specs, kerasWeights(layerTables.edgel3)).values;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'earshot-weights-'));
  vi.stubEnv('EARSHOT_MODELS', join(folder, 'models'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

const fetched = (name: string, bytes: Uint8Array) => {
  mkdirSync(join(folder, 'models'), { recursive: true });
  writeFileSync(join(folder, 'models', name), bytes);
};

describe('which file a network starts from', () => {
  it('a network that means nothing without weights is refused without them, with the ways out', async () => {
    for (const name of ['openl3', 'edgel3', 'yamnet']) {
      const refused = weightsFile(name, { weights: null });
      await expect(refused).rejects.toThrow(WeightsError);
      await expect(refused).rejects.toThrow(`${name} means nothing without its weights`);
    }
    const error = await weightsFile('openl3', { weights: null, published: 'openl3-mel128-env-512' }).catch(
      (e) => e,
    );
    expect(error.message).toBe(
      'openl3 means nothing without its weights, and none were given or fetched (openl3-mel128-env-512).',
    );
    expect(error.hint).toContain('earshot models pull openl3-mel128-env-512');
    expect(error.hint).toContain('--weights random');
  });

  it('random weights when asked for by that word; others start so by themselves', async () => {
    expect(await weightsFile('openl3', { weights: 'random' })).toBeNull();
    expect(await weightsFile('resnet18', { weights: null })).toBeNull();
    expect(await weightsFile('yamnet-of-another-kind', { weights: null })).toBeNull();
  });

  it('a file, or fetched weights by name, or those of the settings', async () => {
    const mine = join(folder, 'mine.h5');
    writeFileSync(mine, new Uint8Array(1));
    expect(await weightsFile('openl3', { weights: mine })).toBe(mine);
    const absent = weightsFile('openl3', { weights: 'openl3-linear-env-512' });
    await expect(absent).rejects.toThrow(/openl3-linear-env-512 were not fetched/);
    fetched('openl3_audio_linear_env-v0_4_0.h5.gz', new Uint8Array(1));
    const place = join(folder, 'models', 'openl3_audio_linear_env-v0_4_0.h5.gz');
    expect(await weightsFile('openl3', { weights: 'openl3-linear-env-512' })).toBe(place);
    expect(await weightsFile('openl3', { weights: null, published: 'openl3-linear-env-6144' })).toBe(place);
    expect(await weightsFile('openl3', { weights: mine, published: 'openl3-linear-env-6144' })).toBe(mine);
  });
});

describe('reading it', () => {
  const expectPublished = async (path: string, partOf = published) => {
    const { values, replaced } = await readWeights(network, specs, path);
    expect(replaced).toEqual(['fc.weight', 'fc.bias']);
    expect([...values.keys()]).toEqual([...partOf.keys()]);
    for (const [name, value] of values)
      expect(Buffer.compare(bytesOf(value), bytesOf(partOf.get(name)!)), name).toBe(0);
  };

  it('Keras’s HDF5, plain and in gzip', async () => {
    const bytes = await kerasFile(layerTables.edgel3);
    writeFileSync(join(folder, 'w.h5'), bytes);
    writeFileSync(join(folder, 'w.H5.gz'), gzipSync(bytes));
    await expectPublished(join(folder, 'w.h5'));
    await expectPublished(join(folder, 'w.H5.gz'));
    await expect(readWeights(network, specs, join(folder, 'w.h5'), { partial: true })).rejects.toThrow(
      /by order/,
    );
  });

  it('safetensors, and an ONNX model of this network, by name', async () => {
    await writeSafetensors(join(folder, 'w.safetensors'), published);
    await expectPublished(join(folder, 'w.safetensors'));
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['N', 1, ...network.picture!]);
    const { values } = await startingValues(network, specs, 1, { weights: join(folder, 'w.safetensors') });
    g.output(network.forward(inferenceContext(g, values), x).embedding, 'embedding');
    writeFileSync(join(folder, 'w.onnx'), encodeModel(g.model()));
    await expectPublished(join(folder, 'w.onnx'));
    const other = openl3({ classes: 2 });
    const wrong = readWeights(other, specsOf(other, [1, 1, ...other.picture!]), join(folder, 'w.onnx'));
    await expect(wrong).rejects.toThrow(/'conv2d_1.weight' has shape \[32, 1, 3, 3\] there/);
  });

  it('refuses OpenL3’s file of another representation by its name', async () => {
    const mel128 = openl3({ classes: 2, inputRepr: 'mel128' });
    for (const name of ['openl3_audio_mel256_music-v0_4_0.h5.gz', 'openl3_audio_linear_env.h5']) {
      const wrong = readWeights(mel128, [], join(folder, name));
      await expect(wrong).rejects.toThrow(
        /by its name, of the input representation (mel256|linear); the network is of mel128/,
      );
    }
    // One that says nothing, or the right thing, goes on to be read.
    for (const name of ['mine.h5', 'openl3_audio_mel128_env.h5'])
      await expect(readWeights(mel128, [], join(folder, name))).rejects.toThrow(/cannot be read/);
  });
});

it('starting values are random under the seed, with the file’s laid over', async () => {
  const random = await startingValues(network, specs, 7, { weights: 'random' });
  expect(random.weights).toBe('random');
  const again = await startingValues(network, specs, 7, { weights: 'random' });
  for (const name of ['conv2d_1.weight', 'fc.weight'])
    expect(again.values.get(name)).toEqual(random.values.get(name));
  fetched('edgel3_sea_ust_audio_emb_64.h5.gz', gzipSync(await kerasFile(layerTables.edgel3)));
  const { values, weights } = await startingValues(network, specs, 7, {
    weights: null,
    published: 'edgel3-sea-64',
  });
  expect(weights).toMatch(/^Weights from .*edgel3_sea_ust_audio_emb_64\.h5\.gz: last layer new\.$/);
  expect(values.get('fc.weight')).toEqual(random.values.get('fc.weight'));
  expect(values.get('conv2d_3.bias')).toEqual(published.get('conv2d_3.bias'));
});

describe('weights that do not fit are refused by names and shapes, before anything is computed', () => {
  const configFor = (weights: string) =>
    resolveConfig(approachByName('resnet18') as Approach, 1, 0, { weights, nMels: 32, pictureSize: 32 });
  const refusal = (weights: string) =>
    requireRunWeights(configFor(weights)).then(
      () => null,
      (error: unknown) => error as WeightsError,
    );
  const resnetSpecs = specsOf(resnet('resnet18', { classes: 2 }), [1, 1, 32, 32]);
  /** NaN throughout: only who reads values can tell. */
  const shapes = (change: (name: string, dims: readonly number[]) => readonly number[] | null) =>
    resnetSpecs.flatMap(({ name, shape }) => {
      const dims = change(name, shape);
      if (dims === null) return [];
      const size = dims.reduce((a, b) => a * b, 1);
      return [[name, float32(dims, new Float32Array(size).fill(Number.NaN))] as const];
    });

  it('a file that is not there, named with where to look', async () => {
    const error = await refusal(join(folder, 'absent.safetensors'));
    expect(error).toBeInstanceOf(WeightsError);
    expect(error!.message).toContain(`There is no weights file '${join(folder, 'absent.safetensors')}'`);
    expect(error!.hint).toContain('earshot models list');
    const onnx = await refusal(join(folder, 'absent.onnx'));
    expect(onnx).toBeInstanceOf(WeightsError);
  });

  it('an ONNX model of another architecture, with what it can be used for', async () => {
    const g = new GraphBuilder();
    const x = g.input('x', 'float32', ['N', 4]);
    g.output(g.op('MatMul', [x, g.initializer('dense', float32([4, 2], new Float32Array(8)))]), 'y');
    const path = join(folder, 'other.onnx');
    writeFileSync(path, encodeModel(g.model()));
    const error = await refusal(path);
    expect(error).toBeInstanceOf(WeightsError);
    expect(error!.message).toContain('does not fit resnet18');
    expect(error!.hint).toContain('--network FILE');
  });

  it('safetensors: the header decides, in one file and in several', async () => {
    const path = join(folder, 'w.safetensors');
    await writeSafetensors(
      path,
      shapes((_, dims) => dims),
    );
    expect(await refusal(path)).toBeNull();
    await writeSafetensors(
      path,
      shapes((name, dims) => (name === 'layer4.1.conv2.weight' ? null : dims)),
    );
    expect((await refusal(path))!.message).toContain('lacks 1 (layer4.1.conv2.weight)');
    await writeSafetensors(
      path,
      shapes((name, dims) => (name === 'bn1.weight' ? [32] : dims)),
    );
    expect((await refusal(path))!.message).toContain("'bn1.weight' has shape [32] there, [64] was expected");
    const index = { weight_map: Object.fromEntries(resnetSpecs.map(({ name }) => [name, 'w.safetensors'])) };
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
    expect((await refusal(folder))!.message).toContain("'bn1.weight' has shape [32] there");
  });
});
