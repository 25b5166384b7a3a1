/**
 * @file Predictions as CSV (RFC 4180): clip, label, group, fold, predicted, confidence, then `p_<class>` for every
 * class. Numbers are written with as many digits as needed to read the same float64 back, so every score can be
 * computed again from the file. Names that a spreadsheet would take for formulas get an apostrophe, taken off in reading.
 */
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { csvRow, csvText, DatasetError, EarshotError } from '../core/index.ts';
import { writeFileAtomic } from '../files/atomic.ts';
import { checkPredictionTable, decide, type PredictionRow, type PredictionTable } from './predictionTable.ts';

const columns = ['clip', 'label', 'group', 'fold', 'predicted', 'confidence'] as const;
const probabilityPrefix = 'p_';

/**
 * Writes a table of predictions as CSV.
 * @throws {ParameterError} when the table is not well formed.
 */
export async function writePredictions(path: string, table: PredictionTable): Promise<void> {
  await writeFileAtomic(path, formatPredictions(table));
}

/** The CSV text of a table, lines ended by a newline. */
export function formatPredictions(table: PredictionTable): string {
  checkPredictionTable(table);
  const { classes, rows } = table;
  const lines: (string | number | null)[][] = [
    [...columns, ...classes.map((name) => probabilityPrefix + name)],
  ];
  for (const row of rows) {
    const { predicted, confidence } = decide(classes, row);
    lines.push([
      row.clip,
      row.label,
      row.group,
      row.fold,
      predicted,
      confidence,
      ...Array.from(row.probabilities),
    ]);
  }
  return lines.map(csvRow).join('');
}

/**
 * Reads a table of predictions written by {@link writePredictions} (or by another program with these columns).
 * @throws {DatasetError} when the file cannot be read, columns are missing, a number is none, or the stated
 *   prediction is not the most probable class.
 */
export async function readPredictions(path: string): Promise<PredictionTable> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new DatasetError(`The predictions ${path} cannot be read.`, { cause });
  }
  return parsePredictions(text, path);
}

/** The same from CSV text; `name` stands for the file in messages. */
export function parsePredictions(text: string, name = 'predictions'): PredictionTable {
  const [header, ...lines] = parseCsv(text, name);
  const position = (column: string) => (header ?? []).indexOf(column);
  const missing = columns.filter((column) => position(column) < 0);
  const first = (header ?? []).findIndex((column) => column.startsWith(probabilityPrefix));
  if (missing.length > 0 || first < 0) {
    const lacking = [...missing, ...(first < 0 ? [`${probabilityPrefix}<class>`] : [])].join(', ');
    throw new DatasetError(`${name} has no column ${lacking}, so it is not a table of predictions.`, {
      hint: `The columns are ${columns.join(',')}, then ${probabilityPrefix}<class> for every class.`,
    });
  }
  const classColumns = header!.flatMap((column, i) => (column.startsWith(probabilityPrefix) ? [i] : []));
  const classes = classColumns.map((i) => header![i].slice(probabilityPrefix.length));
  const rows = lines.map((cells, i): PredictionRow => {
    const where = `${name}, record ${i + 2}`;
    const cell = (column: (typeof columns)[number]) => csvText(cells[position(column)]);
    const row = {
      clip: cell('clip'),
      label: cell('label'),
      group: cell('group'),
      fold: cell('fold') === '' ? null : readNumber(cell('fold'), `${where}, column fold`),
      probabilities: classColumns.map((c) => readNumber(cells[c], `${where}, column ${header![c]}`)),
    };
    const { predicted } = decide(classes, row);
    if (cell('predicted') !== predicted) {
      throw new DatasetError(
        `${where}: the stated prediction is "${cell('predicted')}" but the most probable class is "${predicted}".`,
        { hint: 'The file was changed by hand or its columns were reordered; write it again.' },
      );
    }
    return row;
  });
  const table = { classes, rows };
  try {
    checkPredictionTable(table);
  } catch (cause) {
    if (!(cause instanceof EarshotError)) throw cause;
    throw new DatasetError(`${name}: ${cause.message}`, { cause, hint: cause.hint });
  }
  return table;
}

function parseCsv(text: string, name: string): string[][] {
  try {
    return parse(text, { bom: true, skip_empty_lines: true }) as string[][];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DatasetError(`${name} is not well-formed CSV: ${reason}.`, { cause });
  }
}

function readNumber(cell: string, where: string): number {
  const value = Number(cell);
  if (cell.trim() === '' || !Number.isFinite(value)) {
    throw new DatasetError(`${where}: "${cell}" is not a number.`);
  }
  return value;
}
