import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { earshot, type Outcome, workFolder } from './earshot.ts';
import { classFolders, sampleRate, sound, wav, write } from './sounds.ts';

const quick = '--sample-rate 16000 --window-seconds 0.5 --n-mels 32 --batch-size 6 --threads 2';
const words = (line: string) => line.split(' ');

/** The whole way of a user with three easy classes: train, evaluate, classify. */
describe('train, evaluate, classify', () => {
  const cwd = workFolder();
  let trained: Outcome;

  beforeAll(async () => {
    classFolders(join(cwd, 'set'), 10);
    write(join(cwd, 'set/tone/broken.wav'), 'no sound');
    trained = await earshot(words(`train set --epochs 30 --seed 1 --mixup 0 --no-spec-augment ${quick}`), {
      cwd,
    });
  });

  it('prints report, scores with intervals, bad files and where things lie', () => {
    expect(trained.code).toBe(0);
    expect(trained.stdout).toMatch(/precision\s+recall\s+f1-score\s+support/);
    expect(trained.stdout).toMatch(
      /Accuracy \d\.\d{3} \[.*macro F1 \d\.\d{3} \[.*95 % intervals over \d+ recordings/,
    );
    expect(trained.stdout).toMatch(/1 file could not be used:\n {2}.*broken\.wav/);
    expect(trained.stdout).toMatch(/Weights: .*random/);
    expect(trained.stdout).toContain(join(cwd, 'runs/set-cnn-1/report.html'));
    expect(trained.stdout).not.toContain('Warning: a leak');
    // Without a terminal: plain lines, no cursor movement, and not one per batch.
    expect(trained.stderr).not.toContain('\u001b');
    expect(trained.stderr).toMatch(/epoch \d+\/30/);
    expect(trained.stderr.split('\n').length).toBeLessThan(30);
  });

  it('leaves the run where it said', () => {
    const run = join(cwd, 'runs/set-cnn-1');
    for (const file of [
      'config.json',
      'evaluation.json',
      'predictions.csv',
      'report.html',
      'report.md',
      'model.onnx',
    ]) {
      expect(existsSync(join(run, file)), file).toBe(true);
    }
    const config = JSON.parse(readFileSync(join(run, 'config.json'), 'utf8'));
    expect(config.command).toContain('earshot train set --epochs 30');
    expect(config.command).toContain('--out runs/set-cnn-1');
    expect(config.config.training.epochs).toBe(30);
    expect(config.config.pipeline.frontEnd.nMels).toBe(32);
  });

  it('learnt the three classes', async () => {
    const { code, stdout } = await earshot(
      words('evaluate runs/set-cnn-1/model.onnx set --json --out scores --threads 2'),
      { cwd },
    );
    expect(code).toBe(0);
    const { run, ...evaluation } = JSON.parse(stdout);
    expect(evaluation.accuracy).toBeGreaterThan(0.9);
    expect(run.failures).toHaveLength(1);
    expect(JSON.parse(readFileSync(join(cwd, 'scores/evaluation.json'), 'utf8'))).toEqual(evaluation);
  });

  it('classifies as one JSON document, going on after a bad file', async () => {
    write(join(cwd, 'new/a, "b".wav'), wav(sound('noise', 77)));
    write(join(cwd, 'new/empty.wav'), '');
    write(join(cwd, 'new/t.wav'), wav(sound('tone', 78)));
    const { code, stdout, stderr } = await earshot(words('classify runs/set-cnn-1/model.onnx new --json'), {
      cwd,
    });
    expect(code).toBe(0);
    const { files, failures } = JSON.parse(stdout);
    expect(files.map((f: { file: string; top: { label: string }[] }) => [f.file, f.top[0].label])).toEqual([
      ['new/a, "b".wav', 'noise'],
      ['new/t.wav', 'tone'],
    ]);
    expect(files[0].top).toHaveLength(3);
    expect(files[0]).not.toHaveProperty('windows');
    expect(failures).toMatchObject([{ file: 'new/empty.wav' }]);
    expect(stderr).toContain('1 of 3 files could not be classified.');
  });

  it('writes CSV that a reader gets right', async () => {
    const { code, stdout } = await earshot(words('classify runs/set-cnn-1/model.onnx new --csv --top 2'), {
      cwd,
    });
    expect(code).toBe(0);
    const rows = parse(stdout, { columns: true }) as Record<string, string>[];
    expect(rows.map(({ file, rank }) => [file, rank])).toEqual([
      ...[
        ['new/a, "b".wav', '1'],
        ['new/a, "b".wav', '2'],
        ['new/t.wav', '1'],
        ['new/t.wav', '2'],
      ],
    ]);
    for (const { probability } of rows) expect(Number(probability)).toBeGreaterThanOrEqual(0);
  });

  it('exits with 1 only if nothing could be classified', async () => {
    const { code, stdout, stderr } = await earshot(
      words('classify runs/set-cnn-1/model.onnx new/empty.wav nowhere.wav --json'),
      { cwd },
    );
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({ files: [], failures: [{}, {}] });
    expect(stderr).toContain('2 of 2 files could not be classified.');
  });

  it('draws a timeline of a long recording', async () => {
    const part = (kind: 'tone' | 'noise') => sound(kind, 5, 3);
    const long = new Float32Array(6 * sampleRate);
    long.set(part('tone'));
    long.set(part('noise'), 3 * sampleRate);
    write(join(cwd, 'long.wav'), wav(long));
    const { stdout } = await earshot(
      words('classify runs/set-cnn-1/model.onnx long.wav --timeline --csv --quiet'),
      { cwd },
    );
    const rows = parse(stdout, { columns: true, cast: true }) as {
      start: number;
      end: number;
      label: string;
    }[];
    expect(rows[0]).toMatchObject({ start: 0, label: 'tone' });
    expect(rows.at(-1)).toMatchObject({ end: 6, label: 'noise' });
    const tone = rows
      .filter(({ label }) => label === 'tone')
      .reduce((sum, { start, end }) => sum + end - start, 0);
    expect(Math.abs(tone - 3)).toBeLessThan(0.5);
  });

  it('hints at the class that was meant', async () => {
    const line = 'classify runs/set-cnn-1/model.onnx new/t.wav --quiet --classes';
    const asked = await earshot([...words(line), 'noise,tone'], { cwd });
    expect(asked.stdout).toMatch(/^new\/t\.wav {2}noise \d\.\d{3} {2}tone \d\.\d{3}\n$/);
    const wrong = await earshot([...words(line), 'tome'], { cwd });
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toContain("The model knows no class 'tome'.\nHint: Did you mean tone?");
  });

  it('warns of a leak and counts it', async () => {
    // Slices of one recording, as manifests name them: the group is the recording.
    const rows = ['path,label,group'];
    for (const kind of ['tone', 'noise'] as const) {
      for (let i = 0; i < 8; i++) {
        copyFileSync(join(cwd, 'set', kind, `${kind}-${i}.wav`), write(join(cwd, `m/${kind}${i}.wav`), ''));
        rows.push(`m/${kind}${i}.wav,${kind},${kind}-recording-${i % 2}`);
      }
    }
    write(join(cwd, 'list.csv'), rows.join('\n'));
    const { code, stdout } = await earshot(
      words(`train list.csv --split random --test-fraction 0.5 --epochs 1 --out leak ${quick} --quiet`),
      { cwd },
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/Warning: a leak\. Of the tested clips, \d+ \(\d+\.\d %\)/);
  });

  it('saves on Ctrl-C, says how to go on, and goes on', async () => {
    let sent = false;
    const line = `train set --epochs 60 --out stopped --seed 3 ${quick}`;
    const log = join(cwd, 'stopped/log.jsonl');
    const stopped = await earshot(words(line), {
      cwd,
      onChange(kill) {
        if (sent || !existsSync(log) || !readFileSync(log, 'utf8').includes('"epoch":3')) return;
        sent = true;
        kill('SIGINT');
        // As under npx, where one Ctrl-C arrives twice.
        setTimeout(() => kill('SIGINT'), 20);
      },
    });
    expect(stopped.code).toBe(130);
    expect(stopped.stdout).toBe('');
    expect(stopped.stderr).toContain('Press Ctrl-C again to end at once');
    expect(stopped.stderr).toContain(`Hint: Go on with: earshot ${line} --resume`);
    expect(readdirSync(join(cwd, 'stopped'))).toContain('checkpoints');
    const resumed = await earshot(words(`${line} --resume --json`), { cwd });
    expect(resumed.code).toBe(0);
    const { run, accuracy } = JSON.parse(resumed.stdout);
    expect(accuracy).toBeGreaterThan(0.6);
    expect(run.directory).toBe(join(cwd, 'stopped'));
  });

  it('ends at once on a second Ctrl-C, in the middle of a long step too', async () => {
    let asked = 0;
    let sent = 0;
    const line =
      'train set --approach resnet50 --picture-size 224 --batch-size 8 --epochs 9 --out twice --threads 2';
    const { signal, stdout, stderr } = await earshot(words(line), {
      cwd,
      onStderr(text, kill) {
        if (asked === 0 && text.includes('epoch')) {
          asked = 1;
          kill('SIGINT');
        } else if (asked === 1 && text.includes('Press Ctrl-C again')) {
          asked = 2;
          // Later than one Ctrl-C that arrives twice.
          setTimeout(() => {
            sent = performance.now();
            kill('SIGINT');
          }, 700);
        }
      },
    });
    // By the signal, so that shells and scripts see an interrupted command; never by a crash of the engine.
    expect(signal).toBe('SIGINT');
    expect(stdout).toBe('');
    expect(stderr).not.toContain('terminate called');
    expect(performance.now() - sent).toBeLessThan(2000);
  });
});
