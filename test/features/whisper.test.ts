/** @file Whisper's front end; its golden vectors (numpy in float64) are compared in golden.test.ts. */
import { describe, expect, it } from 'vitest';
import { float32, ParameterError, Random, ShapeError } from '../../src/core/index.ts';
import {
  frontEndByName,
  frontEndFrames,
  frontEndNodes,
  frontEndPicture,
  type WhisperSpec,
  whisperFullSamples,
  whisperLogMel,
  whisperSpec,
} from '../../src/features/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { largestDifference } from './fixture.ts';

const clip = whisperSpec('whisper');
const full = whisperSpec('whisper', 'full');

function noise(n: number, seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.uniform(-0.3, 0.3));
}

/** The clip, then zeros, up to `n` samples; or its beginning. */
function fitted(samples: Float32Array, n: number): Float32Array {
  const out = new Float32Array(n);
  out.set(samples.subarray(0, n));
  return out;
}

async function nodes(spec: WhisperSpec, clips: readonly Float32Array[], shape: Shape) {
  const g = new GraphBuilder();
  g.output(frontEndNodes(g, g.input('waveform', 'float32', shape), spec), 'picture');
  const n = clips[0].length;
  const flat = new Float32Array(clips.length * n);
  for (const [i, samples] of clips.entries()) flat.set(samples, i * n);
  const { picture } = await runModel(g.model(), { waveform: float32([clips.length, n], flat) });
  return { dims: picture!.dims, data: picture!.data as Float32Array };
}

describe("a clip's own context", () => {
  it.each([1, 159, 399, 400, 401, 559, 560, 800, 64_000])(
    '%i samples: nodes and function agree, for known and named lengths',
    async (n) => {
      const samples = noise(n);
      const { data, nMels, nFrames } = whisperLogMel(samples, clip);
      expect([nMels, nFrames]).toEqual([80, Math.floor(Math.max(n, 400) / 160)]);
      expect(frontEndFrames(n, clip)).toBe(nFrames);
      for (const shape of [
        ['batch', 'samples'],
        ['batch', n],
      ]) {
        const graph = await nodes(clip, [samples], shape);
        expect(graph.dims).toEqual([1, 80, nFrames]);
        expect(largestDifference(graph.data, data)).toBeLessThan(1e-6);
      }
    },
  );

  it('a clip shorter than a frame is followed by zeros, and an empty one is silence', async () => {
    const short = noise(123);
    expect(whisperLogMel(short, clip).data).toEqual(whisperLogMel(fitted(short, 400), clip).data);
    const { data, nFrames } = whisperLogMel(new Float32Array(0), clip);
    expect(nFrames).toBe(2);
    // log10(1e-10) = −10: (−10 + 4) / 4.
    expect([...data].every((v) => v === -1.5)).toBe(true);
    expect((await nodes(clip, [new Float32Array(0)], ['batch', 'samples'])).data).toEqual(data);
  });

  it('goes by the loudest value of each clip', async () => {
    const loud = noise(4000, 1);
    const quiet = noise(4000, 2).map((v) => v * 1e-3);
    const { data } = await nodes(clip, [loud, quiet], ['batch', 'samples']);
    const alone = [loud, quiet].map((samples) => whisperLogMel(samples, clip).data);
    const size = alone[0].length;
    expect(largestDifference(data.subarray(0, size), alone[0])).toBeLessThan(1e-6);
    expect(largestDifference(data.subarray(size), alone[1])).toBeLessThan(1e-6);
    for (const picture of alone) {
      const largest = picture.reduce((a, b) => Math.max(a, b));
      expect(picture.reduce((a, b) => Math.min(a, b))).toBeGreaterThanOrEqual(largest - 2);
    }
  });

  it('ten times the amplitude adds half', () => {
    const samples = noise(8000);
    const ten = samples.map((v) => v * 10);
    const [a, b] = [samples, ten].map((x) => whisperLogMel(x, clip).data) as [Float32Array, Float32Array];
    expect(
      largestDifference(
        b,
        a.map((v) => v + frontEndByName('whisper').perTenfold),
      ),
    ).toBeLessThan(1e-5);
  });
});

describe('the full context', () => {
  it.each([0, 800, 64_000, 479_999, 480_000, 496_000])('%i samples are 30 s', async (n) => {
    const samples = noise(n);
    const { data, nFrames } = whisperLogMel(samples, full);
    expect(nFrames).toBe(3000);
    expect(frontEndFrames(n, full)).toBe(3000);
    expect(data).toEqual(whisperLogMel(fitted(samples, whisperFullSamples), clip).data);
    for (const shape of [
      ['batch', 'samples'],
      [1, n],
    ]) {
      const graph = await nodes(full, [samples], shape);
      expect(graph.dims).toEqual([1, 80, 3000]);
      expect(largestDifference(graph.data, data)).toBeLessThan(1e-6);
    }
  });
});

describe('the specs', () => {
  it('whisper-128 has 128 bands', () => {
    const spec = frontEndByName('whisper-128').spec({ context: 'clip' });
    expect(frontEndPicture(noise(1600), spec)).toMatchObject({ nMels: 128, nFrames: 10 });
  });

  it('refuse what the weights do not know', () => {
    const { spec } = frontEndByName('whisper');
    expect(() => spec({ sampleRate: 22050 })).toThrow(ParameterError);
    expect(() => spec({ nMels: 128 })).toThrow(/takes 16000 Hz and gives 80 mel bands/);
    expect(() => spec({ context: 'half' as 'full' })).toThrow(/no context 'half'/);
    expect(() => frontEndFrames(1, { ...clip, version: 2 as 1 })).not.toThrow();
    expect(() => frontEndByName('whisper').check({ ...clip, version: 2 as 1 })).toThrow(/version 1; got/);
    const g = new GraphBuilder();
    expect(() => frontEndNodes(g, g.input('w', 'float32', [3]), clip)).toThrow(ShapeError);
  });
});
