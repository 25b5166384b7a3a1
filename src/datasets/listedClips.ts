/** @file From the rows of a metadata table to clips on disk: shared by every layout that comes with a table. */
import { basename, dirname, extname, relative, resolve, sep } from 'node:path';
import { DatasetError, type Notice } from '../core/index.ts';
import { AudioFolder } from './audioFiles.ts';
import { type Clip, count, groupBy, listSome, type Side } from './dataset.ts';
import { spanSuffix, spanTimes } from './soundSpan.ts';
import { rowError, type Table, type TableRow } from './table.ts';

/** One row's claim: a file, relative to the root (or absolute), and what is known of it. */
export interface ListedClip {
  readonly row: TableRow;
  readonly file: string;
  readonly label: string;
  readonly fold: number | null;
  /** Null: the clip is its own group. */
  readonly group: string | null;
  readonly source?: Clip['source'];
  /** The stretch of the file, in seconds; the whole file where neither is given. */
  readonly start?: number;
  readonly end?: number;
  /** The side of the table's own split. */
  readonly side?: Side;
}

/**
 * Looks up every listed file. What is odd (missing files, another format than the table says, rows said twice,
 * sounds the table does not know) becomes a notice.
 * @throws {DatasetError} when no row is left, when a file is listed under two labels or folds, or when every file is
 *   missing.
 */
export async function findListedClips(
  table: Table,
  root: string,
  listed: readonly ListedClip[],
  { reportUnlisted = true } = {},
): Promise<{ clips: Clip[]; notices: Notice[] }> {
  if (listed.length === 0) {
    throw new DatasetError(`${table.path} lists no clips.`, {
      hint: 'It needs one line per clip below the header.',
    });
  }
  const folders = new Map<string, AudioFolder>();
  for (const { file } of listed) {
    const folder = dirname(resolve(root, file));
    if (!folders.has(folder)) folders.set(folder, await AudioFolder.read(folder));
  }

  const clips: Clip[] = [];
  const seen = new Map<string, ListedClip>();
  const missing: string[] = [];
  const converted: { from: string; to: string }[] = [];
  let repeated = 0;
  for (const item of listed) {
    const wanted = resolve(root, item.file);
    const folder = dirname(wanted);
    const name = folders.get(folder)!.find(basename(wanted));
    const path = resolve(folder, name ?? basename(wanted));
    const place = `${path}${spanSuffix(item)}`;
    const earlier = seen.get(place);
    if (earlier !== undefined) {
      if (describe(earlier) !== describe(item)) {
        throw rowError(
          table,
          item.row,
          `${item.file} is listed a second time (first on line ${earlier.row.line}) with another label, fold, group or side: ` +
            `${describe(item)} against ${describe(earlier)}.`,
          'A clip has one label. Remove one of the two rows; if they mean parts of the file, give these in columns start and end.',
        );
      }
      repeated++;
      continue;
    }
    seen.set(place, item);
    if (name === null) {
      missing.push(item.file);
      continue;
    }
    if (name !== basename(wanted)) converted.push({ from: extname(wanted), to: extname(name) });
    const file = relative(root, path).split(sep).join('/');
    clips.push({
      id: `${file}${spanSuffix(item)}`,
      path,
      ...spanTimes(item),
      label: item.label,
      fold: item.fold,
      // Segments of a file are one recording.
      group: item.group ?? file,
      ...(item.side === undefined ? {} : { side: item.side }),
      ...(item.source ? { source: item.source } : {}),
    });
  }

  if (clips.length === 0) {
    const absent = [...folders].filter(([, folder]) => !folder.exists).map(([path]) => path);
    throw new DatasetError(
      `None of the ${count(listed.length, 'file')} listed in ${table.path} exists; the first is ${resolve(root, listed[0].file)}.`,
      {
        hint:
          absent.length > 0
            ? `These folders do not exist: ${listSome(absent)}. Unpack the audio beside the table.`
            : 'Check that the table and the audio belong together.',
      },
    );
  }
  const notices: Notice[] = [];
  for (const [folder, files] of groupBy(missing, (file) => dirname(resolve(root, file)))) {
    const where = relative(root, folder).split(sep).join('/') || '.';
    const total = listed.filter((item) => dirname(resolve(root, item.file)) === folder).length;
    notices.push({
      subject: where,
      message: folders.get(folder)!.exists
        ? `Missing and left out: ${files.length} of ${total} listed files (${listSome(files.map((f) => basename(f)))}).`
        : `The folder does not exist: ${count(total, 'listed clip')} left out.`,
    });
  }
  for (const [change, items] of groupBy(converted, ({ from, to }) => `${from || 'no extension'} → ${to}`)) {
    notices.push({
      subject: basename(table.path),
      message: `On disk in another format than the table says, and used as found: ${count(items.length, 'file')} (${change}).`,
    });
  }
  if (repeated > 0) {
    notices.push({
      subject: basename(table.path),
      message: `Rows that repeat an earlier one, ignored: ${repeated}.`,
    });
  }
  if (reportUnlisted) {
    for (const [folder, content] of folders) {
      const extra = content.unlisted();
      if (extra.length === 0) continue;
      notices.push({
        subject: relative(root, folder).split(sep).join('/') || '.',
        message: `Not in the table and ignored: ${count(extra.length, 'sound file')} (${listSome(extra)}).`,
      });
    }
  }
  return { clips, notices };
}

function describe({ label, fold, group, side }: ListedClip): string {
  return [
    `label ${label}`,
    ...(fold === null ? [] : [`fold ${fold}`]),
    ...(group === null ? [] : [`group ${group}`]),
    ...(side === undefined ? [] : [`side ${side}`]),
  ].join(', ');
}
