import { describe, expect, it } from 'vitest';
import { decodeAudio, encodeWav, probeAudio } from '../../src/audio/index.ts';
import { DecodeError } from '../../src/core/index.ts';
import { chunkOffset, fixtureBytes, fixtures, withUint16, withUint32 } from './fixtures.ts';

const whole = fixtureBytes('pcm-s16.wav'); // 220 frames, two channels
const data = chunkOffset(whole, 'data');
const format = chunkOffset(whole, 'fmt ') + 8;
const frames = 220;

function chunk(id: string, body: Uint8Array | number[], size = body.length): Uint8Array {
  const bytes = new Uint8Array(8 + body.length);
  bytes.set(new TextEncoder().encode(id));
  new DataView(bytes.buffer).setUint32(4, size, true);
  bytes.set(body, 8);
  return bytes;
}

function concat(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

const start = whole.subarray(0, 12);
const fmt = whole.subarray(12, data);
const samples = whole.subarray(data);

async function expectSameSound(bytes: Uint8Array, warning?: RegExp) {
  const audio = await decodeAudio(bytes, { name: 'x.wav' });
  const original = await decodeAudio(whole);
  expect(audio.channelData).toEqual(original.channelData);
  if (warning) expect(audio.warnings.join(' ')).toMatch(warning);
  else expect(audio.warnings).toEqual([]);
}

async function errorOf(bytes: Uint8Array): Promise<DecodeError> {
  const error = await decodeAudio(bytes, { name: 'x.wav' }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DecodeError);
  return error as DecodeError;
}

describe('lengths that lie', () => {
  it.each([
    [0, /does not state its length/],
    [0xffffffff, /does not state its length/],
    [0xfffffffe, /truncated: its data chunk claims 4294967294 bytes and 880 are there/],
    [881, /truncated/],
  ])('a data length of %d yields all samples and a warning', async (length, warning) => {
    await expectSameSound(withUint32(whole, data + 4, length), warning);
  });

  it.each([0, 1, 0xffffffff])('a RIFF length of %d changes nothing', async (length) => {
    await expectSameSound(withUint32(whole, 4, length));
  });

  it('a data length within the file is believed', async () => {
    const audio = await decodeAudio(withUint32(whole, data + 4, 400));
    expect(audio.channelData[0]).toHaveLength(100);
  });

  it('a length of 0 that is true, further chunks following, is no sound', async () => {
    const empty = concat(start, fmt, chunk('data', []), chunk('LIST', new Uint8Array(20)));
    expect((await errorOf(empty)).message).toMatch(/without a single sample/);
  });

  it('a chunk before the data that claims 4 GiB is passed over', async () => {
    await expectSameSound(
      concat(start, fmt, chunk('LIST', new Uint8Array(30), 0xffffffff), samples),
      /Chunk "LIST" claims 4294967295 bytes/,
    );
  });
});

describe('cut-off files', () => {
  it.each([1, 3, 4, 401, 876])('%d bytes less yield the whole frames that are left', async (less) => {
    const audio = await decodeAudio(whole.subarray(0, whole.length - less));
    const original = await decodeAudio(whole);
    expect(audio.channelData[0]).toEqual(original.channelData[0].subarray(0, Math.floor((880 - less) / 4)));
    expect(audio.warnings.join(' ')).toMatch(/truncated: its data chunk claims 880 bytes/);
  });

  it('every cut of every WAV fixture gives samples or a DecodeError', async () => {
    for (const { file, format } of fixtures) {
      if (format !== 'wav' || file.startsWith('mp3')) continue;
      const bytes = fixtureBytes(file);
      for (let length = 0; length < bytes.length; length += length < 100 ? 1 : 97) {
        const result = await decodeAudio(bytes.subarray(0, length)).catch((e: unknown) => e);
        if (!(result instanceof DecodeError)) {
          expect(result).toHaveProperty('channelData');
          expect((result as { warnings: string[] }).warnings.length).toBeGreaterThan(0);
        }
      }
    }
  });

  it.each([
    [12, /without a "fmt" chunk/],
    [30, /fmt chunk of 10 bytes/],
    [36, /without a "data" chunk/],
    [44, /without a single sample/],
  ])('the first %d bytes are refused', async (length, message) => {
    expect((await errorOf(whole.subarray(0, length))).message).toMatch(message);
  });
});

describe('chunks', () => {
  it('odd chunks are padded; pads that were forgotten are noticed', async () => {
    const odd = chunk('LIST', new Uint8Array(7).fill(1));
    await expectSameSound(concat(start, fmt, odd, Uint8Array.of(0), samples));
    await expectSameSound(concat(start, fmt, odd, samples));
    await expectSameSound(concat(start, odd, fmt, samples));
  });

  it('an odd data chunk does not hide what follows', async () => {
    const mono = encodeWav(
      { sampleRate: 8000, channelData: [Float32Array.of(0.5, -0.5, 0.25)] },
      { encoding: 'pcm24' },
    );
    expect(mono.length % 2).toBe(0);
    const audio = await decodeAudio(mono);
    expect(Array.from(audio.channelData[0])).toEqual([0.5, -0.5, 0.25]);
    expect(audio.warnings).toEqual([]);
  });

  it('unknown chunks before, between and after are skipped', async () => {
    const odd = chunk('what', new Uint8Array(100).fill(0x64));
    await expectSameSound(concat(start, odd, fmt, odd, samples, odd));
  });

  it('the fmt chunk may come after the data', async () => {
    await expectSameSound(concat(start, samples, fmt));
  });

  it('an EXTENSIBLE header without sub-format is taken for PCM', async () => {
    await expectSameSound(withUint16(whole, format, 0xfffe), /PCM was assumed/);
  });
});

describe('impossible headers', () => {
  it.each([
    ['no channels', 2, /states no channels/],
    ['no rate', 4, /states a sample rate of 0/],
    ['no block size', 12, /states a block size of 0/],
  ])('%s', async (_, offset, message) => {
    let bytes = withUint16(whole, format + offset, 0);
    if (offset === 4) bytes = withUint32(whole, format + 4, 0);
    const error = await errorOf(bytes);
    expect(error.message).toMatch(/^x\.wav is a WAV file/);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(/get the file again or remove it/);
  });

  it('65535 channels', async () => {
    expect((await errorOf(withUint16(whole, format + 2, 65535))).message).toMatch(
      /65535 channels in blocks of 4/,
    );
  });

  it('a block size that contradicts the samples is corrected', async () => {
    await expectSameSound(
      withUint16(whole, format + 12, 3),
      /blocks of 3 bytes where 2 channels of pcm-s16 need 4/,
    );
  });

  it.each([
    [0x31, /stored as GSM 6\.10/],
    [0x2000, /stored as AC-3/],
    [0x1234, /stored as format 0x1234/],
  ])('encoding 0x%s is named', async (tag, message) => {
    expect((await errorOf(withUint16(whole, format, tag))).message).toMatch(message);
  });

  it('an odd number of bits is named', async () => {
    expect((await errorOf(withUint16(whole, format + 14, 40))).message).toMatch(/PCM samples of 40 bits/);
  });
});

describe('floating point', () => {
  it('NaN and infinities become 0, with a warning; values beyond full scale stay', async () => {
    const values = Float32Array.of(
      0.5,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      3,
      -0.25,
    );
    const audio = await decodeAudio(
      encodeWav({ sampleRate: 8000, channelData: [values] }, { encoding: 'float32' }),
    );
    expect(Array.from(audio.channelData[0])).toEqual([0.5, 0, 0, 0, 3, -0.25]);
    expect(audio.warnings).toEqual(['3 samples were NaN or infinite and were replaced by 0.']);
  });
});

describe('ADPCM', () => {
  it.each(['ima-adpcm-2ch.wav', 'ms-adpcm-2ch.wav'])('%s: the fact chunk ends the sound', async (file) => {
    const bytes = fixtureBytes(file);
    const fact = chunkOffset(bytes, 'fact') + 8;
    const all = await decodeAudio(withUint32(bytes, fact, 0));
    const cut = await decodeAudio(withUint32(bytes, fact, 1000));
    const lying = await decodeAudio(withUint32(bytes, fact, 1e9));
    expect(cut.channelData[1]).toEqual(all.channelData[1].subarray(0, 1000));
    expect(lying.channelData).toEqual(all.channelData);
    expect(lying.warnings.join(' ')).toMatch(/fact chunk claims 1000000000 samples/);
    expect(all.channelData[0].length).toBeGreaterThan(1000);
  });

  it('a block too small for its channels is refused', async () => {
    const bytes = fixtureBytes('ima-adpcm-2ch.wav');
    expect((await errorOf(withUint16(bytes, chunkOffset(bytes, 'fmt ') + 20, 7))).message).toMatch(
      /blocks of 7 bytes/,
    );
  });
});

it('8-bit G.711 silence is silence', async () => {
  const aLaw = fixtureBytes('a-law.wav');
  aLaw.fill(0xd5, chunkOffset(aLaw, 'data') + 8);
  expect((await decodeAudio(aLaw)).channelData[0].every((value) => Math.abs(value) <= 8 / 32768)).toBe(true);
  const muLaw = fixtureBytes('mu-law.wav');
  muLaw.fill(0xff, chunkOffset(muLaw, 'data') + 8);
  expect((await decodeAudio(muLaw)).channelData[0].every((value) => value === 0)).toBe(true);
});

it('probing counts the frames that are there', async () => {
  expect((await probeAudio(withUint32(whole, data + 4, 0xffffffff))).frames).toBe(frames);
  expect((await probeAudio(whole.subarray(0, data + 8 + 40))).frames).toBe(10);
});
