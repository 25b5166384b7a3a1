/** @file What is told of a file that something went wrong with while the rest go on. */
import { EarshotError } from './errors.ts';

/** A whole sentence that names the file, and what to do about it. */
export interface FileProblem {
  readonly message: string;
  readonly hint?: string;
}

/** The problem that an error means for the file at `path`. Errors of the file system speak of system calls; others may name no file. */
export function fileProblem(path: string, error: unknown): FileProblem {
  const text = error instanceof Error ? error.message : String(error);
  if (/^E[A-Z]+: /.test(text)) return { message: `${path} cannot be read (${text}).` };
  const message = text.includes(path) ? text : `${path}: ${text}`;
  const hint = error instanceof EarshotError ? error.hint : undefined;
  return hint === undefined ? { message } : { message, hint };
}
