import { describe, expect, it } from 'vitest';
import { Random } from '../../src/core/index.ts';
import { quickChoice, recordingTable } from '../../src/hypotheses/index.ts';
import { clip, measured } from './tables.ts';

const choice = { officialFolds: false, seed: 0 };
const some = (
  labels: string,
  recordings: number,
  clips = 1,
  fold: (r: number) => number | null = () => null,
) =>
  [...labels].flatMap((label) =>
    Array.from({ length: recordings }, (_, r) =>
      Array.from({ length: clips }, (__, i) => clip(label, `${label}${r}`, i, fold(r))),
    ).flat(),
  );

describe('recordings as rows', () => {
  it('are the means of their clips, whole in one fold, each class in several', () => {
    const random = new Random(1);
    const clips = some('abc', 7, 3);
    const rows = measured(clips, () => Array.from({ length: 6 }, () => random.normal()));
    const { table, notices } = recordingTable(random.shuffle(rows), choice);
    expect(notices).toEqual([]);
    expect(table.recordings).toHaveLength(21);
    expect(table.blocks.shape).toMatchObject({ rows: 21, columns: 6 });
    table.recordings.forEach(({ group, label, clips: count }, row) => {
      expect(count).toBe(3);
      expect(table.classes[table.positions[row]]).toBe(label);
      const own = rows.filter((one) => one.clip.group === group);
      const at = own[0].numbers.findIndex((v) => v !== 0);
      const mean = own.reduce((sum, { numbers }) => sum + numbers[at], 0) / 3;
      expect(table.blocks.shape.data[row * 6]).toBeCloseTo(mean, 6);
    });
    for (const label of 'abc') {
      const folds = table.folds.filter((_, i) => table.recordings[i].label === label);
      expect(new Set(folds).size).toBe(5);
    }
  });

  it('leave out classes of one recording, and refuse data without two others', () => {
    const rows = measured([...some('ab', 3), clip('c', 'alone', 0), clip('c', 'alone', 1)], () => [1]);
    const { table, notices } = recordingTable(rows, choice);
    expect(table.classes).toEqual(['a', 'b']);
    expect(notices).toMatchObject([{ subject: 'c', message: expect.stringContaining('one recording') }]);
    const few = measured([...some('a', 3), clip('c', 'alone', 0)], () => [1]);
    expect(() => recordingTable(few, choice)).toThrow(/Only the class a has two recordings/);
  });

  it('take official folds, a recording in two of them whole, and others where a class lies in one', () => {
    const clips = some('ab', 4, 2, (r) => 1 + (r % 2));
    const torn = { ...clips[0], id: 'torn.wav', fold: 2 };
    const { table, notices } = recordingTable(
      measured([...clips, torn], () => [1]),
      {
        ...choice,
        officialFolds: true,
      },
    );
    expect(table.foldSource).toContain('authors');
    expect([...table.folds]).toEqual([0, 1, 0, 1, 0, 1, 0, 1]);
    expect(notices).toMatchObject([{ subject: 'a0', message: expect.stringContaining('folds 1 and 2') }]);
    const lone = some('ab', 4, 1, (r) => 1 + (r % 2)).map((one) =>
      one.label === 'b' ? { ...one, fold: 1 } : one,
    );
    const other = recordingTable(
      measured(lone, () => [1]),
      { ...choice, officialFolds: true },
    );
    expect(other.table.foldSource).toContain('by recording');
    expect(other.notices).toMatchObject([
      { subject: 'folds', message: expect.stringContaining('All recordings of b') },
    ]);
  });

  it('make as many folds as were asked for, or say that they cannot', () => {
    const rows = measured(some('ab', 4), () => [1]);
    expect(new Set(recordingTable(rows, { ...choice, folds: 3 }).table.folds).size).toBe(3);
    expect(() => recordingTable(rows, { ...choice, folds: 5 })).toThrow(/only 4 recordings/);
  });

  it('count once in each class that they hold clips of, in one fold', () => {
    const rows = measured([...some('ab', 4), clip('b', 'a0', 0)], () => [1]);
    const { table } = recordingTable(rows, choice);
    const both = table.recordings.flatMap(({ group }, i) => (group === 'a0' ? [i] : []));
    expect(both).toHaveLength(2);
    expect(table.folds[both[0]]).toBe(table.folds[both[1]]);
  });
});

describe('the clips of a quick answer', () => {
  it('are at most three of a recording and 400 recordings, spread and the same for the same seed', () => {
    const clips = some('ab', 300, 5);
    const got = quickChoice(clips, 1);
    expect(got).toHaveLength(400 * 3);
    expect(new Set(got.map(({ group }) => group)).size).toBe(400);
    for (const label of 'ab') expect(got.filter((one) => one.label === label)).toHaveLength(600);
    const first = got.filter(({ group }) => group === got[0].group).map(({ id }) => id);
    expect(first.map((id) => id.slice(-5))).toEqual(['0.wav', '2.wav', '4.wav']);
    expect(quickChoice(clips, 1)).toEqual(got);
    expect(quickChoice(clips, 2)).not.toEqual(got);
    expect(quickChoice(some('ab', 4, 2), 1)).toHaveLength(16);
  });
});
