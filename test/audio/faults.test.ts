import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import {
  type AudioData,
  bytesSource,
  decodeAudio,
  encodeWav,
  openAudio,
  openMono,
  readAudio,
} from '../../src/audio/index.ts';
import { DecodeError } from '../../src/core/index.ts';
import { chunkOffset, fixtureBytes, withUint32 } from './fixtures.ts';
import { encodeFlac, fixChecksums, noise, pageOffsets } from './longFiles.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-faults-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const text = (letters: string) => Buffer.from(letters, 'latin1');
const concat = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

async function errorOf(bytes: Uint8Array): Promise<DecodeError> {
  const error = await decodeAudio(bytes, { name: 'x.snd' }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DecodeError);
  expect((error as DecodeError).message).toMatch(/^x\.snd /);
  return error as DecodeError;
}

async function expectSameSound(actual: Uint8Array, original: Uint8Array): Promise<AudioData> {
  const audio = await decodeAudio(actual);
  expect(audio.channelData).toEqual((await decodeAudio(original)).channelData);
  return audio;
}

async function fast<T>(work: () => Promise<T>): Promise<T> {
  const started = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(started);
  expect(user + system).toBeLessThan(1e6);
  return result;
}

/** An ID3v2.3 tag of 210 bytes. */
const id3v2 = concat(text('ID3\x03\0\0\0\0\x01\x48'), new Uint8Array(200));
const id3v1 = concat(text('TAG'), new Uint8Array(125));
const lyrics = text('LYRICSBEGININD0000210LYR00005hello000034LYRICS200');
const ape = (() => {
  const footer = new Uint8Array(32);
  footer.set(text('APETAGEX'));
  const view = new DataView(footer.buffer);
  view.setUint32(8, 2000, true);
  view.setUint32(12, 50 + 32, true);
  view.setUint32(20, 0x80000000, true);
  const header = footer.slice();
  new DataView(header.buffer).setUint32(20, 0xa0000000, true);
  return concat(header, new Uint8Array(50).fill(0x41), footer);
})();

describe('tags are no sound and no damage', () => {
  const files = [
    'vorbis-mono.ogg',
    'opus-mono.opus',
    'pcm-s16.wav',
    'flac-s16.flac',
    'flac-in-ogg.oga',
    'mp3-stereo.mp3',
  ];

  it.each(files)('an ID3v2 or APE tag before %s is skipped and the content looked at again', async (file) => {
    const bytes = fixtureBytes(file);
    for (const tag of [id3v2, concat(id3v2, id3v2), ape]) {
      expect((await expectSameSound(concat(tag, bytes), bytes)).warnings).toEqual([]);
    }
  });

  it.each(files)('ID3v1, APE, Lyrics3 and text behind %s change nothing', async (file) => {
    const bytes = fixtureBytes(file);
    for (const tag of [id3v1, ape, lyrics, concat(lyrics, ape, id3v1), text('recorded by the lake\n')]) {
      expect((await expectSameSound(concat(bytes, tag), bytes)).warnings).toEqual([]);
    }
  });

  it('a FLAC file that does not state its length ends before its tag, too', async () => {
    const samples = noise(2500, 1);
    const { bytes } = encodeFlac([samples], { stated: 0 });
    for (const tag of [id3v1, ape, text('a line of text\n')]) {
      expect((await expectSameSound(concat(bytes, tag), bytes)).warnings).toEqual([]);
    }
  });

  it('a WAV file that was never closed ends before its tags', async () => {
    const bytes = fixtureBytes('pcm-s16.wav');
    const open = withUint32(bytes, chunkOffset(bytes, 'data') + 4, 0xffffffff);
    await expectSameSound(concat(open, lyrics, ape, id3v1), bytes);
  });

  it('a chance frame in other data is no MP3', async () => {
    const frame = fixtureBytes('mp3-stereo.mp3').subarray(20, 20 + 209);
    const junk = new Uint8Array(noise(10_000, 9).buffer);
    await errorOf(concat(id3v2, junk, frame, junk));
    await errorOf(concat(junk.subarray(0, 300), frame, frame, frame, frame, junk));
  });

  it('MP3 files that were put together are played one after the other', async () => {
    const bytes = fixtureBytes('mp3-stereo.mp3');
    const one = await decodeAudio(bytes);
    const two = await decodeAudio(concat(bytes, id3v1, bytes));
    expect(two.channelData[0].length).toBeGreaterThan(1.9 * one.channelData[0].length);
  });
});

describe('FLAC', () => {
  const samples = [noise(8000, 1), noise(8000, 2)];
  const { bytes, frames } = encodeFlac(samples);
  const expected = samples.map((channel) => Float32Array.from(channel, (value) => value / 32768));

  it('verbatim frames are the samples that went in', async () => {
    const audio = await decodeAudio(bytes);
    expect(audio.channelData).toEqual(expected);
    expect(audio.warnings).toEqual([]);
  });

  it('a damaged frame becomes silence of its length, and the rest keeps its time', async () => {
    const damaged = bytes.slice();
    damaged.fill(0x55, frames[3] + 100, frames[4] + 200); // the end of frame 3, the start of frame 4
    const audio = await decodeAudio(damaged);
    const silenced = expected.map((channel) => channel.slice().fill(0, 3000, 5000));
    expect(audio.channelData).toEqual(silenced);
    expect(audio.warnings.join(' ')).toMatch(/damaged FLAC frames.* 2000 samples per channel are missing/);
  });

  it.each([
    [0, 2],
    [3, 5],
  ])('missing frames %d up to %d become silence', async (from, to) => {
    const audio = await decodeAudio(
      concat(bytes.subarray(0, frames[from] + Number(from === 0)), bytes.subarray(frames[to])),
    );
    expect(audio.channelData).toEqual(
      expected.map((channel) => channel.slice().fill(0, 1000 * from, 1000 * to)),
    );
    expect(audio.warnings.join(' ')).toMatch(/samples per channel are missing and were replaced by silence/);
  });

  it('files one behind the other are put together, with a warning', async () => {
    const audio = await decodeAudio(concat(bytes, bytes));
    expect(audio.channelData[1]).toEqual(Float32Array.from([...expected[1], ...expected[1]]));
    expect(audio.warnings).toEqual([
      'The file is 2 FLAC files one behind the other, which were put together.',
    ]);
    const other = await decodeAudio(concat(bytes, encodeFlac([samples[0]]).bytes));
    expect(other.channelData).toEqual(expected);
    expect(other.warnings.join(' ')).toMatch(/another sample rate or channel count/);
  });

  it('frames with more channels than the header states are told by name', async () => {
    const lying = bytes.slice();
    lying[20] &= ~0x0e; // one channel
    expect((await errorOf(lying)).message).toMatch(/states 1 channels and whose frames hold 2/);
  });

  it('frame headers at every byte are no endless work', async () => {
    // Heads of frames of 65,535 samples that hold no bits but are damaged: each could cost as many steps.
    const { bytes: one, frames: at } = encodeFlac([new Int16Array(65_535).fill(3)], { blockSize: 65_535 });
    const head = one.slice(at[0], at[0] + 40);
    const bomb = concat(one.subarray(0, at[0]), ...Array.from({ length: 5000 }, () => head));
    await fast(() => errorOf(bomb));
  });
});

describe('Ogg', () => {
  it.each(['vorbis-mono.ogg', 'opus-mono.opus', 'flac-in-ogg.oga'])(
    'a first packet of %s that does not end is told by name',
    async (file) => {
      const bytes = fixtureBytes(file);
      const first = bytes.slice(0, pageOffsets(bytes)[1]);
      const endless = concat(first.subarray(0, 28), first.subarray(28), new Uint8Array(255));
      endless[27] = 255;
      fixChecksums(endless);
      expect((await errorOf(endless)).message).toMatch(/first packet does not end|without one whole page/);
    },
  );

  it('pages that overlap are no quadratic work', async () => {
    const capture = new Uint8Array(9);
    capture.set(text('OggS'));
    const bytes = new Uint8Array(300_000);
    for (let at = 0; at + 9 <= bytes.length; at += 9) bytes.set(capture, at);
    // The byte that counts segments, of one page in three.
    for (let at = 26; at < bytes.length; at += 27) bytes[at] = 255;
    await fast(() => errorOf(bytes));
  });

  it('a page that comes twice is told', async () => {
    const bytes = fixtureBytes('vorbis-6ch.ogg');
    const [, second, third] = pageOffsets(bytes);
    const audio = await decodeAudio(concat(bytes.subarray(0, third), bytes.subarray(second)));
    expect(audio.warnings.join(' ')).toMatch(/an Ogg page is missing or comes twice/);
    expect(audio.channelData).toEqual((await decodeAudio(bytes)).channelData);
  });
});

describe('samples that no recording holds', () => {
  const wav = (values: number[]) =>
    encodeWav({ sampleRate: 8000, channelData: [Float32Array.from(values)] }, { encoding: 'float32' });

  it('absurd ones become 0, with a warning; 32-bit integers stored as floats stay, and are told', async () => {
    const audio = await decodeAudio(wav([0.5, 1e20, -1e20, 2 ** 31, -0.25]));
    expect(Array.from(audio.channelData[0])).toEqual([0.5, 0, 0, 2 ** 31, -0.25]);
    expect(audio.warnings).toEqual([
      '2 samples were beyond 2^32 times full scale and were replaced by 0.',
      '1 sample was beyond 100 times full scale (up to 2.1e+9): the file is damaged, or holds integers as floating-point numbers.',
    ]);
  });

  it('NaN out of Vorbis becomes 0, with a warning', async () => {
    // vorbis-6ch.ogg with its second page twice, a byte of the first copy and two of the last page changed, and
    // checksums that are right: libvorbis takes it and yields NaN.
    const path = new URL('../fixtures/damagedAudio/vorbis-nonfinite.ogg', import.meta.url);
    const audio = await decodeAudio(new Uint8Array(readFileSync(path)));
    expect(audio.channelData.every((all) => all.length === 1920 && all.every(Number.isFinite))).toBe(true);
    expect(audio.warnings.join(' ')).toMatch(/samples were NaN or infinite and were replaced by 0/);
  });
});

describe('WAV', () => {
  it('thousands of empty data chunks are no quadratic work', async () => {
    const bytes = fixtureBytes('pcm-s16.wav');
    const data = chunkOffset(bytes, 'data');
    const empty = Array.from({ length: 20_000 }, () => text('data\0\0\0\0'));
    await fast(() => errorOf(concat(bytes.subarray(0, data), ...empty)));
    await expectSameSound(concat(bytes.subarray(0, data), ...empty, bytes.subarray(data)), bytes);
  });

  it.each([
    ['ms-adpcm-1ch.wav', 2],
    ['ms-adpcm-2ch.wav', 2],
    ['ima-adpcm-2ch.wav', 17],
  ])('%s as WAVE_FORMAT_EXTENSIBLE: its fields stand behind the extension', async (file, tag) => {
    const bytes = fixtureBytes(file);
    const format = chunkOffset(bytes, 'fmt ');
    const size = new DataView(bytes.buffer).getUint32(format + 4, true);
    const common = bytes.slice(format + 8, format + 24);
    common.set([0xfe, 0xff]);
    const own = bytes.subarray(format + 26, format + 8 + size);
    const extension = new Uint8Array(24);
    new DataView(extension.buffer).setUint16(0, 22 + own.length, true);
    extension.set([tag, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71], 8);
    const head = new Uint8Array(8);
    head.set(text('fmt '));
    new DataView(head.buffer).setUint32(4, 40 + own.length, true);
    const changed = concat(
      bytes.subarray(0, format),
      head,
      common,
      extension,
      own,
      bytes.subarray(format + 8 + size),
    );
    await expectSameSound(changed, bytes);
  });

  it('damage between chunks is passed over', async () => {
    const bytes = fixtureBytes('pcm-s16.wav');
    const data = chunkOffset(bytes, 'data');
    const junk = Uint8Array.from({ length: 90 }, (_, i) => 0x80 + i);
    const audio = await expectSameSound(concat(bytes.subarray(0, data), junk, bytes.subarray(data)), bytes);
    expect(audio.warnings.join(' ')).toMatch(/damaged between its chunks|more than the file has/);
  });

  it('a chunk whose length is too large hides nothing', async () => {
    const bytes = fixtureBytes('pcm-s16.wav');
    const data = chunkOffset(bytes, 'data');
    const list = concat(text('LIST'), Uint8Array.of(200, 0, 0, 0), new Uint8Array(100));
    const audio = await expectSameSound(concat(bytes.subarray(0, data), list, bytes.subarray(data)), bytes);
    expect(audio.warnings.join(' ')).toMatch(/damaged between its chunks|more than the file has/);
  });

  it.each([1, 49, 4_000_000_000])('a header of %d Hz is told by name', async (rate) => {
    const bytes = fixtureBytes('pcm-s16.wav');
    const error = await errorOf(withUint32(bytes, chunkOffset(bytes, 'fmt ') + 12, rate));
    expect(error.message).toMatch(new RegExp(`states a sample rate of ${rate} Hz`));
  });
});

it('a rate too far from the one needed is told by name', async () => {
  const path = join(folder, 'far.wav');
  writeFileSync(path, encodeWav({ sampleRate: 9_000_000, channelData: [new Float32Array(9)] }));
  await expect(openMono(path, { sampleRate: 8000 })).rejects.toThrow(/far\.wav was recorded at 9000000 Hz/);
});

it.skipIf(process.platform === 'win32')('a named pipe or a device is refused, not waited for', async () => {
  const pipe = join(folder, 'pipe.wav');
  execFileSync('mkfifo', [pipe]);
  await expect(readAudio(pipe)).rejects.toThrow(/pipe\.wav could not be opened: it is a named pipe/);
  await expect(readAudio('/dev/zero')).rejects.toThrow(/it is a device, not a regular file/);
});

it('no codec touches the console, which belongs to everybody', async () => {
  const print = vi.spyOn(console, 'error');
  const original = console.error;
  for (const file of ['mp3-stereo.mp3', 'flac-s16.flac', 'vorbis-mono.ogg', 'opus-mono.opus']) {
    const bytes = fixtureBytes(file);
    for (let i = 300; i < bytes.length; i += 50) bytes[i] ^= 0x3c;
    if (/og|op/.test(file)) fixChecksums(bytes);
    const stream = await openAudio(bytesSource(bytes)).catch(() => null);
    if (stream === null) continue;
    const blocks = stream.blocks();
    await blocks.next().catch(() => null);
    expect(console.error).toBe(original);
    await blocks.return();
  }
  expect(print).not.toHaveBeenCalled();
  print.mockRestore();
});

describe('what is no sound', () => {
  it.each([
    [
      'binary with a brace',
      concat(Uint8Array.of(1, 2, 0x7b, 0x7d, 250, 0), new Uint8Array(noise(100, 1).buffer)),
      /Expected WAV/,
    ],
    ['CSV with a brace', text('file,label{a}\na.wav,dog\n'), /Expected WAV/],
    ['a JSON error', text('{"message":"Not Found","status":404}'), /download it again/],
    ['XML', text('<?xml version="1.0"?><Error><Code>AccessDenied'), /download it again/],
    ['HTML behind blank lines', text('\r\n\n  <!DOCTYPE html>'), /download it again/],
  ])('%s: the hint fits', async (_, bytes, hint) => {
    expect((await errorOf(new Uint8Array(bytes))).hint).toMatch(hint);
  });
});
