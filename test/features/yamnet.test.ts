import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { float32, ParameterError, Random, ShapeError } from '../../src/core/index.ts';
import {
  frontEndByName,
  frontEndFrames,
  frontEndNodes,
  frontEndPicture,
  yamnetLogMel,
  yamnetLogMelNodes,
  yamnetPatch,
  yamnetSpec,
} from '../../src/features/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { largestDifference, relativeDifference } from './fixture.ts';

interface Case {
  name: string;
  samples: string;
  shape: [number, number];
  values: string;
}

/** Made by tools/fixtures/yamnet.py. */
const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/yamnet/yamnet.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

function decode(text: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
}

async function nodes(samples: Float32Array, shape: Shape, batch = 1) {
  const g = new GraphBuilder();
  g.output(yamnetLogMelNodes(g, g.input('waveform', 'float32', shape)), 'picture');
  const flat = new Float32Array(batch * samples.length);
  for (let n = 0; n < batch; n++) flat.set(samples, n * samples.length);
  const { picture } = await runModel(g.model(), { waveform: float32([batch, samples.length], flat) });
  return { dims: picture!.dims, data: picture!.data as Float32Array };
}

/** What float32 can hold: magnitudes to 1e-6 of the largest; of the quietest, the logarithm is then less exact. */
function expectClose(got: Float32Array, expected: Float32Array): void {
  const magnitudes = (values: Float32Array) => Array.from(values, (v) => Math.exp(v));
  expect(relativeDifference(magnitudes(got), magnitudes(expected))).toBeLessThan(1e-6);
  expect(largestDifference(got, expected)).toBeLessThan(5e-4);
}

describe("YAMNet's front end", () => {
  it.each(cases)('agrees with float64 numpy: $name', async ({ samples, shape, values }) => {
    const signal = decode(samples);
    const expected = decode(values);
    const { data, nMels, nFrames } = yamnetLogMel(signal);
    expect([nMels, nFrames]).toEqual(shape);
    // One step of float32 at −6.9, the logarithm of the offset.
    expect(largestDifference(data, expected)).toBeLessThan(1e-6);
    for (const declared of [
      ['batch', 'samples'],
      [1, signal.length],
      ['batch', signal.length],
    ]) {
      const graph = await nodes(signal, declared);
      expect(graph.dims).toEqual([1, ...shape]);
      expectClose(graph.data, expected);
    }
  });

  it('gives every clip of a batch its own picture', async () => {
    const signal = decode(cases[0].samples);
    const { data } = await nodes(signal, ['batch', 'samples'], 3);
    const one = yamnetLogMel(signal).data;
    for (let n = 0; n < 3; n++) {
      expectClose(data.subarray(n * one.length, (n + 1) * one.length), one);
    }
  });

  it('counts frames as they are made; a patch needs 15,600 samples', () => {
    for (const n of [1, 15599, 15600, 15759, 15760, 40000]) {
      expect(frontEndFrames(n, yamnetSpec)).toBe(yamnetLogMel(new Float32Array(n)).nFrames);
    }
    expect(frontEndFrames(yamnetPatch.samples, yamnetSpec)).toBe(yamnetPatch.frames);
    expect(frontEndFrames(15760, yamnetSpec)).toBe(97);
  });

  it('marks frames with a sample that is no number, and those alone', () => {
    const random = new Random(1);
    const signal = Float32Array.from({ length: 15600 }, () => 0.1 * random.normal());
    signal[8000] = Number.NaN;
    const { data, nFrames } = yamnetLogMel(signal);
    for (let t = 0; t < nFrames; t++) {
      const within = t * 160 <= 8000 && 8000 < t * 160 + 400;
      expect(Number.isNaN(data[t]), `frame ${t}`).toBe(within);
    }
  });

  it('refuses what it is not', () => {
    expect(() => yamnetLogMel(new Float32Array(0))).toThrow(ParameterError);
    const { spec, check } = frontEndByName('yamnet');
    expect(() => spec({ sampleRate: 22050 })).toThrow(/takes 16000 Hz and gives 64 mel bands/);
    expect(() => spec({ nMels: 128 })).toThrow(ParameterError);
    expect(spec({ usualMels: 128 })).toEqual(yamnetSpec);
    expect(() => check({ ...yamnetSpec, version: 2 as 1 })).toThrow(/version 2/);
    const g = new GraphBuilder();
    expect(() => yamnetLogMelNodes(g, g.input('w', 'float32', [3]))).toThrow(ShapeError);
  });
});

describe('the table of front ends', () => {
  it('finds the forms of a spec by its kind', async () => {
    const random = new Random(2);
    const signal = Float32Array.from({ length: 16000 }, () => 0.1 * random.normal());
    for (const spec of [yamnetSpec, frontEndByName('log-mel').spec({ sampleRate: 16000, nMels: 40 })]) {
      const { data, nMels, nFrames } = frontEndPicture(signal, spec);
      expect([nMels, nFrames]).toEqual([spec.nMels, frontEndFrames(signal.length, spec)]);
      const g = new GraphBuilder();
      g.output(frontEndNodes(g, g.input('waveform', 'float32', ['batch', 'samples']), spec), 'picture');
      const { picture } = await runModel(g.model(), { waveform: float32([1, signal.length], signal) });
      expect(picture!.dims).toEqual([1, nMels, nFrames]);
      expect(largestDifference(picture!.data as Float32Array, data)).toBeLessThan(2e-3);
    }
  });

  it('says which there are', () => {
    expect(() => frontEndByName('mfcc' as 'log-mel')).toThrow(/no front end 'mfcc'/);
  });
});

const folder = join(import.meta.dirname, '../../../shared/models/yamnet');

describe.skipIf(!existsSync(folder))('with the published weights (needs ../shared/models/yamnet)', () => {
  const bytesOf = (name: string) => new Uint8Array(readFileSync(join(folder, name)));

  /** [96, 64] of the board, as [64, 96]. */
  function transposed(values: Float32Array): Float32Array {
    return Float32Array.from({ length: 64 * 96 }, (_, i) => values[(i % 96) * 64 + Math.floor(i / 96)]);
  }

  it("agrees with the board's spectra, and both make the model hear speech", async () => {
    const samples = Float32Array.from(
      new Int16Array(bytesOf('yamnet_test_audio.bin').buffer),
      (v) => v / 32768,
    );
    const board = new Float32Array(bytesOf('yamnet_test_spectra.bin').buffer);
    const { data } = yamnetLogMel(samples);
    expect(correlation(data, transposed(board))).toBeGreaterThan(0.99996);
    const own = Float32Array.from({ length: 96 * 64 }, (_, i) => data[(i % 64) * 96 + Math.floor(i / 64)]);
    const model = bytesOf('yamnet.onnx');
    for (const [spectra, score] of [
      [board, 0.945],
      [own, 0.966],
    ] as const) {
      const { scores } = await runModel(model, { log_mel: float32([1, 1, 96, 64], spectra) });
      const values = Array.from(scores!.data as Float32Array);
      expect(values.indexOf(Math.max(...values))).toBe(0);
      expect(values[0]).toBeCloseTo(score, 2);
    }
  });
});

function correlation(a: Float32Array, b: Float32Array): number {
  const mean = (x: Float32Array) => x.reduce((sum, v) => sum + v, 0) / x.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [aa, bb, ab] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] - ma, b[i] - mb];
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  return ab / Math.sqrt(aa * bb);
}
