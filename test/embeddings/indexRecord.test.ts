/** @file What `index.json` may say. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DatasetError } from '../../src/core/index.ts';
import { readIndexInfo } from '../../src/embeddings/index.ts';

const hash = 'ab'.repeat(32);
const clip = (id: string, firstRow: number) => ({
  ...{ id, path: `/a/${id}`, label: 'low', fold: null, group: id, hash, seconds: 1, silent: false },
  ...{ firstRow, times: [0, 0.5], levels: [0.1, 0.2] },
});
const info = {
  format: 1,
  embedder: {
    ...{ network: 'yamnet', settings: {}, embedding: 'e', size: 3, sampleRate: 16000 },
    frontEnd: { kind: 'yamnet', version: 1, sampleRate: 16000, nMels: 64 },
    windowing: { samples: 800, hopSamples: 400, hopSeconds: 0.025, leading: 0, end: 'zeros', pad: 'zero' },
    weights: { description: 'd', sha256: hash },
  },
  ...{ embedderKey: 'k', pooling: null, rows: 4, size: 3 },
  dataset: { name: 'd', root: '/a', fingerprint: 'f', synthetic: false },
  embeddings: { file: 'embeddings-abababababab.npy', sha256: hash },
  network: {
    file: 'network-abababababab.onnx',
    sha256: hash,
    input: 'x',
    inputDims: [1, 64, 96],
    output: 'e',
  },
  ...{ clips: [clip('a', 0), clip('b', 2)], failures: [], versions: { earshot: '0.1.0' } },
};
const read = (change: object) => {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-index-'));
  writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...info, ...change }));
  return readIndexInfo(folder);
};

describe('an index', () => {
  it('is read as it was written; where there is none, there is none', async () => {
    expect(await read({})).toEqual(info);
    expect(await readIndexInfo(mkdtempSync(join(tmpdir(), 'earshot-index-')))).toBeNull();
  });

  it('of another format is told apart from a damaged one', async () => {
    await expect(read({ format: 2 })).rejects.toThrow(/of format 2; this version of Earshot reads 1/);
    await expect(read({ format: null })).rejects.toThrow(/is not an index of embeddings: format/);
  });

  it.each<[string, object, RegExp]>([
    ['without an embedder', { embedder: undefined }, /embedder/],
    [
      'that reads another folder’s numbers',
      { embeddings: { file: '../../secret.npy', sha256: hash } },
      /embeddings\.file: no file of an index/,
    ],
    [
      'that reads another folder’s network',
      { network: { ...info.network, file: '/etc/x.onnx' } },
      /network\.file/,
    ],
    ['whose rows do not fit its clips', { rows: 5 }, /do not fill the matrix/],
    ['whose clips overlap', { clips: [clip('a', 0), clip('b', 1)] }, /do not fill the matrix/],
    ['without clips', { clips: null }, /clips/],
    [
      'with windows a sample of nothing apart',
      { embedder: { ...info.embedder, windowing: { ...info.embedder.windowing, hopSamples: 0 } } },
      /embedder\.windowing\.hopSamples/,
    ],
  ])('%s is refused', async (_, change, message) => {
    await expect(read(change)).rejects.toThrow(DatasetError);
    await expect(read(change)).rejects.toThrow(message);
  });
});
