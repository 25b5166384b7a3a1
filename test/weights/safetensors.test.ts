import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  allocate,
  bytesOf,
  type DType,
  float32,
  sizeOf,
  type Tensor,
  WeightsError,
} from '../../src/core/index.ts';
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  toFloat32,
  writeSafetensors,
} from '../../src/weights/index.ts';

const folder = new URL('../fixtures/networks/', import.meta.url);
const fixture = (name: string) => new Uint8Array(readFileSync(new URL(name, folder)));
const truth = JSON.parse(readFileSync(new URL('safetensors.json', folder), 'utf8')) as {
  types: Record<string, { shape: number[]; values: string[] }>;
  names: Record<string, string[]>;
  bfloat16: { bits: number[]; values: string[] };
};

/** Python's text of a number or boolean as a JavaScript one. */
function fromPython(text: string): number {
  const words: Record<string, number> = { inf: Infinity, '-inf': -Infinity, nan: NaN, True: 1, False: 0 };
  return words[text] ?? Number(text);
}

const plain = (t: Tensor): (number | string)[] =>
  Array.from(t.data as ArrayLike<number | bigint>, (v) => (typeof v === 'bigint' ? String(v) : v));

/** A file with any header text. */
function build(header: string, data: Uint8Array = new Uint8Array(0), claimed?: bigint): Uint8Array {
  const json = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + json.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, claimed ?? BigInt(json.length), true);
  bytes.set(json, 8);
  bytes.set(data, 8 + json.length);
  return bytes;
}

const entry = (shape: number[], begin: number, end: number, dtype = 'F32') =>
  JSON.stringify({ dtype, shape, data_offsets: [begin, end] });

describe('a file by the reference implementation', () => {
  it('decodes to the values numpy put in, every element type', () => {
    const { tensors, metadata } = decodeSafetensors(fixture('types.safetensors'));
    expect(metadata).toEqual({ format: 'np' });
    expect([...tensors.keys()].sort()).toEqual(Object.keys(truth.types).sort());
    for (const [name, { shape, values }] of Object.entries(truth.types)) {
      const t = tensors.get(name)!;
      expect(t.dims, name).toEqual(shape);
      if (t.dtype === 'int64' || t.dtype === 'uint64') expect(plain(t), name).toEqual(values);
      else if (t.dtype === 'float16') expect(plain(toFloat32(t)), name).toEqual(values.map(fromPython));
      else expect(plain(t), name).toEqual(values.map(fromPython));
    }
  });

  it('keeps names that a JavaScript object would reorder or swallow', () => {
    const { tensors } = decodeSafetensors(fixture('names.safetensors'));
    expect(tensors.size).toBe(7);
    for (const [name, values] of Object.entries(truth.names)) {
      expect(plain(tensors.get(name)!), name).toEqual(values.map(Number));
    }
    expect(plain(tensors.get('__proto__')!)).toEqual([2, 2]);
  });

  it.each(['types.safetensors', 'names.safetensors'])('is written byte for byte the same: %s', (name) => {
    const bytes = fixture(name);
    const { tensors, metadata } = decodeSafetensors(bytes);
    const shuffled = [...tensors].reverse();
    expect(Buffer.from(encodeSafetensors(shuffled, metadata)).equals(Buffer.from(bytes))).toBe(true);
  });

  it('widens bfloat16 to the float32 of the same upper bits', () => {
    const bits = Uint16Array.from(truth.bfloat16.bits);
    const data = new Uint8Array(bits.buffer);
    const bytes = build(`{"w":${entry([2, 3], 0, 12, 'BF16')}}`, data);
    const w = decodeSafetensors(bytes).tensors.get('w')!;
    expect(w.dtype).toBe('float32');
    expect(plain(w)).toEqual(truth.bfloat16.values.map(fromPython).map(Math.fround));
  });
});

describe('views and conversion', () => {
  it('does not copy aligned data, and copies data that lie askew', () => {
    const bytes = fixture('types.safetensors');
    const aligned = decodeSafetensors(bytes).tensors.get('f32')!;
    expect(aligned.data.buffer).toBe(bytes.buffer);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    const moved = decodeSafetensors(shifted.subarray(1)).tensors.get('f32')!;
    expect(moved.data.buffer).not.toBe(shifted.buffer);
    expect(plain(moved)).toEqual(plain(aligned));
  });

  it("reads Node's Buffers, which share one pool at any offset and whose slice is a view", () => {
    const bytes = fixture('types.safetensors');
    for (let offset = 0; offset < 8; offset++) {
      const pool = Buffer.alloc(bytes.length + 8);
      pool.set(bytes, offset);
      const { tensors } = decodeSafetensors(pool.subarray(offset, offset + bytes.length));
      for (const [name, t] of decodeSafetensors(bytes).tensors)
        expect(plain(tensors.get(name)!)).toEqual(plain(t));
    }
  });

  it('converts float64 by rounding, leaves float32 alone, refuses integers', () => {
    const { tensors } = decodeSafetensors(fixture('types.safetensors'));
    const f64 = tensors.get('f64')!;
    expect(plain(toFloat32(f64))).toEqual(plain(f64).map((v) => Math.fround(v as number)));
    const f32 = tensors.get('f32')!;
    expect(toFloat32(f32)).toBe(f32);
    expect(() => toFloat32(tensors.get('i32')!)).toThrow(WeightsError);
    expect(() => toFloat32(tensors.get('bool')!)).toThrow(/bool/);
  });

  it('reads only what is asked for', () => {
    const { tensors } = decodeSafetensors(fixture('types.safetensors'), { only: (n) => n.startsWith('f') });
    expect([...tensors.keys()].sort()).toEqual(['f16', 'f32', 'f64']);
  });
});

describe('round trip', () => {
  const dtypes: DType[] = [
    ...(['float32', 'float64', 'float16', 'int8', 'int16', 'int32'] as const),
    ...(['int64', 'uint8', 'uint16', 'uint32', 'uint64'] as const),
  ];
  const tensorOf = fc
    .tuple(
      fc.constantFrom(...dtypes),
      fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
      fc.integer(),
    )
    .map(([dtype, dims, seed]): Tensor => {
      const data = allocate(dtype, sizeOf(dims));
      const bytes = new Uint8Array(data.buffer);
      for (let i = 0; i < bytes.length; i++) bytes[i] = Math.imul(seed + i, 0x9e3779b1) >>> 24;
      return { dtype, dims, data };
    });

  it('gives back any tensors, bit for bit, and the bytes do not depend on the order', () => {
    const name = fc.string({ unit: 'grapheme' }).filter((n) => n !== '__metadata__');
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(name, tensorOf), { selector: ([n]) => n, maxLength: 8 }),
        fc.dictionary(fc.string(), fc.string(), { maxKeys: 4, noNullPrototype: true }),
        (list, metadata) => {
          const bytes = encodeSafetensors(list, metadata);
          expect(encodeSafetensors([...list].reverse(), metadata)).toEqual(bytes);
          const back = decodeSafetensors(bytes);
          expect({ ...back.metadata }).toEqual(metadata);
          expect(back.tensors.size).toBe(list.length);
          for (const [n, t] of list) {
            const r = back.tensors.get(n)!;
            expect(r.dtype).toBe(t.dtype);
            expect(r.dims).toEqual(t.dims);
            expect(Buffer.from(bytesOf(r)).equals(Buffer.from(bytesOf(t)))).toBe(true);
            expect(r.data.byteOffset % r.data.BYTES_PER_ELEMENT).toBe(0);
          }
        },
      ),
    );
  });

  it('refuses what it could not read back', () => {
    const one = float32([1], [1]);
    expect(() => encodeSafetensors([['__metadata__', one]])).toThrow(/reserved/);
    expect(() =>
      encodeSafetensors([
        ['a', one],
        ['a', one],
      ]),
    ).toThrow(/Two tensors/);
    expect(() => encodeSafetensors([['a', { ...one, dims: [2] }]])).toThrow(/needs 2 elements/);
    expect(() => encodeSafetensors([['a', one]], { step: 3 as unknown as string })).toThrow(/string/);
  });
});

describe('damaged files', () => {
  const four = new Uint8Array(16);
  const cases: [string, Uint8Array, RegExp][] = [
    ['empty', new Uint8Array(0), /0 bytes, too few/],
    ['only a length', build(''), /too few/],
    ['a header of 5 GB', build('{}', four, 5_000_000_000n), /claims a header of 5000000000 bytes/],
    ['a header of 2^64 − 1 bytes', build('{}', four, 2n ** 64n - 1n), /claims a header/],
    ['a header longer than the file', build('{}', four, 19n), /claims a header of 19/],
    ['a zip file', new TextEncoder().encode('PK\u0003\u0004 a PyTorch checkpoint'), /is a PyTorch/],
    ['no JSON', build('{"a":'), /no valid JSON/],
    ['invalid UTF-8', build('{"a\ud800":1}').fill(0xff, 10, 13), /no valid JSON/],
    ['an array', build('[1,2]'), /no JSON object/],
    ['leading space', build(' {"a":1}'), /no JSON object/],
    ['a name twice', build(`{"a":${entry([2], 0, 8)},"a":${entry([2], 8, 16)}}`, four), /'a' twice/],
    [
      'a name twice, escaped',
      build(`{"a":${entry([0], 0, 0)},"\\u0061" :${entry([4], 0, 16)}}`, four),
      /twice/,
    ],
    ['a field twice', build(`{"a":{"dtype":"F32","dtype":"F32"}}`), /'dtype' twice/],
    ['overlap', build(`{"a":${entry([3], 0, 12)},"b":${entry([2], 8, 16)}}`, four), /'b' overlaps/],
    ['a gap', build(`{"a":${entry([1], 0, 4)},"b":${entry([2], 8, 16)}}`, four), /bytes 4 to 8/],
    ['data beyond the end', build(`{"a":${entry([5], 0, 20)}}`, four), /ends at byte 20/],
    ['data unclaimed', build(`{"a":${entry([3], 0, 12)}}`, four), /take 12 bytes, but 16/],
    ['end before begin', build(`{"a":${entry([0], 8, 4)}}`, four), /before it begins/],
    ['wrong byte count', build(`{"a":${entry([2, 3], 0, 16)}}`, four), /needs 24 bytes/],
    ['a product past 2^53', build(`{"a":${entry([2 ** 31, 2 ** 31, 4], 0, 16)}}`, four), /needs/],
    ['a negative dim', build(`{"a":${entry([-4], 0, 16)}}`, four), /no valid shape/],
    ['a fractional dim', build(`{"a":${entry([0.5], 0, 16)}}`, four), /no valid shape/],
    ['no offsets', build(`{"a":{"dtype":"F32","shape":[4]}}`, four), /data_offsets/],
    ['no type', build(`{"a":{"shape":[4],"data_offsets":[0,16]}}`, four), /no element type/],
    [
      'an 8-bit float',
      build(`{"a":${entry([16], 0, 16, 'F8_E4M3')}}`, four),
      /F8_E4M3, which is not supported/,
    ],
    ['a type from the prototype', build(`{"a":${entry([16], 0, 16, 'toString')}}`, four), /not supported/],
    ['metadata with a number', build(`{"__metadata__":{"a":1}}`), /'a' is no string/],
    ['metadata that are a list', build(`{"__metadata__":[]}`), /__metadata__ is no object/],
    ['a boolean of 2', build(`{"a":${entry([2], 0, 2, 'BOOL')}}`, Uint8Array.of(1, 2)), /other than 0 and 1/],
  ];
  it.each(cases)('%s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, { source: 'w.safetensors' })).toThrow(WeightsError);
    expect(() => decodeSafetensors(bytes, { source: 'w.safetensors' })).toThrow(message);
  });

  it('every cut of a good file is refused', () => {
    const bytes = fixture('types.safetensors');
    for (let n = 0; n < bytes.length; n += 7) {
      expect(() => decodeSafetensors(bytes.slice(0, n)), `${n} bytes`).toThrow(WeightsError);
    }
  });

  it('a header with one string of 20 million characters is read at once', () => {
    const bytes = build(`{"__metadata__":{"a":"${'\\n'.repeat(10_000_000)}"}}`);
    expect(decodeSafetensors(bytes).metadata['a']).toHaveLength(10_000_000);
  });
});

describe('files', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'earshot-weights-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('are written whole and read back, each tensor in its own buffer', async () => {
    const path = join(dir, 'new', 'checkpoint.safetensors');
    const tensors = new Map<string, Tensor>([
      ['a', float32([2, 2], [1, 2, 3, 4])],
      ['b', { dtype: 'int64', dims: [], data: BigInt64Array.of(-7n) }],
      ['none', float32([0], [])],
    ]);
    await writeSafetensors(path, tensors, { epoch: '3' });
    expect(await readdir(join(dir, 'new'))).toEqual(['checkpoint.safetensors']);
    const back = await readSafetensors(path);
    expect(back.metadata).toEqual({ epoch: '3' });
    for (const [name, t] of tensors) {
      expect(back.tensors.get(name)).toEqual(t);
      expect(back.tensors.get(name)!.data.buffer.byteLength).toBe(t.data.byteLength);
    }
    expect([...(await readSafetensors(path, { only: (n) => n === 'b' })).tensors.keys()]).toEqual(['b']);
  });

  it('name themselves in errors: absent, a folder, truncated', async () => {
    await expect(readSafetensors(join(dir, 'absent'))).rejects.toThrow(/absent cannot be opened/);
    await expect(readSafetensors(dir)).rejects.toThrow(WeightsError);
    const path = join(dir, 'cut.safetensors');
    await writeFile(path, fixture('types.safetensors'));
    await truncate(path, (await stat(path)).size - 1);
    await expect(readSafetensors(path)).rejects.toThrow(/cut\.safetensors.*data/);
  });
});
