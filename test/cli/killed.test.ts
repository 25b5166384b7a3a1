import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeToneDataset } from '../support/tones.ts';
import { earshot, workFolder } from './earshot.ts';

interface LogLine {
  event: string;
  step?: number;
  epoch?: number;
  loss?: number;
}

async function log(run: string): Promise<LogLine[]> {
  const text = await readFile(join(run, 'log.jsonl'), 'utf8').catch(() => '');
  // The last line may be cut off by the kill.
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LogLine);
}

describe('a run killed with SIGKILL in the middle of an epoch', () => {
  it('goes on from its last checkpoint to the very model of an uninterrupted run', async () => {
    const cwd = workFolder();
    await writeToneDataset(join(cwd, 'tones'), 8, 4);
    const words =
      'train tones --approach cnn --test-folds 3 --sample-rate 8000 --n-mels 32 --batch-size 4 --epochs 25 --seed 2 --threads 1';
    const whole = await earshot([...words.split(' '), '--out', 'whole'], { cwd });
    expect(whole.code, whole.stderr).toBe(0);

    const killed = join(cwd, 'killed');
    const first = await earshot([...words.split(' '), '--out', 'killed'], {
      cwd,
      onChange: async (kill) => {
        const steps = (await log(killed)).filter(({ event }) => event === 'step');
        if (steps.some(({ epoch }) => epoch! >= 4)) kill('SIGKILL');
      },
    });
    expect(first.code).toBeNull();
    const before = await log(killed);
    const steps = before.filter(({ event }) => event === 'step').map(({ step }) => step!);
    expect(Math.max(...steps)).toBeLessThan(25 * 11);

    const resumed = await earshot([...words.split(' '), '--out', 'killed', '--resume'], { cwd });
    expect(resumed.code, resumed.stderr).toBe(0);
    const after = (await log(killed)).slice(before.length);
    expect(after[0].event).toBe('resume');
    // It went on from the checkpoint, not from the start, and repeated no more than an epoch.
    expect(after[0].step).toBeGreaterThanOrEqual(Math.max(...steps) - 11);
    expect(await readFile(join(killed, 'model.onnx'))).toEqual(await readFile(join(cwd, 'whole/model.onnx')));
    expect(await readFile(join(killed, 'predictions.csv'), 'utf8')).toBe(
      await readFile(join(cwd, 'whole/predictions.csv'), 'utf8'),
    );
  });
});
