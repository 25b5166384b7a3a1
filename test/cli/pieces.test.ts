import { execFileSync } from 'node:child_process';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import pc from 'picocolors';
import { describe, expect, it, vi } from 'vitest';
import { commandText } from '../../src/cli/commandLine.ts';
import { failureTeller } from '../../src/cli/context.ts';
import { folds, interval, number } from '../../src/cli/optionValues.ts';
import { progressDisplay } from '../../src/cli/progress.ts';
import { nearest } from '../../src/cli/suggest.ts';
import { stretches } from '../../src/cli/timeline.ts';
import { positionText, timeLeftText } from '../../src/cli/timeText.ts';

describe('nearest', () => {
  const classes = ['air_conditioner', 'car_horn', 'children_playing', 'dog_bark', 'siren', 'street_music'];
  it.each([
    ['sirn', 'siren'],
    ['siern', 'siren'],
    ['Dog Bark', 'dog_bark'],
    ['dog-brak', 'dog_bark'],
    ['child', 'children_playing'],
    ['cathorn', 'car_horn'],
    ['piano', null],
    ['s', null],
    ['', null],
  ])('%s → %s', (word, expected) => expect(nearest(word, classes)).toBe(expected));

  it('prefers the fewest slips', () =>
    expect(nearest('resnet35', ['resnet50', 'resnet34'])).toBe('resnet34'));
});

describe('commandText', () => {
  it('is what a shell splits into the same words', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: fc.constantFrom('a', "'", '"', ' ', '$', '\\', '!', '-', '*') })),
        (words) => {
          const line = commandText(words).replace(/^(npx )?earshot/, "printf '%s\\0' x");
          expect(execFileSync('/bin/sh', ['-c', line]).toString().split('\0').slice(1, -1)).toEqual(words);
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe('files that failed', () => {
  it('are told with their hints, each hint once', () => {
    const lines: string[] = [];
    const tell = failureTeller(pc.createColors(false), (line) => lines.push(line), 'Not classified');
    tell({ message: 'a.wav is damaged.', hint: 'Record it again.' });
    tell({ message: 'b.wav is damaged.', hint: 'Record it again.' });
    tell({ message: 'c.wav is odd.' });
    tell({ message: '- is no file.', hint: 'Name a file.' });
    expect(lines).toEqual([
      ...['Not classified: a.wav is damaged.', 'Hint: Record it again.', 'Not classified: b.wav is damaged.'],
      ...['Not classified: c.wav is odd.', 'Not classified: - is no file.', 'Hint: Name a file.'],
    ]);
  });
});

describe('option values', () => {
  it('reads folds', () => {
    expect(folds('3,1-2, 7 - 8,2')).toEqual([1, 2, 3, 7, 8]);
    for (const bad of ['', '1,', 'a', '2-1', '-1', '1.5', '1-99999'])
      expect(() => folds(bad)).toThrow(/fold numbers/);
  });

  it('reads intervals and numbers', () => {
    expect(interval('-5,30')).toEqual([-5, 30]);
    for (const bad of ['5', '5,', '30,5', '1,2,3', 'a,b']) expect(() => interval(bad)).toThrow(/low,high/);
    expect(number({ min: 0, max: 1 })('0')).toBe(0);
    expect(() => number({ min: 0, max: 1 })('1.01')).toThrow(
      'It must be a number of at least 0 and at most 1.',
    );
    for (const bad of ['', ' ', 'NaN', 'Infinity', '1e999', '0x'])
      expect(() => number()(bad)).toThrow(/a number/);
  });
});

describe('stretches', () => {
  it('follow one another from the start to the end, and no two neighbours share a label', () => {
    const labels = fc.array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(labels, fc.double({ min: 0.5, max: 4, noNaN: true }), (list, hop) => {
        const windows = list.map((label, i) => ({
          start: i * hop,
          end: i * hop + 4,
          label,
          probability: i / 30,
        }));
        const result = stretches(windows);
        expect(result[0].start).toBe(0);
        expect(result.at(-1)!.end).toBe(windows.at(-1)!.end);
        for (let i = 1; i < result.length; i++) {
          expect(result[i].start).toBe(result[i - 1].end);
          expect(result[i].end).toBeGreaterThan(result[i].start);
          expect(result[i].label).not.toBe(result[i - 1].label);
        }
      }),
    );
  });

  it('meet in the middle of the overlap', () => {
    const window = (start: number, label: string, probability: number) => ({
      start,
      end: start + 4,
      label,
      probability,
    });
    expect(stretches([window(0, 'a', 0.9), window(2, 'a', 0.7), window(4, 'b', 0.5)])).toEqual([
      { start: 0, end: 5, label: 'a', probability: 0.8 },
      { start: 5, end: 8, label: 'b', probability: 0.5 },
    ]);
    expect(stretches([])).toEqual([]);
  });
});

describe('times', () => {
  it('left', () => {
    expect([0, 59.4, 59.6, 3599, 3600, 7385].map(timeLeftText)).toEqual([
      ...['0 s', '59 s', '1 min 00 s', '59 min 59 s', '1 h 00 min', '2 h 03 min'],
    ]);
  });
  it('in a recording', () => {
    expect([0, 7.45, 59.96, 3727.5].map(positionText)).toEqual(['0:00.0', '0:07.5', '1:00.0', '1:02:07.5']);
  });
});

describe('progress', () => {
  function sink(isTerminal: boolean) {
    let text = '';
    const stream = Object.assign(
      new Writable({
        write(chunk, _encoding, done) {
          text += String(chunk);
          done();
        },
      }),
      { isTTY: isTerminal, columns: 100, cursorTo: () => true, clearLine: () => true },
    );
    const line = (s = '') => void stream.write(`${s}\n`);
    return { err: { stream, isTerminal, colours: pc.createColors(false), line }, text: () => text };
  }

  it('is a line now and then where there is no terminal', async () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    const { err, text } = sink(false);
    const { onProgress, note, stop } = await progressDisplay(err);
    for (let done = 0; done <= 100; done++) {
      onProgress({ task: 'Extracting', done, total: 100, unit: 'clips' });
      if (done === 50) note('half');
      vi.advanceTimersByTime(300);
    }
    onProgress({ task: 'Extracting', done: 100, total: 100, unit: 'clips' });
    onProgress({ task: 'Training', done: 1, total: 2, detail: 'loss 1.2' });
    stop();
    onProgress({ task: 'Training', done: 2, total: 2 });
    vi.useRealTimers();
    expect(text().split('\n')).toEqual([
      'Extracting: 0/100 clips',
      'Extracting: 34/100 clips, 20 s left',
      'half',
      'Extracting: 68/100 clips, 10 s left',
      'Extracting: 100/100 clips',
      'Training: 1/2, loss 1.2',
      '',
    ]);
  });

  it('is a bar on a terminal, cleared at the end, with notes above it', async () => {
    const { err, text } = sink(true);
    const { onProgress, note, stop } = await progressDisplay(err);
    const event = { task: 'Training', total: 10, unit: 'batches', detail: 'loss 1.2' };
    onProgress({ ...event, done: 3 });
    const drawn = 'Training ███████░░░░░░░░░░░░░░░░░ 3/10 batches  loss 1.2';
    expect(text()).toContain(drawn);
    note('look here');
    // Once before the note, once after it.
    expect(text().split(drawn)).toHaveLength(3);
    expect(text().split(drawn)[1]).toContain('look here\n');
    stop();
    expect(text().match(/\n/g)).toHaveLength(1);
    onProgress({ ...event, done: 4 });
    expect(text()).not.toContain('4/10');
  });

  it('is silent when asked, notes apart', async () => {
    const { err, text } = sink(true);
    const { onProgress, note } = await progressDisplay(err, { quiet: true });
    onProgress({ task: 'Training', done: 3, total: 10 });
    note('look');
    expect(text()).toBe('look\n');
  });
});
