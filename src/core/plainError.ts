/** @file Errors as plain data, so that class, code, hint and cause survive the way out of a worker thread or process. */
import * as errors from './errors.ts';

/** What is left of an error after structured cloning or JSON. */
export interface PlainError {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  /** Only of an {@link errors.EarshotError}. */
  readonly code?: errors.ErrorCode;
  readonly hint?: string;
  /** System error code such as `ENOSPC`, of an error that is not Earshot's own. */
  readonly systemCode?: string;
  readonly cause?: PlainError;
}

/** Causes beyond this depth are dropped: a chain may be a circle. */
const deepestCause = 4;

const classes: Record<
  errors.ErrorCode,
  new (
    message: string,
    options?: { hint?: string; cause?: unknown },
  ) => errors.EarshotError
> = {
  PARAMETER: errors.ParameterError,
  SHAPE: errors.ShapeError,
  UNSUPPORTED_OP: errors.UnsupportedOpError,
  GRAPH: errors.GraphError,
  DECODE: errors.DecodeError,
  WEIGHTS: errors.WeightsError,
  DOWNLOAD: errors.DownloadError,
  FILE: errors.FileError,
  DATASET: errors.DatasetError,
  RUNTIME: errors.RuntimeError,
  TRAINING: errors.TrainingError,
  USAGE: errors.UsageError,
  CANCELLED: errors.CancelledError,
};

/** The plain form of whatever was thrown. */
export function toPlainError(thrown: unknown, depth = 0): PlainError {
  if (!(thrown instanceof Error)) return { name: 'Error', message: String(thrown) };
  const { name, message, stack, cause } = thrown;
  const own = thrown instanceof errors.EarshotError ? thrown : null;
  const systemCode = own === null && 'code' in thrown ? thrown.code : undefined;
  return {
    name,
    message,
    ...(stack === undefined ? {} : { stack }),
    ...(own === null ? {} : { code: own.code }),
    ...(own?.hint === undefined ? {} : { hint: own.hint }),
    ...(typeof systemCode === 'string' ? { systemCode } : {}),
    ...(cause === undefined || depth >= deepestCause ? {} : { cause: toPlainError(cause, depth + 1) }),
  };
}

/** The error that {@link toPlainError} took apart: of the same class where it is one of Earshot's. */
export function fromPlainError(plain: PlainError): Error {
  const cause = plain.cause === undefined ? undefined : fromPlainError(plain.cause);
  const error =
    plain.code !== undefined && plain.code in classes
      ? new classes[plain.code](plain.message, { hint: plain.hint, cause })
      : new Error(plain.message, cause === undefined ? undefined : { cause });
  if (plain.code === undefined) error.name = plain.name;
  if (plain.systemCode !== undefined) Object.assign(error, { code: plain.systemCode });
  if (plain.stack !== undefined) error.stack = plain.stack;
  return error;
}
