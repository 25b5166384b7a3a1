/**
 * @file Checking what came from outside: JSON records of files and of the network are checked against a schema before
 * anything reads a field of them, and never cast.
 */
import type * as z from 'zod';
import { type EarshotError, ParameterError } from './errors.ts';

/** What a record is, for the error that says that it is not one. */
export interface RecordDescription {
  /** Where it was read: a path, or an address. */
  readonly name: string;
  /** What it should be, with its article: `an Earshot checkpoint`. */
  readonly what: string;
  /** What to do about a damaged one. */
  readonly hint?: string;
  /** Class of the error; {@link ParameterError} where none is given. */
  readonly error?: new (
    message: string,
    options?: { hint?: string; cause?: unknown },
  ) => EarshotError;
  /** Field that holds the format's version, and the versions that are read here. */
  readonly version?: { readonly field: string; readonly supported: readonly (number | string)[] };
}

/**
 * `value` as the schema's output.
 * @throws {EarshotError} of `about.error`, naming the record, the field and what is wrong with it. A record of another
 *   version is told apart from a damaged one.
 */
export function checkRecord<S extends z.ZodType>(
  schema: S,
  value: unknown,
  about: RecordDescription,
): z.output<S> {
  const Failure = about.error ?? ParameterError;
  if (about.version !== undefined) {
    const { field, supported } = about.version;
    const found = isObject(value) ? value[field] : undefined;
    if ((typeof found === 'number' || typeof found === 'string') && !supported.includes(found)) {
      throw new Failure(
        `${about.name} is ${about.what} of ${field} ${JSON.stringify(found)}; this version of Earshot reads ${supported.join(', ')}.`,
        { hint: 'It was written by another version of Earshot: use that version, or make the file again.' },
      );
    }
  }
  const checked = schema.safeParse(value);
  if (checked.success) return checked.data;
  throw new Failure(
    `${about.name} is not ${about.what}: ${describeIssue(checked.error)}.`,
    about.hint === undefined ? {} : { hint: about.hint },
  );
}

/** JSON text as the schema's output. @throws {EarshotError} as {@link checkRecord}, also where it is no JSON. */
export function parseRecord<S extends z.ZodType>(
  schema: S,
  text: string,
  about: RecordDescription,
): z.output<S> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const Failure = about.error ?? ParameterError;
    throw new Failure(`${about.name} is not ${about.what}: it holds no valid JSON.`, {
      cause,
      ...(about.hint === undefined ? {} : { hint: about.hint }),
    });
  }
  return checkRecord(schema, value, about);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first issue as words: `pipeline.windowSeconds: Invalid input: expected number, received null`. */
function describeIssue(error: z.ZodError): string {
  const issue = error.issues[0];
  if (issue === undefined) return 'it does not match its schema';
  const path = issue.path.map(String).join('.');
  const message = issue.message
    .replace(/\.$/, '')
    .replace(/^Invalid input: expected (.*), received undefined$/, 'it is missing ($1 was expected)');
  return path === '' ? message : `${path}: ${message}`;
}
