import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatasetError, ParameterError } from '../../src/core/index.ts';
import {
  formatPredictions,
  type PredictionTable,
  parsePredictions,
  readPredictions,
  writePredictions,
} from '../../src/evaluation/index.ts';

const table: PredictionTable = {
  classes: ['dog, barking', 'say "woof"'],
  rows: [
    { clip: 'a b/ü.wav', label: 'dog, barking', group: '100', fold: 1, probabilities: [2 / 3, 1 / 3] },
    {
      clip: 'line\nbreak.wav',
      label: 'say "woof"',
      group: ' padded ',
      fold: null,
      probabilities: [0.1, 0.9],
    },
    { clip: '"', label: 'say "woof"', group: '', fold: 10, probabilities: [1e-300, 1] },
  ],
};

describe('predictions as CSV', () => {
  it('round-trips through a file, every bit of every probability', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'earshot-predictions-'));
    try {
      const path = join(folder, 'deep', 'predictions.csv');
      await writePredictions(path, table);
      expect(await readPredictions(path)).toEqual(table);
      const [header] = (await readFile(path, 'utf8')).split('\n');
      expect(header).toBe('clip,label,group,fold,predicted,confidence,"p_dog, barking","p_say ""woof"""');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('round-trips any names', () => {
    const name = fc.string({ unit: 'grapheme', maxLength: 8 });
    const names = fc.uniqueArray(name, { minLength: 2, maxLength: 4 });
    fc.assert(
      fc.property(
        names,
        fc.uniqueArray(name, { minLength: 1, maxLength: 4 }),
        name,
        (classes, clips, group) => {
          const rows = clips.map((clip, i) => ({
            clip,
            label: classes[i % classes.length],
            group,
            fold: i === 0 ? null : i,
            probabilities: classes.map((_, j) => (j === 0 ? 1 - (classes.length - 1) / 7 : 1 / 7)),
          }));
          expect(parsePredictions(formatPredictions({ classes, rows }))).toEqual({ classes, rows });
        },
      ),
      { seed: 4, numRuns: 300 },
    );
  });

  it('reads what a spreadsheet saved: byte order mark, CRLF', () => {
    const text = `\uFEFF${formatPredictions({ ...table, rows: [table.rows[0]] }).replaceAll('\n', '\r\n')}`;
    expect(parsePredictions(text).rows).toEqual([table.rows[0]]);
  });

  const good = 'clip,label,group,fold,predicted,confidence,p_a,p_b\nx,a,g,1,a,0.75,0.75,0.25\n';
  it.each([
    ['a missing column', good.replace('group', 'grp'), /no column group/],
    ['no probabilities', 'clip,label,group,fold,predicted,confidence\n', /no column p_<class>/],
    ['nothing at all', '', /no column clip/],
    ['a ragged row', `${good}y,a,g\n`, /well-formed/],
    ['an open quote', `${good}"y,a,g`, /well-formed/],
    ['a word for a number', good.replace('0.25\n', 'much\n'), /record 2, column p_b: "much"/],
    ['a changed prediction', good.replace('1,a,', '1,b,'), /stated prediction is "b"/],
    ['an unknown label', good.replace('x,a', 'x,c'), /"c"/],
    ['probabilities of another sum', good.replace('0.25\n', '0.45\n'), /sum to 1\.2/],
    ['a clip twice', `${good}x,a,g,1,a,0.75,0.75,0.25\n`, /twice/],
    ['no rows', good.split('\n')[0], /no predictions/],
  ])('refuses %s', (_, text, message) => {
    expect(() => parsePredictions(text, 'p.csv')).toThrow(DatasetError);
    expect(() => parsePredictions(text, 'p.csv')).toThrow(message);
    expect(() => parsePredictions(text, 'p.csv')).toThrow(/p\.csv/);
  });

  it('refuses to write what it could not read', () => {
    expect(() => formatPredictions({ ...table, rows: [] })).toThrow(ParameterError);
  });

  it('says which file is missing', async () => {
    await expect(readPredictions('/nowhere/predictions.csv')).rejects.toThrow(/\/nowhere\/predictions\.csv/);
  });
});
