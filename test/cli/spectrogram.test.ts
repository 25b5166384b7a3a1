import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { earshot, workFolder } from './earshot.ts';
import { sound, wav, write } from './sounds.ts';

describe('spectrogram', () => {
  it('writes a PNG beside the caller by default', async () => {
    const cwd = workFolder();
    write(join(cwd, 'in/chirp.wav'), wav(sound('tone', 1)));
    const { code, stdout, stderr } = await earshot(['spectrogram', 'in/chirp.wav'], { cwd });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('chirp.png: 0.50 s at 16000 Hz, 128 mel bands from 0 to 8000 Hz, 16 frames.\n');
    const png = readFileSync(join(cwd, 'chirp.png'));
    expect(png.subarray(1, 4).toString('latin1')).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1920, 840]);
  });

  it('draws a part, as SVG, with the chosen front end', async () => {
    const cwd = workFolder();
    write(join(cwd, 'a & b.wav'), wav(sound('noise', 1, 2)));
    const words =
      'spectrogram|a & b.wav|-o|deep/er.svg|--from|0.5|--to|1.5|--n-mels|40|--sample-rate|8000|--json';
    const { code, stdout } = await earshot([...words.split('|'), '--n-fft', '400', '--hop-length', '100'], {
      cwd,
    });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      out: 'deep/er.svg',
      seconds: 1,
      channels: 1,
      sampleRate: 16000,
      nFrames: 81,
      spec: { sampleRate: 8000, nFft: 400, hopLength: 100, nMels: 40, fMax: 4000 },
      warnings: [],
    });
    const svg = readFileSync(join(cwd, 'deep/er.svg'), 'utf8');
    expect(svg).toContain('a &amp; b.wav');
    expect(svg).toContain('Time (s)');
  });

  it('draws a clip far shorter than a frame, and tells of damage', async () => {
    const cwd = workFolder();
    const bytes = wav(sound('tone', 2, 0.01));
    write(join(cwd, 'cut.wav'), bytes.subarray(0, bytes.length - 20));
    const { code, stderr } = await earshot(['spectrogram', 'cut.wav', '-o', 'cut.png'], { cwd });
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Warning: The file is truncated/);
    expect(existsSync(join(cwd, 'cut.png'))).toBe(true);
  });

  it.each([
    ['--from 3', 2, /nothing to draw from 3 s to 0\.5 s: the recording lasts 0\.500 s/],
    ['--f-max 9000', 2, /Nyquist/],
    ['--win-length 4096 --n-fft 512', 2, /winLength \(4096\) must not exceed nFft/],
  ])('refuses %s', async (extra, exitCode, message) => {
    const cwd = workFolder();
    write(join(cwd, 'a.wav'), wav(sound('tone', 3)));
    const { code, stderr, stdout } = await earshot(['spectrogram', 'a.wav', ...extra.split(' ')], { cwd });
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
    expect(readdirSync(cwd)).toEqual(['a.wav']);
  });

  it('refuses what is no sound', async () => {
    const cwd = workFolder();
    write(join(cwd, 'a.wav'), 'hello');
    const { code, stderr } = await earshot(['spectrogram', 'a.wav'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Error: .*a\.wav is not an audio file.*\nHint: /);
  });
});
