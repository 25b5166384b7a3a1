import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import { relative } from '../../src/hypotheses/features.ts';
import {
  type BlockName,
  blockSizes,
  clipMeasures,
  hypotheses,
  measureLength,
  measureSettings,
} from '../../src/hypotheses/index.ts';
import { startOf } from './tables.ts';

const { sampleRate } = measureSettings;
const random = new Random(1);
const noise = Float32Array.from({ length: 2 * sampleRate }, () => 0.1 * random.normal());
/** Noise that goes up and down three times a second. */
const pulsing = noise.map((v, i) => v * (1.05 + Math.sin((2 * Math.PI * 3 * i) / sampleRate)));

const block = (numbers: Float32Array, name: BlockName) =>
  numbers.subarray(startOf(name), startOf(name) + blockSizes[name]);
const mean = (values: Float32Array) => values.reduce((a, b) => a + b, 0) / values.length;

describe('measures of a recording', () => {
  const [flat, moving] = [clipMeasures(noise, 'a'), clipMeasures(pulsing, 'a')];

  it('are finite numbers for any sound, however short', () => {
    for (const length of [1, 2, 50, 700, 5000]) {
      const got = clipMeasures(noise.slice(0, length), 'a');
      expect(got).toHaveLength(measureLength);
      expect(got.every(Number.isFinite)).toBe(true);
    }
    expect(() => clipMeasures(new Float32Array(100).fill(Number.NaN), 'a')).toThrow(/finite/);
  });

  it('depend on the level by the same decibels everywhere, and not at all once they are relative', () => {
    const quiet = clipMeasures(
      noise.map((v) => v / 10),
      'a',
    );
    const shift = block(flat, 'melMean').map((v, i) => v - block(quiet, 'melMean')[i]);
    for (const v of shift) expect(v).toBeCloseTo(20, 2);
    const row = (numbers: Float32Array) =>
      relative({ data: Float64Array.from(block(numbers, 'melMean')), rows: 1, columns: 40 }).data;
    row(flat).forEach((v, i) => void expect(v).toBeCloseTo(row(quiet)[i], 2));
    for (const name of ['melDeviation', 'slopes', 'modulation', 'shape', 'melAmplitude'] as const) {
      block(quiet, name).forEach((v, i) => void expect(v).toBeCloseTo(block(flat, name)[i], 2));
    }
  });

  it('lose the order of frames, and nothing else, when they are shuffled', () => {
    // At 3 Hz, in the band of 2 to 4: the third of five, of every region.
    const third = (name: 'modulation' | 'modulationShuffled') =>
      mean(block(moving, name).filter((_, i) => i % 5 === 2));
    expect(third('modulation')).toBeGreaterThan(10 * Math.log10(0.6));
    expect(third('modulationShuffled')).toBeLessThan(10 * Math.log10(0.3));
    // Slopes over five frames follow a level that goes up and down; shuffled, they are what noise of the same spread has.
    expect(mean(block(moving, 'slopesShuffled'))).toBeLessThan(0.9 * mean(block(moving, 'slopes')));
  });

  it('swap attack and decay when they are played backwards, and keep the rest', () => {
    const knock = noise.map((v, i) => v * Math.exp(-i / (0.1 * sampleRate)));
    const got = clipMeasures(knock, 'a');
    const [forwards, backwards] = [block(got, 'shape'), block(got, 'shapeReversed')];
    for (const i of [0, 1, 2]) expect(backwards[i]).toBeCloseTo(forwards[i], 4);
    expect(backwards[3]).toBeCloseTo(forwards[4], 1);
    expect(backwards[4]).toBeCloseTo(forwards[3], 1);
    // Phases drawn anew make noise of the knock: kurtosis about 3.
    expect(10 ** forwards[1]).toBeGreaterThan(10);
    expect(10 ** block(got, 'shapeRandomised')[1]).toBeLessThan(4);
  });

  it('have no contrast between regions when it is flattened, and the same within them', () => {
    const [plain, flattened] = [block(moving, 'melMean'), block(moving, 'flatMean')];
    for (let region = 0; region < 8; region++) {
      const [own, flatOwn] = [plain, flattened].map((b) => b.subarray(5 * region, 5 * region + 5));
      expect(mean(flatOwn!)).toBeCloseTo(mean(plain), 3);
      own!.forEach((v, i) => {
        expect(flatOwn![i] - mean(flatOwn!)).toBeCloseTo(v - mean(own!), 3);
      });
    }
  });

  it('are the same for the same seed, and differ in what is random alone', () => {
    expect(clipMeasures(noise, 'a')).toEqual(flat);
    const other = clipMeasures(noise, 'b');
    expect(block(other, 'modulationShuffled')).not.toEqual(block(flat, 'modulationShuffled'));
    expect(block(other, 'shapeRandomised')).not.toEqual(block(flat, 'shapeRandomised'));
    expect(block(other, 'modulation')).toEqual(block(flat, 'modulation'));
  });
});

describe('the five hypotheses', () => {
  it('have two or three deciding tests each, told apart by name', () => {
    const blocks = Object.fromEntries(
      Object.entries(blockSizes).map(([name, columns]) => [
        name,
        { data: new Float64Array(4 * columns).fill(1), rows: 4, columns },
      ]),
    );
    const deciding = hypotheses.map((one) => {
      const tests = one.tests({ blocks } as never);
      expect(new Set(tests.map(({ id }) => id)).size).toBe(tests.length);
      for (const test of tests) {
        // Bands at other spacings are compared at equal dimension, and so are frames in order and shuffled.
        if (test.kind === 'paired' && !/low-pass|average/.test(test.id)) {
          expect(test.first.matrix.columns).toBe(test.second.matrix.columns);
        }
        if (test.kind === 'ranks') expect(test.columns).toHaveLength(test.matrix.columns);
      }
      return tests.filter((test) => test.deciding).length;
    });
    expect(deciding).toEqual([2, 3, 2, 2, 2]);
  });
});
