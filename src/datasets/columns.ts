/** @file What the columns of other people's tables mean: one list of names for each thing that a clip has. */
import { DatasetError, type Notice } from '../core/index.ts';
import { compareText, listSome, type Side } from './dataset.ts';
import { requireText, rowError, type Table, type TableRow } from './table.ts';

/** Names of columns (lower case) by what they mean; where a table has several, the first one counts. */
const meanings = {
  path: [
    ...['path', 'file_name', 'filename', 'file', 'fname', 'audio', 'filepath', 'file_path', 'audio_path'],
    ...['audio_filepath', 'audio_file', 'audio_filename', 'slice_file_name', 'wav', 'sound', 'clip'],
  ],
  label: [
    ...['label', 'category', 'class', 'class_name', 'classname', 'scene_label', 'event_label', 'species'],
    ...['primary_label', 'emotion', 'genre', 'labels', 'tags', 'target'],
  ],
  fold: ['fold', 'fold_id'],
  group: [
    ...['group', 'src_file', 'fsid', 'recording', 'recording_id', 'identifier', 'speaker', 'speaker_id'],
    ...['client_id', 'actor'],
  ],
  split: ['split', 'subset', 'partition', 'set'],
  start: ['start', 'start_time', 'start_s', 'onset', 'begin', 'begin_time', 'begin time (s)'],
  end: ['end', 'end_time', 'end_s', 'end time (s)', 'stop'],
  duration: ['duration', 'length'],
} as const;

type Meaning = keyof typeof meanings;

/** The tables' words for the side of a split (lower case). */
const sides: Readonly<Record<string, Side>> = {
  ...{ train: 'train', training: 'train', tr: 'train' },
  ...{ validation: 'validation', valid: 'validation', val: 'validation', dev: 'validation' },
  ...{ test: 'test', testing: 'test', eval: 'test', evaluation: 'test', evaluate: 'test' },
};

/** The side of a split that a word means, or null. */
export function sideNamed(word: string): Side | null {
  return sides[word.trim().toLowerCase()] ?? null;
}

/** The columns of a table by what they mean. */
export type Columns = Readonly<Partial<Record<Meaning, string>>>;

/** Finds the columns that are understood; null for a table that names no files or no labels. */
export function columnsOf(table: Table): Columns | null {
  const found: Partial<Record<Meaning, string>> = {};
  for (const [meaning, names] of Object.entries(meanings) as [Meaning, readonly string[]][]) {
    const name = names.find((one) => table.columns.includes(one));
    if (name !== undefined) found[meaning] = name;
  }
  if (table.columns.includes('offset')) {
    // The end of an event that has an onset (DCASE); the start of a stretch that has a duration (NeMo).
    if (found.start === 'onset') found.end ??= 'offset';
    else if (found.start === undefined && found.duration !== undefined) found.start = 'offset';
  }
  // `subset` and the like may mean anything: they are a split only if all their words are sides.
  const { split } = found;
  if (
    split !== undefined &&
    split !== 'split' &&
    !table.rows.every(({ cells }) => !cells[split] || sideNamed(cells[split]) !== null)
  )
    delete found.split;
  return found.path === undefined || found.label === undefined ? null : found;
}

/** The columns of a table that must name files and labels. @throws {DatasetError} when it does not */
export function requireColumns(table: Table): Columns & { readonly path: string; readonly label: string } {
  const columns = columnsOf(table);
  if (columns?.path !== undefined && columns.label !== undefined)
    return { ...columns, path: columns.path, label: columns.label };
  const missing = (['path', 'label'] as const).filter(
    (meaning) => !meanings[meaning].some((name) => table.columns.includes(name)),
  );
  throw new DatasetError(
    `${table.path}, line 1: the column${missing.length > 1 ? 's' : ''} ${missing.join(', ')} ` +
      `${missing.length > 1 ? 'are' : 'is'} missing; the header holds ${table.columns.join(', ')}.`,
    {
      hint: `The first line must name the columns. ${missing
        .map((meaning) => `For the ${meaning} these are understood: ${meanings[meaning].join(', ')}.`)
        .join(' ')}`,
    },
  );
}

/** What a table's columns were taken for, where their names do not say it, and which were not understood. */
export function columnNotices(table: Table, columns: Columns, subject: string): Notice[] {
  const notices: Notice[] = [];
  const renamed = (Object.entries(columns) as [Meaning, string][]).filter(
    ([meaning, name]) => meaning !== name,
  );
  // A duration alone says nothing that the file does not.
  const used = renamed.filter(([meaning]) => meaning !== 'duration' || columns.start !== undefined);
  if (used.length > 0) {
    const pairs = used.map(([meaning, name]) => `${name} as the ${meaning}`).sort(compareText);
    notices.push({ subject, message: `Columns taken: ${pairs.join(', ')}.` });
  }
  const known = new Set<string>(Object.values(columns));
  const unknown = table.columns.filter((name) => name !== '' && !known.has(name));
  if (unknown.length > 0) {
    notices.push({
      subject,
      message:
        `Columns that are not used: ${listSome(unknown, 12)}. Understood are path, label, fold, group, split, ` +
        'start and end (or onset, offset, duration), and some other names for them.',
    });
  }
  return notices;
}

/** The stretch of the file that a row names; none where its cells are empty. @throws {DatasetError} naming the line */
export function rowTimes(table: Table, row: TableRow, columns: Columns): { start?: number; end?: number } {
  const start = secondsOf(table, row, columns.start);
  const stated = secondsOf(table, row, columns.end);
  const duration = columns.start === undefined ? undefined : secondsOf(table, row, columns.duration);
  if (start === undefined && stated === undefined) return {};
  const from = start ?? 0;
  const end = stated ?? (duration === undefined ? undefined : Number((from + duration).toFixed(9)));
  if (end !== undefined && !(end > from)) {
    throw rowError(
      table,
      row,
      `the segment from ${from} s to ${end} s has no length.`,
      'Write start and end in seconds from the start of the file, the end above the start.',
    );
  }
  return { start: from, ...(end === undefined ? {} : { end }) };
}

function secondsOf(table: Table, row: TableRow, column: string | undefined): number | undefined {
  const text = column === undefined ? '' : (row.cells[column] ?? '');
  if (text === '') return undefined;
  const value = Number(text);
  if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) {
    throw rowError(
      table,
      row,
      `the ${column} '${text}' is no number of seconds.`,
      'Write it as 1.25, with a point.',
    );
  }
  return value;
}

/** The side of the table's own split that a row names; undefined for an empty cell. @throws {DatasetError} naming the line */
export function rowSide(table: Table, row: TableRow, { split }: Columns): Side | undefined {
  const word = split === undefined ? '' : (row.cells[split] ?? '');
  if (word === '') return undefined;
  const side = sideNamed(word);
  if (side !== null) return side;
  throw rowError(
    table,
    row,
    `the ${split} '${word}' is none of train, validation and test.`,
    'Write one of these, or rename the column if it is about something else.',
  );
}

/** The one label of a row. @throws {DatasetError} naming the line, when it is empty or holds several */
export function rowLabel(table: Table, row: TableRow, column: string): string {
  const label = requireText(table, row, column);
  if (!['labels', 'tags'].includes(column) || !/[,;|]/.test(label)) return label;
  throw rowError(
    table,
    row,
    `the column ${column} holds several labels ('${label}'), and a clip has one here.`,
    'Write a table with the columns path and label that lists the clips with a single label, or one label for each.',
  );
}
