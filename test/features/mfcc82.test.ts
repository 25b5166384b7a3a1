import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32, ParameterError, ShapeError } from '../../src/core/index.ts';
import { mfcc82, mfcc82Length, mfcc82Nodes } from '../../src/features/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { largestDifference } from './fixture.ts';

/** Made by tools/fixtures/mfcc82.py. */
const { cases } = JSON.parse(
  readFileSync(new URL('../fixtures/features/mfcc82.json', import.meta.url), 'utf8'),
) as { cases: { name: string; samples: string; values: number[] }[] };

function decode(text: string): Float32Array {
  return new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
}

async function nodes(samples: Float32Array, shape: Shape, batch: number) {
  const g = new GraphBuilder();
  g.output(mfcc82Nodes(g, g.input('waveform', 'float32', shape)), 'vector');
  const flat = new Float32Array(batch * samples.length);
  for (let n = 0; n < batch; n++) flat.set(samples, n * samples.length);
  const { vector } = await runModel(g.model(), { waveform: float32([batch, samples.length], flat) });
  return { dims: vector!.dims, data: vector!.data as Float32Array };
}

describe('a clip in 82 numbers', () => {
  it.each(cases)(
    'agrees with float64 numpy, as a function and as nodes: $name',
    async ({ samples, values }) => {
      const signal = decode(samples);
      const vector = mfcc82(signal);
      expect(vector.length).toBe(mfcc82Length);
      expect(mfcc82Length).toBe(82);
      // Sums over 128 mels of decibels: MFCC reach hundreds, of which float32 keeps 2e-5.
      expect(largestDifference(vector, Float32Array.from(values))).toBeLessThan(2e-4);
      for (const shape of [
        [2, signal.length],
        ['batch', 'samples'],
      ] as Shape[]) {
        const { dims, data } = await nodes(signal, shape, 2);
        expect(dims).toEqual([2, 82]);
        expect(largestDifference(data.slice(0, 82), vector)).toBeLessThan(5e-3);
        expect(data.slice(82)).toEqual(data.slice(0, 82));
      }
    },
  );

  it('refuses what has no samples, and graphs that do not hold waveforms', () => {
    expect(() => mfcc82(new Float32Array(0))).toThrow(ParameterError);
    const g = new GraphBuilder();
    expect(() => mfcc82Nodes(g, g.input('x', 'float32', [1, 2, 3]))).toThrow(ShapeError);
  });
});
