/** @file `import`, `export --to huggingface` and `embed --network whisper` as a user runs them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import { classifierWaveform } from '../networks/whisperFixture.ts';
import { earshot, workFolder } from './earshot.ts';
import { wav, write } from './sounds.ts';

vi.setConfig({ testTimeout: 120_000 });

const published = fileURLToPath(new URL('../fixtures/whisper/classifier', import.meta.url));

function place(): string {
  const cwd = workFolder();
  write(join(cwd, 'a.wav'), wav(classifierWaveform(800)));
  return cwd;
}

describe('earshot import and export', () => {
  it('make a model that classifies of a folder, and a folder of the model', async () => {
    const cwd = place();
    const made = await earshot(['import', published, '-o', 'm.onnx'], { cwd });
    expect(made.code, made.stderr).toBe(0);
    expect(made.stdout).toContain('Classes: siren, dog_bark, drilling\n');
    expect(made.stdout).toContain('Hears:   windows of 1 s, shorter clips followed by silence\n');
    const classified = await earshot(['classify', 'm.onnx', 'a.wav', '--quiet'], { cwd });
    expect(classified.stdout).toMatch(/^a\.wav {2}drilling 0\.9/);

    const out = await earshot(['export', 'm.onnx', '--to', 'huggingface', '-o', 'folder', '--json'], { cwd });
    expect(out.code, out.stderr).toBe(0);
    const { files, differences, classes } = JSON.parse(out.stdout);
    expect(files.sort()).toEqual(
      readdirSync(join(cwd, 'folder'))
        .map((name) => join('folder', name))
        .sort(),
    );
    expect([classes, differences]).toEqual([['siren', 'dog_bark', 'drilling'], []]);

    const clip = await earshot(['import', published, '-o', 'c.onnx', '--context', 'clip', '--json'], { cwd });
    expect(JSON.parse(clip.stdout)).toMatchObject({
      model: 'c.onnx',
      info: { pad: 'none', windowSeconds: 1 },
    });
    const told = await earshot(['export', 'c.onnx', '--to', 'huggingface', '-o', 'other'], { cwd });
    expect(told.stdout).toContain('which is not done here: those get other probabilities there.');
  });

  it('answer what cannot be with exit codes 1 and 2, and leave nothing', async () => {
    const cwd = place();
    const nowhere = await earshot(['import', 'nowhere', '-o', 'm.onnx'], { cwd });
    expect([nowhere.code, existsSync(join(cwd, 'm.onnx'))]).toEqual([1, false]);
    expect(nowhere.stderr).toContain('The weights file nowhere cannot be opened');
    await earshot(['import', published, '-o', 'm.onnx'], { cwd });
    for (const [words, code, message] of [
      [['export', 'm.onnx', '--to', 'huggingface', '-o', '.'], 2, 'is not empty'],
      [['export', 'a.wav', '--to', 'huggingface', '-o', 'x'], 1, 'a.wav'],
      [['import', published], 2, "equired option '-o, --output <file>' not specified"],
      [['export', 'm.onnx', '--to', 'paper', '-o', 'x'], 2, 'huggingface'],
    ] as const) {
      const outcome = await earshot(words, { cwd });
      expect(outcome.code, outcome.stderr).toBe(code);
      expect(outcome.stderr).toContain(message);
    }
    expect(existsSync(join(cwd, 'x'))).toBe(false);
  });
});

describe('earshot embed --network whisper', () => {
  it('writes a vector, or with --pool none every position', async () => {
    const cwd = place();
    const by = ['embed', 'a.wav', '--network', 'whisper', '--threads', '1', '--quiet'];
    const mean = await earshot([...by, '--weights', published, '-o', 'mean', '--format', 'json'], { cwd });
    expect(mean.stdout).toBe('a.wav  1 window  mean/a.json\n');
    const all = await earshot([...by, '--weights', published, '--pool', 'none', '-o', 'all'], { cwd });
    expect(all.stdout).toBe('a.wav  3 positions  all/a.npz\n');
    expect(readFileSync(join(cwd, 'mean/a.json'), 'utf8')).toContain('"embedding"');
    for (const [words, message] of [
      [[...by, '-o', 'x'], 'needs its pretrained weights'],
      [[...by, '--weights', published, '--context', 'full', '-o', 'x'], 'hears 1 s at most'],
      [
        [...by, '--weights', published, '--n-mels', '80', '-o', 'x'],
        '--n-mels does not apply to the network whisper',
      ],
      [['embed', 'a.wav', '--network', 'yamnet', '--pool', 'none', '-o', 'x'], '--pool does not apply'],
    ] as const) {
      const { code, stderr } = await earshot(words, { cwd });
      expect(code, stderr).toBe(2);
      expect(stderr).toContain(message);
    }
  });
});
