import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { toneRate, writeToneDataset } from '../support/tones.ts';
import { earshot, workFolder } from './earshot.ts';

let cwd: string;
beforeAll(async () => {
  cwd = workFolder();
  await writeToneDataset(join(cwd, 'tones'));
  const { code, stderr } = await earshot(
    [
      ...['train', 'tones', '--approach', 'cnn', '--test-folds', '3', '--epochs', '8', '--n-mels', '32'],
      ...['--sample-rate', String(toneRate), '--batch-size', '8', '--learning-rate', '0.005', '--mixup', '0'],
      ...['--threads', '1', '--report-sounds', '0.02', '--out', 'run', '--quiet'],
    ],
    { cwd },
  );
  expect(code, stderr).toBe(0);
}, 120_000);

describe('explain', () => {
  it('writes a picture and sounds, and says how much the class rests on what is salient', async () => {
    const { code, stdout } = await earshot(
      ['explain', 'run/model.onnx', 'tones/high/5-1.wav', '-o', 'why', '--threads', '1'],
      { cwd },
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^tones\/high\/5-1\.wav: \w+ [01]\.\d{3} \(gradient-x-input\)\n/);
    expect(stdout).toMatch(
      /Without the 20 % of the picture that are most salient its probability is [01]\.\d{3}/,
    );
    for (const name of ['saliency.png', 'salient.wav', 'rest.wav', 'explanation.json'])
      expect(existsSync(join(cwd, 'why', name)), name).toBe(true);
  });

  it('prints one JSON document, and takes class and method', async () => {
    const words = ['explain', 'run/model.onnx', 'tones/high/5-1.wav', '--json', '--class', 'low'];
    const { code, stdout } = await earshot([...words, '--method', 'grad-cam', '--threads', '1'], { cwd });
    expect(code).toBe(0);
    const outcome = JSON.parse(stdout);
    expect(outcome).toMatchObject({ label: 'low', method: 'grad-cam', score: 'logit' });
    expect(outcome.map).toEqual(expect.any(String));
    expect(Object.keys(outcome.probabilities).sort()).toEqual(['high', 'low']);
    expect(JSON.parse(readFileSync(join(cwd, 'explanation/explanation.json'), 'utf8'))).toEqual(outcome);
  });

  it('fails with a sentence and exit code 1, or 2 for what cannot be asked', async () => {
    const failing = await earshot(['explain', 'run/model.onnx', 'tones/high/5-1.wav', '--class', 'hig'], {
      cwd,
    });
    expect(failing.code).toBe(2);
    expect(failing.stderr).toContain("knows no class 'hig'");
    expect(failing.stderr).toContain('Nearest: high.');
    const missing = await earshot(['explain', 'no.onnx', 'tones/high/5-1.wav'], { cwd });
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('no.onnx cannot be read');
    expect((await earshot(['explain', 'run/model.onnx'], { cwd })).code).toBe(2);
    const method = await earshot(['explain', 'a', 'b', '--method', 'gradcam'], { cwd });
    expect(method.code).toBe(2);
    expect(method.stderr).toContain('grad-cam');
  });

  it('keeps the sound of a report within what was asked for', () => {
    const html = readFileSync(join(cwd, 'run/report.html'), 'utf8');
    const sounds = [...html.matchAll(/<audio [^>]*src="(data:[^"]*)"/g)].map(([, uri]) => uri!.length);
    expect(sounds.length).toBeGreaterThan(0);
    expect(sounds.reduce((a, b) => a + b, 0)).toBeLessThanOrEqual(20_000);
    expect(html).toMatch(/\d of 12 clips can be heard in this page/);
  });
});
