import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAudio, probeAudio } from '../../src/audio/index.ts';
import { DecodeError } from '../../src/core/index.ts';
import { fixtureBytes, fixtures } from './fixtures.ts';

/** Interesting values to write over headers, beside random ones. */
const value = fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 }));

const mutation = fc.oneof(
  // Headers matter most, so half of all changes fall on the first hundred bytes.
  fc.record({
    kind: fc.constant('set' as const),
    where: fc.double({ min: 0, max: 1, noNaN: true }),
    head: fc.boolean(),
    value,
  }),
  fc.record({ kind: fc.constant('cut' as const), where: fc.double({ min: 0, max: 1, noNaN: true }) }),
  fc.record({
    kind: fc.constant('insert' as const),
    where: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.uint8Array({ maxLength: 20 }),
  }),
  fc.record({ kind: fc.constant('lengthen' as const), where: fc.double({ min: 0, max: 1, noNaN: true }) }),
);
type Mutation = typeof mutation extends fc.Arbitrary<infer T> ? T : never;

function mutate(original: Uint8Array, mutations: Mutation[]): Uint8Array {
  let bytes = original.slice();
  for (const change of mutations) {
    const at = Math.floor(change.where * bytes.length);
    if (change.kind === 'set') {
      const place = change.head ? Math.floor(change.where * Math.min(bytes.length, 100)) : at;
      if (place < bytes.length) bytes[place] = change.value;
    } else if (change.kind === 'cut') {
      bytes = bytes.slice(0, at);
    } else if (change.kind === 'insert') {
      bytes = new Uint8Array(Buffer.concat([bytes.subarray(0, at), change.bytes, bytes.subarray(at)]));
    } else {
      bytes.fill(0xff, Math.floor(change.where * Math.min(bytes.length, 100)), at + 4);
    }
  }
  return bytes;
}

/** Samples or a DecodeError, soon, and not more samples than the bytes can hold. */
async function check(bytes: Uint8Array): Promise<void> {
  const started = performance.now();
  const result = await decodeAudio(bytes, { name: 'fuzzed', maxSamples: 2 ** 24 }).catch((e: unknown) => e);
  expect(performance.now() - started).toBeLessThan(2000);
  if (!(result instanceof DecodeError)) {
    if (result instanceof Error) throw result;
    const { channelData, sampleRate, warnings } = result as Awaited<ReturnType<typeof decodeAudio>>;
    expect(sampleRate).toBeGreaterThan(0);
    expect(channelData.length).toBeGreaterThan(0);
    expect(channelData[0].length).toBeGreaterThan(0);
    expect(channelData.every((samples) => samples.length === channelData[0].length)).toBe(true);
    expect(channelData.every((samples) => samples.every(Number.isFinite))).toBe(true);
    expect(Array.isArray(warnings)).toBe(true);
  }
  try {
    await probeAudio(bytes, { name: 'fuzzed' });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

describe('no input hangs, throws anything but DecodeError, or takes more memory than it holds', () => {
  it.each(fixtures)(
    '$file, mutated',
    async ({ file, format }) => {
      const original = fixtureBytes(file);
      const property = fc.asyncProperty(fc.array(mutation, { minLength: 1, maxLength: 6 }), (mutations) =>
        check(mutate(original, mutations)),
      );
      await fc.assert(property, { numRuns: format === 'wav' ? 150 : 60, seed: 7 });
    },
    60_000,
  );

  it('random bytes behind every magic', async () => {
    const magics = ['RIFF\0\0\0\0WAVE', 'fLaC', 'OggS', 'ID3', '\xff\xfb', 'RF64\xff\xff\xff\xffWAVE', ''];
    const property = fc.asyncProperty(
      fc.constantFrom(...magics),
      fc.uint8Array({ maxLength: 3000 }),
      (magic, rest) => check(new Uint8Array(Buffer.concat([Buffer.from(magic, 'latin1'), rest]))),
    );
    await fc.assert(property, { numRuns: 300, seed: 8 });
  }, 60_000);

  it('lengths of 4 GiB allocate nothing', async () => {
    const bytes = fixtureBytes('pcm-s16.wav');
    bytes.fill(0xff, 40, 44);
    const before = process.memoryUsage().arrayBuffers;
    await decodeAudio(bytes);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1e7);
  });
});
