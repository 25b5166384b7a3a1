import { describe, expect, it } from 'vitest';
import { decodeAudio, probeAudio } from '../../src/audio/index.ts';
import { DecodeError, ParameterError } from '../../src/core/index.ts';
import {
  expectedSamples,
  ffmpegSamples,
  fixtureBytes,
  fixturePath,
  fixtures,
  foreignFixtures,
  hasFfmpeg,
  largestDifference,
} from './fixtures.ts';

describe.each(fixtures)('$file', ({ file, sampleRate, channels, frames, tolerance, encoding, format }) => {
  it('decodes to the expected samples without a warning', async () => {
    const audio = await decodeAudio(fixtureBytes(file), { name: file });
    expect(audio.sampleRate).toBe(sampleRate);
    expect(audio.channelData).toHaveLength(channels);
    expect(audio.warnings).toEqual([]);
    const expected = expectedSamples(file, channels);
    expect(expected[0].some((value) => Math.abs(value) > 0.1)).toBe(true);
    expect(largestDifference(audio.channelData, expected)).toBeLessThanOrEqual(tolerance);
  });

  it('decodes from a view in the middle of a buffer', async () => {
    const bytes = fixtureBytes(file);
    const buffer = new Uint8Array(bytes.length + 14).fill(0x55);
    buffer.set(bytes, 7);
    const audio = await decodeAudio(buffer.subarray(7, 7 + bytes.length));
    expect(largestDifference(audio.channelData, expectedSamples(file, channels))).toBeLessThanOrEqual(
      tolerance,
    );
  });

  it('states the same facts when probed', async () => {
    const probe = await probeAudio(fixtureBytes(file));
    expect(probe).toMatchObject({ sampleRate, channels, encoding, format });
    // Without a Xing tag only decoding tells how much of an MP3 is encoder delay.
    if (file !== 'mp3-in-wav.wav') expect(probe.frames).toBe(frames);
  });

  it('is told by its content, whatever comes before in the same process', async () => {
    const first = await decodeAudio(fixtureBytes(file));
    await decodeAudio(fixtureBytes('vorbis-mono.ogg'));
    await expect(decodeAudio(fixtureBytes('vorbis-mono.ogg').subarray(0, 900))).rejects.toThrow(DecodeError);
    const second = await decodeAudio(fixtureBytes(file));
    expect(largestDifference(first.channelData, second.channelData)).toBe(0);
  });

  // ADPCM: the fact chunk ends it earlier than ffmpeg; Opus: see tools/fixtures/audio.py; RIFX: ffmpeg misreads it.
  const comparable = !/adpcm|opus/.test(encoding) && file !== 'rifx-s16.wav';
  it.skipIf(!hasFfmpeg || !comparable)('agrees with this ffmpeg', async () => {
    const audio = await decodeAudio(fixtureBytes(file));
    let reference = ffmpegSamples(fixturePath(file), channels);
    if (encoding === 'vorbis') {
      // ffmpeg 5.1 does not end Vorbis files of one page where they say.
      const common = Math.min(frames, reference[0].length);
      expect(common).toBeGreaterThan(frames - 256);
      reference = reference.map((samples) => samples.subarray(0, common));
      audio.channelData = audio.channelData.map((samples) => samples.subarray(0, common));
    }
    expect(largestDifference(audio.channelData, reference)).toBeLessThanOrEqual(Math.max(tolerance, 2e-7));
  });
});

describe('what is not decoded', () => {
  it.each(foreignFixtures)('$file: says that ffmpeg is needed', async ({ file }) => {
    await expect(decodeAudio(fixtureBytes(file), { name: file })).rejects.toThrow(
      /^(aac.m4a is an MP4\/M4A \(AAC\) file|opus.webm is a WebM or Matroska file), which Earshot does not decode itself/,
    );
    await expect(probeAudio(fixtureBytes(file))).rejects.toThrow(DecodeError);
  });

  const text = (words: string) => new TextEncoder().encode(words);
  it.each([
    [
      'nothing',
      new Uint8Array(0),
      /^x.wav is not an audio file: it is empty \(0 bytes\)\.$/,
      /copy or download/,
    ],
    [
      'a web page',
      text('<!DOCTYPE html>\n<html>'),
      /starts with the text "<!DOCTYPE html> <html>"/,
      /download it again/,
    ],
    [
      'text',
      text('file,label\na.wav,dog\n'.repeat(500)),
      /starts with the text "file,label a\.wav,dog/,
      /Expected WAV/,
    ],
    ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10), /is a PNG picture/, /convert/],
    ['zeros', new Uint8Array(5000), /zero bytes only/, /convert/],
    [
      'Git LFS',
      text('version https://git-lfs.github.com/spec/v1\noid sha256:0'),
      /Git LFS pointer/,
      /git lfs pull/,
    ],
    ['an AVI', text('RIFF1234AVI LIST'), /RIFF file of type "AVI "/, /convert/],
    [
      'binary',
      Uint8Array.of(1, 2, 3, 4, 250, 6, 7, 8, 9),
      /starts with the bytes 01 02 03 04 fa 06 07 08/,
      /convert/,
    ],
  ])('%s: says what was found and what to do', async (_, bytes, message, hint) => {
    const error = await decodeAudio(bytes, { name: 'x.wav' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(DecodeError);
    expect((error as DecodeError).message).toMatch(message);
    expect((error as DecodeError).hint).toMatch(hint);
  });

  it('refuses what is no Uint8Array', async () => {
    await expect(decodeAudio('a.wav' as unknown as Uint8Array)).rejects.toThrow(ParameterError);
  });

  it.each(fixtures)('$file: refuses to exceed maxSamples', async ({ file, frames, channels }) => {
    const maxSamples = Math.floor((frames * channels) / 8);
    await expect(decodeAudio(fixtureBytes(file), { maxSamples })).rejects.toThrow(/above the limit/);
  });
});
