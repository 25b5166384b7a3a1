import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csvRow, csvText } from '../../src/core/index.ts';
import { formatPredictions, parsePredictions } from '../../src/evaluation/index.ts';

const field = fc.oneof(
  fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', '\t', ' ', 'ü', "'", '=', '-', '@', '+') }),
  fc.string(),
);

describe('a CSV row', () => {
  it('is read back by another reader and csvText, whatever the fields hold', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 2, maxLength: 5 }), (fields) => {
        const [row] = parse(csvRow(fields) + csvRow(fields.map(() => 'x')), {
          record_delimiter: '\n',
        }) as string[][];
        expect(row!.map(csvText)).toEqual(fields);
      }),
    );
  });

  it('has no cell that a spreadsheet takes for a formula', () => {
    fc.assert(
      fc.property(fc.array(field, { minLength: 2, maxLength: 5 }), (fields) => {
        const [row] = parse(csvRow(fields) + csvRow(fields.map(() => 'x')), {
          record_delimiter: '\n',
        }) as string[][];
        for (const cell of row!) expect(cell).not.toMatch(/^[=+\-@\t\r]/);
      }),
    );
    expect(csvRow(['=HYPERLINK("http://x")', '-1+1'])).toBe(`"'=HYPERLINK(""http://x"")",'-1+1\n`);
  });

  it('leaves numbers as they are', () => expect(csvRow([-1.5, null, 'a'])).toBe('-1.5,,a\n'));
});

describe('predictions.csv', () => {
  it('gives back names that would be formulas', () => {
    const table = {
      classes: ['=1+1', '-x'],
      rows: [
        { clip: '@a.wav', label: '=1+1', group: "'+g", fold: 1, probabilities: [0.75, 0.25] },
        { clip: '-b.wav', label: '-x', group: "'quoted", fold: null, probabilities: [0.25, 0.75] },
      ],
    };
    expect(parsePredictions(formatPredictions(table))).toEqual(table);
  });
});
