import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { crc32, ParameterError, Random } from '../../src/core/index.ts';
import {
  decodeNpy,
  decodeNpz,
  type EmbeddingFile,
  embeddingFileState,
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
    flipped[500] ^= 1;
    expect(() => decodeNpz(flipped)).toThrow('checksum');
    const npy = encodeNpy({ shape: [2], data: Float64Array.of(1, 2) });
    expect(() => decodeNpy(npy.subarray(0, 140))).toThrow('cut short');
    const text = Buffer.from(npy).toString('latin1').replace('<f8', '<i8');
    expect(() => decodeNpy(Buffer.from(text, 'latin1'))).toThrow('<i8');
    expect(() => encodeNpy({ shape: [3], data: Float64Array.of(1, 2) })).toThrow(ParameterError);
  });

  const header = (text: string) => {
    const npy = Buffer.from(encodeNpy({ shape: [12], data: new Float32Array(12) }));
    npy.fill(' ', 10, 127);
    npy.write(`{'descr': '<f4', 'fortran_order': False, 'shape': ${text}, }`, 10, 'latin1');
    return npy;
  };
  it.each([
    '(0.54)',
    '(3,-1)',
    '(-4,-3)',
    '(nan,)',
    '(1e1,)',
    '(0x2,)',
    '(,)',
    '(3, , 4)',
    `(${'1,'.repeat(90)})`,
  ])('whose shape is %s are refused', (shape) => {
    expect(() => decodeNpy(header(shape), 'a.npy')).toThrow(ParameterError);
    expect(() => decodeNpy(header(shape), 'a.npy')).toThrow(/a\.npy is (damaged|not read)/);
  });
  it('of no dimension hold one number', () => {
    expect(decodeNpy(header('()'))).toMatchObject({ shape: [], data: Float32Array.of(0) });
    expect(decodeNpy(header('(3, 4)')).shape).toEqual([3, 4]);
  });
  it('that claim more than the file holds are refused before memory is taken', () => {
    expect(() => decodeNpy(header('(999999999999999, 999999999999999)'))).toThrow('is cut short');
  });

  /** An archive of one compressed entry that claims `size` bytes. */
  const zip = (content: Uint8Array, size: number, packed: Uint8Array = deflateRawSync(content)) => {
    const made = Buffer.from(
      encodeNpz({ arrays: new Map([['a', { shape: [1], data: Float32Array.of(1) }]]), comment: '' }),
    );
    const contents = made.readUInt32LE(made.length - 6);
    const entry = Buffer.from(made.subarray(contents));
    entry.writeUInt16LE(8, 10);
    entry.writeUInt32LE(crc32(content), 16);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(size, 24);
    entry.writeUInt32LE(35 + packed.length, entry.length - 6);
    return Buffer.concat([made.subarray(0, 35), packed, entry]);
  };
  it('in archives that grow beyond the limit are refused before they have grown', () => {
    const zeros = Buffer.alloc(2 ** 20);
    const npy = Buffer.concat([encodeNpy({ shape: [1], data: Float32Array.of(1) }), zeros]);
    expect(decodeNpz(zip(npy, npy.length)).arrays.get('a')!.data).toEqual(Float32Array.of(1));
    expect(() => decodeNpz(zip(npy, npy.length), { maxBytes: 2 ** 19 })).toThrow(
      'would grow to more than 524288 bytes',
    );
    // 256 MiB of zeros in 261 kB, which NumPy would write too.
    const claimed = zip(npy, 2 ** 28);
    expect(() => decodeNpz(claimed)).toThrow('would grow to more than');
    // Less is claimed than comes out, or more, or nothing comes out at all.
    expect(() => decodeNpz(zip(npy, 500))).toThrow(ParameterError);
    expect(() => decodeNpz(zip(npy, npy.length + 1))).toThrow(ParameterError);
    expect(() => decodeNpz(zip(npy, npy.length, deflateRawSync(npy).subarray(0, 60)))).toThrow(
      ParameterError,
    );
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
  it.each(embeddingFormats)('in %s say what they were made from, whole files only', (format) => {
    const bytes = encodeEmbeddingFile(file, format);
    expect(encodeEmbeddingFile(file, format)).toEqual(bytes);
    const whole = { state: 'whole', source: 'abc123' };
    expect(embeddingFileState(bytes, format)).toEqual(whole);
    // As Node reads them: a view of a larger buffer.
    const shifted = Buffer.concat([Buffer.alloc(3), bytes]).subarray(3);
    expect(embeddingFileState(shifted, format)).toEqual(whole);
    for (const length of [bytes.length >> 1, bytes.length - 5])
      expect(embeddingFileState(bytes.subarray(0, length), format).state).toBe('damaged');
    for (const length of [0, 1])
      expect(embeddingFileState(bytes.subarray(0, length), format).state).toBe('foreign');
    expect(embeddingFileState(Buffer.from('{"file": 1}'), format).state).toBe('foreign');
  });

  it.each(embeddingFormats)('in %s name digests of any length', (format) => {
    for (const length of [1, 127, 128, 129, 300]) {
      const source = 'ab:0'.repeat(75).slice(0, length);
      const bytes = encodeEmbeddingFile({ ...file, source }, format);
      expect(embeddingFileState(bytes, format)).toEqual({ state: 'whole', source });
    }
  });

  it.each(embeddingFormats)(
    'in %s with any one byte changed are never taken for whole ones of the same source',
    (format) => {
      const bytes = encodeEmbeddingFile(file, format);
      const random = new Random(5);
      let unnoticed = 0;
      for (let at = 0; at < bytes.length; at++) {
        const changed = bytes.slice();
        changed[at] ^= 1 + Math.floor(random.uniform(0, 255));
        const found = embeddingFileState(changed, format);
        if (found.state === 'whole' && found.source === 'abc123') unnoticed++;
      }
      expect(unnoticed).toBe(0);
    },
  );

  it('in Parquet whose parser would never end are known as damaged at once', () => {
    const bytes = readFileSync(join(fixtures, '../crashers/embedding-parquet/parquet-4996.parquet'));
    expect(embeddingFileState(bytes, 'parquet').state).toBe('damaged');
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
      crc32: json.crc32,
      file: file.file,
      timestamps: [0, 0.1],
      embedding: expected.map(({ embedding }) => embedding),
    });
  });
});
