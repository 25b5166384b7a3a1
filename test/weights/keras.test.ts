/** @file Keras's HDF5 files, written by h5py in each of Keras's forms (tools/fixtures/openl3.py), and damaged ones. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Random, WeightsError } from '../../src/core/index.ts';
import { decodeKerasWeights, type KerasWeights, readKerasWeights } from '../../src/weights/index.ts';
import { kerasWeight } from '../networks/kerasFiles.ts';

const pathOf = (name: string) => fileURLToPath(new URL(`../fixtures/keras/${name}`, import.meta.url));
const file = (name: string) => new Uint8Array(readFileSync(pathOf(name)));

const table: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
  conv2d_7: { kernel: [3, 3, 1, 2], bias: [2] },
  batch_normalization: { gamma: [2], beta: [2], moving_mean: [2], moving_variance: [2] },
  dense: { kernel: [2, 3], bias: [3] },
};

function expectTable(weights: KerasWeights): void {
  expect(weights.layers.map((layer) => layer.name)).toEqual(Object.keys(table));
  for (const { name, weights: held } of weights.layers) {
    expect([...held.keys()].sort()).toEqual(Object.keys(table[name]).sort());
    for (const [kind, tensor] of held) {
      const expected = kerasWeight(name, kind, table[name][kind]);
      expect(tensor.dims).toEqual(expected.dims);
      expect(Array.from(tensor.data), `${name}/${kind}`).toEqual(Array.from(expected.data));
    }
  }
}

describe('what Keras writes', () => {
  it.each([
    ['save_weights.h5', 'groups at the root, names of fixed length'],
    ['save.h5', 'groups below model_weights, names of any length'],
    ['compressed.h5', 'the newest file format, compressed chunks, big-endian float64'],
    ['divided.h5', 'a list of layers in two attributes'],
    ['nested.h5', 'a model as a layer, names without a number'],
    ['counter.h5', 'a counter among the weights'],
  ])('%s: %s', async (name) => {
    expectTable(await decodeKerasWeights(file(name)));
    expectTable(await decodeKerasWeights(gzipSync(file(name))));
    expectTable(await readKerasWeights(pathOf(name)));
  });

  it('tells the version of Keras, where the file does', async () => {
    expect((await decodeKerasWeights(file('save.h5'))).kerasVersion).toBe('2.2.4-tf');
    expect((await decodeKerasWeights(file('nested.h5'))).kerasVersion).toBeNull();
  });
});

describe('what is refused', () => {
  const text = (words: string) => new TextEncoder().encode(words);
  const zipped = gzipSync(file('save_weights.h5'));
  const cases: [what: string, bytes: Uint8Array, message: RegExp][] = [
    ['nothing', new Uint8Array(0), /w is empty/],
    ['a web page', text('\n<!DOCTYPE html><title>404</title>'), /w is a web page/],
    ['a .keras archive', text('PK\u0003\u0004rest'), /w is a zip archive/],
    ['something else', text('weights'), /w is no HDF5 file/],
    ['HDF5 without weights', file('data.h5'), /holds no weights of Keras.*It holds measurements\./],
    ['the new form of Keras 3', file('keras3.weights.h5'), /w is a Keras 3 file of the form \.weights\.h5/],
    ['half-precision numbers', file('half.h5'), /'.*kernel:0' holds floating-point numbers of 16 bits/],
    ['a weight that is not there', file('lacking.h5'), /'dense' names a weight 'dense\/bias:0'/],
    ['four terabytes claimed', file('claims.h5'), /claims more weights.*\[1048576, 1048576\]/],
    ['half a file', file('save.h5').subarray(0, 9000), /w is a damaged HDF5 file: truncated file/],
    ['a gzip file cut off', zipped.subarray(0, 2000), /w is a damaged or incomplete gzip file/],
    ['a gzip file with a flipped bit', flipped(zipped, 1200), /w is a damaged or incomplete gzip file/],
  ];
  it.each(cases)('%s', async (_, bytes, message) => {
    const decoded = decodeKerasWeights(bytes, { source: 'w' });
    await expect(decoded).rejects.toThrow(WeightsError);
    await expect(decoded).rejects.toThrow(message);
  });

  it('a gzip bomb, before it has grown', async () => {
    const bomb = gzipSync(new Uint8Array(1 << 27), { level: 9 });
    expect(bomb.length).toBeLessThan(200_000);
    const before = process.memoryUsage().rss;
    await expect(decodeKerasWeights(bomb, { source: 'w', maxBytes: 1 << 20 })).rejects.toThrow(
      /w grows to more than 1048576 bytes/,
    );
    expect(process.memoryUsage().rss - before).toBeLessThan(64 * 2 ** 20);
  });

  it('a file that sends the HDF5 library round for ever, in time, and the reader goes on', async () => {
    const hanging = file('divided.h5');
    hanging[2128] = 0x26;
    const path = join(mkdtempSync(join(tmpdir(), 'earshot-hdf5-')), 'hang.h5');
    writeFileSync(path, hanging);
    const read = readKerasWeights(path, { maxSeconds: 0.5 });
    await expect(read).rejects.toThrow(WeightsError);
    await expect(read).rejects.toThrow(
      /hang\.h5 is a damaged HDF5 file: the HDF5 library was not done with it after 0\.5 s/,
    );
    expectTable(await readKerasWeights(pathOf('divided.h5')));
  });

  it('what grows more in gzip than weights ever do', async () => {
    const bomb = gzipSync(new Uint8Array(2 ** 25), { level: 9 });
    await expect(decodeKerasWeights(bomb, { source: 'w' })).rejects.toThrow(
      /w grows to more than 1729\d{4} bytes/,
    );
  });

  it('a file larger than is accepted, unread', async () => {
    await expect(readKerasWeights(pathOf('save.h5'), { maxBytes: 1000 })).rejects.toThrow(
      /has 20000 bytes, more than the 1000 accepted/,
    );
    await expect(readKerasWeights(pathOf('absent.h5'))).rejects.toThrow(WeightsError);
  });
});

it('hundreds of damaged files give weights or a WeightsError, and leave the reader sound', async () => {
  const random = new Random(4);
  const whole = ['save_weights.h5', 'save.h5', 'compressed.h5', 'nested.h5'].map(file);
  let refused = 0;
  for (let i = 0; i < 600; i++) {
    const bytes = whole[i % whole.length].slice();
    const at = Math.floor(random.uniform(0, bytes.length));
    const length = 1 + Math.floor(random.uniform(0, i % 3 === 0 ? 200 : 8));
    for (let k = at; k < Math.min(at + length, bytes.length); k++)
      bytes[k] = Math.floor(random.uniform(0, 256));
    try {
      await decodeKerasWeights(i % 5 === 0 ? bytes.subarray(0, at) : bytes, { source: 'w' });
    } catch (error) {
      expect(error).toBeInstanceOf(WeightsError);
      expect((error as Error).message).toMatch(/^w\b.*\.$/s);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(100);
  expectTable(await decodeKerasWeights(file('save.h5')));
});

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] ^= 4;
  return copy;
}
