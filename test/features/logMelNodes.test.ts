import { describe, expect, it } from 'vitest';
import { float32 } from '../../src/core/index.ts';
import { Random } from '../../src/core/random.ts';
import { type LogMelSpec, logMel, logMelNodes, logMelSpec } from '../../src/features/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { largestDifference, relativeDifference, sampleRate, signals } from './fixture.ts';

function frontEnd(spec: LogMelSpec, shape: Shape) {
  const g = new GraphBuilder();
  const result = g.output(logMelNodes(g, g.input('waveform', 'float32', shape), spec), 'decibels');
  return { model: g.model(), shape: result.shape };
}

async function runFrontEnd(spec: LogMelSpec, shape: Shape, clips: Float32Array[]) {
  const { model, shape: declared } = frontEnd(spec, shape);
  const samples = clips[0].length;
  const flat = new Float32Array(clips.length * samples);
  for (const [i, clip] of clips.entries()) flat.set(clip, i * samples);
  const { decibels } = await runModel(model, { waveform: float32([clips.length, samples], flat) });
  return { data: decibels!.data as Float32Array, dims: decibels!.dims, declared };
}

/** Noise under a tone. */
function clip(length: number, gain: number): Float32Array {
  const random = new Random(length);
  return Float32Array.from({ length }, (_, i) => gain * (0.3 * Math.sin(i * 0.1) + 0.03 * random.normal()));
}

/**
 * What float32 can hold: amplitudes to 1e-6 of the largest, and 1e-4 dB down to 30 dB below it; values that fall
 * in a dip of the noise may be further off, but by no more than 0.002 dB here.
 */
function expectClose(got: Float32Array, expected: number[], spec: LogMelSpec): void {
  expect(largestDifference(got, expected)).toBeLessThan(2e-3);
  const amplitude = (decibels: ArrayLike<number>) => Array.from(decibels, (d) => 10 ** (d / 20));
  expect(relativeDifference(amplitude(got), amplitude(expected))).toBeLessThan(1e-6);
  const largest = Math.max(...expected);
  const loud = expected.flatMap((d, i) => (d > largest - 30 ? [Math.abs(d - got[i])] : []));
  expect(loud.length, JSON.stringify(spec)).toBeGreaterThan(0);
  expect(Math.max(...loud)).toBeLessThan(1e-4);
}

const cases: [options: Partial<LogMelSpec>, samples: number][] = [
  [{}, 20_000],
  [{ nFft: 400, hopLength: 160, nMels: 80 }, 8000],
  [{ nFft: 401, hopLength: 100, nMels: 40 }, 4000],
  [{ nFft: 257, hopLength: 300, nMels: 20 }, 4000],
  [{ nFft: 1024, hopLength: 441, padMode: 'constant', melScale: 'htk', melNorm: null }, 9999],
  [{ nFft: 512, hopLength: 128, winLength: 400, power: 1, amin: 1e-5 }, 9000],
  [{ nFft: 512, center: false, topDb: null }, 5000],
  [{ nFft: 512, hopLength: 3000, nMels: 32 }, 9000],
  [{ nMels: 64 }, 100],
  [{ nMels: 64 }, 2],
  [{ nMels: 64 }, 1],
  [{ nMels: 64, padMode: 'constant' }, 1],
];

describe('logMelNodes', () => {
  for (const [options, samples] of cases) {
    it(`${JSON.stringify(options)}, ${samples} samples: equals logMel with named and known dims`, async () => {
      const spec = logMelSpec({ sampleRate, ...options });
      const clips = [clip(samples, 1), clip(samples, 0.01)];
      const expected = clips.flatMap((c) => [...logMel(c, spec).data]);
      const { nMels, nFrames } = logMel(clips[0], spec);
      for (const shape of [
        ['N', 'samples'],
        ['N', samples],
        [2, samples],
      ] as Shape[]) {
        const { data, dims, declared } = await runFrontEnd(spec, shape, clips);
        expect(dims).toEqual([2, nMels, nFrames]);
        expect(declared[1]).toBe(nMels);
        if (typeof shape[1] === 'number') expect(declared[2]).toBe(nFrames);
        expectClose(data, expected, spec);
      }
    });
  }

  it('serves clips of several lengths with one model', async () => {
    const spec = logMelSpec({ sampleRate, nFft: 512 });
    const { model } = frontEnd(spec, ['N', 'samples']);
    for (const samples of [1, 255, 256, 257, 511, 2000, 4097]) {
      const x = clip(samples, 1);
      const { decibels } = await runModel(model, { waveform: float32([1, samples], x) });
      expectClose(decibels!.data as Float32Array, [...logMel(x, spec).data], spec);
    }
  });

  it('keeps 80 dB below the maximum to 0.005 dB, as float32 transforms do', async () => {
    const spec = logMelSpec({ sampleRate });
    for (const name of ['mixture', 'loudQuiet', 'clicks']) {
      const { data } = await runFrontEnd(spec, ['N', 'samples'], [signals[name]]);
      expect(largestDifference(data, logMel(signals[name], spec).data)).toBeLessThan(0.005);
    }
  });

  it('refuses what is no batch of waveforms', () => {
    const g = new GraphBuilder();
    const spec = logMelSpec({ sampleRate });
    expect(() => logMelNodes(g, g.input('a', 'float32', ['N', 1, 'samples']), spec)).toThrow(
      /\[N, samples\]/,
    );
    expect(() => logMelNodes(g, g.input('b', 'float64', ['N', 'samples']), spec)).toThrow(/float32/);
    const uncentred = { ...spec, center: false };
    expect(() => logMelNodes(g, g.input('c', 'float32', ['N', 100]), uncentred)).toThrow(
      /shorter than one frame/,
    );
  });
});
