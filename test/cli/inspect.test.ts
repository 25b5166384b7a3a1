import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { earshot, workFolder } from './earshot.ts';
import { classFolders, sound, wav, write } from './sounds.ts';

function dataset(cwd: string): void {
  classFolders(join(cwd, 'set'), 3);
  write(join(cwd, 'set/tone/copy.wav'), wav(sound('tone', 0)));
  write(join(cwd, 'set/noise/text.wav'), 'this is no sound');
  write(join(cwd, 'set/noise/silent.wav'), wav(new Float32Array(8000), 8000));
}

describe('data inspect', () => {
  it('finds what was planted, as one JSON document', async () => {
    const cwd = workFolder();
    dataset(cwd);
    const { code, stdout, stderr } = await earshot(['data', 'inspect', 'set', '--json', '--threads', '1'], {
      cwd,
    });
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    expect(found.clips).toBe(12);
    expect(found.classes.map((c: { label: string; clips: number }) => [c.label, c.clips])).toEqual([
      ['clicks', 3],
      ['noise', 5],
      ['tone', 4],
    ]);
    expect(found.unreadable.map(({ clip }: { clip: string }) => clip)).toEqual(['noise/text.wav']);
    expect(found.silent).toEqual(['noise/silent.wav']);
    expect(found.duplicates).toMatchObject([
      { same: 'content', clips: ['tone/copy.wav', 'tone/tone-0.wav'] },
    ]);
    expect(found.sampleRates).toEqual([
      { value: 16000, clips: 10 },
      { value: 8000, clips: 1 },
    ]);
    expect(stderr).toMatch(/^Inspecting: 1\/12 clips/m);
  });

  it('says it in words too, and nothing on stderr when quiet', async () => {
    const cwd = workFolder();
    dataset(cwd);
    const { code, stdout, stderr } = await earshot(['data', 'inspect', 'set', '--quiet'], { cwd });
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('12 clips, 3 classes');
    expect(stdout).toContain('noise/text.wav');
  });

  it('reads headers alone on request', async () => {
    const cwd = workFolder();
    dataset(cwd);
    const { stdout } = await earshot(['data', 'inspect', 'set', '--json', '--no-decode', '--quiet'], { cwd });
    expect(JSON.parse(stdout)).toMatchObject({ decoded: false, silent: [], clips: 12 });
  });
});
