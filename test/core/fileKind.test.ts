import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { encodeWav } from '../../src/audio/index.ts';
import { crc32, fileKind } from '../../src/core/index.ts';
import { encodeNpy, encodeNpz } from '../../src/embeddings/browser.ts';
import { decodeModel } from '../../src/onnx/index.ts';
import { encodeSafetensors } from '../../src/weights/index.ts';

const fixtures = join(import.meta.dirname, '../fixtures');
const bytes = (...parts: (string | number[])[]) =>
  Buffer.concat([
    ...parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))),
    Buffer.alloc(64),
  ]);

const kinds: [what: string, bytes: Uint8Array][] = [
  ['a TensorFlow Lite model', bytes([28, 0, 0, 0], 'TFL3')],
  ['a WAV sound file', encodeWav({ sampleRate: 8000, channelData: [new Float32Array(8)] })],
  ['a FLAC sound file', bytes('fLaC')],
  ['an Ogg sound file', bytes('OggS')],
  ['an MP3 sound file', bytes([0xff, 0xfb, 0x90, 0x64])],
  ['an MP3 sound file', bytes('ID3')],
  ['an MP4 file', bytes([0, 0, 0, 28], 'ftypM4A ')],
  // As torch.save writes: a zip archive whose first entry is NAME/data.pkl.
  ['a PyTorch file (.pt, .pth, .bin)', bytes('PK\x03\x04', new Array(26).fill(0), 'weights/data.pkl')],
  ['a Python pickle, such as an old PyTorch file', bytes([0x80, 2])],
  ['an HDF5 file, such as Keras weights', readFileSync(join(fixtures, 'keras/save.h5'))],
  ['a NumPy array (.npy)', encodeNpy({ shape: [1], data: Float32Array.of(1) })],
  [
    'a NumPy archive (.npz)',
    encodeNpz({ arrays: new Map([['a', { shape: [1], data: Float32Array.of(1) }]]), comment: '' }),
  ],
  ['a gzip file', gzipSync('x')],
  [
    'a safetensors file',
    encodeSafetensors([['w', { dtype: 'float32', dims: [1], data: Float32Array.of(1) }]]),
  ],
  ['a web page', bytes('\n<!DOCTYPE html>')],
  ['a JSON text', bytes('{"a": 1}')],
  ["Git LFS's pointer to a file, not the file", bytes('version https://git-lfs.github.com/spec/v1')],
];

describe('the kind of a file', () => {
  it.each(kinds)('%s', (what, content) => {
    expect(fileKind(content)?.what).toBe(what);
    expect(() => decodeModel(content)).toThrow(`It is ${what}, not an ONNX model.`);
  });

  it('of an ONNX model, of nothing and of noise is not guessed', () => {
    expect(fileKind(readFileSync(join(fixtures, 'hostile/subgraph-external-cwd.onnx')))).toBeNull();
    expect(fileKind(new Uint8Array(0))).toBeNull();
    expect(fileKind(Uint8Array.of(1, 2, 3, 4, 5))).toBeNull();
  });
});

it('CRC-32 has the value that its standard gives for 123456789, in one part or in two', () => {
  const digits = new TextEncoder().encode('123456789');
  expect(crc32(digits)).toBe(0xcbf43926);
  expect(crc32(digits.subarray(4), crc32(digits.subarray(0, 4)))).toBe(0xcbf43926);
});
