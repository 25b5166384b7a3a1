/** @file Class vectors from files: attribute tables (CSV), and arrays by class name (NumPy's archives). */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { matrixOf } from '../classifiers/index.ts';
import { DatasetError, ParameterError } from '../core/index.ts';
import { readTable, requireText, rowError } from '../datasets/index.ts';
import { decodeNpz } from '../embeddings/browser.ts';
import type { ClassVectors } from '../zeroShot/index.ts';

/** Tables of attributes that come with Earshot. Their columns are the same, so they can be put together. */
export const attributeTables = ['urbansound8k', 'esc50'] as const;

/** Where a table lies, to copy and extend it. */
export function attributeTablePath(name: (typeof attributeTables)[number]): string {
  return fileURLToPath(new URL(`../../attributes/${name}.csv`, import.meta.url));
}

/**
 * Class vectors by the name of a table or the path of a file.
 * @param wanted a CSV table with a column `class` and a column of numbers per attribute; an `.npz` archive with one array
 *   per class, [columns] or [n, columns] (of which the mean is taken, such as of several prompts); or a table's name.
 *   Undefined: the table here that knows all classes
 * @param classes the classes that vectors are needed for
 * @throws {DatasetError} when the file cannot be read, naming file and line
 * @throws {ParameterError} when no table knows all classes
 */
export async function openClassVectors(
  wanted: string | undefined,
  classes: readonly string[],
): Promise<ClassVectors> {
  if (wanted !== undefined) {
    const table = attributeTables.find((name) => name === wanted);
    return table === undefined ? readClassVectors(wanted) : readClassVectors(attributeTablePath(table));
  }
  for (const name of attributeTables) {
    const vectors = await readClassVectors(attributeTablePath(name));
    if (classes.every((label) => vectors.classes.includes(label))) return vectors;
  }
  throw new ParameterError(
    `None of the attribute tables here (${attributeTables.join(', ')}) knows all classes of the dataset (${classes.join(', ')}).`,
    { hint: 'Write a CSV table with a column class and one per attribute, and give it as --class-vectors.' },
  );
}

async function readClassVectors(path: string): Promise<ClassVectors> {
  return /\.npz$/i.test(path) ? readArchive(path) : readAttributes(path);
}

async function readAttributes(path: string): Promise<ClassVectors> {
  const table = await readTable(path, ['class']);
  const attributes = table.columns.filter((name) => name !== 'class');
  if (attributes.length === 0)
    throw new DatasetError(`${path} has no column besides 'class', so nothing is known of the classes.`);
  const classes: string[] = [];
  const rows = table.rows.map((row) => {
    const label = requireText(table, row, 'class');
    if (classes.includes(label)) throw rowError(table, row, `the class '${label}' is there twice.`);
    classes.push(label);
    return attributes.map((name) => {
      const text = requireText(table, row, name);
      const value = Number(text);
      if (Number.isFinite(value)) return value;
      throw rowError(table, row, `the ${name} '${text}' is not a number.`, 'Write it as 0, 0.5 or 1.');
    });
  });
  if (rows.length === 0) throw new DatasetError(`${path} has a header and no class.`);
  return { classes, attributes, matrix: matrixOf(rows), source: `Class vectors from ${basename(path)}.` };
}

async function readArchive(path: string): Promise<ClassVectors> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    throw new DatasetError(`${path} cannot be read (${(error as Error).message}).`, {
      hint: 'Check that the file exists and that you may read it.',
      cause: error,
    });
  }
  const classes: string[] = [];
  const rows: Float64Array[] = [];
  let columns: number | undefined;
  try {
    for (const [label, { shape, data }] of decodeNpz(bytes).arrays) {
      const size = shape.at(-1) ?? 0;
      if (shape.length < 1 || shape.length > 2 || size < 1 || data.length === 0)
        throw new ParameterError(`The array '${label}' must be [columns] or [n, columns].`);
      columns ??= size;
      if (size !== columns) {
        throw new ParameterError(
          `The array '${label}' has ${size} columns, '${classes[0]}' has ${columns}; all need the same.`,
        );
      }
      const n = data.length / size;
      const mean = new Float64Array(size);
      data.forEach((value, i) => {
        mean[i % size] += value / n;
      });
      classes.push(label);
      rows.push(mean);
    }
  } catch (error) {
    if (!(error instanceof ParameterError)) throw error;
    throw new DatasetError(`${path}: ${error.message}`, { cause: error });
  }
  if (rows.length === 0) throw new DatasetError(`${path} holds no array.`);
  return {
    classes,
    attributes: null,
    matrix: matrixOf(rows),
    source: `Class vectors from ${basename(path)}.`,
  };
}
