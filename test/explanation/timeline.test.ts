import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ParameterError, Random } from '../../src/core/index.ts';
import {
  positiveShare,
  recordingSaliency,
  saliencyOfBins,
  salientThreshold,
  smoothGrid,
} from '../../src/explanation/index.ts';
import {
  fftFrequencies,
  frontEndAxes,
  frontEndByName,
  frontEndFrames,
  frontEndNames,
  frontEndPicture,
  maskedStft,
} from '../../src/features/index.ts';
import { maskedAudio } from '../../src/workflows/index.ts';

const random = new Random(4);
const noise = (n: number) => Float32Array.from({ length: n }, () => 0.3 * random.normal());
const sine = (n: number, hz: number, rate: number) =>
  Float32Array.from({ length: n }, (_, i) => 0.4 * Math.sin((2 * Math.PI * hz * i) / rate));
const power = (x: ArrayLike<number>, from = 0, to = x.length) => {
  let sum = 0;
  for (let i = from; i < to; i++) sum += x[i] ** 2;
  return sum / (to - from);
};
const farthest = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((most, v, i) => Math.max(most, Math.abs(v - b[i])), 0);

describe('maskedStft', () => {
  it.each([
    [1, 64, 16],
    [37, 64, 16],
    [1000, 256, 64],
    [1000, 100, 50],
    [5000, 400, 100],
  ])('gives %i samples back under gains of 1 (nFft %i, hop %i)', (n, nFft, hopLength) => {
    const samples = noise(n);
    for (const padMode of ['constant', 'reflect'] as const) {
      const back = maskedStft(samples, { nFft, hopLength, padMode }, (_, gains) => gains.fill(1));
      expect(back).toHaveLength(n);
      expect(farthest(back, samples)).toBeLessThan(1e-6);
    }
  });

  it('does what torch.istft does to masked spectra', () => {
    const path = new URL('../fixtures/explanation/istft.json', import.meta.url);
    const f = JSON.parse(readFileSync(path, 'utf8')) as Record<'signal' | 'gains' | 'masked', number[]> &
      Record<'nFft' | 'hopLength' | 'bins' | 'frames', number>;
    const options = { nFft: f.nFft, hopLength: f.hopLength, padMode: 'constant' } as const;
    const masked = maskedStft(Float32Array.from(f.signal), options, (t, gains) => {
      for (let k = 0; k < f.bins; k++) gains[k] = f.gains[k * f.frames + t];
    });
    expect(farthest(masked, f.masked)).toBeLessThan(1e-6);
  });

  it('says when frames leave samples out', () => {
    const far = () => maskedStft(noise(900), { nFft: 64, hopLength: 128 }, (_, gains) => gains.fill(1));
    expect(far).toThrow(ParameterError);
  });
});

describe('saliency as sound', () => {
  const rate = 16_000;
  const axes = frontEndAxes(frontEndByName('log-mel').spec({ sampleRate: rate, nMels: 40 }));
  const seconds = 1.5;
  const frames = Math.ceil(seconds / axes.stepSeconds);
  const saliency = (of: (band: number, frame: number) => number) => {
    const data = Float32Array.from({ length: 40 * frames }, (_, i) => of(Math.floor(i / frames), i % frames));
    return { grid: { data, bands: 40, frames }, stepSeconds: axes.stepSeconds, hertz: axes.hertz };
  };
  const nearest = (hz: number) =>
    axes.hertz.reduce((best, f, b) => (Math.abs(f - hz) < Math.abs(axes.hertz[best] - hz) ? b : best), 0);

  it('keeps the tone of the one band that is salient, at the rate and length of the recording', () => {
    const own = 44_100;
    const n = Math.round(seconds * own);
    const [low, high] = [sine(n, 500, own), sine(n, 3000, own)];
    const both = low.map((v, i) => v + high[i]);
    const band = nearest(3000);
    const heard = maskedAudio(
      { sampleRate: own, channelData: [both, low] },
      saliency((b) => (Math.abs(b - band) <= 1 ? 1 : 0)),
    );
    const [first, second] = heard.salient.channelData;
    expect(first).toHaveLength(n);
    const [from, to] = [Math.round(0.1 * n), Math.round(0.9 * n)];
    // The tone lies within the three bands, whose gains fall from 1 beyond their middles.
    expect(power(first!, from, to)).toBeGreaterThan(0.5 * power(high, from, to));
    const left = first!.map((v, i) => v - high[i]);
    expect(power(left, from, to)).toBeLessThan(0.1 * power(high, from, to));
    expect(power(second!, from, to)).toBeLessThan(1e-4 * power(low, from, to));
    // Together both parts are the recording.
    heard.salient.channelData.forEach((channel, c) => {
      const sum = channel.map((v, i) => v + heard.rest.channelData[c][i]);
      expect(farthest(sum, [both, low][c])).toBeLessThan(1e-6);
    });
  });

  it('keeps the stretch of time that is salient', () => {
    const samples = sine(Math.round(seconds * rate), 1000, rate);
    const until = Math.round(0.5 / axes.stepSeconds);
    const { salient } = maskedAudio(
      { sampleRate: rate, channelData: [samples] },
      saliency((_, t) => (t < until ? 1 : 0)),
    );
    const heard = salient.channelData[0];
    expect(power(heard, 1600, 6400)).toBeGreaterThan(0.95 * power(samples, 1600, 6400));
    expect(power(heard, 11_000, 24_000)).toBeLessThan(1e-4);
  });

  it('reads nothing where no band hears', () => {
    const yamnet = frontEndAxes(frontEndByName('yamnet').spec({}));
    const grid = { data: new Float32Array(64).fill(1), bands: 64, frames: 1 };
    const frequencies = fftFrequencies({ sampleRate: 44_100, nFft: 2048 });
    const out = new Float64Array(frequencies.length);
    saliencyOfBins({ grid, stepSeconds: 0.01, hertz: yamnet.hertz }, frequencies)(3, out);
    frequencies.forEach((f, k) => {
      if (f < 120 || f > 7550) expect(out[k], `${f} Hz`).toBe(0);
      if (f > 160 && f < 7250) expect(out[k], `${f} Hz`).toBeCloseTo(1, 12);
    });
  });
});

describe('windows on a timeline', () => {
  const axes = { hertz: Float64Array.of(100, 200), firstSeconds: 0, stepSeconds: 0.1 };
  const window = (value: number, start: number, frames = 10) => ({
    grid: { data: new Float32Array(2 * frames).fill(value), bands: 2, frames },
    start,
  });

  it('takes the mean where windows overlap, and drops what lies outside', () => {
    const { grid } = recordingSaliency([window(1, 0), window(3, 0.5), window(9, -0.8)], axes, 1.5, {
      repeats: false,
    });
    expect(grid.frames).toBe(15);
    const expected = [5, 5, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3];
    expect([...grid.data]).toEqual([...expected, ...expected]);
  });

  it('folds the repeats of a short clip onto it', () => {
    const ramp = {
      ...window(0, 0),
      grid: { data: Float32Array.from({ length: 20 }, (_, i) => i % 10), bands: 2, frames: 10 },
    };
    const { grid } = recordingSaliency([ramp], axes, 0.5, { repeats: true });
    // Frames 0 and 5, 1 and 6 … lie on one another.
    expect([...grid.data.subarray(0, 5)]).toEqual([2.5, 3.5, 4.5, 5.5, 6.5]);
  });
});

describe('the axes of front ends', () => {
  it.each(frontEndNames)('%s: a tone is where its row says, a click where its frame says', (name) => {
    const frontEnd = frontEndByName(name);
    const spec = frontEnd.spec({}) as never;
    const { sampleRate } = frontEnd.spec({});
    const { hertz, firstSeconds, stepSeconds } = frontEndAxes(spec);
    const n = Math.round((frontEnd.window.seconds ?? 1) * sampleRate);
    const frames = frontEndFrames(n, spec);
    const loudest = (data: Float32Array, key: (i: number) => number, size: number) => {
      const sums = new Float64Array(size);
      data.forEach((v, i) => {
        sums[key(i)] += v;
      });
      return sums.indexOf(Math.max(...sums));
    };
    for (const share of [0.35, 0.6, 0.8]) {
      const row = Math.round(share * (hertz.length - 1));
      const { data } = frontEndPicture(sine(n, hertz[row], sampleRate), spec);
      const found = loudest(data, (i) => Math.floor(i / frames), hertz.length);
      expect(Math.abs(found - row), `row ${row}`).toBeLessThanOrEqual(1);
      const click = new Float32Array(n);
      const at = Math.round(share * n);
      click.fill(0.5, at, at + 4);
      const frame = loudest(frontEndPicture(click, spec).data, (i) => i % frames, frames);
      expect(Math.abs(firstSeconds + frame * stepSeconds - at / sampleRate), `frame ${frame}`).toBeLessThan(
        1.1 * stepSeconds,
      );
    }
  });
});

describe('grids', () => {
  it('smooths without changing the sum of what lies inside, and shares by the largest', () => {
    const data = new Float32Array(20 * 30);
    data[10 * 30 + 15] = 1;
    const { data: smooth } = smoothGrid({ data, bands: 20, frames: 30 }, { bands: 1, frames: 2 });
    expect(smooth.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
    // A Gaussian of two dimensions at its middle, less what is cut off beyond three deviations.
    expect(smooth[10 * 30 + 15]).toBeCloseTo(1 / (2 * Math.PI * 2), 2);
    expect([...positiveShare({ data: Float32Array.of(-2, 1, 4), bands: 1, frames: 3 }).data]).toEqual([
      0, 0.25, 1,
    ]);
    expect([...positiveShare({ data: Float32Array.of(-2, 0), bands: 1, frames: 2 }).data]).toEqual([0, 0]);
    expect(salientThreshold(Float32Array.of(5, 1, 4, 2, 3), 0.4)).toBe(4);
  });
});
