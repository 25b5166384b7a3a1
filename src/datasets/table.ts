/** @file Reads a table (CSV with a header, or JSON lines), keeping line numbers so that an error can name the row. */
import { readFile } from 'node:fs/promises';
import { CsvError, parse } from 'csv-parse/sync';
import * as z from 'zod';
import { DatasetError, parseRecord } from '../core/index.ts';

export interface TableRow {
  /** Line in the file, counted from 1 (the header is line 1). */
  readonly line: number;
  /** Trimmed cells under lower-case column names. */
  readonly cells: Readonly<Record<string, string>>;
}

export interface Table {
  readonly path: string;
  readonly columns: readonly string[];
  readonly rows: readonly TableRow[];
}

/**
 * Reads a table: JSON lines if its name ends in `.jsonl`, where every line is an object, else a CSV file (UTF-8, comma, semicolon or tab, as its header line uses; quotes allowed; a byte order mark is
 * skipped). Column names compare without case and surrounding blanks.
 * @param required columns that must be there
 * @throws {DatasetError} naming the file and line: unreadable, not text, no header, a column missing, ragged rows.
 */
export async function readTable(path: string, required: readonly string[]): Promise<Table> {
  const text = await readText(path);
  if (/\.jsonl$/i.test(path)) return jsonLines(path, text, required);
  const header = text.slice(0, (text.search(/\r|\n/) + 1 || text.length + 1) - 1);
  const delimiter = [',', ';', '\t'].reduce((best, d) =>
    occurrences(header, d) > occurrences(header, best) ? d : best,
  );
  let records: { record: string[]; info: { lines: number } }[];
  try {
    records = parse(text, {
      delimiter,
      info: true,
      skip_empty_lines: true,
      trim: true,
      relax_quotes: true,
    }) as unknown as typeof records;
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const line = typeof error['lines'] === 'number' ? `, line ${error['lines']}` : '';
    throw new DatasetError(`${path}${line}: not a well-formed CSV table (${error.message}).`, {
      hint: 'Every line needs as many cells as the header; put a cell that holds the separator in double quotes.',
      cause: error,
    });
  }
  const first = records[0];
  if (first === undefined) {
    throw new DatasetError(
      `${path} is empty, where a CSV table with the columns ${required.join(', ')} was expected.`,
    );
  }
  const columns = first.record.map((name) => name.trim().toLowerCase());
  requireNames(path, columns, required);
  const rows = records.slice(1).map(({ record, info }) => ({
    line: info.lines,
    // Blanks within quotes are no more meant than those outside.
    cells: Object.fromEntries(columns.map((name, i) => [name, (record[i] ?? '').trim()])),
  }));
  return { path, columns, rows };
}

function requireNames(path: string, columns: readonly string[], required: readonly string[]): void {
  const missing = required.filter((name) => !columns.includes(name.toLowerCase()));
  if (missing.length === 0) return;
  throw new DatasetError(
    `${path}, line 1: the column${missing.length > 1 ? 's' : ''} ${missing.join(', ')} ` +
      `${missing.length > 1 ? 'are' : 'is'} missing; the header holds ${columns.join(', ')}.`,
    { hint: `The first line must name the columns, among them ${required.join(', ')}.` },
  );
}

const jsonLine = z.record(z.string(), z.unknown());

/** A table of JSON lines; its columns are the names that occur. */
function jsonLines(path: string, text: string, required: readonly string[]): Table {
  const rows: TableRow[] = [];
  const columns = new Set<string>();
  for (const [i, line] of text.split(/\r\n|\n|\r/).entries()) {
    if (line.trim() === '') continue;
    const object = parseRecord(jsonLine, line, {
      name: `${path}, line ${i + 1}`,
      what: 'an object of a table in JSON lines',
      error: DatasetError,
    });
    const cells = Object.entries(object).map(([name, value]): [string, string] => {
      const cell = value === null ? '' : typeof value === 'object' ? JSON.stringify(value) : String(value);
      return [name.trim().toLowerCase(), cell.trim()];
    });
    for (const [name] of cells) columns.add(name);
    rows.push({ line: i + 1, cells: Object.fromEntries(cells) });
  }
  if (rows.length === 0)
    throw new DatasetError(`${path} is empty, where a table in JSON lines was expected.`);
  requireNames(path, [...columns], required);
  return { path, columns: [...columns], rows };
}

/** An error about one row: what is wrong with it, and what to do. */
export function rowError(table: Table, row: TableRow, problem: string, hint?: string): DatasetError {
  return new DatasetError(`${table.path}, line ${row.line}: ${problem}`, { hint });
}

/** A cell that must not be empty. */
export function requireText(table: Table, row: TableRow, column: string): string {
  const value = row.cells[column] ?? '';
  if (value === '') {
    throw rowError(table, row, `the column ${column} is empty.`, 'Fill the cell in, or remove the row.');
  }
  return value;
}

/** A cell that must hold a whole number ≥ 0 (`3`, and `3.0` as spreadsheets write it). */
export function requireWholeNumber(table: Table, row: TableRow, column: string): number {
  const value = requireText(table, row, column);
  if (!/^\d+(\.0*)?$/.test(value)) {
    throw rowError(
      table,
      row,
      `the ${column} '${value}' is not a whole number.`,
      `Write the ${column} as 1, 2, 3, ….`,
    );
  }
  return Number.parseInt(value, 10);
}

async function readText(path: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DatasetError(`${path} cannot be read (${error instanceof Error ? error.message : error}).`, {
      hint: 'Check that the file exists and that you may read it.',
      cause: error,
    });
  }
  try {
    // `fatal` so that a sound or a spreadsheet given by mistake is named as such; a byte order mark is dropped.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (text.includes('\0')) throw new TypeError('it holds zero bytes');
    return text;
  } catch (error) {
    throw new DatasetError(`${path} is not a UTF-8 text file, where a CSV table was expected.`, {
      hint: 'Export the table as CSV in UTF-8.',
      cause: error,
    });
  }
}

function occurrences(text: string, part: string): number {
  return text.split(part).length - 1;
}
