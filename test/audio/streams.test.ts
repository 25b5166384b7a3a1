import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { SlidingWindow } from '../../src/audio/byteSource.ts';
import {
  type AudioData,
  type ByteSource,
  blobSource,
  bytesSource,
  decodeAudio,
  encodeWav,
  openAudio,
  openMono,
  openSound,
  readAudio,
  resample,
  type SoundStream,
  StreamingResampler,
  toMono,
} from '../../src/audio/index.ts';
import { DecodeError, ParameterError } from '../../src/core/index.ts';
import { fixtureBytes, fixturePath, fixtures, foreignFixtures, hasFfmpeg } from './fixtures.ts';
import { encodeFlac, longMp3, longOgg, noise, silentFlac } from './longFiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-streams-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function join32(parts: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

async function samplesOf(stream: SoundStream): Promise<Float32Array[]> {
  const parts: Float32Array[][] = Array.from({ length: stream.channels }, () => []);
  for await (const block of stream.blocks()) {
    expect(block[0].length).toBeGreaterThan(0);
    for (const [c, samples] of block.entries()) parts[c].push(samples);
  }
  await stream.close();
  return parts.map(join32);
}

/** Compares bit patterns: `toEqual` takes its time with arrays of this size. */
function expectSame(actual: readonly Float32Array[], expected: readonly Float32Array[]): void {
  expect(actual.map((samples) => samples.length)).toEqual(expected.map((samples) => samples.length));
  actual.forEach((samples, c) => {
    const a = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
    const b = Buffer.from(expected[c].buffer, expected[c].byteOffset, expected[c].byteLength);
    expect(a.equals(b), `channel ${c}`).toBe(true);
  });
}

function slice({ sampleRate, channelData }: AudioData, from: number, to: number): Float32Array[] {
  return channelData.map((all) => all.slice(Math.round(from * sampleRate), Math.round(to * sampleRate)));
}

/** Every format, as long as several reads. */
const long: [name: string, make: () => Promise<Uint8Array>][] = [
  [
    'PCM',
    async () => {
      const channelData = [1, 2].map((seed) =>
        Float32Array.from(noise(200_000, seed), (value) => value / 32768),
      );
      return encodeWav({ sampleRate: 8000, channelData }, { encoding: 'pcm24' });
    },
  ],
  ['FLAC', async () => encodeFlac([noise(700_000, 1), noise(700_000, 2)]).bytes],
  ['Vorbis', () => longOgg('vorbis-mono.ogg', 150)],
  ['Opus', () => longOgg('opus-mono.opus', 40)],
  ['MP3', async () => longMp3('mp3-stereo.mp3', 60)],
  [
    'MP3 with a tag',
    async () =>
      new Uint8Array(
        Buffer.concat([fixtureBytes('mp3-mono-tagged.mp3'), longMp3('mp3-mono-tagged.mp3', 60)]),
      ),
  ],
];

describe.each(long)('a long %s file', (_, make) => {
  it('read from any second on, gives the samples of the whole, to the bit', async () => {
    const bytes = await make();
    const whole = await decodeAudio(bytes);
    const seconds = whole.channelData[0].length / whole.sampleRate;
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    await fc.assert(
      fc.asyncProperty(share, share, async (start, rest) => {
        const from = start * seconds;
        const to = from + rest * (seconds - from) * 0.2;
        const stream = await openAudio(bytesSource(bytes), { from, to });
        expectSame(await samplesOf(stream), slice(whole, from, to));
        expect(stream.progress).toBe(1);
      }),
      { numRuns: 12, seed: 5 },
    );
    // To the end, and beyond it.
    const tail = await openAudio(bytesSource(bytes), { from: seconds * 0.97 });
    expectSame(await samplesOf(tail), slice(whole, seconds * 0.97, seconds));
    const beyond = await openAudio(bytesSource(bytes), { from: seconds + 1 });
    expect((await samplesOf(beyond))[0]).toHaveLength(0);
  });

  it('moves its progress while it is read, and states its length where the header does', async () => {
    const bytes = await make();
    const stream = await openAudio(bytesSource(bytes));
    const seen: number[] = [];
    let frames = 0;
    for await (const [first] of stream.blocks()) {
      seen.push(stream.progress);
      frames += first.length;
    }
    expect(seen.length).toBeGreaterThan(2);
    if (stream.frames === frames) expect(seen[0]).toBeLessThan(0.6);
    expect(seen.at(-1)).toBe(1);
    expect(seen.every((value, i) => value <= 1 && (i === 0 || value >= seen[i - 1]))).toBe(true);
    if (stream.frames !== null && !/^MP3/.test(_)) expect(stream.frames).toBe(frames);
  });
});

describe.each(fixtures)('$file', ({ file, channels }) => {
  it('as a stream from the file, in stretches and as a Blob gives the samples of the whole', async () => {
    const whole = await readAudio(fixturePath(file));
    expect(whole.channelData).toHaveLength(channels);
    expectSame(await samplesOf(await openSound(fixturePath(file))), whole.channelData);
    expectSame(
      await samplesOf(await openAudio(blobSource(new Blob([fixtureBytes(file)])))),
      whole.channelData,
    );
    const seconds = whole.channelData[0].length / whole.sampleRate;
    for (const [from, to] of [
      [0.1, 0.9],
      [0.5, 1],
      [0.93, 0.94],
    ]) {
      const stream = await openSound(fixturePath(file), { from: from * seconds, to: to * seconds });
      expectSame(await samplesOf(stream), slice(whole, from * seconds, to * seconds));
    }
  });

  it.each([8000, 22050, 48000])(
    'mixed down and resampled to %d Hz while decoded, equals the whole',
    async (rate) => {
      const whole = await readAudio(fixturePath(file));
      const stream = await openMono(fixturePath(file), { sampleRate: rate });
      const parts: Float32Array[] = [];
      for await (const block of stream.blocks()) parts.push(block);
      await stream.close();
      expectSame([join32(parts)], [resample(toMono(whole), whole.sampleRate, rate)]);
      // The fact chunk of an MP3 in a WAV does not count the encoder's delay.
      if (stream.samples !== null && file !== 'mp3-in-wav.wav')
        expect(stream.samples).toBe(join32(parts).length);
    },
  );
});

describe.skipIf(!hasFfmpeg).each(foreignFixtures)('$file through ffmpeg', ({ file }) => {
  it('gives a stretch of the whole', async () => {
    const whole = await readAudio(fixturePath(file));
    const stream = await openSound(fixturePath(file), { from: 0.02, to: 0.05 });
    expectSame(await samplesOf(stream), slice(whole, 0.02, 0.05));
  });
});

it('a stretch that is none is refused', async () => {
  for (const range of [{ from: -1 }, { from: 2, to: 1 }, { from: Number.NaN }, { to: Number.NaN }]) {
    await expect(openSound(fixturePath('pcm-s16.wav'), range)).rejects.toThrow(ParameterError);
  }
});

describe('StreamingResampler', () => {
  it('gives what resample gives, however the input is cut', () => {
    const rates = fc.constantFrom(8000, 11024, 22050, 44100, 48000);
    const cuts = fc.array(fc.nat(9000), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(rates, rates, cuts, (from, to, lengths) => {
        const samples = Float32Array.from(
          noise(
            lengths.reduce((a, b) => a + b, 0),
            3,
          ),
          (value) => value / 32768,
        );
        const resampler = new StreamingResampler(from, to);
        const parts: Float32Array[] = [];
        let at = 0;
        for (const length of lengths) {
          parts.push(resampler.push(samples.subarray(at, at + length)));
          at += length;
        }
        parts.push(resampler.flush());
        expectSame([join32(parts)], [resample(samples, from, to)]);
      }),
      { numRuns: 20, seed: 2 },
    );
  });
});

it('a window that slides shows the bytes of its source', async () => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) >> 3);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 900 }),
      fc.array(fc.tuple(fc.nat(5100), fc.nat(1500)), { maxLength: 12 }),
      async (chunk, looks) => {
        const window = new SlidingWindow(bytesSource(bytes), chunk);
        for (const [offset, length] of looks) {
          const have = await window.fill(offset, length);
          expect(have).toBeGreaterThanOrEqual(Math.min(length, Math.max(0, bytes.length - offset)));
          const index = offset - window.start;
          if (length > 0)
            expect(Array.from(window.bytes.subarray(index, index + length))).toEqual(
              Array.from(bytes.subarray(offset, offset + length)),
            );
        }
      },
    ),
    { numRuns: 60, seed: 4 },
  );
});

describe('files beyond 4 GiB', () => {
  const gigabytes5 = 5 * 2 ** 30;
  const frames = gigabytes5 / 4;

  /** A sparse file: a header, silence that takes no room, and four frames of sound at its end. */
  function writeSparse(name: string, header: Uint8Array): string {
    const path = join(folder, name);
    const file = openSync(path, 'w');
    writeSync(file, header);
    writeSync(
      file,
      new Uint8Array(Int16Array.of(1, -1, 2, -2, 3, -3, 4, -4).buffer),
      0,
      16,
      header.length + gigabytes5 - 16,
    );
    closeSync(file);
    return path;
  }

  function fmt(): Uint8Array {
    return encodeWav({ sampleRate: 48000, channelData: [new Float32Array(1), new Float32Array(1)] }).slice(
      20,
      36,
    );
  }

  function rf64(): Uint8Array {
    const bytes = new Uint8Array(80);
    const view = new DataView(bytes.buffer);
    bytes.set(Buffer.from('RF64\xff\xff\xff\xffWAVEds64', 'latin1'));
    view.setUint32(16, 28, true);
    view.setBigUint64(20, BigInt(gigabytes5 + 72), true);
    view.setBigUint64(28, BigInt(gigabytes5), true);
    bytes.set(Buffer.from('fmt \x10\0\0\0', 'latin1'), 48);
    bytes.set(fmt(), 56);
    bytes.set(Buffer.from('data\xff\xff\xff\xff', 'latin1'), 72);
    return bytes;
  }

  function wave64(): Uint8Array {
    const guid = (name: string) =>
      Buffer.concat([Buffer.from(name), Buffer.from('f3acd3118cd100c04f8edb8a', 'hex')]);
    const bytes = Buffer.alloc(104);
    bytes.set(Buffer.concat([Buffer.from('riff'), Buffer.from('2e91cf11a5d628db04c10000', 'hex')]));
    bytes.writeBigUInt64LE(BigInt(gigabytes5 + 104), 16);
    bytes.set(guid('wave'), 24);
    bytes.set(guid('fmt '), 40);
    bytes.writeBigUInt64LE(40n, 56);
    bytes.set(fmt(), 64);
    bytes.set(guid('data'), 80);
    bytes.writeBigUInt64LE(BigInt(gigabytes5 + 24), 96);
    return new Uint8Array(bytes);
  }

  it.each([
    ['RF64', rf64()],
    ['Wave64', wave64()],
  ])('%s is opened and read at its end', async (name, header) => {
    const path = writeSparse(`${name}.wav`, header);
    const stream = await openSound(path, { from: (frames - 5) / 48000 });
    expect(stream.frames).toBe(5);
    const [left, right] = await samplesOf(stream);
    expect(Array.from(left, (value) => value * 32768)).toEqual([0, 1, 2, 3, 4]);
    expect(Array.from(right, (value) => value * 32768)).toEqual([0, -1, -2, -3, -4]);
    expect(stream.warnings).toEqual([]);
    const whole = await openSound(path);
    expect(whole.frames).toBe(frames);
    for await (const _ of whole.blocks()) break;
    await whole.close();
    await expect(readAudio(path)).rejects.toThrow(/above the limit/);
    rmSync(path);
  });
});

describe('memory', () => {
  /** Twenty minutes of 48 kHz stereo: 440 MiB of float32. */
  const frames = 20 * 60 * 48000;

  async function largestGrowth(source: ByteSource, expected: number): Promise<number> {
    const before = process.memoryUsage().arrayBuffers;
    let largest = 0;
    let count = 0;
    const stream = await openAudio(source);
    for await (const [first] of stream.blocks()) {
      count += first.length;
      largest = Math.max(largest, process.memoryUsage().arrayBuffers - before);
    }
    expect(count).toBe(expected);
    return largest;
  }

  it('does not know how long a WAV file is', async () => {
    const header = encodeWav({
      sampleRate: 48000,
      channelData: [new Float32Array(1), new Float32Array(1)],
    }).slice(0, 44);
    new DataView(header.buffer).setUint32(40, frames * 4, true);
    const source: ByteSource = {
      size: 44 + frames * 4,
      async read(offset, length) {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, 44 + frames * 4 - offset)));
        if (offset < 44) bytes.set(header.subarray(offset, offset + bytes.length));
        return bytes;
      },
    };
    expect(await largestGrowth(source, frames)).toBeLessThan(100e6);
  });

  it('does not know how long a FLAC file is, even one whose bytes grow ten-thousandfold', async () => {
    const bytes = silentFlac(frames, 2, 48000);
    expect(bytes.length).toBeLessThan(frames / 1000);
    expect(await largestGrowth(bytesSource(bytes), frames)).toBeLessThan(100e6);
    // In one piece it would be 440 MiB out of some kilobytes: that must be asked for.
    await expect(decodeAudio(bytes, { name: 'bomb.flac' })).rejects.toThrow(
      /bomb\.flac .*above the limit of 67108864/,
    );
  });
});

it('a stream that is closed early leaves nothing open', async () => {
  const path = join(folder, 'early.wav');
  writeFileSync(path, encodeWav({ sampleRate: 8000, channelData: [new Float32Array(500_000)] }));
  const stream = await openSound(path);
  for await (const _ of stream.blocks()) break;
  await stream.close();
  await expect(samplesOf(stream)).rejects.toThrow();
  const missing = await openSound(join(folder, 'no.wav')).catch((e: unknown) => e);
  expect(missing).toBeInstanceOf(DecodeError);
});
