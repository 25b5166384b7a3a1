import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resample } from '../../src/audio/index.ts';
import { float32, ParameterError, Random, ShapeError } from '../../src/core/index.ts';
import { goldenSignal } from '../../src/features/golden/goldenSignals.ts';
import {
  frontEndByName,
  frontEndNames,
  type L3Name,
  l3Definition,
  l3InputNodes,
  l3Names,
  l3Nodes,
  l3Picture,
  l3Spec,
  l3Windows,
  melFilterBank,
  openl3FrontEndName,
} from '../../src/features/index.ts';
import { GraphBuilder, type Shape } from '../../src/onnx/index.ts';
import { runModel } from '../support/runModel.ts';
import { largestDifference } from './fixture.ts';

interface Distance {
  rows: 128 | 256;
  a: 'kapre-0.1' | 'kapre' | 'librosa';
  b: 'kapre-0.1' | 'kapre' | 'librosa';
  signal: 'chirp' | 'noise' | 'tones';
  mean: number;
  largest: number;
}

interface Cutting {
  samples: number;
  hopSeconds: number;
  center: boolean;
  starts: number[];
  timestamps: number[];
}

/** Made by tools/fixtures/frontEnds.py. */
const fixture = JSON.parse(
  readFileSync(new URL('../fixtures/openl3/openl3.json', import.meta.url), 'utf8'),
) as { distances: Distance[]; emptyFilters: Record<string, number[]>; windows: Cutting[] };

const mono = (samples: Float32Array, sampleRate = 48000) => ({ channelData: [samples], sampleRate });

function noise(length: number, seed = 1): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => 0.1 * random.normal());
}

async function run(name: L3Name, shape: Shape, windows: readonly Float32Array[], dims: number[]) {
  const g = new GraphBuilder();
  const picture = l3Nodes(g, g.input('waveform', 'float32', shape), l3Spec(name));
  g.output(picture, 'picture');
  const flat = new Float32Array(windows.flatMap((w) => [...w]));
  const results = await runModel(g.model(), { waveform: float32(dims, flat) });
  return { ...results['picture'], declared: picture.shape };
}

describe('the names', () => {
  it('are in the table of front ends, each with its own numbers', () => {
    expect(l3Names).toHaveLength(10);
    for (const name of l3Names) {
      expect(frontEndNames).toContain(name);
      const { spec, check, window } = frontEndByName(name);
      expect(spec({ usualMels: 64 })).toEqual(l3Spec(name));
      expect(window.seconds).toBe(1);
      expect(() => spec({ sampleRate: 44100 })).toThrow(/takes (48000|8000) Hz and gives \d+ rows/);
      expect(() => spec({ nMels: 40 })).toThrow(ParameterError);
      expect(() => check({ ...l3Spec(name), version: 2 as 1 })).toThrow(/version 2/);
    }
    expect(() => l3Definition('openl3-mel64-kapre' as L3Name)).toThrow(/no L3 front end/);
  });

  it.each<[L3Name, rows: number, frames: number]>([
    ['openl3-linear-kapre', 257, 197],
    ['openl3-mel128-kapre-0.1', 128, 199],
    ['openl3-mel128-librosa', 128, 199],
    ['openl3-mel256-kapre', 256, 199],
    ['edgel3-sea', 64, 50],
  ])("%s gives the network's input: %i × %i", (name, rows, frames) => {
    const { data, nMels, nFrames } = l3Picture(noise(l3Definition(name).windowSamples), l3Spec(name));
    expect([nMels, nFrames, data.length]).toEqual([rows, frames, rows * frames]);
  });

  it('pad as published', () => {
    const paddingOf = (name: L3Name) => l3Definition(name).padding;
    expect(paddingOf('openl3-mel256-kapre-0.1')).toEqual({ before: 982, after: 982, mode: 'constant' });
    expect(paddingOf('openl3-mel256-kapre')).toEqual({ before: 0, after: 1964, mode: 'constant' });
    expect(paddingOf('openl3-mel256-librosa')).toEqual({ before: 1024, after: 1024, mode: 'reflect' });
    expect(paddingOf('edgel3-sea')).toEqual({ before: 432, after: 432, mode: 'constant' });
  });
});

describe('the variants', () => {
  it.each(fixture.distances)('$a and $b differ by what they should: $rows bands, $signal', (d) => {
    const samples = goldenSignal(d.signal, 48000);
    const [a, b] = [d.a, d.b].map(
      (variant) => l3Picture(samples, l3Spec(openl3FrontEndName(`mel${d.rows}`, variant))).data,
    );
    const mean = a!.reduce((sum, v, i) => sum + Math.abs(v - b![i]), 0) / a!.length;
    expect(mean).toBeCloseTo(d.mean, 4);
    expect(largestDifference(a!, b!)).toBeCloseTo(d.largest, 3);
    expect(mean).toBeGreaterThan(1);
  });

  it('lie as the published embeddings do: librosa is nearer to kapre than kapre-0.1 is, on a chirp', () => {
    for (const rows of [128, 256]) {
      const mean = (a: string, b: string) =>
        fixture.distances.find((d) => d.rows === rows && d.a === a && d.b === b && d.signal === 'chirp')!
          .mean;
      expect(mean('kapre', 'librosa')).toBeLessThan(mean('kapre-0.1', 'kapre'));
    }
  });

  it('are one and the same for the linear picture', () => {
    const samples = noise(48000);
    const [a, b, c] = (['kapre-0.1', 'kapre', 'librosa'] as const).map(
      (variant) => l3Picture(samples, l3Spec(openl3FrontEndName('linear', variant))).data,
    );
    expect(largestDifference(b!, a!)).toBe(0);
    expect(largestDifference(c!, a!)).toBe(0);
  });

  it('have empty filters where HTK puts two edges between two bins', () => {
    for (const nMels of [128, 256]) {
      for (const melScale of ['htk', 'slaney'] as const) {
        const { emptyFilters } = melFilterBank({ sampleRate: 48000, nFft: 2048, nMels, melScale });
        expect(emptyFilters).toEqual(fixture.emptyFilters[`${nMels} ${melScale}`]);
      }
    }
    const { data, nFrames } = l3Picture(goldenSignal('noise', 48000), l3Spec('openl3-mel256-kapre-0.1'));
    for (const m of [0, 7]) {
      expect(new Set(data.subarray(m * nFrames, (m + 1) * nFrames))).toEqual(new Set([-80]));
    }
  });
});

describe('a picture', () => {
  it.each(l3Names)('of %s goes from −80 to 0 and does not know the level', (name) => {
    const { windowSamples } = l3Definition(name);
    const samples = noise(windowSamples);
    const { data } = l3Picture(samples, l3Spec(name));
    expect(data.reduce((a, b) => Math.max(a, b))).toBe(0);
    expect(data.reduce((a, b) => Math.min(a, b))).toBeGreaterThanOrEqual(-80);
    // A power of two scales without rounding.
    const quieter = l3Picture(
      samples.map((v) => v / 16),
      l3Spec(name),
    ).data;
    expect(largestDifference(quieter, data)).toBeLessThan(2e-5);
  });

  it('of zeros is zero', () => {
    for (const name of l3Names) {
      const { data } = l3Picture(new Float32Array(l3Definition(name).windowSamples), l3Spec(name));
      expect(data.every((v) => v === 0)).toBe(true);
    }
  });

  it('with a sample that is no number holds none', () => {
    const samples = noise(48000);
    samples[20000] = Number.NaN;
    expect(l3Picture(samples, l3Spec('openl3-mel128-kapre')).data.every(Number.isNaN)).toBe(true);
  });

  it('is of one window', () => {
    for (const n of [0, 47999, 48001]) {
      expect(() => l3Picture(new Float32Array(n), l3Spec('openl3-mel256-kapre'))).toThrow(
        /windows of 48000 samples \(1 s\)/,
      );
    }
  });
});

describe('the nodes', () => {
  it.each(l3Names)(
    'of %s equal the function for every window of a batch, whatever is named',
    async (name) => {
      const { windowSamples: n, nFrames } = l3Definition(name);
      const windows = [noise(n, 1), noise(n, 2).map((v) => v / 100)];
      const expected = windows.flatMap((w) => [...l3Picture(w, l3Spec(name)).data]);
      for (const [shape, dims] of [
        [
          ['N', 'samples'],
          [2, n],
        ],
        [
          ['N', 1, n],
          [2, 1, n],
        ],
      ] as [Shape, number[]][]) {
        const got = await run(name, shape, windows, dims);
        expect(got.dims).toEqual([2, l3Spec(name).nMels, nFrames]);
        expect(got.declared.slice(1)).toEqual([l3Spec(name).nMels, nFrames]);
        expect(largestDifference(got.data as Float32Array, expected)).toBeLessThan(3e-5);
      }
    },
  );

  it('hold what lies far below the loudest: a chirp, and a sound without its upper octaves', async () => {
    // Silence above 4 kHz but for what resampling leaves, as in many recordings made at low rates.
    const resampled = resample(noise(8000), 8000, 48000);
    for (const samples of [goldenSignal('chirp', 48000), resampled]) {
      const expected = l3Picture(samples, l3Spec('openl3-mel256-kapre-0.1')).data;
      expect(expected.filter((v) => v < -50).length).toBeGreaterThan(5000);
      const got = await run('openl3-mel256-kapre-0.1', ['N', 48000], [samples], [1, 48000]);
      expect(largestDifference(got.data as Float32Array, expected)).toBeLessThan(1e-4);
    }
  });

  it("give Keras's layout on request", () => {
    const g = new GraphBuilder();
    const x = l3InputNodes(g, g.input('w', 'float32', ['N', 1, 48000]), l3Spec('openl3-mel256-kapre'));
    expect(x.shape).toEqual(['N', 256, 199, 1]);
  });

  it('refuse what is no batch of windows', () => {
    const g = new GraphBuilder();
    const spec = l3Spec('openl3-mel256-kapre');
    const shapes: Shape[] = [['N', 16000], ['N', 2, 48000], [48000]];
    for (const [i, shape] of shapes.entries()) {
      expect(() => l3Nodes(g, g.input(`w${i}`, 'float32', shape), spec)).toThrow(ShapeError);
    }
    expect(() => l3Nodes(g, g.input('d', 'float64', ['N', 48000]), spec)).toThrow(/float64/);
  });

  it('fail at run time on anything but windows', async () => {
    await expect(run('openl3-mel128-kapre', ['N', 'samples'], [noise(24000)], [1, 24000])).rejects.toThrow();
  });
});

describe('windows', () => {
  const spec = l3Spec('openl3-linear-kapre');

  it('begin and end where the Python package has them', () => {
    for (const { samples: n, hopSeconds, center, starts, timestamps } of fixture.windows) {
      const signal = Float32Array.from({ length: n }, (_, i) => i + 1);
      const windows = l3Windows(mono(signal), spec, { hopSeconds, center });
      expect(windows.count).toBe(starts.length);
      expect([...windows.timestamps]).toEqual(timestamps);
      starts.forEach((start, i) => {
        const window = windows.samples(i);
        expect(window).toHaveLength(48000);
        for (const at of [0, 1, 23999, 24000, 47999]) {
          const expected = start + at < 0 || start + at >= n ? 0 : start + at + 1;
          expect(window[at], `${n} samples, window ${i}, sample ${at}`).toBe(expected);
        }
      });
    }
  });

  it('cover every sample and are no more than it takes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200_000 }),
        fc.integer({ min: 1, max: 20 }),
        fc.boolean(),
        (n, tenths, center) => {
          const hopSeconds = tenths / 10;
          const hop = Math.floor(hopSeconds * 48000);
          const { count } = l3Windows(mono(new Float32Array(n)), spec, { hopSeconds, center });
          const length = n + (center ? 24000 : 0);
          expect((count - 1) * hop + 48000).toBeGreaterThanOrEqual(length);
          if (count > 1) expect((count - 2) * hop + 48000).toBeLessThan(length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('of the cases that the package tests: one second, short, centred or not', () => {
    const count = (n: number, center: boolean) => l3Windows(mono(noise(n)), spec, { center }).count;
    expect(count(48000, true)).toBe(6);
    expect(count(48000, false)).toBe(1);
    const short = l3Windows(mono(noise(10000)), spec, { center: false });
    expect([short.count, [...short.timestamps]]).toEqual([1, [0]]);
    expect(short.warnings).toEqual([expect.stringMatching(/shorter than a window \(1 s\)/)]);
    const silent = l3Windows(mono(new Float32Array(60000)), spec);
    expect(silent.warnings).toEqual([expect.stringMatching(/silent/)]);
    expect(silent.inputs(0, 1).every((v) => v === 0)).toBe(true);
    expect(l3Windows(mono(noise(48000)), spec).warnings).toEqual([]);
  });

  it('are of the mean of the channels', () => {
    const [left, right] = [noise(50000, 1), noise(50000, 2)];
    const mean = left.map((v, i) => (v + right[i]) / 2);
    const stereo = l3Windows({ channelData: [left, right], sampleRate: 48000 }, spec);
    expect(stereo.samples(2)).toEqual(l3Windows(mono(mean), spec).samples(2));
  });

  it.each([
    [44100, 44101, 48001],
    [22050, 10001, 21770],
    [11025, 1, 4],
    [96000, 100001, 50000],
    [8000, 8001, 48006],
  ])('of a recording at %i Hz: %i samples become %i, as resampy counts', (rate, n, expected) => {
    const samples = noise(n);
    const windows = l3Windows(mono(samples, rate), spec, { center: false });
    expect(expected).toBe(Math.floor((n * 48000) / rate));
    expect(windows.count).toBe(1 + Math.ceil(Math.max(0, expected - 48000) / 4800));
    const heard = resample(samples, rate, 48000);
    const last = expected - 1 - (windows.count - 1) * 4800;
    expect(windows.samples(windows.count - 1)[last]).toBe(heard[expected - 1]);
    expect(
      windows
        .samples(windows.count - 1)
        .subarray(last + 1)
        .every((v) => v === 0),
    ).toBe(true);
  });

  it('have pictures one behind the other', () => {
    const windows = l3Windows(mono(noise(60000)), spec);
    const all = windows.inputs();
    const size = 257 * 197;
    expect(all).toHaveLength(windows.count * size);
    const third = l3Picture(windows.samples(2), spec).data;
    expect(largestDifference(all.subarray(2 * size, 3 * size), third)).toBe(0);
    expect(largestDifference(windows.inputs(2, 3), third)).toBe(0);
  });

  it('of EdgeL3-SEA are 8,000 samples at its own rate', () => {
    const windows = l3Windows(mono(noise(96000)), l3Spec('edgel3-sea'));
    expect(windows.samples(0)).toHaveLength(8000);
    // 16,000 samples behind 4,000 zeros.
    expect(windows.count).toBe(1 + 12000 / 800);
    expect(windows.inputs(0, 2)).toHaveLength(2 * 64 * 50);
  });

  it('refuse what gives none', () => {
    expect(() => l3Windows(mono(new Float32Array(0)), spec)).toThrow(/empty/);
    expect(() => l3Windows(mono(noise(1), 96000), spec)).toThrow(/shorter than one sample/);
    for (const hopSeconds of [0, -1, 1e-6, Number.NaN, Infinity]) {
      expect(() => l3Windows(mono(noise(10)), spec, { hopSeconds })).toThrow(ParameterError);
    }
    const windows = l3Windows(mono(noise(10)), spec);
    expect(() => windows.samples(1)).toThrow(/windows 0 to 0/);
  });
});
