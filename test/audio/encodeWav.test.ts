import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAudio, encodeWav, probeAudio, toMono } from '../../src/audio/index.ts';
import { ParameterError } from '../../src/core/index.ts';

const audioArbitrary = fc
  .tuple(
    fc.integer({ min: 1, max: 9 }),
    fc.integer({ min: 1, max: 50 }),
    fc.integer({ min: 50, max: 192000 }),
  )
  .chain(([channels, frames, sampleRate]) =>
    fc.record({
      sampleRate: fc.constant(sampleRate),
      channelData: fc.array(
        fc.float32Array({
          minLength: frames,
          maxLength: frames,
          min: -1,
          max: 1,
          noNaN: true,
          noDefaultInfinity: true,
        }),
        { minLength: channels, maxLength: channels },
      ),
    }),
  );

describe.each([
  ['pcm16', 2 ** -15, 'pcm-s16', 16],
  ['pcm24', 2 ** -23, 'pcm-s24', 24],
  ['float32', 0, 'float32', 32],
] as const)('%s', (encoding, step, name, bits) => {
  it('comes back within half a step', async () => {
    await fc.assert(
      fc.asyncProperty(audioArbitrary, async (audio) => {
        const bytes = encodeWav(audio, { encoding });
        expect(await probeAudio(bytes)).toEqual({
          format: 'wav',
          encoding: name,
          sampleRate: audio.sampleRate,
          channels: audio.channelData.length,
          bitsPerSample: bits,
          frames: audio.channelData[0].length,
        });
        const back = await decodeAudio(bytes);
        expect(back.warnings).toEqual([]);
        for (const [c, samples] of audio.channelData.entries()) {
          for (const [n, value] of samples.entries()) {
            // Full scale itself has no positive code: it is clipped by one step.
            const allowed = step === 0 ? 0 : value > 1 - step ? step : step / 2;
            expect(Math.abs(back.channelData[c][n] - value)).toBeLessThanOrEqual(allowed);
          }
        }
      }),
      { numRuns: 50, seed: 4 },
    );
  });
});

it('clips integers and keeps floats', async () => {
  const channelData = [Float32Array.of(-2, -1, 0, 1, 2)];
  const integers = await decodeAudio(encodeWav({ sampleRate: 8000, channelData }));
  expect(Array.from(integers.channelData[0])).toEqual([-1, -1, 0, 32767 / 32768, 32767 / 32768]);
  const floats = await decodeAudio(encodeWav({ sampleRate: 8000, channelData }, { encoding: 'float32' }));
  expect(floats.channelData).toEqual(channelData);
});

it.each([
  [{ sampleRate: 8000, channelData: [] }, {}],
  [{ sampleRate: 0, channelData: [new Float32Array(1)] }, {}],
  [{ sampleRate: 44100.5, channelData: [new Float32Array(1)] }, {}],
  [{ sampleRate: 8000, channelData: [new Float32Array(1), new Float32Array(2)] }, {}],
  [{ sampleRate: 8000, channelData: [Float32Array.of(Number.NaN)] }, {}],
  [{ sampleRate: 8000, channelData: [new Float32Array(1)] }, { encoding: 'pcm8' as 'pcm16' }],
])('refuses what no WAV can hold (%#)', (audio, options) => {
  expect(() => encodeWav(audio, options)).toThrow(ParameterError);
});

describe('toMono', () => {
  it('is the mean of the channels', () => {
    const a = Float32Array.of(1, 0, -1);
    const b = Float32Array.of(0, 0.5, -1);
    const c = Float32Array.of(0.5, 1, -1);
    expect(toMono({ channelData: [a] })).toBe(a);
    expect(Array.from(toMono({ channelData: [a, b] }))).toEqual([0.5, 0.25, -1]);
    expect(Array.from(toMono({ channelData: [a, b, c] }))).toEqual([0.5, 0.5, -1]);
  });

  it('refuses no channels, and channels of different lengths', () => {
    expect(() => toMono({ channelData: [] })).toThrow(ParameterError);
    expect(() => toMono({ channelData: [new Float32Array(1), new Float32Array(2)] })).toThrow(ParameterError);
  });
});
