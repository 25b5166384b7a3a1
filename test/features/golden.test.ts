import { describe, expect, it } from 'vitest';
import { goldenSignal, goldenSignals, signalChecksum } from '../../src/features/golden/goldenSignals.ts';
import {
  goldenFrontEnds,
  goldenPositions,
  goldenTolerance,
  pictureError,
} from '../../src/features/golden/goldenVectors.ts';
import { frontEndByName, frontEndNames, frontEndPicture } from '../../src/features/index.ts';

const all = [...goldenFrontEnds()];

describe('golden vectors', () => {
  it('are there for every named front end', () => {
    expect(new Set(all.map(({ spec }) => spec.kind))).toEqual(new Set(frontEndNames));
    for (const { cases } of all) expect(cases.map((c) => c.signal)).toEqual(goldenSignals);
  });

  it('lie all over the picture, and in its first and last frames', () => {
    for (const { spec, frames } of all) {
      const at = goldenPositions(spec.nMels, frames);
      expect(Math.max(...at)).toBeLessThan(spec.nMels * frames);
      const columns = new Set(at.map((i) => i % frames));
      for (const edge of [0, 1, 2, 3, frames - 4, frames - 1]) expect(columns).toContain(edge);
      expect(columns.size).toBeGreaterThan(Math.min(frames, 100) / 2);
      expect(new Set(at.map((i) => Math.floor(i / frames))).size).toBeGreaterThan(
        Math.min(spec.nMels, 128) / 2,
      );
    }
  });

  const { absolute, relative } = goldenTolerance('function', 'log-mel') as {
    absolute: number;
    relative: number;
  };

  it.each(all)('$spec.kind with $spec.nMels rows holds its tolerance', (golden) => {
    for (const c of golden.cases) {
      const error = pictureError(frontEndPicture(c.samples, golden.spec).data, golden, c);
      expect(error.absolute, c.signal).toBeLessThan(absolute);
      expect(error.relative, c.signal).toBeLessThan(relative);
    }
  });

  it('notice a value that is off, wherever it lies, and one that is no number', () => {
    for (const golden of all) {
      const c = golden.cases[1];
      const { data } = frontEndPicture(c.samples, golden.spec);
      const [at] = goldenPositions(golden.spec.nMels, golden.frames);
      const off = data.slice();
      off[at!] += 0.01;
      expect(pictureError(off, golden, c).absolute).toBeCloseTo(0.01, 4);
      off[at!] = Number.NaN;
      expect(pictureError(off, golden, c).absolute).toBe(Infinity);
      // Where no golden value lies, the mean tells.
      const elsewhere = data.findIndex(
        (_, i) => !goldenPositions(golden.spec.nMels, golden.frames).includes(i),
      );
      const wrong = data.slice();
      wrong[elsewhere] += 10;
      expect(pictureError(wrong, golden, c).absolute).toBeGreaterThan(absolute);
      expect(pictureError(data.subarray(1), golden, c).absolute).toBe(Infinity);
    }
  });

  it('notice a frame that is shifted by one', () => {
    for (const golden of all) {
      const c = golden.cases[2];
      const { data } = frontEndPicture(c.samples, golden.spec);
      const shifted = new Float32Array(data.length);
      shifted.set(data.subarray(0, -1), 1);
      // A tenth of a factor of ten in amplitude at least: 2 dB, in the front end's own unit.
      const { perTenfold } = frontEndByName(golden.spec.kind);
      expect(pictureError(shifted, golden, c).absolute).toBeGreaterThan(perTenfold / 10);
    }
  });
});

describe('golden signals', () => {
  it('are what their names say', () => {
    const [chirp, noise, tones, faint, silence] = goldenSignals.map((name) => goldenSignal(name, 48000));
    const peak = (x: Float32Array) => x.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    // The recurrence keeps the amplitude, and the phase is the closed form 0.01·n + 1.5e-5·n·(n − 1).
    expect(peak(chirp!)).toBeCloseTo(0.5, 6);
    for (const n of [1, 1000, 47999]) {
      const [step, sweep] = [2 * Math.atan(0.005), 2 * Math.atan(1.5e-5)];
      expect(chirp![n]).toBeCloseTo(0.5 * Math.sin(step * n + (sweep * n * (n - 1)) / 2), 6);
    }
    expect(peak(noise!)).toBeLessThanOrEqual(0.25);
    expect(noise!.reduce((sum, v) => sum + v * v, 0) / 48000).toBeCloseTo(0.0625 / 3, 3);
    expect(tones!.subarray(0, 6000).every((v) => v === 0)).toBe(true);
    expect(peak(tones!)).toBeGreaterThan(0.3);
    expect(peak(faint!)).toBeLessThan(3.1e-10);
    expect(peak(silence!)).toBe(0);
  });

  it('have a checksum that every bit changes', () => {
    const samples = goldenSignal('noise', 100);
    const before = signalChecksum(samples);
    const bits = new Uint32Array(samples.buffer);
    bits[50] ^= 1;
    expect(signalChecksum(samples)).not.toBe(before);
  });
});
