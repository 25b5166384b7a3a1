/**
 * @file Typed errors. Every error Earshot raises on purpose is an {@link EarshotError}: a stable `code` for
 * programs, a whole sentence for people, and where possible a `hint` that says what to do.
 */

export type ErrorCode =
  | 'PARAMETER'
  | 'SHAPE'
  | 'UNSUPPORTED_OP'
  | 'GRAPH'
  | 'DECODE'
  | 'WEIGHTS'
  | 'DOWNLOAD'
  | 'FILE'
  | 'DATASET'
  | 'RUNTIME'
  | 'TRAINING'
  | 'USAGE'
  | 'CANCELLED';

/** Root of all intended errors. `message` is a full sentence; `hint`, if any, says how to fix it. */
export class EarshotError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    this.code = code;
    this.hint = options.hint;
  }
}

type Options = { hint?: string; cause?: unknown };

/** An argument is out of range or of the wrong kind. */
export class ParameterError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('PARAMETER', message, options);
  }
}

/** Tensor shapes or dtypes do not fit together. */
export class ShapeError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('SHAPE', message, options);
  }
}

/** An ONNX operator (or opset) has no rule for what was asked: shape inference or gradient. */
export class UnsupportedOpError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('UNSUPPORTED_OP', message, options);
  }
}

/** A graph or an ONNX file is malformed. */
export class GraphError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('GRAPH', message, options);
  }
}

/** A file holds no sound that can be decoded. */
export class DecodeError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('DECODE', message, options);
  }
}

/** A weights file is malformed or does not fit the network. */
export class WeightsError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('WEIGHTS', message, options);
  }
}

/** A file could not be fetched, or is not the one that was published. */
export class DownloadError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('DOWNLOAD', message, options);
  }
}

/** A file or folder could not be written, made or claimed. */
export class FileError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('FILE', message, options);
  }
}

/** A dataset's layout, metadata or split is not usable. */
export class DatasetError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('DATASET', message, options);
  }
}

/** ONNX Runtime refused or failed. */
export class RuntimeError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('RUNTIME', message, options);
  }
}

/** Training cannot go on (for instance the loss is not finite, or a checkpoint does not fit). */
export class TrainingError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('TRAINING', message, options);
  }
}

/** The command line was used wrongly: exit code 2. */
export class UsageError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('USAGE', message, options);
  }
}

/** The user stopped the work (Ctrl-C); what was done is saved. */
export class CancelledError extends EarshotError {
  constructor(message: string, options?: Options) {
    super('CANCELLED', message, options);
  }
}
