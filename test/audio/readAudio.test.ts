import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { encodeWav, probeAudio, readAudio } from '../../src/audio/index.ts';
import { DecodeError, Random } from '../../src/core/index.ts';
import {
  ffmpegSamples,
  fixturePath,
  fixtures,
  foreignFixtures,
  hasFfmpeg,
  largestDifference,
} from './fixtures.ts';

const folder = mkdtempSync(join(tmpdir(), 'earshot-audio-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function errorOf(path: string): Promise<DecodeError> {
  const error = await readAudio(path).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(DecodeError);
  return error as DecodeError;
}

describe('paths', () => {
  it('reads a file', async () => {
    const { file, sampleRate, frames } = fixtures[0];
    const audio = await readAudio(fixturePath(file));
    expect([audio.sampleRate, audio.channelData[0].length]).toEqual([sampleRate, frames]);
  });

  it.each([
    ['no-such.wav', /no-such\.wav could not be opened: there is no such file/],
    ['.', /could not be opened: it is a folder/],
  ])('%s', async (name, message) => {
    expect((await errorOf(join(folder, name))).message).toMatch(message);
  });

  it.each([
    ['-', /not from standard input/],
    ['https://example.org/a.wav', /fetch the address to a file first/],
    ['HTTP://example.org/a.wav', /fetch the address to a file first/],
  ])('%s is no file, and the hint says what to do', async (name, hint) => {
    const error = await errorOf(name);
    expect(error.message).toBe(`${name} is no file.`);
    expect(error.hint).toMatch(hint);
  });

  it('names the file in errors', async () => {
    writeFileSync(join(folder, 'page.mp3'), '<!DOCTYPE html><title>404</title>');
    const error = await errorOf(join(folder, 'page.mp3'));
    expect(error.message).toMatch(
      /page\.mp3 is not an audio file: it starts with the text "<!DOCTYPE html><title>40"/,
    );
  });
});

describe('ffmpeg for what Earshot does not decode', () => {
  it.skipIf(!hasFfmpeg).each(foreignFixtures)('$file', async ({ file, channels, sampleRate, frames }) => {
    const audio = await readAudio(fixturePath(file));
    expect(audio.sampleRate).toBe(sampleRate);
    expect(audio.warnings).toEqual([]);
    expect(largestDifference(audio.channelData, ffmpegSamples(fixturePath(file), channels))).toBe(0);
    expect(audio.channelData[0]).toHaveLength(frames);
  });

  it.each(foreignFixtures)('$file: without ffmpeg an error says so', async ({ file }) => {
    vi.stubEnv('PATH', folder);
    try {
      const error = await errorOf(fixturePath(file));
      expect(error.message).toMatch(/does not decode itself, and there is no ffmpeg on the PATH to do it\.$/);
      expect(error.hint).toMatch(/Install ffmpeg/);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  it.skipIf(!hasFfmpeg)('says so if ffmpeg finds no sound either', async () => {
    const path = join(folder, 'broken.m4a');
    writeFileSync(path, readFileSync(fixturePath('aac.m4a')).subarray(0, 60));
    expect((await errorOf(path)).message).toMatch(/and ffmpeg found no sound in it/);
  });

  it.skipIf(!hasFfmpeg)('stops at maxSamples', async () => {
    await expect(readAudio(fixturePath('aac.m4a'), { maxSamples: 1000 })).rejects.toThrow(/limit of 1000/);
  });
});

describe.skipIf(!hasFfmpeg)('seconds of sound in every format, encoded by this ffmpeg', () => {
  const random = new Random(11);
  const frames = 70_001;
  const wav = join(folder, 'original.wav');
  const channelData = [0, 1].map((c) =>
    Float32Array.from(
      { length: frames },
      (_, n) => 0.3 * Math.sin(n * (0.02 + c * 0.03 + n * 2e-6)) + 0.02 * random.normal(),
    ),
  );
  writeFileSync(wav, encodeWav({ sampleRate: 44100, channelData }, { encoding: 'pcm24' }));

  it.each([
    ['u8.wav', ['-c:a', 'pcm_u8'], 0],
    ['s16.wav', ['-c:a', 'pcm_s16le'], 0],
    ['s24.wav', ['-c:a', 'pcm_s24le'], 0],
    ['s32.wav', ['-c:a', 'pcm_s32le'], 0],
    ['f32.wav', ['-c:a', 'pcm_f32le'], 0],
    ['f64.wav', ['-c:a', 'pcm_f64le'], 0],
    ['a.wav', ['-c:a', 'pcm_alaw'], 0],
    ['mu.wav', ['-c:a', 'pcm_mulaw'], 0],
    ['rf64.wav', ['-c:a', 'pcm_s24le', '-rf64', 'always'], 0],
    ['8k.wav', ['-ar', '8000'], 0],
    ['192k.wav', ['-ar', '192000', '-t', '0.3'], 0],
    ['six.wav', ['-ac', '6'], 0],
    ['ima.wav', ['-c:a', 'adpcm_ima_wav'], 0],
    ['ms.wav', ['-c:a', 'adpcm_ms'], 0],
    ['a.flac', [], 0],
    ['s16.flac', ['-sample_fmt', 's16'], 0],
    ['a.oga', ['-c:a', 'flac', '-f', 'ogg'], 0],
    ['a.ogg', ['-c:a', 'libvorbis'], 1e-6],
    ['mono.ogg', ['-c:a', 'libvorbis', '-ac', '1', '-ar', '22050'], 1e-6],
    ['a.opus', ['-c:a', 'libopus', '-b:a', '96k'], 1e-3],
    ['cbr.mp3', ['-b:a', '128k'], 5e-6],
    ['vbr.mp3', ['-q:a', '4', '-ac', '1'], 5e-6],
    ['low.mp3', ['-ar', '16000', '-b:a', '32k'], 5e-6],
  ])('%s', async (name, parameters, tolerance) => {
    const path = join(folder, name);
    execFileSync('ffmpeg', ['-v', 'error', '-y', '-i', wav, ...parameters, path]);
    const audio = await readAudio(path);
    expect(audio.warnings).toEqual([]);
    let reference = ffmpegSamples(path, audio.channelData.length);
    if (/^(ima|ms)/.test(name)) {
      // The fact chunk says where the padded last block ends; ffmpeg plays the padding, too.
      expect(audio.channelData[0].length).toBeGreaterThanOrEqual(frames);
      reference = reference.map((samples) => samples.subarray(0, audio.channelData[0].length));
    }
    expect(largestDifference(audio.channelData, reference)).toBeLessThanOrEqual(tolerance);
    const probe = await probeAudio(readFileSync(path));
    expect([probe.sampleRate, probe.channels]).toEqual([audio.sampleRate, audio.channelData.length]);
    expect(probe.frames).toBe(audio.channelData[0].length);
  });
});

it('what browsers load imports nothing from Node', () => {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = readFileSync(path, 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)) {
      expect(specifier, path).not.toMatch(/^node:/);
      if (specifier.startsWith('.')) visit(resolve(dirname(path), specifier));
    }
  };
  visit(fileURLToPath(new URL('../../src/audio/browser.ts', import.meta.url)));
  expect(seen.size).toBeGreaterThan(15);
  expect([...seen].some((path) => path.endsWith('readAudio.ts'))).toBe(false);
});
