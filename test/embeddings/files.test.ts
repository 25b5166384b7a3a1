import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { ParameterError } from '../../src/core/index.ts';
import {
  decodeNpy,
  decodeNpz,
  type EmbeddingFile,
  embeddingFileSource,
  embeddingFormats,
  encodeEmbeddingFile,
  encodeNpy,
  encodeNpz,
} from '../../src/embeddings/index.ts';

const fixtures = join(import.meta.dirname, '../fixtures/embeddings');
const values = JSON.parse(readFileSync(join(fixtures, 'values.json'), 'utf8'));
const python = '/usr/bin/python3';

const file: EmbeddingFile = {
  file: 'night/a "b" é.wav',
  size: 3,
  embedding: Float32Array.of(1, -2.5, 3, 4, 5e-20, 6),
  timestamps: Float64Array.of(0, 0.1),
  source: 'abc123',
};

describe('NumPy files', () => {
  it.each(['savez.npz', 'savez_compressed.npz'])('of numpy itself are read: %s', (name) => {
    const { arrays } = decodeNpz(readFileSync(join(fixtures, name)));
    expect([...arrays.keys()]).toEqual(['embedding', 'timestamps']);
    expect(arrays.get('embedding')!.shape).toEqual([7, 5]);
    expect(arrays.get('embedding')!.data).toEqual(Float32Array.from(values.rows.flat()));
    expect([...arrays.get('timestamps')!.data]).toEqual(Array.from({ length: 7 }, (_, i) => i * 0.1));
  });

  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.float32Array(), fc.float64Array(), fc.string({ unit: 'grapheme' }), (a, b, comment) => {
        const arrays = new Map([
          ['a', { shape: [a.length, 1], data: a }],
          ['b', { shape: [b.length], data: b }],
        ]);
        expect(decodeNpz(encodeNpz({ arrays, comment }))).toEqual({ arrays, comment });
      }),
    );
  });

  it('that are damaged or something else are refused, never read wrongly', () => {
    const bytes = encodeNpz({
      arrays: new Map([['a', { shape: [300], data: new Float32Array(300) }]]),
      comment: 'c',
    });
    for (let length = 0; length < bytes.length; length += 7)
      expect(() => decodeNpz(bytes.subarray(0, length))).toThrow(ParameterError);
    const flipped = bytes.slice();
    flipped[500]! ^= 1;
    expect(() => decodeNpz(flipped)).toThrow('checksum');
    const npy = encodeNpy({ shape: [2], data: Float64Array.of(1, 2) });
    expect(() => decodeNpy(npy.subarray(0, 140))).toThrow('cut short');
    const text = Buffer.from(npy).toString('latin1').replace('<f8', '<i8');
    expect(() => decodeNpy(Buffer.from(text, 'latin1'))).toThrow('<i8');
    expect(() => encodeNpy({ shape: [3], data: Float64Array.of(1, 2) })).toThrow(ParameterError);
  });

  it.skipIf(!existsSync(python))('are read by numpy as the openl3 package writes them', async () => {
    const path = join(await mkdtemp(join(tmpdir(), 'earshot-npz-')), 'a.npz');
    await writeFile(path, encodeEmbeddingFile(file, 'npz'));
    const code = `import json, sys, numpy as np
z = np.load(sys.argv[1])
print(json.dumps([z.files, [[str(z[k].dtype), z[k].shape, z[k].tolist()] for k in z.files]]))`;
    const { stdout } = await promisify(execFile)(python, ['-c', code, path]);
    expect(JSON.parse(stdout)).toEqual([
      ['embedding', 'timestamps'],
      [
        ['float32', [2, 3], [[1, -2.5, 3], [4, 5, 6].map((_, i) => file.embedding[3 + i])]],
        ['float64', [2], [0, 0.1]],
      ],
    ]);
  });
});

describe('files of embeddings', () => {
  it.each(embeddingFormats)('in %s say what they were made from, whole files only', async (format) => {
    const bytes = encodeEmbeddingFile(file, format);
    expect(encodeEmbeddingFile(file, format)).toEqual(bytes);
    expect(await embeddingFileSource(bytes, format)).toBe('abc123');
    // As Node reads them: a view of a larger buffer.
    const shifted = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
    expect(await embeddingFileSource(shifted, format)).toBe('abc123');
    for (const length of [0, 1, bytes.length >> 1, bytes.length - 5])
      expect(await embeddingFileSource(bytes.subarray(0, length), format)).toBeNull();
    expect(await embeddingFileSource(Buffer.from('{"file": 1}'), format)).toBeNull();
  });

  it('in Parquet have a row per window, in JSON a list', async () => {
    const { buffer } = Uint8Array.from(encodeEmbeddingFile(file, 'parquet'));
    const expected = [
      { file: file.file, timestamp: 0, embedding: [1, -2.5, 3] },
      { file: file.file, timestamp: 0.1, embedding: [4, file.embedding[4], 6] },
    ];
    const rows = await parquetReadObjects({ file: buffer });
    expect(rows.map((row) => ({ ...row, embedding: [...row['embedding']] }))).toEqual(expected);
    const json = JSON.parse(Buffer.from(encodeEmbeddingFile(file, 'json')).toString());
    expect(json).toEqual({
      source: 'abc123',
      file: file.file,
      timestamps: [0, 0.1],
      embedding: expected.map(({ embedding }) => embedding),
    });
  });
});
