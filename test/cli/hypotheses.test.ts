import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { earshot, workFolder } from './earshot.ts';
import { classFolders, sound, wav, write } from './sounds.ts';

/** Three classes of eight recordings, one of a single recording, a silent file and one that is no sound. */
function dataset(cwd: string): void {
  classFolders(join(cwd, 'set'), 8);
  write(join(cwd, 'set/rare/only.wav'), wav(sound('tone', 99)));
  write(join(cwd, 'set/noise/text.wav'), 'this is no sound');
  write(join(cwd, 'set/noise/silent.wav'), wav(new Float32Array(8000)));
}

describe('hypotheses', () => {
  it('tests the five, says what could not be used, and leaves a report in three forms', async () => {
    const cwd = workFolder();
    dataset(cwd);
    const words = ['hypotheses', 'set', '--quick', '--threads', '2', '--out', 'claims', '--json'];
    const { code, stdout, stderr } = await earshot(words, { cwd });
    expect(stderr).toContain('Testing: ');
    expect(code).toBe(0);
    const found = JSON.parse(stdout);
    expect(found.hypotheses.map(({ number }: { number: number }) => number)).toEqual([1, 2, 3, 4, 5]);
    expect(found.dataset).toMatchObject({
      recordings: 24,
      measuredClips: 24,
      classes: ['clicks', 'noise', 'tone'],
    });
    expect(found.settings).toMatchObject({ quick: true, permutations: 249, seed: 0 });
    expect(found.failures.map(({ subject }: { subject: string }) => subject)).toEqual([
      'noise/silent.wav',
      'noise/text.wav',
    ]);
    expect(found.notices).toMatchObject([{ subject: 'rare' }]);
    const [frequency, shape] = found.hypotheses;
    // Noise, tones and clicks differ in spectrum and in shape, as far as 24 recordings can show.
    expect(frequency.tests[0].accuracy.value).toBeGreaterThan(0.8);
    expect(frequency.verdict).toBe('supported');
    expect(shape.tests[0].accuracy.value).toBeGreaterThan(0.9);
    const crest = shape.tests[1].columns.find(({ name }: { name: string }) => name === 'crest factor');
    expect(crest.corrected).toBeLessThan(0.001);

    const read = (name: string) => readFileSync(join(cwd, 'claims', name), 'utf8');
    expect(JSON.parse(read('report.json')).hypotheses).toEqual(found.hypotheses);
    const [html, markdown] = [read('report.html'), read('report.md')];
    for (const { title, claim, sentence } of found.hypotheses) {
      expect(markdown).toContain(title);
      expect(markdown).toContain(claim);
      expect(html).toContain(sentence);
    }
    expect(html).toContain('silent.wav');
    expect(html).toContain('earshot hypotheses set --quick');
    for (const [, file] of markdown.matchAll(/!\[[^\]]*\]\(\.\/([^)]+)\)/g)) {
      expect(existsSync(join(cwd, 'claims', file!)), file).toBe(true);
    }
    expect(html).not.toMatch(/https?:\/\/(?!www\.w3\.org)/);

    // The same again, from the cache and in words.
    const again = await earshot(
      ['hypotheses', 'set', '--quick', '--threads', '1', '--out', 'again', '--quiet'],
      {
        cwd,
      },
    );
    expect(again.code).toBe(0);
    expect(again.stdout).toContain(found.summary);
    for (const { sentence } of found.hypotheses) expect(again.stdout).toContain(sentence);
    expect(again.stdout).toContain('2 files could not be used');
  }, 240_000);

  it('refuses data that hold no two classes of two recordings, and folds that cannot be made', async () => {
    const cwd = workFolder();
    for (const name of ['a', 'b']) write(join(cwd, `few/${name}/one.wav`), wav(sound('tone', 1)));
    const few = await earshot(['hypotheses', 'few', '--quick', '--quiet'], { cwd });
    expect(few.code).toBe(1);
    expect(few.stderr).toMatch(/no class has two recordings or more .*\n.*Add recordings/s);
    classFolders(join(cwd, 'set'), 3);
    const folds = await earshot(['hypotheses', 'set', '--folds', '4', '--quiet'], { cwd });
    expect(folds.code).toBe(1);
    expect(folds.stderr).toContain('4 folds were asked for, but a class has only 3 recordings');
    const usage = await earshot(['hypotheses', 'set', '--folds', '1'], { cwd });
    expect(usage.code).toBe(2);
  }, 120_000);

  it('says that two recordings a class decide nothing', async () => {
    const cwd = workFolder();
    classFolders(join(cwd, 'set'), 2);
    const { code, stdout } = await earshot(
      ['hypotheses', 'set', '--quick', '--quiet', '--json', '--out', 'out'],
      {
        cwd,
      },
    );
    expect(code).toBe(0);
    const { hypotheses } = JSON.parse(stdout);
    // Two folds of three recordings: 36 labellings, and McNemar's test of six recordings cannot go below 1/32.
    expect(hypotheses[2].verdict).toBe('undecidable');
    expect(hypotheses[0].tests[0].smallestP).toBeCloseTo(1 / 36, 10);
  }, 120_000);

  it('stops at Ctrl-C', async () => {
    const cwd = workFolder();
    classFolders(join(cwd, 'set'), 8);
    let asked = false;
    const { code, stderr } = await earshot(['hypotheses', 'set', '--out', 'out'], {
      cwd,
      // Once: a second one ends the process as it is.
      onStderr: (text, kill) => {
        if (asked || !text.includes('Measuring: ')) return;
        asked = true;
        kill('SIGINT');
      },
    });
    expect(code).toBe(130);
    expect(stderr).toMatch(/stopped/i);
    expect(existsSync(join(cwd, 'out/report.html'))).toBe(false);
  }, 120_000);
});
