import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float32, ParameterError, Random, ShapeError } from '../../src/core/index.ts';
import {
  clapCrop,
  clapLogMel,
  clapNodes,
  clapSpec,
  clapWindow,
  frontEndAxes,
  frontEndByName,
  frontEndFrames,
  throughInt16,
} from '../../src/features/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { wholeCopies, wholeCopiesNodes } from '../../src/windows/index.ts';
import { expected, tinySound } from '../support/clap.ts';
import { runModel } from '../support/runModel.ts';
import { largestDifference } from './fixture.ts';

async function nodes(batch: readonly Float32Array[], shape: Shape, spec = clapSpec) {
  const g = new GraphBuilder();
  g.output(clapNodes(g, g.input('waveform', 'float32', shape), spec), 'picture');
  const samples = batch[0].length;
  const flat = new Float32Array(batch.length * samples);
  for (const [i, x] of batch.entries()) flat.set(x, i * samples);
  const { picture } = await runModel(g.model(), { waveform: float32([batch.length, samples], flat) });
  return picture!;
}

const signal = (n: number, seed = n) => {
  const random = new Random(seed);
  return Float32Array.from({ length: n }, () => random.uniform(-0.5, 0.5));
};

/** Whether two signals are the same, quickly. */
const same = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((v, i) => v === b[i]);

describe('whole copies', () => {
  it('are as many as fit, the last included where the length divides; zeros follow', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 200 }), (length, n) => {
        const x = Float32Array.from({ length }, (_, i) => i + 1);
        const filled = wholeCopies(x, n);
        expect(filled.length).toBe(Math.max(n, length));
        const copies = Math.max(1, Math.floor(n / length));
        const wanted = Array.from({ length: filled.length }, (_, i) =>
          i < copies * length ? x[i % length] : 0,
        );
        expect(Array.from(filled)).toEqual(wanted);
      }),
    );
  });

  it('of 5 s fill 10 s twice, of 4 s leave 2 s of zeros, of 10 s are the recording itself', () => {
    const five = signal(240000);
    const filled = wholeCopies(five, clapWindow.samples);
    expect(same(filled.subarray(240000), five) && same(filled.subarray(0, 240000), five)).toBe(true);
    const four = wholeCopies(signal(192000), clapWindow.samples);
    expect(same(four.subarray(192000, 384000), signal(192000))).toBe(true);
    expect(four.subarray(384000).every((v) => v === 0)).toBe(true);
    const ten = signal(480000);
    expect(wholeCopies(ten, clapWindow.samples)).toBe(ten);
    expect(() => wholeCopies(new Float32Array(0), 5)).toThrow(ParameterError);
  });

  it('come out of the nodes alike; of more than a window the first samples', async () => {
    const g = new GraphBuilder();
    g.output(wholeCopiesNodes(g, g.input('x', 'float32', ['N', 'samples']), 48), 'y');
    for (const length of [1, 5, 16, 24, 25, 47, 48, 49, 96, 100]) {
      const rows = [signal(length, 1), signal(length, 2)];
      const flat = Float32Array.from([...rows[0], ...rows[1]]);
      const { y } = await runModel(g.model(), { x: float32([2, length], flat) });
      expect(y!.dims).toEqual([2, 48]);
      const wanted = rows.flatMap((row) => Array.from(wholeCopies(row, 48).subarray(0, 48)));
      expect(Array.from(y!.data as Float32Array)).toEqual(wanted);
    }
  });
});

describe('the front end clap', () => {
  it.each(expected.sounds)('agrees with torch.stft and torchaudio on $name', ({ name, samples, picture }) => {
    const sound = tinySound(name);
    expect(sound.length).toBe(samples);
    const { data, nMels, nFrames } = clapLogMel(sound, { ...clapSpec, int16: name.endsWith('16-bit') });
    expect([nMels, nFrames]).toEqual([64, 1001]);
    expect(Math.abs(data.reduce((a, b) => a + b, 0) / data.length - picture.mean)).toBeLessThan(1e-5);
    for (let m = 0; m < 8; m++) {
      // float32 mel filters there: a few 1e-5 dB.
      expect(Math.abs(data[m * nFrames] - picture.first[m])).toBeLessThan(1e-4);
      expect(Math.abs(data[m * nFrames + 1000] - picture.last[m])).toBeLessThan(1e-4);
    }
  });

  it('is the same as nodes, for any length and any batch, through 16 bits or not', async () => {
    for (const [n, shape] of [
      [480000, ['N', 480000]],
      [240000, ['N', 'samples']],
      [160001, [2, 160001]],
      [7, ['N', 'samples']],
    ] as const) {
      const batch = [signal(n, 1), signal(n, 2)];
      const spec = { ...clapSpec, int16: n === 160001 };
      const picture = await nodes(batch, shape, spec);
      expect(picture.dims).toEqual([2, 64, 1001]);
      const made = batch.map((x) => clapLogMel(x, spec).data);
      const data = picture.data as Float32Array;
      expect(largestDifference(data.subarray(0, 64 * 1001), made[0])).toBeLessThan(3e-5);
      expect(largestDifference(data.subarray(64 * 1001), made[1])).toBeLessThan(3e-5);
    }
  });

  it('has a floor of -100 dB and no other: silence is silence, and decibels are absolute', () => {
    const silent = clapLogMel(new Float32Array(48000), clapSpec).data;
    expect(silent.every((v) => v === -100)).toBe(true);
    const quiet = clapLogMel(
      signal(480000).map((v) => v / 10),
      clapSpec,
    ).data;
    const loud = clapLogMel(signal(480000), clapSpec).data;
    expect(loud[5000] - quiet[5000]).toBeCloseTo(20, 3);
  });

  it('says where its rows and columns lie: a tone is loudest in the row nearest to it', () => {
    const { hertz, firstSeconds, stepSeconds } = frontEndAxes(clapSpec);
    expect([hertz.length, firstSeconds, stepSeconds]).toEqual([64, 0, 0.01]);
    const tone = Float32Array.from({ length: 480000 }, (_, i) => Math.sin((2 * Math.PI * 3000 * i) / 48000));
    const { data, nFrames } = clapLogMel(tone, clapSpec);
    const column = Array.from({ length: 64 }, (_, m) => data[m * nFrames + 500]);
    const nearest = [...hertz.keys()].reduce((a, b) =>
      Math.abs(hertz[b] - 3000) < Math.abs(hertz[a] - 3000) ? b : a,
    );
    expect(column.indexOf(Math.max(...column))).toBe(nearest);
  });

  it('refuses no samples, more than a window, and settings that its weights do not know', () => {
    expect(frontEndFrames(1, clapSpec)).toBe(1001);
    for (const n of [0, 480001]) expect(() => clapLogMel(signal(n), clapSpec)).toThrow(ParameterError);
    expect(() => frontEndByName('clap').spec({ nMels: 128 })).toThrow(/48000 Hz and gives 64 mel bands/);
    const g = new GraphBuilder();
    expect(() => clapNodes(g, g.input('x', 'float32', ['N', 1, 480000]), clapSpec)).toThrow(ShapeError);
    expect(() => clapNodes(g, g.input('y', 'float32', ['N', 500000]), clapSpec)).toThrow(ParameterError);
  });
});

describe('16 bits', () => {
  it('round towards zero and clip, as numpy does it', () => {
    const x = Float32Array.of(0, 0.5, -0.5, 1, -1, 2, -2, 1.9 / 32767, -1.9 / 32767);
    const back = Array.from(throughInt16(x), (v) => v * 32767);
    const wanted = [0, 16383, -16383, 32767, -32767, 32767, -32767, 1, -1];
    for (const [i, v] of back.entries()) expect(v).toBeCloseTo(wanted[i], 2);
  });
});

describe('one piece of a long recording', () => {
  const long = Float32Array.from({ length: 500000 }, (_, i) => i);

  it('is its start, its middle, or one drawn with a seed: always the same, somewhere in it', () => {
    expect(clapCrop(long, 'start')[0]).toBe(0);
    expect(clapCrop(long, 'centre')[0]).toBe(10000);
    const starts = [1, 2, 3, 4].map((seed) => clapCrop(long, { seed })[0]);
    expect(new Set(starts).size).toBeGreaterThan(1);
    for (const start of starts) expect(start >= 0 && start <= 20000).toBe(true);
    expect(same(clapCrop(long, { seed: 1 }), clapCrop(long, { seed: 1 }))).toBe(true);
    for (const crop of ['start', 'centre', { seed: 7 }] as const)
      expect(clapCrop(long, crop).length).toBe(480000);
  });

  it('is the recording itself where it is not longer', () => {
    const short = signal(1000);
    expect(clapCrop(short, { seed: 1 })).toEqual(short);
    expect(() => clapCrop(long, 'end' as 'start')).toThrow(ParameterError);
  });
});
