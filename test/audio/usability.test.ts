import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  encodeWav,
  isSilent,
  LARGEST_SAMPLE,
  readSound,
  requireUsableSound,
  SoundMeter,
  shortRemark,
  soundRemarks,
} from '../../src/audio/index.ts';
import { DecodeError } from '../../src/core/index.ts';

function factsOf(...channels: readonly (readonly number[])[]) {
  const meter = new SoundMeter();
  meter.observe(channels.map((samples) => Float32Array.from(samples)));
  return meter.facts(8000);
}

const wave = Array.from({ length: 800 }, (_, i) => 0.5 * Math.sin(i / 5));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'earshot-usability-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function wav(name: string, ...channelData: readonly Float32Array[]): Promise<string> {
  const path = join(folder, name);
  await writeFile(
    path,
    encodeWav({ sampleRate: 8000, channelData: [...channelData] }, { encoding: 'float32' }),
  );
  return path;
}

describe('what is measured of a recording', () => {
  it('is mean, excursion and size of the mix, and the excursion of the loudest channel', () => {
    expect(factsOf([0.5, -0.25, 0.5, -0.25], [0.5, 0.75, 0.5, 0.25])).toEqual({
      ...{ samples: 4, sampleRate: 8000, channels: 2 },
      // The mix is 0.5, 0.25, 0.5, 0.
      ...{ dcOffset: 0.3125, peak: 0.3125, channelPeak: 0.375, loudest: 0.75 },
    });
  });

  it('does not depend on how the recording is divided into blocks', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const meter = new SoundMeter();
        for (let at = 0, i = 0; at < wave.length; at += sizes[i++ % sizes.length]) {
          const block = Float32Array.from(wave.slice(at, at + sizes[i % sizes.length]));
          meter.observe([block, block.map((x) => 0.5 * x)]);
        }
        expect(meter.facts(8000)).toEqual(
          factsOf(
            wave,
            wave.map((x) => 0.5 * Math.fround(x)),
          ),
        );
      }),
    );
  });
});

describe('a recording is refused', () => {
  it.each([
    ['without samples', factsOf([]), /clip\.wav holds no sound/],
    ['with one absurd sample', factsOf([...wave, 1e20]), /clip\.wav holds samples as large as 1\.0e\+20/],
    [
      'with one absurd sample in one channel',
      factsOf(wave, [...wave.slice(1), -1e20]),
      /as large as 1\.0e\+20/,
    ],
    [
      'with a sample that is not a number',
      factsOf([...wave, Number.NaN]),
      /clip\.wav holds samples that are not numbers/,
    ],
    ['with an infinite sample', factsOf([...wave, Number.NEGATIVE_INFINITY]), /samples that are not numbers/],
  ])('%s', (_, facts, message) => {
    expect(() => requireUsableSound(facts, 'clip.wav')).toThrow(DecodeError);
    expect(() => requireUsableSound(facts, 'clip.wav')).toThrow(message);
  });

  it('not for being silent, nor for integers of 32 bits written as floating-point numbers', () => {
    for (const facts of [factsOf([0, 0]), factsOf(wave.map((x) => x * 2 ** 31)), factsOf([LARGEST_SAMPLE])])
      expect(() => requireUsableSound(facts, 'clip.wav')).not.toThrow();
  });
});

describe('a recording is used with a remark', () => {
  it('where a sample is absurd: it is 0 then, and the decoder says so', async () => {
    const path = await wav('absurd.wav', Float32Array.from([...wave, 1e20, ...wave]));
    const { samples, facts, warnings } = await readSound(path);
    expect(samples[wave.length]).toBe(0);
    expect(facts.loudest).toBeLessThan(1);
    expect(warnings).toEqual([expect.stringContaining('replaced by 0')]);
  });

  const kinds = (...channels: readonly (readonly number[])[]) =>
    soundRemarks(factsOf(...channels)).map(({ kind }) => kind);

  it('where it is silent, and where its channels cancel out', () => {
    const against = wave.map((x) => -x);
    expect(kinds(wave)).toEqual([]);
    expect(kinds(wave, wave)).toEqual([]);
    expect(kinds(wave, against)).toEqual(['cancelled']);
    expect(kinds(Array(100).fill(0.25))).toEqual(['silent']);
    expect(kinds(Array(100).fill(0.25), Array(100).fill(-0.25))).toEqual(['silent']);
    expect(isSilent(factsOf(wave, against))).toBe(true);
  });

  it('where it is shorter than a window', () => {
    expect(shortRemark(4000, 8000, 8000)).toBe(
      'It lasts 0.500 s, less than a window of 1.000 s: the rest is filled up.',
    );
    expect(shortRemark(4000, 8000, 8000, false)).toBe('It lasts 0.500 s, less than a window of 1.000 s.');
    expect(shortRemark(8000, 8000, 8000)).toBeNull();
  });
});
