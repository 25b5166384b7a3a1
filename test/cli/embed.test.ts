import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Random } from '../../src/core/index.ts';
import { decodeNpz } from '../../src/embeddings/index.ts';
import { melody, writeSmallModel } from '../embeddings/smallNetwork.ts';
import { earshot, workFolder } from './earshot.ts';
import { classFolders, wav, write } from './sounds.ts';

vi.setConfig({ testTimeout: 180_000 });

const by = ['--network', 'small.onnx', '--front-end', 'yamnet', '--embedding', 'embedding', '--threads', '1'];

async function place(): Promise<string> {
  const cwd = workFolder();
  await writeSmallModel(join(cwd, 'small.onnx'));
  return cwd;
}

describe('earshot embed', () => {
  it('writes files, prints a line for each, and fails only if none could be embedded', async () => {
    const cwd = await place();
    write(join(cwd, 'in/a.wav'), wav(melody(1, 1.4)));
    write(join(cwd, 'in/deep/b.wav'), wav(melody(2, 0.4)));
    write(join(cwd, 'in/bad.wav'), 'text');
    const first = await earshot(['embed', 'in', ...by, '-o', 'out'], { cwd });
    expect(first.code, first.stderr).toBe(0);
    expect(first.stdout).toBe('in/a.wav  2 windows  out/a.npz\nin/deep/b.wav  1 window  out/deep/b.npz\n');
    expect(first.stderr).toContain('Not embedded: in/bad.wav');
    expect(first.stderr).toContain('Weights from small.onnx');
    expect(first.stderr).toContain('2 written, 0 kept from before, 1 could not be embedded.');

    const again = await earshot(['embed', 'in/*.wav', ...by, '-o', 'out', '--json', '--quiet'], { cwd });
    expect(again.code).toBe(0);
    const { embedder, files, failures } = JSON.parse(again.stdout);
    expect(embedder).toMatchObject({ network: 'small', size: 12, sampleRate: 16000 });
    expect(files).toEqual([{ state: 'kept', file: 'in/a.wav', output: 'out/a.npz' }]);
    expect(failures).toMatchObject([{ file: 'in/bad.wav' }]);

    const none = await earshot(['embed', 'in/bad.wav', ...by, '-o', 'out'], { cwd });
    expect(none.code).toBe(1);
  });

  it('answers wrong usage with exit code 2', async () => {
    const cwd = await place();
    write(join(cwd, 'a.wav'), wav(melody(1, 0.4)));
    for (const [words, message] of [
      [['embed', 'a.wav', ...by, '-o', 'out', '--content-type', 'env'], '--content-type does not apply'],
      [['embed', 'a.wav', ...by], "equired option '-o, --output <dir>' not specified"],
      [['embed', 'a.wav', '-o', 'out'], "equired option '--network <name>' not specified"],
      [['embed', 'a.wav', '-o', 'out', '--network', 'resnet50'], 'needs its pretrained weights'],
      [['data', 'inspect', '.', '--similarity', '0.9'], '--similarity is about --near-duplicates'],
    ] as const) {
      const { code, stderr } = await earshot(words, { cwd });
      expect(code, stderr).toBe(2);
      expect(stderr).toContain(message);
    }
  });

  it('killed with SIGKILL and run again has every row once, and leaves nothing else behind', async () => {
    const cwd = await place();
    const random = new Random(4);
    const windows = new Map<string, number>();
    for (let i = 0; i < 240; i++) {
      const n = 8000 + random.integer(20000);
      write(join(cwd, `in/${i % 3}/${i}.wav`), wav(melody(i, n / 16000)));
      windows.set(`${i % 3}/${i}.npz`, 1 + Math.ceil(Math.max(0, n - 15600) / 7680));
    }
    mkdirSync(join(cwd, 'out'));
    const outputs = () =>
      readdirSync(join(cwd, 'out'), { recursive: true, encoding: 'utf8' }).filter((name) => /\./.test(name));
    const rows = (name: string) =>
      decodeNpz(readFileSync(join(cwd, 'out', name))).arrays.get('embedding')!.shape[0];

    const words = ['embed', 'in', ...by, '-o', 'out', '--json'];
    const killed = await earshot(words, {
      cwd,
      onChange: (kill) => {
        if (outputs().filter((name) => name.endsWith('.npz')).length > 60) kill('SIGKILL');
      },
    });
    expect(killed.signal).toBe('SIGKILL');
    const left = outputs().filter((name) => name.endsWith('.npz'));
    expect(left.length).toBeGreaterThan(60);
    expect(left.length).toBeLessThan(240);
    for (const name of left) expect(rows(name)).toBe(windows.get(name));
    const times = new Map(left.map((name) => [name, statSync(join(cwd, 'out', name)).mtimeMs]));

    const second = await earshot(words, { cwd });
    expect(second.code, second.stderr).toBe(0);
    const { files } = JSON.parse(second.stdout) as { files: { state: string }[] };
    expect(files.filter(({ state }) => state === 'kept')).toHaveLength(left.length);
    expect(outputs().sort()).toEqual([...windows.keys()].sort());
    for (const [name, count] of windows) expect(rows(name)).toBe(count);
    for (const [name, time] of times) expect(statSync(join(cwd, 'out', name)).mtimeMs).toBe(time);

    const once = await earshot([...words.slice(0, -3), '-o', 'whole', '--quiet'], { cwd });
    expect(once.code).toBe(0);
    for (const name of windows.keys())
      expect(readFileSync(join(cwd, 'whole', name))).toEqual(readFileSync(join(cwd, 'out', name)));
  });
});

describe('earshot index and similar', () => {
  it('index a dataset and look a recording up, in words and as JSON', async () => {
    const cwd = await place();
    classFolders(join(cwd, 'set'), 2);
    write(join(cwd, 'set/noise/text.wav'), 'no sound');
    const indexed = await earshot(['index', 'set', ...by, '-o', 'index'], { cwd });
    expect(indexed.code, indexed.stderr).toBe(0);
    expect(indexed.stdout).toContain('set: 6 clips, 6 rows of 12 numbers');
    expect(indexed.stderr).toMatch(/Not indexed: .*noise\/text\.wav is not an audio file/);
    const again = await earshot(['index', 'set', ...by, '-o', 'index', '--json', '--quiet'], { cwd });
    expect(JSON.parse(again.stdout)).toMatchObject({ made: false, clips: 6, rows: 6, size: 12 });

    const found = await earshot(['similar', 'set/tone/tone-1.wav', '--index', 'index', '--top', '2'], {
      cwd,
    });
    expect(found.code, found.stderr).toBe(0);
    expect(found.stdout.split('\n')[0]).toMatch(
      /^1\.000 {2}tone {2}.*tone-1\.wav {2}at 0:00\.0, like 0:00\.0 here {2}\(the same file\)$/,
    );
    const json = await earshot(['similar', 'set/tone/tone-1.wav', '--index', 'index', '--json', '--quiet'], {
      cwd,
    });
    expect(JSON.parse(json.stdout).clips).toHaveLength(5);
    const absent = await earshot(['similar', 'set/tone/tone-1.wav', '--index', 'nowhere'], { cwd });
    expect(absent.code).toBe(1);
    expect(absent.stderr).toContain('There is no index of embeddings in nowhere');

    const inspected = await earshot(
      ['data', 'inspect', 'set', '--near-duplicates', 'index', '--similarity', '0.9', '--json', '--quiet'],
      { cwd },
    );
    expect(inspected.code, inspected.stderr).toBe(0);
    expect(JSON.parse(inspected.stdout).nearDuplicates).toMatchObject({ network: 'small', similarity: 0.9 });
  });
});
