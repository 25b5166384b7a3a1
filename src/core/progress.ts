/** @file Progress as plain events: lower layers report, the command line draws. */

/** One step of long work. `done`/`total` count `unit`s; `detail` is a short text such as the current loss. */
export interface ProgressEvent {
  readonly task: string;
  readonly done: number;
  readonly total: number;
  readonly unit?: string;
  readonly detail?: string;
}

export type ProgressListener = (event: ProgressEvent) => void;

/** A condition worth telling that does not stop the work, with the file or item it concerns. */
export interface Notice {
  readonly subject: string;
  readonly message: string;
}
