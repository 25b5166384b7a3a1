/** @file JSON records on disk: only a missing file is "not there"; whatever else is wrong is an error that names it. */
import { readFile } from 'node:fs/promises';
import type * as z from 'zod';
import { ParameterError, parseRecord, type RecordDescription } from '../core/index.ts';

/**
 * The record in the file at `path`, checked against its schema; null where there is no such file.
 * @throws {EarshotError} of `about.error` for a file that cannot be read, is damaged, or is of another version
 */
export async function readRecord<S extends z.ZodType>(
  path: string,
  schema: S,
  about: Omit<RecordDescription, 'name'>,
): Promise<z.output<S> | null> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    const Failure = about.error ?? ParameterError;
    throw new Failure(`${path} could not be read: ${(error as Error).message}.`, { cause: error });
  }
  return parseRecord(schema, text, { ...about, name: path });
}

/** The same for a file that must be there. @throws {EarshotError} of `about.error` also where it is not */
export async function requireRecord<S extends z.ZodType>(
  path: string,
  schema: S,
  about: Omit<RecordDescription, 'name'>,
): Promise<z.output<S>> {
  const record = await readRecord(path, schema, about);
  if (record !== null) return record;
  const Failure = about.error ?? ParameterError;
  throw new Failure(
    `There is no ${path}, which should be ${about.what}.`,
    about.hint === undefined ? {} : { hint: about.hint },
  );
}
