import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAudio } from '../../src/audio/index.ts';
import { DecodeError } from '../../src/core/index.ts';
import { fixtureBytes, fixtures } from './fixtures.ts';
import { fixChecksums, pageOffsets } from './longFiles.ts';

const compressed = fixtures.filter(({ encoding }) => ['flac', 'vorbis', 'opus', 'mp3'].includes(encoding));

describe.each(compressed)('$file', ({ file, frames, channels, encoding, format }) => {
  it('cut off anywhere, it gives what it holds and a warning, or a DecodeError', async () => {
    const bytes = fixtureBytes(file);
    const whole = await decodeAudio(bytes);
    let partial = 0;
    for (let tenths = 1; tenths < 20; tenths++) {
      const cut = bytes.subarray(0, Math.floor((bytes.length * tenths) / 20));
      const result = await decodeAudio(cut, { name: file }).catch((e: unknown) => e);
      if (result instanceof DecodeError) continue;
      const audio = result as Awaited<ReturnType<typeof decodeAudio>>;
      expect(audio.channelData).toHaveLength(channels);
      expect(audio.channelData[0].length).toBeLessThanOrEqual(frames);
      expect(audio.warnings.join(' ')).toMatch(/truncated|claims/);
      partial++;
      // What is there is the beginning of the whole. MP3's last frame may lack the overlap with its successor.
      const sure = audio.channelData[0].length - 1152;
      for (let n = 0; n < sure; n++) expect(audio.channelData[0][n]).toBeCloseTo(whole.channelData[0][n], 5);
    }
    // The Ogg files hold all sound in one page or two, the 24-bit FLAC in one frame; of the others a half must yield something.
    if (format !== 'ogg' && file !== 'flac-s24.flac') expect(partial, encoding).toBeGreaterThan(5);
  });

  it('leaves a decoder behind that works', async () => {
    const bytes = fixtureBytes(file);
    const before = await decodeAudio(bytes);
    const damaged = bytes.slice();
    for (let i = 200; i < damaged.length; i += 7) damaged[i] ^= 0xa5;
    await decodeAudio(damaged).catch(() => null);
    expect((await decodeAudio(bytes)).channelData).toEqual(before.channelData);
  });
});

describe('Ogg', () => {
  it('a file that breaks the decoder does not break those decoded at the same time', async () => {
    const good = fixtureBytes('vorbis-mono.ogg');
    const expected = (await decodeAudio(good)).channelData;
    // A setup header whose checksum holds but whose content libvorbis refuses.
    const bad = good.slice();
    const setup = Buffer.from(bad).indexOf('\x05vorbis', 0, 'latin1');
    bad.fill(0xff, setup + 7, setup + 400);
    fixChecksums(bad);
    const all = [bad, good, bad, good, good, bad, good].map((bytes) =>
      decodeAudio(bytes).catch((e: unknown) => e),
    );
    const results = await Promise.all(all);
    for (const i of [1, 3, 4, 6]) expect(results[i]).toMatchObject({ channelData: expected });
    for (const i of [0, 2, 5]) expect(results[i]).toBeInstanceOf(DecodeError);
  });

  it('leaves out pages with a wrong checksum and says so', async () => {
    const bytes = fixtureBytes('flac-in-ogg.oga');
    const pages = pageOffsets(bytes);
    const last = pages.at(-1)!;
    const damaged = bytes.slice();
    damaged[last + 60] ^= 1;
    const result = await decodeAudio(damaged).catch((e: unknown) => e);
    if (result instanceof DecodeError) expect(pages.length).toBeLessThan(4);
    else expect((result as { warnings: string[] }).warnings.join(' ')).toMatch(/1 damaged Ogg pages/);
  });

  it.each(['vorbis-mono.ogg', 'opus-mono.opus', 'flac-in-ogg.oga'])(
    'plays chained copies of %s one after the other',
    async (file) => {
      const bytes = fixtureBytes(file);
      const one = (await decodeAudio(bytes)).channelData[0];
      const audio = await decodeAudio(new Uint8Array(Buffer.concat([bytes, bytes, bytes])));
      expect(audio.channelData[0]).toHaveLength(3 * one.length);
      expect(audio.channelData[0].subarray(one.length, 2 * one.length)).toEqual(one);
      expect(audio.warnings).toEqual([]);
    },
  );

  it('a chained part in another layout is left out and told', async () => {
    const mono = fixtureBytes('vorbis-mono.ogg');
    const audio = await decodeAudio(new Uint8Array(Buffer.concat([mono, fixtureBytes('vorbis-stereo.ogg')])));
    expect(audio.channelData).toHaveLength(1);
    expect(audio.warnings.join(' ')).toMatch(/another sample rate or channel count/);
  });

  it('junk before and between pages is passed over', async () => {
    const bytes = fixtureBytes('vorbis-mono.ogg');
    const second = pageOffsets(bytes)[1];
    const junk = new Uint8Array(500).fill(0x4f);
    const mixed = Buffer.concat([bytes.subarray(0, second), junk, bytes.subarray(second)]);
    const audio = await decodeAudio(new Uint8Array(mixed));
    expect(audio.channelData).toEqual((await decodeAudio(bytes)).channelData);
  });

  it('only headers: no samples', async () => {
    const bytes = fixtureBytes('vorbis-mono.ogg');
    const pages = pageOffsets(bytes);
    await expect(decodeAudio(bytes.subarray(0, pages[1]), { name: 'h.ogg' })).rejects.toThrow(
      /h\.ogg is an Ogg Vorbis file/,
    );
  });
});

describe('codecs behind intact checksums', () => {
  it.each(compressed.filter(({ format }) => format === 'ogg'))(
    '$file: damaged packets do no harm',
    async ({ file }) => {
      const original = fixtureBytes(file);
      const property = fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(255)), { minLength: 1, maxLength: 30 }),
        async (changes) => {
          const bytes = original.slice();
          const headers = new Set(
            pageOffsets(bytes).flatMap((at) => Array.from({ length: 60 }, (_, i) => at + i)),
          );
          for (const [at, value] of changes) if (!headers.has(at)) bytes[at] = value;
          fixChecksums(bytes);
          const result = await decodeAudio(bytes, { maxSamples: 2 ** 24 }).catch((e: unknown) => e);
          if (result instanceof Error && !(result instanceof DecodeError)) throw result;
        },
      );
      await fc.assert(property, { numRuns: 40, seed: 9 });
    },
    60_000,
  );
});

describe('MP3', () => {
  it('damage between frames is skipped and told', async () => {
    const bytes = fixtureBytes('mp3-stereo.mp3');
    const mixed = Buffer.concat([bytes.subarray(0, 209 * 4), new Uint8Array(50), bytes.subarray(209 * 4)]);
    const audio = await decodeAudio(new Uint8Array(mixed));
    expect(audio.channelData[0].length).toBeGreaterThan(2000);
  });

  it('an ID3 tag with nothing behind it is no audio', async () => {
    const tag = new Uint8Array(200);
    tag.set(new TextEncoder().encode('ID3\x03'));
    tag[9] = 100;
    await expect(decodeAudio(tag, { name: 't.mp3' })).rejects.toThrow(/t\.mp3 is not an audio file/);
  });
});

describe('FLAC', () => {
  it('is read behind an ID3 tag', async () => {
    const tag = new Uint8Array(110);
    tag.set(new TextEncoder().encode('ID3\x03'));
    tag[9] = 100;
    const bytes = fixtureBytes('flac-s16.flac');
    const audio = await decodeAudio(new Uint8Array(Buffer.concat([tag, bytes])));
    expect(audio.channelData).toEqual((await decodeAudio(bytes)).channelData);
  });
});
